import itertools
import math
import time
from collections import defaultdict

import numpy as np
import pytest
from crystals import cesium_chloride, fcc, rock_salt, zinc_blende
from pymatgen.core import Lattice, Structure

from exafscn_flows.errors import ItemFailure
from exafscn_flows.targets import OxidationState
from exafscn_flows.targets.formula_state import guessed_state
from exafscn_flows.targets.surroundings import Surroundings
from exafscn_flows.targets.valence import BondValences, _Group, _neutral


def perovskite(a_site: str, b_site: str, a: float) -> Structure:
    coordinates = [[0.5] * 3, [0, 0, 0], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]]
    return Structure(Lattice.cubic(a), [a_site, b_site, "O", "O", "O"], coordinates)


def spinel(a: float, u: float, four: str, six: str) -> Structure:
    """Primitive cell of a spinel: space group Fd-3m, sites 8a, 16d and 32e."""
    half, v = a / 2, 0.5 - 3 * u
    oxygen = np.array([[u, u, u], [v, u, u], [u, v, u], [u, u, v]])
    coordinates = [
        *[[1 / 8] * 3, [7 / 8] * 3],
        *[[0.5, 0.5, 0.5], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]],
        *[*oxygen, *-oxygen],
    ]
    lattice = Lattice([[0, half, half], [half, 0, half], [half, half, 0]])
    return Structure(lattice, [four] * 2 + [six] * 4 + ["O"] * 8, coordinates)


def label(structure: Structure, site_index: int = 0):
    return OxidationState().label_site(Surroundings(structure), site_index)


def failure(structure: Structure, site_index: int = 0) -> str:
    with pytest.raises(ItemFailure) as info:
        label(structure, site_index)
    assert info.value.kind == "no_oxidation_state"
    assert "\n" not in info.value.message
    return info.value.message


def test_crystals_of_one_element_are_neutral():
    assert label(fcc("Cu", 3.615)).value == 0


def test_an_element_with_one_state_has_no_doubt():
    weights = label(zinc_blende("Zn", "S", 5.41)).weights
    assert weights == {"2": 1.0}
    assert type(weights["2"]) is float


def test_weights_are_of_whole_states_and_the_largest_is_the_label():
    found = label(spinel(8.084, 0.2631, "Co", "Co"))
    assert found.value == 2
    assert max(found.weights, key=lambda state: found.weights[state]) == "2"
    assert set(found.weights) == {"2", "3"}
    assert sum(found.weights.values()) == pytest.approx(1, abs=1e-9)


def test_weights_are_those_of_all_neutral_assignments():
    kinds = [("Fe", 1), ("Fe", 2), ("Mn", 1), ("Mn", 2)]
    states = [{2: 0.6, 3: 0.4}, {2: 0.3, 3: 0.7}, {2: 0.5, 3: 0.3, 4: 0.2}, {3: 0.9, 4: 0.1}]
    groups = [
        _Group(symbol, frozenset([index]), of_site, n)
        for index, ((symbol, n), of_site) in enumerate(zip(kinds, states, strict=True))
    ]
    groups.append(_Group("O", frozenset([4]), {-2: 1.0}, 8))
    totals = defaultdict(float)
    for charges in itertools.product(*(group.charges() for group in groups)):
        means = [charge / group.n for charge, group in zip(charges, groups, strict=True)]
        pairs = [means[:2], means[2:4]]
        near = all(math.floor(min(pair)) + 1 >= max(pair) for pair in pairs)
        if sum(charges) == 0 and near:
            ways = (group.charges()[q] for group, q in zip(groups, charges, strict=True))
            totals[means[0]] += math.prod(ways)
    assert len(totals) == 2
    expected = {state: total / sum(totals.values()) for state, total in totals.items()}
    assert _neutral(groups, 0) == pytest.approx(expected)


