"""Radial and angular numbers of the atoms around a site."""

import numpy as np
import pytest
from crystals import cuprite, rock_salt, zinc_blende
from pydantic import ValidationError
from pymatgen.core import Lattice, Structure

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features import FeatureSettings, Inputs, SiteDescriptor
from exafscn_flows.features.site_descriptor import N_ANGLES, N_NEAREST, PAIRS, RADIAL

LARCH = FeatureSettings()
A = 4.178
NIO = rock_salt("Ni", "O", A)


def parts(structure: Structure, site: int = 0, **keys: float) -> dict[str, np.ndarray]:
    fset = SiteDescriptor(**keys)
    columns = fset.columns(LARCH)
    vector = fset.vector(Inputs({}, structure, site), LARCH)
    return {name: vector[slice(*columns.span(name))] for name in columns.names}


def test_there_are_242_numbers() -> None:
    assert SiteDescriptor().vector(Inputs({}, NIO, 0), LARCH).shape == (242,)


def test_atoms_are_counted_at_their_distances_by_what_they_are() -> None:
    found, grid = parts(NIO, rstep=0.05), SiteDescriptor(rstep=0.05).grid()
    shells = {
        "light non-metals": [(A / 2, 6), (A * np.sqrt(3) / 2, 8)],
        "metals beyond Ca": [(A / np.sqrt(2), 12), (A, 6)],
    }
    # A Gaussian as wide as the step has an integral of sqrt(2 pi) steps.
    for name, atoms in shells.items():
        for distance, number in atoms:
            near = abs(grid - distance) < 0.25
            assert found[name][near].sum() / np.sqrt(2 * np.pi) == pytest.approx(number, rel=0.01)
    near = abs(grid - A / 2) < 0.25
    oxygen = found["light non-metals"][near]
    np.testing.assert_allclose(found["atomic number"][near], 8 * oxygen, rtol=1e-5)
    np.testing.assert_allclose(found["electronegativity"][near], 3.44 * oxygen, rtol=1e-5)
    assert (found["H"] == 0).all()


def test_angles_are_those_of_octahedron_and_tetrahedron() -> None:
    middles = 180 / N_ANGLES * (np.arange(N_ANGLES) + 0.5)
    octahedron = parts(NIO, angle_radius=2.5)["two non-metals"]
    assert set(middles[np.argsort(octahedron)[-2:]]) == {85.0, 95.0}
    assert octahedron[-1] > octahedron[12]  # three pairs across
    tetrahedron = parts(zinc_blende("Zn", "S", 5.41), angle_radius=2.8)["two non-metals"]
    assert middles[tetrahedron.argmax()] == 105.0
    assert tetrahedron[-1] < 1e-6
    # What is farther than the radius makes no angle, and what is at it counts nothing.
    assert (parts(NIO, angle_radius=2)["two non-metals"] == 0).all()
    assert parts(NIO, angle_radius=A / 2 + 1e-3)["two non-metals"].max() < 1e-6


def test_the_nearest_atoms_come_in_order_and_what_is_not_there_is_at_the_radius() -> None:
    np.testing.assert_allclose(parts(NIO)["nearest atoms"], [A / 2] * N_NEAREST, rtol=1e-6)
    lonely = Structure(Lattice.cubic(20), ["Fe", "O"], [[0, 0, 0], [0.1, 0, 0]])
    np.testing.assert_allclose(parts(lonely)["nearest atoms"], [2, 6, 6, 6, 6, 6], rtol=1e-6)


@pytest.mark.parametrize("structure", [NIO, cuprite()], ids=["NiO", "Cu2O"])
def test_it_depends_on_the_crystal_and_not_on_its_cell(structure: Structure) -> None:
    wanted = SiteDescriptor().vector(Inputs({}, structure, 0), LARCH)
    first = structure[0].specie
    larger = structure * [[1, 1, 0], [0, 1, 2], [1, 0, 1]]
    moved = structure.copy()
    moved.translate_sites(list(range(len(moved))), [0.13, -0.2, 0.7], to_unit_cell=False)
    turned = Structure(
        Lattice.from_parameters(*structure.lattice.parameters, vesta=True),
        structure.species[::-1],
        structure.frac_coords[::-1],
    )
    for other in (larger, moved, turned):
        sites = [i for i, one in enumerate(other) if one.specie == first]
        found = SiteDescriptor().vector(Inputs({}, other, sites[-1]), LARCH)
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-3)


def test_it_says_what_it_cannot_be_made_of() -> None:
    for inputs, kind in (
        (Inputs({}, None, None), "no_structure"),
        (Inputs({}, NIO, None), "averaged_site"),
    ):
        with pytest.raises(ItemFailure) as failure:
            SiteDescriptor().vector(inputs, LARCH)
        assert failure.value.kind == kind
    with pytest.raises(ValidationError, match="angle_radius \\(5\\) must be at most radius"):
        SiteDescriptor(radius=4, angle_radius=5)


def test_its_axis_says_what_the_numbers_are() -> None:
    axis, label = SiteDescriptor().axis(LARCH)
    assert (len(axis), axis[-1]) == (242, 241)
    assert "0-25: H" in label
    assert "236-241: nearest atoms" in label
    names = SiteDescriptor().columns(LARCH).names
    assert len(names) == len(RADIAL) + len(PAIRS) + 1


def test_noble_gases_have_no_electronegativity_and_no_warning(
    recwarn: pytest.WarningsRecorder,
) -> None:
    pair = Structure(Lattice.cubic(4), ["Fe", "Ar"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    found = parts(pair, radius=3.7, angle_radius=3)
    assert found["other non-metals"].max() > 1
    assert (found["electronegativity"] >= 0).all()
    assert not recwarn.list
