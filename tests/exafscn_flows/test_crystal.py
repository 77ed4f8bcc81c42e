import json
import random
import subprocess
import sys

import crystals
import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from exafscn_flows.cell_checks import MAX_ATOMS
from exafscn_flows.crystal import (
    AbsorbingSite,
    absorbing_sites,
    reduce_structure,
    structure_hash,
)
from exafscn_flows.errors import ItemFailure

SYMPREC = 0.01


def rock_salt() -> Structure:
    nickel = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    return Structure(Lattice.cubic(4.18), ["Ni"] * 4 + ["O"] * 4, [*nickel, *(nickel + 0.5)])


def spinel() -> Structure:
    return crystals.spinel(8.084, 0.2631, "Co", "Co")


def zincite() -> Structure:
    coordinates = [
        [1 / 3, 2 / 3, 0],
        [2 / 3, 1 / 3, 0.5],
        [1 / 3, 2 / 3, 0.38],
        [2 / 3, 1 / 3, 0.88],
    ]
    return Structure(Lattice.hexagonal(3.25, 5.207), ["Zn", "Zn", "O", "O"], coordinates)


def scrambled(structure: Structure, seed: int) -> Structure:
    """A skewed, doubled cell with its atoms in random order."""
    cell = structure.copy()
    cell.make_supercell([[1, 1, 0], [0, 1, 0], [0, 0, 2]])
    order = list(range(len(cell)))
    random.Random(seed).shuffle(order)
    return Structure.from_sites([cell[i] for i in order])


def failure(structure: Structure, symprec: float = SYMPREC) -> ItemFailure:
    with pytest.raises(ItemFailure) as info:
        reduce_structure(structure, symprec)
    assert "\n" not in info.value.message
    assert info.value.hint
    return info.value


def test_rock_salt_is_reduced_to_two_atoms_and_named():
    reduced = reduce_structure(rock_salt(), SYMPREC)
    assert len(reduced.structure) == 2
    assert reduced.spacegroup == "Fm-3m"
    assert reduced.formula == "NiO"
    assert reduced.chemical_system == "Ni-O"
    assert reduced.elements == ("Ni", "O")
    assert reduced.equivalent == (0, 1)
    assert reduced.structure.volume == pytest.approx(4.18**3 / 4)


@pytest.mark.parametrize("make", [rock_salt, spinel, zincite])
def test_a_doubled_cell_gives_the_same_sites_and_hash(make):
    reduced = reduce_structure(make(), SYMPREC)
    for seed in range(3):
        again = reduce_structure(scrambled(make(), seed), SYMPREC)
        assert again.spacegroup == reduced.spacegroup
        assert again.equivalent == reduced.equivalent
        assert structure_hash(again.structure) == structure_hash(reduced.structure)


@pytest.mark.parametrize("make", [rock_salt, spinel, zincite])
def test_the_origin_of_the_cell_does_not_matter(make):
    moved = make()
    moved.translate_sites(list(range(len(moved))), [0.137, 0.211, 0.091])
    expected = structure_hash(reduce_structure(make(), SYMPREC).structure)
    assert structure_hash(reduce_structure(moved, SYMPREC).structure) == expected


def test_a_larger_scrambled_cell_of_low_symmetry_has_the_same_inequivalent_sites():
    lattice = Lattice.from_parameters(5.1, 6.3, 7.2, 81, 95, 102)
    coordinates = [[0.1, 0.2, 0.3], [0.62, 0.41, 0.17], [0.33, 0.71, 0.55], [0.85, 0.9, 0.8]]
    triclinic = Structure(lattice, ["Cu", "Cu", "O", "S"], coordinates)
    reduced = reduce_structure(scrambled(triclinic, 5), SYMPREC)
    assert reduced.formula == "Cu2SO"
    assert len(reduced.structure) == 4
    assert [site.multiplicity for site in absorbing_sites(reduced, "Cu")] == [1, 1]


def test_spinel_has_tetrahedral_and_octahedral_cobalt():
    reduced = reduce_structure(spinel(), SYMPREC)
    assert len(reduced.structure) == 14
    sites = absorbing_sites(reduced, "Co")
    assert sorted(site.multiplicity for site in sites) == [2, 4]
    assert [s.site_index for s in sites] == sorted(s.site_index for s in sites)
    for site in sites:
        assert reduced.structure[site.site_index].specie.symbol == "Co"
        assert reduced.equivalent.count(site.site_index) == site.multiplicity
    assert absorbing_sites(reduced, "O") == [AbsorbingSite(0, 8)]
    assert absorbing_sites(reduced, "Fe") == []