def test_the_formula_tells_where_an_element_has_no_bond_valence():
    # Of Ra, unlike Ba, none is known.
    known, unknown = (label(perovskite(a_site, "Ti", 4.0), 1) for a_site in ("Ba", "Ra"))
    assert (known.value, known.details["method"]) == (4, "bond_valence")
    assert (unknown.value, unknown.details["method"], unknown.weights) == (4, "formula", None)


def test_no_state_where_the_formula_contradicts_the_bonds():
    # A formula of Ti4+ around bonds of 2.3 Å, which are too long for it.
    assert "not those of +4" in failure(perovskite("Ra", "Ti", 4.6), 1)


@pytest.mark.parametrize(
    ("structure", "why"),
    [
        (cesium_chloride("Cu", "Zn", 2.95), "bonded to Zn"),
        (rock_salt("Ti", "C", 4.33), "bonded to C"),
    ],
)
def test_what_shares_its_electrons_has_no_state(structure, why):
    assert why in failure(structure)


def test_no_state_from_neutrality_where_h_is_missing():
    # Ni(OH)2 without its H is no NiO2; Ni - O as in that.
    lattice = Lattice.hexagonal(3.126, 4.605)
    places = [[0, 0, 0], [1 / 3, 2 / 3, 0.24], [2 / 3, 1 / 3, 0.76]]
    bare = Structure(lattice, ["Ni", "O", "O"], places)
    assert "H is missing" in failure(bare)
    whole = Structure(
        lattice,
        ["Ni", "O", "O", "H", "H"],
        [*places, [1 / 3, 2 / 3, 0.45], [2 / 3, 1 / 3, 0.55]],
    )
    assert label(whole).value == 2


def test_no_state_from_neutrality_beside_molecules():
    # Fe - C - N - Cu - N - C: the charge of cyanide is none that C and N have by themselves.
    heights = [0, 0.19, 0.305, 0.5, 0.695, 0.81]
    chain = Structure(
        Lattice.tetragonal(6, 9.95),
        ["Fe", "C", "N", "Cu", "N", "C"],
        [[0, 0, height] for height in heights],
    )
    assert "molecules" in failure(chain, 3)
    assert "bonded to C" in failure(chain, 0)


def test_electrons_shared_by_equal_sites_make_no_whole_state():
    # In LiTi2O4 all Ti are equal, and of state 3.5.
    assert "+3.5" in failure(spinel(8.405, 0.2628, "Li", "Ti"), 2)


def test_each_bond_between_sulfurs_leaves_one_electron_less_to_take():
    pyrite = Structure.from_spacegroup(
        "Pa-3", Lattice.cubic(5.418), ["Fe", "S"], [[0, 0, 0], [0.385, 0.385, 0.385]]
    )
    assert BondValences(pyrite).own(4) == {-1: 1.0}
    assert label(pyrite).value == 2


def test_states_of_a_cell_are_those_of_its_multiples():
    cell = spinel(8.084, 0.2631, "Co", "Co")
    cobalt = [index for index, site in enumerate(cell) if site.specie.symbol == "Co"]
    found = sorted(str(label(cell, index)) for index in cobalt)
    double = cell * (2, 1, 1)
    cobalt = [index for index, site in enumerate(double) if site.specie.symbol == "Co"]
    assert sorted(str(label(double, index)) for index in cobalt) == sorted(2 * found)


def test_large_formulas_are_not_guessed():
    # pymatgen tries all combinations of states of single atoms, for minutes.
    lattice = Lattice.orthorhombic(10, 10, 30)
    symbols = ["Fe"] * 11 + ["Mn"] * 9 + ["V"] * 7 + ["O"] * 31
    places = [[0, 0, n / len(symbols)] for n in range(len(symbols))]
    start = time.perf_counter()
    assert guessed_state(Structure(lattice, symbols, places), "Fe") is None
    assert time.perf_counter() - start < 0.5


def test_a_formula_with_a_fractional_mean_gives_no_state():
    assert guessed_state(spinel(8.396, 0.2549, "Fe", "Fe"), "Fe") is None
