import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from exafscn_flows.targets import voronoi
from exafscn_flows.targets.crystal_nn import coordination
from exafscn_flows.targets.voronoi import voronoi_faces

CUTOFF = 7.0


def one_atom(lattice: Lattice) -> Structure:
    return Structure(lattice, ["Cu"], [[0, 0, 0]])


def test_the_polyhedron_of_a_simple_cube_is_a_cube() -> None:
    faces = voronoi_faces(one_atom(Lattice.cubic(3.0)), 0, CUTOFF)
    np.testing.assert_allclose(faces.distance[faces.area > 1e-9], 3.0)
    np.testing.assert_allclose(faces.area[faces.area > 1e-9], [9.0] * 6)
    np.testing.assert_allclose(faces.solid_angle[faces.area > 1e-9], [4 * np.pi / 6] * 6)


def test_the_polyhedron_of_a_face_centred_lattice_has_twelve_faces() -> None:
    a = 3.6
    lattice = Lattice([[0, a / 2, a / 2], [a / 2, 0, a / 2], [a / 2, a / 2, 0]])
    faces = voronoi_faces(one_atom(lattice), 0, CUTOFF)
    # Six more atoms, at the distance a, touch it in a point each.
    large = faces.area > 1e-9
    assert large.sum() == 12
    np.testing.assert_allclose(faces.distance[large], a / 2**0.5)


lengths = st.floats(min_value=2.0, max_value=9.0)
angles = st.floats(min_value=65.0, max_value=115.0)
coordinate = st.floats(min_value=0.0, max_value=0.99)


@settings(max_examples=60, deadline=None)
@given(a=lengths, b=lengths, c=lengths, alpha=angles, beta=angles, gamma=angles)
def test_polyhedra_see_every_direction_once_and_fill_space(a, b, c, alpha, beta, gamma) -> None:
    lattice = Lattice.from_parameters(a, b, c, alpha, beta, gamma)
    # With 7 Å the polyhedron of a long and oblique cell may be closed before it is complete.
    faces = voronoi_faces(one_atom(lattice), 0, 25.0)
    assert faces.solid_angle.sum() == pytest.approx(4 * np.pi)
    # One polyhedron per cell: cones on the faces, as high as half the way to the next atom.
    assert (faces.area * faces.distance).sum() / 6 == pytest.approx(lattice.volume)


@settings(max_examples=40, deadline=None)
@given(position=st.tuples(coordinate, coordinate, coordinate))
def test_faces_between_two_atoms_are_the_same_from_either_side(position) -> None:
    structure = Structure(Lattice.tetragonal(5.0, 4.2), ["Cu", "O"], [[0, 0, 0], position])
    if structure.get_distance(0, 1) < 0.5:
        return
    shared = []
    for site, other in ((0, 1), (1, 0)):
        faces = voronoi_faces(structure, site, CUTOFF)
        shared.append(np.sort(faces.area[faces.site_index == other]))
    first, second = (areas[areas > 1e-6] for areas in shared)
    np.testing.assert_allclose(first, second, rtol=1e-6, atol=1e-6)


def test_atoms_that_are_far_apart_are_found() -> None:
    faces = voronoi_faces(one_atom(Lattice.orthorhombic(3.0, 4.0, 25.0)), 0, CUTOFF)
    assert sorted(set(np.round(faces.distance[faces.area > 1e-9], 6))) == [3.0, 4.0, 25.0]


def layer(c: float) -> Structure:
    """One layer of TiS2 in a cell of height c, Å."""
    z = 1.43 / c
    sites = [[0, 0, 0.5], [1 / 3, 2 / 3, 0.5 + z], [2 / 3, 1 / 3, 0.5 - z]]
    return Structure(Lattice.hexagonal(3.41, c), ["Ti", "S", "S"], sites)


def slab(noise: float) -> Structure:
    """Two layers of rock salt and 20 Å of vacuum, atoms moved at random, Å."""
    rock_salt = Structure(
        Lattice.tetragonal(4.18 / 2**0.5, 24.18),
        ["Ni", "O", "O", "Ni"],
        [[0, 0, 0.5], [0.5, 0.5, 0.5], [0, 0, 0.5 + 2.09 / 24.18], [0.5, 0.5, 0.5 + 2.09 / 24.18]],
    )
    moves = np.random.default_rng(0).normal(scale=noise, size=(4, 3))
    coords = rock_salt.cart_coords + moves
    return Structure(rock_salt.lattice, rock_salt.species, coords, coords_are_cartesian=True)


@pytest.mark.parametrize("structure", [layer(20.0), layer(40.0), slab(0.0), slab(0.02)])
def test_far_atoms_that_share_no_face_may_be_left_out(structure, monkeypatch) -> None:
    few = [voronoi_faces(structure, site, CUTOFF) for site in range(len(structure))]
    monkeypatch.setattr(voronoi, "_facing", lambda around: np.arange(len(around)))
    for site, faces in enumerate(few):
        every = voronoi_faces(structure, site, CUTOFF)
        for one, other in ((faces.solid_angle, every.solid_angle), (faces.area, every.area)):
            large, all_large = (np.sort(values[values > 1e-6]) for values in (one, other))
            np.testing.assert_allclose(large, all_large, rtol=1e-6)


@pytest.mark.parametrize("c", [30.0, 60.0, 150.0])
def test_layers_in_vacuum_are_labelled_at_once(c) -> None:
    structure = layer(c)
    start = time.process_time()
    assert [coordination(structure, site).cn for site in range(3)] == [6, 3, 3]
    assert time.process_time() - start < 2


@pytest.mark.parametrize("noise", [0.0, 1e-9, 1e-6, 1e-4])
def test_rounded_coordinates_do_not_close_the_polyhedron_of_a_surface(noise) -> None:
    weights = coordination(slab(noise), 0).cn_weights
    assert weights.keys() == {"1", "5"}
    assert weights["5"] == pytest.approx(coordination(slab(0.0), 0).cn_weights["5"], abs=0.02)


def test_endless_vacuum_is_a_failure() -> None:
    with pytest.raises(ValueError, match="a vacuum of more than"):
        voronoi_faces(layer(1500.0), 1, CUTOFF)
