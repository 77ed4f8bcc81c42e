"""Atoms around a site, up to any distance, by class of element."""

import numpy as np
import pytest
from crystals import rock_salt
from pydantic import ValidationError
from pymatgen.core import Lattice, Structure

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features import FeatureSettings, Inputs, RunningCoordination
from exafscn_flows.features.running_coordination import CLASSES

LARCH = FeatureSettings()
A = 4.178


def curves(structure: Structure, site: int | None = 0, **keys: float) -> np.ndarray:
    fset = RunningCoordination(**keys)
    return fset.vector(Inputs({}, structure, site), LARCH).reshape(len(CLASSES), -1)


def test_shells_hold_their_atoms_at_their_distances() -> None:
    found = curves(rock_salt("Ni", "O", A), rstep=0.02)
    grid = RunningCoordination(rstep=0.02).grid()
    oxygen, nickel = found[CLASSES.index("light non-metals")], found[-1]
    assert (found[[0, 2, 3]] == 0).all()
    assert (np.diff(found, axis=1) >= 0).all()
    shells = ((A / 2, oxygen, 0, 6), (A / np.sqrt(2), nickel, 0, 12), (A, nickel, 12, 18))
    for shell, row, before, after in shells:
        for offset, wanted in ((-0.4, before), (0.4, after), (0.0, (before + after) / 2)):
            assert np.interp(shell + offset, grid, row) == pytest.approx(wanted, abs=0.05)


def test_it_depends_on_the_crystal_and_not_on_its_cell() -> None:
    nio = rock_salt("Ni", "O", A)
    primitive = nio.get_primitive_structure()
    site = next(i for i, one in enumerate(primitive) if one.specie.symbol == "Ni")
    np.testing.assert_allclose(curves(nio), curves(primitive, site), atol=1e-4)
    turned = nio.copy()
    turned.translate_sites(list(range(len(nio))), [0.1, 0.2, 0.3])
    np.testing.assert_allclose(curves(nio), curves(turned), atol=1e-4)


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("H", "H"),
        ("F", "light non-metals"),
        ("S", "other non-metals"),
        ("Si", "other non-metals"),
        ("Li", "metals to Ca"),
        ("Ca", "metals to Ca"),
        ("Sc", "metals beyond Ca"),
        ("Pb", "metals beyond Ca"),
    ],
)
def test_each_element_is_in_one_class(symbol: str, name: str) -> None:
    pair = Structure(Lattice.cubic(4), ["Fe", symbol], [[0, 0, 0], [0.5, 0.5, 0.5]])
    found = curves(pair, rmax=3.5)
    assert found[CLASSES.index(name)].max() > 1
    assert np.count_nonzero(found.max(axis=1)) == 1


def test_atoms_beyond_the_grid_reach_into_it() -> None:
    nio = rock_salt("Ni", "O", A)
    short, far = curves(nio, rmax=2.0), curves(nio, rmax=4.0)
    np.testing.assert_allclose(short, far[:, : short.shape[1]], atol=1e-3)
    assert 0.5 < short[1, -1] < 2


@pytest.mark.parametrize(
    ("inputs", "kind"),
    [
        (Inputs({}), "no_structure"),
        (Inputs({}, rock_salt("Ni", "O", A), None), "averaged_site"),
    ],
)
def test_what_has_no_site_is_refused(inputs: Inputs, kind: str) -> None:
    with pytest.raises(ItemFailure) as caught:
        RunningCoordination().vector(inputs, LARCH)
    assert caught.value.kind == kind


def test_a_grid_without_points_is_refused() -> None:
    with pytest.raises(ValidationError, match="must be less than rmax"):
        RunningCoordination(rmin=5.0, rmax=5.0)