def test_reducing_keeps_distances_and_density():
    structure = zincite()
    structure.perturb(0.001)
    reduced = reduce_structure(structure, SYMPREC).structure
    assert reduced.density == pytest.approx(structure.density, rel=1e-3)
    before = sorted(n.nn_distance for n in structure.get_neighbors(structure[0], 2.5))
    after = sorted(n.nn_distance for n in reduced.get_neighbors(reduced[2], 2.5))
    assert after == pytest.approx(before, abs=SYMPREC)


@pytest.mark.parametrize(
    "lattice",
    [
        Lattice.orthorhombic(4.0, 4.006, 4.012),
        Lattice.monoclinic(5.0, 6.0, 7.0, 90.6),
        Lattice.from_parameters(5.0, 5.004, 5.008, 89.5, 90.4, 90.3),
        Lattice.from_parameters(4.0, 4.0, 6.0, 90, 90, 119.6),
    ],
)
def test_an_almost_symmetric_lattice_is_not_distorted(lattice):
    rng = np.random.default_rng(1)
    structure = Structure(
        lattice, ["Ti", "O", "S"], [[0, 0, 0], [0.41, 0.47, 0.1], [0.1, 0.2, 0.6]]
    )
    for seed in range(5):
        moved = scrambled(structure, seed)
        moved.translate_sites(list(range(len(moved))), rng.random(3))
        reduced = reduce_structure(moved, SYMPREC).structure
        for site in structure:
            before = sorted(n.nn_distance for n in structure.get_neighbors(site, 5))
            (same,) = (s for s in reduced if s.specie == site.specie)
            after = sorted(n.nn_distance for n in reduced.get_neighbors(same, 5))
            assert after[:12] == pytest.approx(before[:12], abs=SYMPREC)


def test_reducing_twice_changes_nothing():
    once = reduce_structure(spinel(), SYMPREC)
    twice = reduce_structure(once.structure, SYMPREC)
    assert structure_hash(twice.structure) == structure_hash(once.structure)


def test_oxidation_states_and_site_properties_do_not_split_sites():
    decorated = rock_salt()
    decorated.add_oxidation_state_by_element({"Ni": 2, "O": -2})
    decorated.add_site_property("magmom", [2, -2, 2, -2, 0, 0, 0, 0])
    reduced = reduce_structure(decorated, SYMPREC)
    assert len(reduced.structure) == 2
    assert reduced.structure.site_properties == {}
    assert structure_hash(reduced.structure) == structure_hash(
        reduce_structure(rock_salt(), SYMPREC).structure
    )


