import warnings
from collections import Counter

import pytest
from crystals import spinel
from pydantic import ValidationError
from pymatgen.core import Lattice, Structure

from exafscn_flows.crystal import absorbing_sites, reduce_structure
from exafscn_flows.errors import ItemFailure
from exafscn_flows.targets import BondLength, CoordinationNumber
from exafscn_flows.targets.crystal_nn import coordination
from exafscn_flows.targets.surroundings import Surroundings

U = 0.3053
RUTILE = Structure(
    Lattice.tetragonal(4.594, 2.959),
    ["Ti", "Ti", "O", "O", "O", "O"],
    [
        [0, 0, 0],
        [0.5, 0.5, 0.5],
        [U, U, 0],
        [1 - U, 1 - U, 0],
        [0.5 + U, 0.5 - U, 0.5],
        [0.5 - U, 0.5 + U, 0.5],
    ],
)
SPINEL = spinel(8.084, 0.2631, "Co", "Co")
BRASS = Structure(Lattice.cubic(2.95), ["Cu", "Zn"], [[0, 0, 0], [0.5, 0.5, 0.5]])
CUPRITE = Structure(
    Lattice.cubic(4.27),
    ["Cu", "Cu", "Cu", "Cu", "O", "O"],
    [
        [0.25, 0.25, 0.25],
        [0.75, 0.75, 0.25],
        [0.75, 0.25, 0.75],
        [0.25, 0.75, 0.75],
        [0, 0, 0],
        [0.5, 0.5, 0.5],
    ],
)


def face_centred(a: float, species: list[str], positions: list[float]) -> Structure:
    """Primitive cell of a face-centred cubic crystal, its atoms along the body diagonal."""
    lattice = Lattice([[0, a / 2, a / 2], [a / 2, 0, a / 2], [a / 2, a / 2, 0]])
    return Structure(lattice, species, [[x, x, x] for x in positions])


ROCK_SALT = face_centred(4.18, ["Ni", "O"], [0, 0.5])
ZINC_BLENDE = face_centred(5.41, ["Zn", "S"], [0, 0.25])
COPPER = face_centred(3.615, ["Cu"], [0])


@pytest.mark.parametrize(
    ("structure", "cn", "neighbours", "bond_length"),
    [
        pytest.param(ROCK_SALT, 6, {"O": 6}, 4.18 / 2, id="rock salt"),
        pytest.param(ZINC_BLENDE, 4, {"S": 4}, 5.41 * 3**0.5 / 4, id="zinc blende"),
        pytest.param(COPPER, 12, {"Cu": 12}, 3.615 / 2**0.5, id="fcc"),
        pytest.param(BRASS, 8, {"Zn": 8}, 2.95 * 3**0.5 / 2, id="CsCl type"),
        pytest.param(CUPRITE, 2, {"O": 2}, 4.27 * 3**0.5 / 4, id="cuprite"),
    ],
)
def test_textbook_coordination(structure, cn, neighbours, bond_length):
    label = coordination(structure, 0)
    assert label.cn == cn
    assert label.neighbours == neighbours
    assert label.bond_length == pytest.approx(bond_length, abs=1e-4)
    assert max(label.cn_weights, key=label.cn_weights.__getitem__) == str(cn)


def test_two_bond_lengths_of_rutile_are_averaged():
    label = coordination(RUTILE, 0)
    equatorial = (2 * ((0.5 - U) * 4.594) ** 2 + (2.959 / 2) ** 2) ** 0.5
    apical = U * 4.594 * 2**0.5
    assert apical - equatorial > 0.02
    assert label.neighbours == {"O": 6}
    assert label.bond_length == pytest.approx((4 * equatorial + 2 * apical) / 6, abs=1e-4)
    # Of a share p of one length and 1 - p of another: their difference times sqrt(p (1 - p)).
    assert label.bond_spread == pytest.approx((apical - equatorial) * 2**0.5 / 3, abs=1e-4)


def test_spinel_has_four_and_six_coordinated_cobalt():
    reduced = reduce_structure(SPINEL, 0.01)
    cn = {
        site.multiplicity: coordination(reduced.structure, site.site_index).cn
        for site in absorbing_sites(reduced, "Co")
    }
    assert cn == {2: 4, 4: 6}


def test_equivalent_sites_have_one_label():
    labels = [
        coordination(SPINEL, i) for i, site in enumerate(SPINEL) if site.specie.symbol == "Co"
    ]
    assert {label.cn for label in labels} == {4, 6}
    for cn in (4, 6):
        assert len({str(label) for label in labels if label.cn == cn}) == 1


def test_an_uncertain_label_says_so():
    label = coordination(BRASS, 0)
    # Six more neighbours are only 15 % farther than the eight.
    assert set(label.cn_weights) == {"8", "14"}
    assert sum(label.cn_weights.values()) == pytest.approx(1, abs=1e-9)
    assert label.cn_mean == pytest.approx(
        8 * label.cn_weights["8"] + 14 * label.cn_weights["14"], abs=1e-3
    )
    certain = coordination(COPPER, 0)
    assert certain.cn_weights == {"12": 1.0}
    assert certain.cn_mean == 12


