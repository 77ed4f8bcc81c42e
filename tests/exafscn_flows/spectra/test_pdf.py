"""G(r) by PDFfit2, against what is known of crystals."""

import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crystals import fcc, rock_salt
from pydantic import ValidationError
from pymatgen.core import Lattice, Structure

from exafscn_flows.errors import CampaignError, ItemFailure, UsageError
from exafscn_flows.spectra import PdfSettings, pdf
from exafscn_flows.spectra.base import Spectrum

ROOT = Path(__file__).parents[3]
A_CU, A_NIO = 3.615, 4.178
COPPER, NIO = fcc("Cu", A_CU), rock_salt("Ni", "O", A_NIO)


def settings(**keys: Any) -> PdfSettings:
    return PdfSettings.model_validate({"kind": "pdf", **keys})


def computed(structure: Structure, index: int = 0, **keys: Any) -> Spectrum:
    pytest.importorskip("diffpy.pdffit2")
    return settings(**keys).compute(structure, index, Path("/nowhere"))


def peaks(r: np.ndarray, g: np.ndarray, above: float) -> np.ndarray:
    inner = g[1:-1]
    return r[1:-1][(inner > g[:-2]) & (inner > g[2:]) & (inner > above)]


def test_peaks_of_copper_stand_at_its_shells_and_count_its_neighbours() -> None:
    found = computed(COPPER)
    density = 4 / A_CU**3
    atoms = found.pdf + 4 * np.pi * density * found.r
    shells = A_CU * np.sqrt(np.array([1, 2, 3, 4, 5]) / 2)
    np.testing.assert_allclose(peaks(found.r, atoms, 4.0)[:5], shells, atol=0.02)
    first = (found.r > 2.1) & (found.r < 3.0)
    r, g = found.r[first], found.pdf[first]
    neighbours = np.trapezoid(r * g + 4 * np.pi * density * r**2, r)
    assert neighbours == pytest.approx(12, abs=0.3)


def test_g_begins_as_the_line_of_the_density() -> None:
    found = computed(NIO)
    below = (found.r > 0.3) & (found.r < 1.5)
    slope = np.polyfit(found.r[below], found.pdf[below], 1)[0]
    assert slope == pytest.approx(-4 * np.pi * 8 / A_NIO**3, rel=0.01)


def test_same_crystal_in_another_setting_has_the_same_g() -> None:
    rutile = Structure.from_spacegroup(
        "P4_2/mnm", Lattice.tetragonal(4.594, 2.9586), ["Ti", "O"], [[0, 0, 0], [0.305, 0.305, 0]]
    )
    moved = rutile.copy()
    moved.translate_sites(range(6), [0.13, 0.41, -0.7], to_unit_cell=False)
    oblique = rutile.copy()
    oblique.make_supercell([[1, 1, 0], [0, 1, 0], [1, 0, 2]])
    for one, others in (
        (rutile, [moved, oblique, rutile * (1, 1, 2)]),
        (NIO, [NIO.get_primitive_structure()]),
    ):
        expected = computed(one)
        for other in others:
            found = computed(other)
            np.testing.assert_allclose(found.pdf, expected.pdf, atol=1e-6)
            np.testing.assert_allclose(found.dpdf, expected.dpdf, atol=1e-6)


def test_differential_g_is_that_of_the_pairs_with_an_atom_of_the_element() -> None:
    nickel, oxygen = computed(NIO), computed(NIO, 4)
    total = nickel.pdf
    assert NIO[4].specie.symbol == "O"
    np.testing.assert_array_equal(oxygen.pdf, total)
    np.testing.assert_array_equal(computed(NIO, 3).dpdf, nickel.dpdf)  # any atom of Ni
    # What both have is the pairs of Ni with O, which their sum counts twice.
    between = nickel.dpdf + oxygen.dpdf - total
    np.testing.assert_allclose(peaks(nickel.r, between, 2.0)[:2], [2.089, 3.618], atol=0.02)
    metal = total - oxygen.dpdf
    np.testing.assert_allclose(peaks(nickel.r, metal, 5.0)[:2], [2.954, 5.117], atol=0.02)
    assert np.abs(metal[np.abs(nickel.r - 2.089) < 0.1]).max() < 2
    copper = computed(COPPER)
    np.testing.assert_allclose(copper.dpdf, copper.pdf, atol=1e-12)