def test_deuterium_is_hydrogen():
    structure = Structure(Lattice.cubic(3.0), ["Ni", "D"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert reduce_structure(structure, SYMPREC).elements == ("H", "Ni")


def test_the_hash_survives_storage_and_other_processes():
    structure = reduce_structure(spinel(), SYMPREC).structure
    stored = json.dumps(structure.as_dict())
    expected = structure_hash(structure)
    assert structure_hash(Structure.from_dict(json.loads(stored))) == expected
    code = (
        "import json, sys; from pymatgen.core import Structure;"
        "from exafscn_flows.crystal import structure_hash;"
        "print(structure_hash(Structure.from_dict(json.load(sys.stdin))))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], input=stored, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == expected


def test_the_hash_ignores_noise_but_not_changes():
    structure = reduce_structure(rock_salt(), SYMPREC).structure
    expected = structure_hash(structure)
    matrix, coordinates = structure.lattice.matrix, structure.frac_coords
    noisy = Structure(matrix * (1 + 1e-12), structure.species, coordinates - 1e-12)
    assert structure_hash(noisy) == expected
    longer = Structure(matrix * 1.001, structure.species, coordinates)
    assert structure_hash(longer) != expected
    moved = Structure(matrix, structure.species, [coordinates[0], coordinates[1] + 0.001])
    assert structure_hash(moved) != expected
    swapped = Structure(matrix, structure.species[::-1], coordinates)
    assert structure_hash(swapped) != expected


def test_noise_does_not_decide_on_decimals_half_way_between_two_steps():
    # As files write them: 8 decimals, here of which the last three are 500.
    lattice = Lattice.orthorhombic(4.00005, 5.12345, 6.98765)
    coordinates = np.array([[0.0, 0.0, 0.0], [0.123455, 0.234565, 0.345675]])
    rng = np.random.default_rng(0)
    hashes = set()
    for _ in range(20):
        matrix = lattice.matrix * (1 + 1e-13 * rng.standard_normal((3, 3)))
        moved = coordinates + 1e-13 * rng.standard_normal((2, 3))
        hashes.add(structure_hash(Structure(matrix, ["Ni", "O"], moved)))
    assert len(hashes) == 1


def test_mixed_and_partly_occupied_sites_are_refused_by_name():
    mixed = Structure(Lattice.cubic(3.6), [{"Cu": 0.5, "Au": 0.5}], [[0, 0, 0]])
    error = failure(mixed)
    assert error.kind == "disordered"
    assert "Cu" in error.message
    assert "Au" in error.message
    vacant = Structure(Lattice.cubic(4.2), [{"Ni": 0.9}, "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert failure(vacant).kind == "disordered"


def test_dummy_species_are_refused_by_name():
    error = failure(Structure(Lattice.cubic(4.2), ["X", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]]))
    assert error.kind == "unknown_species"
    assert "X" in error.message


@pytest.mark.parametrize(
    ("a", "species", "coordinates", "overlaps"),
    [
        (20.0, ["O", "O"], [[0, 0, 0], [0.0485, 0, 0]], True),  # 0.97 Å
        (20.0, ["C", "O"], [[0, 0, 0], [0.055, 0, 0]], False),  # 1.10 Å, carbon monoxide
        (20.0, ["H", "H"], [[0, 0, 0], [0.037, 0, 0]], False),  # 0.74 Å, hydrogen
        (20.0, ["O", "H"], [[0, 0, 0], [0.03, 0, 0]], False),  # 0.60 Å, badly placed hydrogen
        (20.0, ["O", "H"], [[0, 0, 0], [0.02, 0, 0]], True),  # 0.40 Å
        (20.0, ["O", "O"], [[0, 0, 0.01], [0, 0, 0.99]], True),  # across the face of the cell
        (20.0, ["U", "O"], [[0, 0, 0], [0.088, 0, 0]], False),  # 1.76 Å, uranyl
        (20.0, ["Mn", "O"], [[0, 0, 0], [0.08, 0, 0]], False),  # 1.60 Å, permanganate
    ],
)
def test_overlap_is_told_from_short_bonds(a, species, coordinates, overlaps):
    molecule = Structure(Lattice.cubic(a), ["Ni", *species], [[0.5] * 3, *coordinates])
    if overlaps:
        error = failure(molecule)
        assert error.kind == "overlapping_atoms"
        assert "Å apart" in error.message
    else:
        reduce_structure(molecule, SYMPREC)


@pytest.mark.parametrize(
    "matrix",
    [
        np.diag([4.0, 4.0, np.nan]),
        np.diag([4.0, 4.0, np.inf]),
        np.diag([4.0, 4.0, 0.0]),
        np.diag([0.4, 0.4, 0.4]),
        np.array([[4.0, 0, 0], [8.0, 0, 0], [0, 0, 4.0]]),
    ],
)
def test_impossible_cells_are_refused(matrix):
    structure = Structure(Lattice(matrix), ["Ni"], [[0, 0, 0]])
    assert failure(structure).kind == "bad_lattice"


@pytest.mark.parametrize(
    ("matrix", "coords"),
    [
        ([[4, 0, 0], [0, 1e9, 0], [0, 0, 4]], [0, 0, 0]),
        ([[4, 0, 0], [0, 4, 1e9], [0, 0, 4]], [0, 0, 0]),
        ([[4, 0, 0], [0, 4, 0], [400, 0, 0.01]], [0, 0, 0]),
        ([[4, 0, 0], [0, 4, 0], [0, 0, 4]], [0, 0, 1e12]),
        ([[4, 0, 0], [0, 4, 0], [0, 0, 4]], [0, 0, -1e300]),
    ],
)
def test_what_would_be_searched_for_hours_is_refused(matrix, coords):
    structure = Structure(Lattice(matrix), ["Ni"], [coords])
    assert failure(structure).kind == "bad_lattice"


def test_oblique_cells_and_atoms_some_cells_away_are_as_good_as_others():
    cell = Structure(Lattice.cubic(4), ["Ni", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    oblique = cell * [[1, 9, 0], [0, 1, 0], [0, -7, 1]]
    oblique.translate_sites([0], [5, -3, 12], to_unit_cell=False)
    one, other = (reduce_structure(each, SYMPREC).structure for each in (oblique, cell))
    assert structure_hash(one) == structure_hash(other)


def test_coordinates_that_are_not_finite_are_refused():
    structure = Structure(Lattice.cubic(4), ["Ni"], [[0, 0, np.nan]])
    assert failure(structure).kind == "bad_lattice"


def test_a_huge_cell_is_refused_before_it_costs_time():
    cell = Structure(Lattice.cubic(2.5), ["Fe"], [[0, 0, 0]]) * (13, 13, 13)
    assert len(cell) > MAX_ATOMS
    assert failure(cell).kind == "too_many_atoms"


@pytest.mark.parametrize("symprec", [1.0, 1.6, 3.0])
def test_a_tolerance_as_large_as_a_bond_is_refused(symprec):
    # spglib itself ends the process on some of these.
    assert failure(zincite(), symprec).kind == "no_symmetry"


def test_a_large_but_sensible_tolerance_works():
    assert reduce_structure(zincite(), 0.3).spacegroup == "P6_3mc"
