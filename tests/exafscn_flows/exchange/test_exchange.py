"""What other programs read of a computed spectrum: larch's own readers, and ours."""

from pathlib import Path

import numpy as np
import pytest
from crystals import rock_salt
from larch.io import read_athena, read_xdi
from larch.xafs import autobk

from exafscn_flows.exchange.athena import athena_project
from exafscn_flows.exchange.curves import Curve, curves
from exafscn_flows.exchange.xdi import xdi_text
from exafscn_flows.sources.measured import MeasuredSpectrum, read_content
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.spectra.feff import compute_spectrum
from exafscn_flows.spectra.settings import FeffSettings

NAME = "NiO/it's {odd}\n:Ni:0 exafs"


@pytest.fixture(scope="module")
def spectrum() -> Spectrum:
    settings = FeffSettings(cards={"RPATH": 5, "NLEG": 2})
    return compute_spectrum(rock_salt("Ni", "O", 4.18), 0, settings, Path("/tmp"))


@pytest.fixture(scope="module")
def both(spectrum: Spectrum) -> list[Curve]:
    return curves(spectrum, NAME, "Ni", "NiO")


def computed(curve: Curve, spectrum: Spectrum) -> slice:
    """Where a curve of mu holds what was computed."""
    return slice(len(curve.x) - len(spectrum.mu), None)


def test_curves_hold_the_spectrum_and_a_pre_edge_of_zeros_that_is_told_of(both, spectrum):
    mu, chi = both
    own = computed(mu, spectrum)
    np.testing.assert_array_equal(mu.x[own], spectrum.e0 + spectrum.energy_rel)
    np.testing.assert_array_equal(mu.y[own], spectrum.mu)
    assert np.all(np.diff(mu.x) > 0)
    assert mu.x[0] == pytest.approx(spectrum.e0 - 200)
    assert not mu.y[: own.start].any()
    assert any("no pre-edge" in note for note in mu.notes)
    np.testing.assert_array_equal(chi.y, spectrum.chi)
    assert not any("no pre-edge" in note for note in chi.notes)
    assert "Feff8L" in chi.notes[0]
    assert "RPATH 5" in chi.notes[0]


def test_larch_reads_the_xdi_and_ours_does(both, spectrum, tmp_path):
    for curve, (x, y) in zip(both, (("energy", "norm"), ("k", "chi")), strict=True):
        path = tmp_path / "out.xdi"
        path.write_text(xdi_text(curve))
        found = read_xdi(str(path))
        np.testing.assert_allclose(getattr(found, x), curve.x, atol=1e-4)
        np.testing.assert_allclose(getattr(found, y), curve.y, atol=1e-7)
        assert (found.element, found.edge) == ("Ni", "K")
        assert found.attrs["sample"]["stoichiometry"] == "NiO"
    mu, chi = (read_content(xdi_text(curve).encode(), "out.xdi")[0] for curve in both)
    assert isinstance(mu, MeasuredSpectrum)
    assert (mu.kind, mu.absorber, mu.edge) == ("normalized", "Ni", "K")
    assert mu.e0 == pytest.approx(spectrum.e0, abs=1e-3)
    assert isinstance(chi, MeasuredSpectrum)
    np.testing.assert_allclose(chi.chi, spectrum.chi, atol=1e-7)


def test_larch_reads_the_project_and_ours_does(both, spectrum, tmp_path):
    content = athena_project(both)
    path = tmp_path / "out.prj"
    path.write_bytes(content)
    mu, chi = read_athena(str(path)).groups.values()
    # Without the zeros before the edge, larch finds a step of 0.48.
    assert mu.edge_step == pytest.approx(1, abs=0.05)
    own = computed(both[0], spectrum)
    np.testing.assert_allclose(mu.norm[own], spectrum.mu, atol=0.06)
    np.testing.assert_allclose(chi.chi, spectrum.chi, rtol=1e-6, atol=1e-9)
    ours = read_content(content, "out.prj")
    assert [item.kind for item in ours] == ["normalized", "chi"]
    assert [item.absorber for item in ours] == ["Ni", "Ni"]
    assert ours[0].e0 == pytest.approx(spectrum.e0)
    np.testing.assert_allclose(ours[1].chi, spectrum.chi, rtol=1e-6, atol=1e-9)


def test_autobk_of_the_exported_mu_gives_feffs_chi(both, spectrum, tmp_path):
    path = tmp_path / "out.prj"
    path.write_bytes(athena_project(both[:1]))
    (group,) = read_athena(str(path)).groups.values()
    autobk(group, e0=spectrum.e0, rbkg=1, kweight=2)
    used = (group.k > 3) & (group.k < 12)
    k, expected = group.k[used], np.interp(group.k[used], spectrum.k, spectrum.chi)
    difference = np.abs(k**2 * (group.chi[used] - expected)).max()
    assert difference < 0.15 * np.abs(k**2 * expected).max()


def test_the_same_curves_give_the_same_records(both):
    first, second = (read_content(athena_project(both), "out.prj") for _ in range(2))
    assert [item.group for item in first] == [item.group for item in second]


def test_of_a_pdf_there_are_no_curves():
    empty = np.empty(0)
    pdf = Spectrum("", "PDF", 0.0, *[empty] * 5, "PDFfit2", "1", pdf=np.ones(3))
    assert curves(pdf, "x", "Ni", None) == []
