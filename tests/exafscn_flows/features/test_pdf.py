"""G(r) as features, alone and beside XANES."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features import FeatureSettings, Inputs
from exafscn_flows.features.columns import Columns
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.spectra.parts import NEAR_EDGE, PAIRS
from exafscn_flows.strict import LocatedError

NONE = np.empty(0)
BOTH = {
    "kind": "concatenation",
    "name": "xanes+dpdf",
    "parts": [{"kind": "xanes", "norm1": 20.0}, {"kind": "pdf", "pattern": "differential"}],
}


def settings(*sets: dict[str, Any]) -> FeatureSettings:
    return FeatureSettings.model_validate({"sets": list(sets)})


def pair_spectrum(rstep: float = 0.02, rmax: float = 10.0) -> Spectrum:
    """Waves that a Qmax of 20 1/Å leaves; as stored, in single precision."""
    r = np.arange(1, round(rmax / rstep) + 1) * rstep
    g = np.sin(20 * r) + np.cos(3 * r)
    arrays = {"r": r, "pdf": g, "dpdf": 2 * g}
    arrays = {name: values.astype(np.float32) for name, values in arrays.items()}
    return Spectrum(
        "", "PDF", 0.0, NONE, NONE, NONE, NONE, NONE, program="PDFfit2", version="1.5.1", **arrays
    )


def vector(spectrum: Spectrum, **keys: Any) -> np.ndarray:
    config = settings({"kind": "pdf", **keys})
    return config.sets[0].transform(spectrum, config)


@pytest.mark.parametrize("rstep", [0.1, 0.03])
def test_values_are_g_at_the_points_of_the_grid(rstep: float) -> None:
    config = settings({"kind": "pdf", "rmin": 1.5, "rmax": 9.0, "rstep": rstep})
    (fset,) = config.sets
    r, label = fset.axis(config)
    assert (r[0], label) == (1.5, "R (Å)")
    assert r[-1] == pytest.approx(9.0)
    found = fset.transform(pair_spectrum(), config)
    np.testing.assert_allclose(found, np.sin(20 * r) + np.cos(3 * r), atol=1e-3)


def test_total_and_differential_have_names_of_their_own() -> None:
    total, differential = settings({"kind": "pdf"}, {"kind": "pdf", "pattern": "differential"}).sets
    assert (total.name, differential.name) == ("pdf", "dpdf")
    spectrum = pair_spectrum()
    twice = vector(spectrum, pattern="differential")
    np.testing.assert_allclose(twice, 2 * vector(spectrum), rtol=1e-6)


def test_range_must_lie_within_that_of_the_spectrum() -> None:
    assert len(vector(pair_spectrum())) == 91
    with pytest.raises(ItemFailure, match=r"reaches from 0\.02 to 8 Å, not from 1 to 10"):
        vector(pair_spectrum(rmax=8.0))
    cut = pair_spectrum()
    cut = replace(cut, r=cut.r[100:], pdf=cut.pdf[100:], dpdf=cut.dpdf[100:])
    with pytest.raises(ItemFailure, match=r"reaches from 2\.02 to 10 Å") as caught:
        vector(cut)
    assert caught.value.kind == "bad_spectrum"


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"rmin": 5.0, "rmax": 3.0}, "must be less than rmax"),
        ({"rmin": 3.0, "rmax": 3.5, "rstep": 0.6}, "at most rmax - rmin"),
        ({"rmax": 101.0}, "less than or equal to 100"),
    ],
)
def test_grids_that_make_no_sense_are_refused(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        settings({"kind": "pdf", **keys})


def near_edge() -> Spectrum:
    energy = np.arange(-10, 60, 0.5)
    mu = 0.5 + np.arctan(energy / 2) / np.pi
    return Spectrum("K", "XANES", 7112.0, NONE, NONE, energy, mu, NONE, "FEFF", "10")


def test_a_concatenation_has_xanes_first_and_then_pairs_of_the_same_site() -> None:
    config = settings(BOTH, {"kind": "xanes", "norm1": 20.0}, {"kind": "pdf", "name": "total"})
    offers = {"xanes": NEAR_EDGE, "pdf": PAIRS}
    both, xanes, total = (fset.resolved(offers) for fset in config.sets)
    assert both.spectra == ("xanes", "pdf")
    inputs = Inputs({"xanes": near_edge(), "pdf": pair_spectrum()})
    found = both.vector(inputs, config)
    np.testing.assert_array_equal(found[:81], xanes.vector(inputs, config))
    np.testing.assert_allclose(found[81:], 2 * total.vector(inputs, config), rtol=1e-6)
    axis, label = both.axis(config)
    assert len(axis) == len(found) == 81 + 91
    columns = both.columns(config)
    np.testing.assert_array_equal(columns.axis, axis)
    for part, own in zip(columns.parts, (xanes, total), strict=True):
        np.testing.assert_array_equal(part, own.axis(config)[0])
    assert total.columns(config).parts == ()
    with pytest.raises(ValueError, match="do not make up"):
        Columns(axis[1:], columns.parts)
    assert label == "feature (0-80: xanes, 81-171: dpdf)"


def test_a_set_of_pairs_is_made_from_no_absorption_spectrum() -> None:
    (fset,) = settings(BOTH).sets
    with pytest.raises(LocatedError, match=r"dpdf is made from G\(r\), but xanes holds") as caught:
        fset.resolved({"xanes": NEAR_EDGE})
    assert caught.value.at == ("parts", 1)
    with pytest.raises(ItemFailure, match="no points"):
        vector(near_edge())
