from collections import Counter
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import DummySpecies, Lattice, Structure

from exafscn_flows.errors import ItemFailure
from exafscn_flows.spectra.feff_input import feff_input
from exafscn_flows.spectra.settings import FeffSettings

CARDS = FeffSettings().feff_cards()
SHIFT = st.floats(min_value=-2, max_value=2)


class Cluster(NamedTuple):
    potentials: dict[int, tuple[int, str]]
    coords: np.ndarray
    ipot: np.ndarray

    @property
    def distances(self) -> np.ndarray:
        return np.linalg.norm(self.coords, axis=1)


def read(text: str) -> Cluster:
    lines = text.splitlines()
    start, middle, end = (lines.index(word) for word in ("POTENTIALS", "ATOMS", "END"))
    potentials = {
        int(index): (int(z), symbol)
        for index, z, symbol in (line.split() for line in lines[start + 1 : middle])
    }
    atoms = np.array([line.split() for line in lines[middle + 1 : end]], dtype=float)
    return Cluster(potentials, atoms[:, :3], atoms[:, 3].astype(int))


def test_fcc_shells_are_12_6_24(copper: Structure) -> None:
    cluster = read(feff_input(copper, 0, CARDS))
    counts = Counter(np.round(cluster.distances, 3).tolist())
    assert [counts[d] for d in (0.0, 2.553, 3.61, 4.421)] == [1, 12, 6, 24]
    assert cluster.distances.max() <= 10
    assert len(cluster.coords) == 1 + sum(n for d, n in counts.items() if d)


def test_absorber_comes_first_and_has_potential_0_alone(rutile: Structure) -> None:
    for site_index, absorber in ((1, (22, "Ti")), (4, (8, "O"))):
        cluster = read(feff_input(rutile, site_index, CARDS))
        assert cluster.potentials[0] == absorber
        assert cluster.ipot[0] == 0
        assert not cluster.coords[0].any()
        assert np.count_nonzero(cluster.ipot == 0) == 1
        assert (np.diff(cluster.distances) > -1e-3).all()


def test_potentials_are_numbered_by_their_nearest_atom(rutile: Structure) -> None:
    # Around Ti, O is at 1.95 Å and Ti at 2.96 Å; around O, Ti at 1.95 Å and O at 2.53 Å.
    assert read(feff_input(rutile, 0, CARDS)).potentials == {
        0: (22, "Ti"),
        1: (8, "O"),
        2: (22, "Ti"),
    }
    assert [z for z, _ in read(feff_input(rutile, 2, CARDS)).potentials.values()] == [8, 22, 8]


@settings(max_examples=25, deadline=None)
@given(shift=st.tuples(SHIFT, SHIFT, SHIFT), order=st.permutations(range(6)))
def test_origin_and_order_of_sites_do_not_matter(
    rutile: Structure, shift: tuple[float, float, float], order: list[int]
) -> None:
    # Equal coordinates need to be equal to the sixth decimal only where they are exact there.
    moved = Structure(
        rutile.lattice,
        [rutile[i].specie for i in order],
        [rutile.frac_coords[i] + shift for i in order],
    )
    for site_index in (0, 3):
        expected = feff_input(rutile, site_index, CARDS)
        assert feff_input(moved, order.index(site_index), CARDS) == expected


def test_other_cell_of_the_same_crystal_has_the_same_cluster(copper: Structure) -> None:
    expected = feff_input(copper, 0, CARDS)
    assert feff_input(copper * (2, 1, 1), 0, CARDS) == expected


def test_cards_are_all_written_and_in_one_order(copper: Structure) -> None:
    text = feff_input(copper, 0, CARDS)
    assert text == feff_input(copper, 0, dict(reversed(CARDS.items())))
    head = text.splitlines()[: text.splitlines().index("POTENTIALS")]
    assert head[-len(CARDS) :] == [f"{name} {value}" for name, value in sorted(CARDS.items())]


def test_element_beyond_the_margin_gets_complete_surroundings() -> None:
    # A chain of Zn and O along z, 8.5 Å to the next Zn: its own neighbours must be there too.
    structure = Structure(
        Lattice.tetragonal(4.0, 8.5), ["Zn", "O", "O", "O"], [[0, 0, z] for z in (0, 0.2, 0.5, 0.8)]
    )
    structure = structure * (1, 1, 1)
    structure.make_supercell([3, 3, 1])
    for i, site in enumerate(structure):
        if site.specie.symbol == "Zn" and np.linalg.norm(site.frac_coords[:2]) > 1e-6:
            structure.replace(i, "Mg")
    cluster = read(feff_input(structure, 0, CARDS))
    zinc = next(i for i, (z, _) in cluster.potentials.items() if i and z == 30)
    nearest = cluster.coords[cluster.ipot == zinc][0]
    assert np.linalg.norm(nearest) == pytest.approx(8.5)
    around = np.linalg.norm(cluster.coords - nearest, axis=1)
    expected = len(structure.get_sites_in_sphere(structure[0].coords + nearest, 3.9))
    assert np.count_nonzero(around < 3.9) == expected


