import pytest
from exafscn_flows.labels import averaged
from exafscn_flows.labels.averaged import label_average
from pymatgen.core import Lattice, Structure

from exafscn_flows.crystal import AbsorbingSite, absorbing_sites, as_written
from exafscn_flows.errors import ItemFailure
from exafscn_flows.targets.crystal_nn import Label

MAGNETITE = Structure.from_spacegroup(
    "Fd-3m:2", Lattice.cubic(8.396), ["Fe", "Fe", "O"], [[1 / 8] * 3, [1 / 2] * 3, [0.2549] * 3]
)


def sites(structure: Structure, absorber: str):
    return absorbing_sites(as_written(structure, 0.01), absorber)


def test_mean_of_a_spinel_is_two_thirds_octahedral():
    for cell in (MAGNETITE, MAGNETITE.get_primitive_structure()):
        label = label_average(cell, sites(cell, "Fe"), "averaged")
        assert label.cn == 6
        assert label.cn_average == pytest.approx((4 + 2 * 6) / 3, abs=1e-4)
        assert label.neighbours == {"O": pytest.approx((4 + 2 * 6) / 3, abs=1e-4)}
        assert sum(label.cn_weights.values()) == pytest.approx(1, abs=1e-3)
        # 8a - O is sqrt(3) a (u - 1/8); 16d - O has bonds of another length.
        tetrahedral = 3**0.5 * 8.396 * (0.2549 - 1 / 8)
        assert tetrahedral < label.bond_length < 2.1


def test_uniform_refuses_what_has_no_single_coordination():
    with pytest.raises(ItemFailure, match="33% have 4, 67% have 6") as error:
        label_average(MAGNETITE, sites(MAGNETITE, "Fe"), "uniform")
    assert error.value.kind == "mixed_coordination"


def test_uniform_takes_sites_that_agree():
    label = label_average(MAGNETITE, sites(MAGNETITE, "O"), "uniform")
    assert (label.cn, label.cn_average) == (4, 4.0)


@pytest.mark.parametrize(
    ("sites", "cn"),
    [
        ([(4, 1), (6, 1)], 4),
        ([(6, 1), (4, 1)], 4),
        ([(6, 2), (4, 1), (4, 1)], 4),
        ([(4, 1), (6, 2)], 6),
        # 1/10 + 2/10 is more than 3/10 in binary numbers.
        ([(6, 1), (6, 2), (4, 3), (5, 2), (8, 2)], 4),
    ],
)
def test_of_two_equally_frequent_numbers_the_smaller_counts(monkeypatch, sites, cn):
    """Sites by CN and multiplicity, in any order."""

    def coordination(structure, index):
        number = sites[index][0]
        return Label(number, {str(number): 1.0}, number, number, {"O": number}, 2.0)

    monkeypatch.setattr(averaged, "label_site", label_site)
    found = [AbsorbingSite(index, multiplicity) for index, (_, multiplicity) in enumerate(sites)]
    label = label_average(MAGNETITE, found, "averaged")
    assert label.cn == cn
    total = sum(multiplicity for _, multiplicity in sites)
    assert label.cn_average == pytest.approx(sum(n * m for n, m in sites) / total, abs=1e-4)
