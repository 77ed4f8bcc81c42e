import pytest
from crystals import spinel
from pymatgen.core import Structure

from exafscn_flows.crystal import absorbing_sites, as_written
from exafscn_flows.errors import ItemFailure
from exafscn_flows.targets import BondLength, CoordinationNumber
from exafscn_flows.targets.averaged import average
from exafscn_flows.targets.base import Label
from exafscn_flows.targets.surroundings import Surroundings

MAGNETITE = spinel(8.396, 0.2549, "Fe", "Fe")
AVERAGED = CoordinationNumber(mode="averaged")


def sites(structure: Structure, absorber: str):
    return absorbing_sites(as_written(structure, 0.01), absorber)


def test_mean_of_a_spinel_is_two_thirds_octahedral():
    for cell in (MAGNETITE, MAGNETITE.get_primitive_structure()):
        surroundings = Surroundings(cell)
        label = AVERAGED.label(surroundings, sites(cell, "Fe"))
        assert label.value == 6
        assert label.details["average"] == pytest.approx((4 + 2 * 6) / 3, abs=1e-4)
        assert surroundings.neighbours(sites(cell, "Fe")) == {
            "O": pytest.approx((4 + 2 * 6) / 3, abs=1e-4)
        }
        assert sum(label.weights.values()) == pytest.approx(1, abs=1e-3)


def test_mean_length_of_a_spinel_is_that_of_its_sites_with_the_spread_between_them():
    # 8a - O is sqrt(3) a (u - 1/8); of 16d, O is at (1/2 - u, 1/4 - u, 1/4 - u) a.
    four = 8.396 * 3**0.5 * (0.2549 - 1 / 8)
    six = 8.396 * ((1 / 2 - 0.2549) ** 2 + 2 * (1 / 4 - 0.2549) ** 2) ** 0.5
    label = BondLength().label(Surroundings(MAGNETITE), sites(MAGNETITE, "Fe"))
    assert label.value == pytest.approx((four + 2 * six) / 3, abs=1e-4)
    assert label.spread == pytest.approx(2**0.5 / 3 * (six - four), abs=1e-4)


def test_uniform_refuses_what_has_no_single_coordination():
    with pytest.raises(ItemFailure, match="33% have 4, 67% have 6") as error:
        CoordinationNumber().label(Surroundings(MAGNETITE), sites(MAGNETITE, "Fe"))
    assert error.value.kind == "mixed_sites"


def test_uniform_takes_sites_that_agree():
    label = CoordinationNumber().label(Surroundings(MAGNETITE), sites(MAGNETITE, "O"))
    assert (label.value, label.details["average"]) == (4, 4.0)


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
def test_of_two_equally_frequent_numbers_the_smaller_counts(sites, cn):
    """Sites by CN and multiplicity, in any order."""
    labels = [Label(n, {str(n): 1.0}, details={"average": float(n)}) for n, _ in sites]
    label = average(AVERAGED, labels, [multiplicity for _, multiplicity in sites])
    assert label.value == cn
    total = sum(multiplicity for _, multiplicity in sites)
    mean = sum(n * m for n, m in sites) / total
    assert label.details["average"] == pytest.approx(mean, abs=1e-4)


def test_weights_of_a_mean_add_up_to_one():
    third = {"4": 1 / 3, "5": 1 / 3, "6": 1 / 3}
    labels = [Label(4, third), Label(4, third), Label(4, third)]
    weights = average(CoordinationNumber(), labels, [1, 1, 1]).weights
    assert sum(weights.values()) == 1
    assert max(weights, key=lambda name: weights[name]) == "4"