def test_pairs_weigh_as_their_atoms_scatter() -> None:
    """Height of a shell of metal and one of oxygen: Ni has 28 electrons, O 8; b 10.3 and 5.8 fm."""

    def shells(radiation: str) -> float:
        metal, oxygen = (computed(NIO, at, radiation=radiation) for at in (0, 4))
        only_metal = metal.pdf - oxygen.dpdf
        return only_metal.max() / (metal.pdf - metal.dpdf).max()

    assert shells("xray") == pytest.approx((28 / 8) ** 2, rel=0.01)
    assert shells("neutron") == pytest.approx((10.3 / 5.803) ** 2, rel=0.01)


def test_range_cuts_g_and_changes_none_of_it() -> None:
    whole, part = computed(COPPER), computed(COPPER, rmin=2.01)
    assert part.r[0] == pytest.approx(2.02)
    np.testing.assert_array_equal(part.pdf, whole.pdf[100:])
    assert (whole.r[0], whole.r[-1], len(whole.r)) == (0.02, 10.0, 500)


def test_thermal_motion_and_resolution_act_on_peaks() -> None:

    def near(distance: float, **keys: Any) -> float:
        found = computed(COPPER, **keys)
        return found.pdf[np.abs(found.r - distance) < 0.2].max()

    for keys in ({"uiso": 0.01}, {"qbroad": 0.2}, {"qmax": 10.0}):
        assert near(2.556, **keys) < 0.9 * near(2.556), keys
    assert near(9.22, qdamp=0.2) / near(2.556, qdamp=0.2) < 0.4 * near(9.22) / near(2.556)


def test_spectrum_is_a_pdf_with_provenance_and_prints_nothing(
    capfd: pytest.CaptureFixture[str],
) -> None:
    found = computed(COPPER)
    assert (found.spectrum_type, found.edge, found.program) == ("PDF", "", "PDFfit2")
    assert found.version == pdf.PACKAGE_VERSION
    assert 0 < found.seconds < 5
    assert not any(len(a) for a in (found.k, found.chi, found.energy_rel, found.mu, found.mu0))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("crystal", "keys", "kind", "words"),
    [
        (NIO * (6, 6, 6), {"rmax": 30.0}, "too_many_atoms", "1728 atoms"),
        (rock_salt("Po", "O", 5.6), {"radiation": "neutron"}, "unknown_element", "how Po scatters"),
    ],
)
def test_what_cannot_be_computed_is_one_line(
    crystal: Structure, keys: dict[str, Any], kind: str, words: str
) -> None:
    with pytest.raises(ItemFailure) as caught:
        computed(crystal, **keys)
    assert caught.value.kind == kind
    assert words in caught.value.message
    assert "\n" not in caught.value.message + caught.value.hint


def test_what_is_no_number_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "_text", lambda structure, uiso: BROKEN)
    with pytest.raises(ItemFailure, match="not numbers"):
        computed(COPPER)


BROKEN = (
    "format pdffit\nscale 1\ncell 3.6,3.6,3.6,90,90,90\nncell 1,1,1,1\natoms\n"
    "Cu 0 0 0 1\n0 0 0 0\n-1 -1 -1\n0 0 0\n0 0 0\n0 0 0\n"
)
"""An atom whose thermal parameter is negative."""


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"rmin": 5.0, "rmax": 3.0}, "no two multiples of rstep"),
        ({"rmin": 3.001, "rmax": 3.005}, "no two multiples of rstep"),
        ({"rmax": 101.0}, "less than or equal to 100"),
        ({"qmax": 0.1}, "greater than or equal to 5"),  # PDFfit2 takes ages
        ({"qmin": 1.0}, "Extra inputs"),
    ],
)
def test_settings_that_make_no_sense_are_refused(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        settings(**keys)


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(pdf, "version", missing)
    with pytest.raises(UsageError, match=r"install exafscn\[pdf\]"):
        settings().check()
    with pytest.raises(CampaignError, match=r"install exafscn\[pdf\]"):
        settings().compute(COPPER, 0, Path("/nowhere"))
    monkeypatch.setattr(pdf, "version", lambda name: "9.9")
    with pytest.raises(UsageError, match=r"not 9\.9"):
        settings().check()


def test_extra_installs_the_version_that_is_asked_for() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    assert extras["pdf"] == [f"diffpy.pdffit2=={pdf.PACKAGE_VERSION}"]
