"""The power spectrum of the atoms around a site."""

import numpy as np
import pytest
from crystals import rock_salt
from pymatgen.core import Lattice, Structure
from scipy.special import sph_harm_y

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features import FeatureSettings, Inputs, PowerSpectrum
from exafscn_flows.features.power_spectrum import CHANNELS, _weights
from exafscn_flows.features.surroundings import near_atoms

SETTINGS = FeatureSettings()
SMALL = PowerSpectrum(radius=3.5, n_radial=3, lmax=3)


def power(structure: Structure, site: int | None = 0, fset: PowerSpectrum = SMALL) -> np.ndarray:
    return fset.vector(Inputs({}, structure, site), SETTINGS)


def cluster(*places: tuple[float, float, float], symbol: str = "O") -> Structure:
    """Atoms around Fe at the origin of a large cell."""
    species = ["Fe", *[symbol] * len(places)]
    return Structure(Lattice.cubic(20), species, [(0, 0, 0), *places], coords_are_cartesian=True)


def turned(structure: Structure) -> Structure:
    """Return a crystal turned by some angles."""
    first, second = 0.7, -1.1
    about_z = [[np.cos(first), -np.sin(first), 0], [np.sin(first), np.cos(first), 0], [0, 0, 1]]
    about_x = [[1, 0, 0], [0, np.cos(second), -np.sin(second)], [0, np.sin(second), np.cos(second)]]
    matrix = structure.lattice.matrix @ np.array(about_z) @ np.array(about_x)
    return Structure(Lattice(matrix), structure.species, structure.frac_coords)


def test_it_is_made_of_the_coefficients_of_spherical_harmonics() -> None:
    """Without the addition theorem: c of each l and m, and the sum of their products over m."""
    crystal = cluster((1.9, 0.2, 0.1), (-0.3, 2.2, 0.6), (0.4, -1.0, -2.5))
    crystal.replace(2, "S")
    numbers, places = near_atoms(Inputs({}, crystal, 0), SMALL.radius)
    r = np.linalg.norm(places, axis=1)
    theta, phi = np.arccos(places[:, 2] / r), np.arctan2(places[:, 1], places[:, 0])
    density = np.einsum("ar,ac->arc", SMALL._radial(r), _weights()[numbers]).reshape(len(r), -1)
    rows, columns = np.triu_indices(density.shape[1])
    expected = []
    for order in range(SMALL.lmax + 1):
        total = np.zeros((density.shape[1],) * 2, dtype=complex)
        for m in range(-order, order + 1):
            coefficients = sph_harm_y(order, m, theta, phi) @ density
            total += np.outer(coefficients, coefficients.conj())
        expected.append(total.real[rows, columns] / np.sqrt(2 * order + 1))
    found = power(crystal)
    np.testing.assert_allclose(found, np.concatenate(expected), rtol=1e-5, atol=1e-7)
    n = SMALL.n_radial * len(CHANNELS)
    assert len(found) == 4 * n * (n + 1) // 2 == len(SMALL.axis(SETTINGS)[0])


def test_it_depends_on_the_crystal_and_not_on_how_it_is_written_or_turned() -> None:
    nio = rock_salt("Ni", "O", 4.178)
    primitive = nio.get_primitive_structure()
    site = next(i for i, one in enumerate(primitive) if one.specie.symbol == "Ni")
    whole = PowerSpectrum()
    expected = power(nio, fset=whole)
    scale = np.abs(expected).max()
    for other in (power(primitive, site, whole), power(turned(nio), fset=whole)):
        np.testing.assert_allclose(other, expected, atol=1e-5 * scale)
    assert np.abs(power(nio, 4, whole) - expected).max() > 0.1 * scale


def test_angles_and_elements_change_it() -> None:
    straight, bent = cluster((2, 0, 0), (-2, 0, 0)), cluster((2, 0, 0), (0, 2, 0))
    size = len(power(straight)) // (SMALL.lmax + 1)
    at_180, at_90 = (power(one).reshape(-1, size) for one in (straight, bent))
    np.testing.assert_allclose(at_180[0], at_90[0], rtol=1e-5)  # distances alone
    scale = np.abs(at_180[0]).max()
    # What is odd cancels of atoms that are opposite to each other.
    np.testing.assert_allclose(at_180[1::2], 0, atol=1e-6 * scale)
    assert np.abs(at_90[1]).max() > 0.5 * scale
    sulphur = power(cluster((2, 0, 0), (-2, 0, 0), symbol="S"))
    assert np.abs(sulphur - at_180.ravel()).max() > 0.1 * scale


def test_atoms_come_into_it_smoothly() -> None:
    near = power(cluster((2, 0, 0)))
    scale = np.abs(near).max()
    for r, most in ((3.49, 1e-3), (3.51, 0.0)):
        both = power(cluster((2, 0, 0), (0, r, 0)))
        assert np.abs(both - near).max() <= most * scale


@pytest.mark.parametrize(
    ("inputs", "kind"),
    [(Inputs({}), "no_structure"), (Inputs({}, cluster((2, 0, 0)), None), "averaged_site")],
)
def test_what_has_no_site_is_refused(inputs: Inputs, kind: str) -> None:
    with pytest.raises(ItemFailure) as caught:
        SMALL.vector(inputs, SETTINGS)
    assert caught.value.kind == kind