def test_deuterium_is_hydrogen_to_feff() -> None:
    structure = Structure(Lattice.cubic(6), ["Cu", "D", "H"], [[0, 0, 0], [0.3, 0, 0], [0, 0.3, 0]])
    potentials = read(feff_input(structure, 0, CARDS)).potentials
    assert sorted(potentials.values()) == [(1, "H"), (29, "Cu"), (29, "Cu")]


def test_hydrogen_has_one_nearest_atom() -> None:
    # Twelve neighbours at one distance around each H, four Fe and eight H: FEFF would not end.
    structure = Structure(
        Lattice.cubic(2.6), ["Fe", "H", "H", "H"], [[0, 0, 0], *(np.ones((3, 3)) - np.eye(3)) / 2]
    )
    cluster = read(feff_input(structure, 0, CARDS))
    assert cluster.potentials[1] == (1, "H")
    for i in np.flatnonzero(cluster.ipot == 1):
        distances = np.linalg.norm(cluster.coords - cluster.coords[i], axis=1)
        distances[i] = np.inf
        assert distances.min() == pytest.approx(2.6 / np.sqrt(2), abs=3e-5)
        nearest = cluster.ipot[distances < distances.min() + 1e-8]
        assert len(nearest) == 1 or set(nearest) == {1}


def hydrate(bond: float) -> Structure:
    """CuO4 square with one hydrogen on one oxygen."""
    a = 8.0
    species = ["Cu", "O", "O", "O", "O", "H"]
    coords = [[0, 0, 0], [1.95, 0, 0], [-1.95, 0, 0], [0, 1.95, 0], [0, -1.95, 0]]
    coords.append([1.95 + 0.6 * bond, 0.8 * bond, 0])
    return Structure(Lattice.cubic(a), species, coords, coords_are_cartesian=True)


@pytest.mark.parametrize(("bond", "used"), [(0.6, 0.97), (0.85, 0.97), (0.95, 0.95), (1.05, 1.05)])
def test_bonds_of_hydrogen_that_are_too_short_are_lengthened(bond: float, used: float) -> None:
    cluster = read(feff_input(hydrate(bond), 0, CARDS))
    hydrogen = cluster.coords[cluster.ipot == 2][0]
    assert cluster.potentials[2] == (1, "H")
    np.testing.assert_allclose(
        hydrogen, [1.95 + 0.6 * used, 0.8 * used, 0], atol=2e-6, err_msg="not along the bond"
    )


def test_dense_crystal_keeps_the_nearest_atoms(copper: Structure) -> None:
    cluster = read(feff_input(copper, 0, {**CARDS, "RPATH": "13"}))
    assert len(cluster.coords) == 1000
    assert cluster.distances.max() > 13


def failing(structure: Structure, **cards: str) -> ItemFailure:
    with pytest.raises(ItemFailure) as error:
        feff_input(structure, 0, {**CARDS, **cards})
    assert "\n" not in error.value.message
    return error.value


def test_more_atoms_within_rpath_than_feff_holds(copper: Structure) -> None:
    assert failing(copper, RPATH="15").kind == "too_many_atoms"


def test_isolated_absorber() -> None:
    assert failing(Structure(Lattice.cubic(9), ["Cu"], [[0, 0, 0]])).kind == "no_neighbours"


def test_atoms_on_top_of_each_other() -> None:
    structure = Structure(Lattice.cubic(5), ["Cu", "O"], [[0, 0, 0], [0.01, 0, 0]])
    assert failing(structure).kind == "overlapping_atoms"
    assert failing(hydrate(0.0)).kind == "overlapping_atoms"


def test_disordered_structure() -> None:
    structure = Structure(Lattice.cubic(3), [{"Cu": 0.5, "Zn": 0.5}], [[0, 0, 0]])
    assert failing(structure).kind == "disordered"
    structure = Structure(Lattice.cubic(3), ["Cu", {"O": 0.5}], [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert failing(structure).kind == "disordered"


@pytest.mark.parametrize("species", ["Fm", DummySpecies("X")])
def test_element_that_feff_does_not_know(species: str | DummySpecies) -> None:
    structure = Structure(Lattice.cubic(4), ["Cu", species], [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert failing(structure).kind == "unknown_element"


def test_more_elements_than_feff_holds() -> None:
    elements = ["Cu", "O", "F", "Na", "Mg", "Al", "Si", "P", "S", "Cl"]
    coords = [[i / len(elements), 0, 0] for i in range(len(elements))]
    structure = Structure(Lattice.orthorhombic(20, 4, 4), elements, coords)
    assert failing(structure, RPATH="12").kind == "too_many_elements"
