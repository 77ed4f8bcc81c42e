"""The atoms around a site as nodes of a graph."""

import numpy as np
import pytest
from crystals import rock_salt
from pymatgen.core import Lattice, Structure

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features import FeatureSettings, Inputs, SiteGraph

SETTINGS = FeatureSettings()
A = 4.178


def atoms(structure: Structure, site: int = 0, **keys: float) -> np.ndarray:
    found = SiteGraph(**keys).vector(Inputs({}, structure, site), SETTINGS)  # type: ignore[arg-type]
    assert found.dtype == np.float32
    return found.reshape(-1, 4)


def test_the_site_comes_first_and_then_whole_shells() -> None:
    nio = rock_salt("Ni", "O", A)
    found = atoms(nio, max_atoms=40)
    assert found.shape == (41, 4)
    np.testing.assert_array_equal(found[0], [28, 0, 0, 0])
    r = np.linalg.norm(found[:, 1:], axis=1)
    # 6 O, 12 Ni and 8 O are 26; the next shell has 6 Ni, and the one after it 24 O.
    assert found[1:33, 0].tolist() == [8] * 6 + [28] * 12 + [8] * 8 + [28] * 6
    np.testing.assert_allclose(r[1:7], A / 2, rtol=1e-5)
    np.testing.assert_allclose(r[27:33], A, rtol=1e-5)
    assert not found[33:].any()


@pytest.mark.parametrize(("most", "kept"), [(17, 6), (18, 18), (25, 18), (26, 26)])
def test_a_shell_that_does_not_fit_is_left_out_whole(most: int, kept: int) -> None:
    found = atoms(rock_salt("Ni", "O", A), max_atoms=most)
    assert np.count_nonzero(found[:, 0]) == kept + 1


def test_atoms_beyond_the_radius_are_left_out() -> None:
    found = atoms(rock_salt("Ni", "O", A), radius=2.5)
    assert np.count_nonzero(found[:, 0]) == 7


@pytest.mark.parametrize("keys", [{"max_atoms": 4}, {"radius": 2.0}])
def test_no_atoms_at_all_are_a_failure(keys: dict[str, float]) -> None:
    with pytest.raises(ItemFailure, match="no atom within") as caught:
        atoms(rock_salt("Ni", "O", A), **keys)
    assert caught.value.kind == "no_neighbours"


def test_it_is_the_same_in_another_cell_but_for_the_order_within_a_shell() -> None:
    nio = rock_salt("Ni", "O", A)
    primitive = nio.get_primitive_structure()
    site = next(i for i, one in enumerate(primitive) if one.specie.symbol == "Ni")
    first, second = atoms(nio, max_atoms=32), atoms(primitive, site, max_atoms=32)
    np.testing.assert_array_equal(first[:, 0], second[:, 0])
    spread = [
        np.sort(np.linalg.norm(one[:, None, 1:] - one[None, :, 1:], axis=2).ravel())
        for one in (first, second)
    ]
    np.testing.assert_allclose(spread[0], spread[1], atol=1e-4)


def test_an_atom_of_its_own_cell_is_a_neighbour_and_the_site_is_not() -> None:
    simple = Structure(Lattice.cubic(2.8), ["Fe"], [[0, 0, 0]])
    found = atoms(simple, radius=3.0)
    assert found[:7, 0].tolist() == [26] * 7
    np.testing.assert_allclose(np.linalg.norm(found[1:7, 1:], axis=1), 2.8, rtol=1e-5)
