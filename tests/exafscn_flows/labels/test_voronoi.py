import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from exafscn_flows.labels.voronoi import voronoi_faces

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