def test_mixed_shells_are_counted_by_element():
    # Perovskite-like oxyfluoride: each Ti has O along one axis and F along the others.
    lattice = Lattice.tetragonal(3.9, 3.9)
    coordinates = [[0, 0, 0], [0, 0, 0.5], [0.5, 0, 0], [0, 0.5, 0]]
    label = coordination(Structure(lattice, ["Ti", "O", "F", "F"], coordinates), 0)
    assert label.neighbours == {"F": 4, "O": 2}


def test_an_atom_in_a_cage_is_no_zero_coordinated_site():
    far = Structure(Lattice.cubic(4.6), ["Zn", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    with pytest.raises(ItemFailure) as info:
        coordination(far, 0)
    assert info.value.kind == "crystal_nn_failed"
    assert "Zn (site 0)" in info.value.message


def test_a_failing_voronoi_construction_is_one_line():
    # Two atoms at one place: reduce_structure refuses them, CrystalNN divides by their distance.
    doubled = Structure(Lattice.cubic(4), ["Cu", "Cu"], [[0, 0, 0], [0, 0, 0]])
    with pytest.raises(ItemFailure) as info:
        coordination(doubled, 0)
    assert info.value.kind == "crystal_nn_failed"
    assert "\n" not in info.value.message
    assert len(info.value.message) < 300


def test_labelling_warns_nobody():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        coordination(RUTILE, 0)


def test_labels_hold_plain_numbers():
    label = coordination(RUTILE, 0)
    assert type(label.cn) is int
    assert type(label.bond_length) is float
    assert all(type(weight) is float for weight in label.cn_weights.values())


def test_settings_refuse_other_methods_and_give_parameters():
    own = CoordinationNumber().parameters(averaged=False)
    assert own == {
        "version": 4,
        "coordination": 1,
        "kind": "coordination_number",
        "rivals": [],
    }
    # What a target is called changes no label.
    assert CoordinationNumber(name="cn").parameters(averaged=False) == own
    assert CoordinationNumber().parameters(averaged=True) == {**own, "mode": "uniform"}
    with pytest.raises(ValidationError):
        CoordinationNumber(method="nearest")


def test_numbers_that_are_told_apart_leave_out_other_sites_and_their_weights():
    target = CoordinationNumber(numbers=[8, 4])
    label = target.label_site(Surroundings(BRASS), 0)
    assert (label.value, label.weights) == (8, {"8": 1.0})
    with pytest.raises(ItemFailure, match="the site has 12 neighbours") as info:
        target.label_site(Surroundings(COPPER), 0)
    assert info.value.kind == "other_coordination"
    length = BondLength(numbers=[4, 8])
    assert length.label_site(Surroundings(BRASS), 0).value == coordination(BRASS, 0).bond_length
    with pytest.raises(ItemFailure, match="the site has 12 neighbours"):
        length.label_site(Surroundings(COPPER), 0)
    assert target.parameters(averaged=False)["numbers"] == [4, 8]
    with pytest.raises(ValidationError, match="listed twice"):
        CoordinationNumber(numbers=[4, 4])


LAYERS = Structure(
    Lattice.hexagonal(3.4, 11.9),
    ["Mo", "S", "S"],
    [[1 / 3, 2 / 3, 0.25], [1 / 3, 2 / 3, 0.38], [1 / 3, 2 / 3, 0.12]],
)
LOW_SYMMETRY = Structure(
    Lattice.from_parameters(5.1, 6.3, 7.2, 83, 97, 104),
    ["Fe", "Cu", "Si", "O", "O", "O", "O", "H", "Ne"],
    [
        [0.02, 0.01, 0.03],
        [0.51, 0.48, 0.12],
        [0.45, 0.07, 0.51],
        [0.21, 0.22, 0.18],
        [0.83, 0.31, 0.07],
        [0.28, 0.91, 0.34],
        [0.71, 0.12, 0.44],
        [0.17, 0.35, 0.29],
        [0.05, 0.52, 0.66],
    ],
)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "structure",
    [
        pytest.param(structure, id=name)
        for name, structure in {
            "rock salt": ROCK_SALT,
            "zinc blende": ZINC_BLENDE,
            "fcc": COPPER,
            "CsCl type": BRASS,
            "cuprite": CUPRITE,
            "rutile": RUTILE,
            "spinel": SPINEL,
            "layers": LAYERS,
            "low symmetry": LOW_SYMMETRY,
            "far apart": Structure(Lattice.cubic(3.2), ["Cs"], [[0, 0, 0]]),
        }.items()
    ],
)
def test_labels_are_those_of_pymatgens_crystal_nn(structure):
    from pymatgen.analysis.local_env import CrystalNN

    for index in range(min(9, len(structure))):
        expected = CrystalNN().get_nn_data(structure, index)
        weights = {str(cn): weight for cn, weight in expected.cn_weights.items() if weight > 5e-5}
        if max(weights, key=weights.__getitem__) == "0":
            with pytest.raises(ItemFailure):
                coordination(structure, index)
            continue
        label = coordination(structure, index)
        assert label.cn_weights == pytest.approx(weights, abs=1.1e-4)
        neighbours = [entry["site"] for entry in expected.cn_nninfo[label.cn]]
        assert label.neighbours == Counter(n.specie.symbol for n in neighbours)
        distances = [n.distance_from_point(structure[index].coords) for n in neighbours]
        assert label.bond_length == pytest.approx(sum(distances) / label.cn, abs=1e-4)
