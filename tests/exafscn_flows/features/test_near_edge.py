"""Reference and normalisation of the near edge, and the sets that are made from it."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features import FeatureSettings
from exafscn_flows.features.edge_reference import find_edge
from exafscn_flows.spectra.base import Spectrum

NONE = np.empty(0)
ENERGY = np.arange(-250, 801, 4) / 10
FOUND = ("half_step", "area")
KINDS = ("xanes", "xanes_derivative", "xanes_cumulative", "xanes_polynomials")


def white_line(energy: np.ndarray) -> np.ndarray:
    """A pre-edge peak, an edge at 6 eV, and resonances above it."""
    step = np.exp(-np.logaddexp(0, -2 * (energy - 6)))
    peaks = 0.8 * np.exp(-(((energy - 11) / 3) ** 2)) + 0.1 * np.exp(-((energy + 2) ** 2))
    mu: np.ndarray = step * (1 + 0.1 * np.sin(energy / 4)) + peaks
    return mu


def xanes(mu: np.ndarray, energy: np.ndarray = ENERGY) -> Spectrum:
    return Spectrum("K", "XANES", 7112.0, NONE, NONE, energy, mu, NONE, "FEFF", "9")


def made(kind: str = "xanes", **keys: Any) -> Any:
    settings = FeatureSettings.model_validate({"sets": [{"kind": kind, **keys}]})
    return settings.sets[0]


def vector(spectrum: Spectrum, kind: str = "xanes", **keys: Any) -> np.ndarray:
    return np.asarray(made(kind, **keys).transform(spectrum, FeatureSettings()))


def refused(spectrum: Spectrum, **keys: Any) -> str:
    with pytest.raises(ItemFailure) as error:
        vector(spectrum, **keys)
    assert error.value.kind == "bad_spectrum"
    assert "\n" not in error.value.message + error.value.hint
    return error.value.message


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reference", FOUND)
def test_a_shift_of_all_energies_changes_nothing(kind: str, reference: str) -> None:
    keys: Any = {"reference": reference, "emin": -12.0, "emax": 30.0, "norm1": 12.0}
    here = vector(xanes(white_line(ENERGY)), kind, **keys)
    for shift in (-7.3, 0.11, 31.7):
        there = vector(xanes(white_line(ENERGY), ENERGY + shift), kind, **keys)
        np.testing.assert_allclose(there, here, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_shift_of_energies_beside_e0_does(kind: str) -> None:
    here, there = (vector(xanes(white_line(ENERGY), ENERGY + s), kind) for s in (0.0, 3.0))
    assert np.abs(here - there).max() > 0.01


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reference", ["e0", *FOUND])
def test_the_scale_of_mu_changes_nothing(kind: str, reference: str) -> None:
    mu = white_line(ENERGY)
    here, there = (vector(xanes(scale * mu), kind, reference=reference) for scale in (1, 3.7))
    np.testing.assert_allclose(there, here, atol=1e-6)


@pytest.mark.parametrize("reference", ["e0", *FOUND])
def test_the_level_after_the_edge_is_1(reference: str) -> None:
    found = vector(
        xanes(2.2 * white_line(ENERGY)), reference=reference, estep=0.05, norm1=20.0, norm2=35.0
    )
    above = np.arange(801) * 0.05
    assert found[(above >= 20) & (above <= 35)].mean() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("width", [0.0, 2.0, 6.0])
@pytest.mark.parametrize("reference", FOUND)
def test_the_edge_of_a_step_is_its_middle(reference: Any, width: float) -> None:
    energy = np.arange(-30, 80, 0.1)
    step = np.clip((energy - 7.43) / max(width, 1e-6) + 0.5, 0, 1)
    assert find_edge(energy, step, reference, 10, 40) == pytest.approx(7.43, abs=0.1)


def test_the_equal_area_edge_moves_with_area_and_the_half_step_does_not() -> None:
    step = (ENERGY > 5).astype(float)
    peak = step + 2 * (abs(ENERGY - 8) < 1.5)  # 2 on 8 points: 6.4 eV
    moved = find_edge(ENERGY, peak, "area", 15, 40) - find_edge(ENERGY, step, "area", 15, 40)
    assert moved == pytest.approx(-2 * 0.4 * (peak > 1.5).sum(), abs=1e-3)
    halves = [find_edge(ENERGY, mu, "half_step", 15, 40) for mu in (step, peak)]
    assert halves[0] == pytest.approx(halves[1], abs=0.4)


def test_the_half_step_is_above_a_pre_edge_peak() -> None:
    mu = white_line(ENERGY) + 0.9 * np.exp(-((ENERGY + 2) ** 2))
    assert find_edge(ENERGY, mu, "half_step", 15, 40) == pytest.approx(5.9, abs=0.5)


@pytest.mark.parametrize("reference", ["e0", *FOUND])
@pytest.mark.parametrize(
    "change",
    [
        lambda mu: mu + 0.5,
        lambda mu: mu - 0.3,
        lambda mu: 0.05 * mu + 0.95,
        lambda mu: 3 + 0.8 * mu - 0.01 * ENERGY,
    ],
    ids=["baseline", "below 0", "transmission", "slope"],
)
def test_mu_that_is_not_normalised_is_refused(change: Any, reference: str) -> None:
    message = refused(xanes(change(white_line(ENERGY))), reference=reference)
    assert "not normalised" in message


def test_a_slope_far_before_the_edge_is_seen_and_moves_no_edge() -> None:
    energy = np.arange(-200, 80, 0.5)
    mu = white_line(energy)
    keys: Any = {"norm1": 15, "norm2": 40}
    offset = np.where(energy < -30, 0.02, 0)
    edges = [find_edge(energy, curve, "area", **keys) for curve in (mu, mu + offset)]
    assert edges[0] == pytest.approx(edges[1], abs=1e-6)
    for reference in ("e0", *FOUND):
        bump = 0.3 * np.exp(-(((energy + 80) / 20) ** 2))
        assert "is 0.3" in refused(xanes(mu + bump, energy), reference=reference).replace(
            "0.29", "0.3"
        )


def test_a_pre_edge_peak_is_no_edge() -> None:
    mu = 0.9 * (abs(ENERGY + 6) < 1) + 1 / (1 + np.exp(-(ENERGY - 12) / 1.5))
    message = refused(xanes(mu), reference="area", norm1=2.0, emax=18.0)
    assert "that is not after the edge" in message
    found = find_edge(ENERGY, mu, "area", 5, 18)
    assert found == pytest.approx(12 - 0.9 * 2, abs=0.3)


def test_the_message_says_how_far_off_mu_is() -> None:
    step = (ENERGY > 5).astype(float)
    assert refused(xanes(step + 0.5)) == (
        "mu(E) is not normalised: before the edge it is 0.33 of its level after it"
    )


def test_without_a_pre_edge_the_step_must_be_about_1() -> None:
    energy = np.arange(0, 60, 0.4)
    mu = white_line(energy + 6)
    for scale in (0.6, 1.5):
        assert len(vector(xanes(scale * mu, energy))) == 81
    for scale in (0.3, 3.7):
        message = refused(xanes(scale * mu, energy))
        assert "not normalised" in message
        assert "outside 0.5 to 1.6" in message


@pytest.mark.parametrize("reference", FOUND)
def test_an_edge_that_is_not_shown_is_not_guessed(reference: str) -> None:
    late = ENERGY > 6
    message = refused(xanes(white_line(ENERGY)[late], ENERGY[late]), reference=reference)
    assert "or begins on its edge" in message
    early = ENERGY < 35.1
    message = refused(xanes(white_line(ENERGY)[early], ENERGY[early]), reference=reference)
    assert "reaches from -25.00 to 35.00 eV, which is not up to 40 eV above" in message


@pytest.mark.parametrize("mu", [-white_line(ENERGY), 0 * ENERGY], ids=["negative", "zero"])
@pytest.mark.parametrize("reference", ["e0", *FOUND])
def test_no_absorption_is_no_edge(mu: np.ndarray, reference: str) -> None:
    refused(xanes(mu), reference=reference)


def test_before_its_foot_a_spectrum_is_continued_and_nowhere_else() -> None:
    whole = white_line(ENERGY)
    late = ENERGY >= 0
    keys: dict[str, Any] = {"emin": -12.0, "emax": 30.0}
    found = vector(xanes(whole[late], ENERGY[late]), **keys)
    np.testing.assert_allclose(found[24:], vector(xanes(whole), **keys)[24:], atol=0.002)
    assert found[:24] == pytest.approx(found[24], abs=1e-6)
    assert "not from -16 to 30" in refused(xanes(whole[late], ENERGY[late]), emin=-16.0, emax=30.0)
    on_edge = ENERGY > 5.5
    message = refused(xanes(whole[on_edge], ENERGY[on_edge]), emax=30.0)
    assert "reaches from 5.80 to 79.80 eV above E0, not from 0 to 30" in message


def test_a_gap_on_the_edge_is_refused_where_the_edge_is_looked_for() -> None:
    rest = (ENERGY < 3) | (ENERGY > 6.5)
    spectrum = xanes(white_line(ENERGY)[rest], ENERGY[rest])
    assert "apart" in refused(spectrum, reference="half_step", emin=4.0)


def test_the_derivative_integrates_to_mu() -> None:
    mu, slope = (vector(xanes(white_line(ENERGY)), kind, estep=0.1) for kind in KINDS[:2])
    rebuilt = mu[0] + np.append(0, np.cumsum(0.05 * (slope[1:] + slope[:-1])))
    np.testing.assert_allclose(rebuilt, mu, atol=0.01)
    assert slope[np.arange(401) * 0.1 > 38].max() < 0.05


def test_the_cumulative_integral_rises_from_0_to_1() -> None:
    found = vector(xanes(white_line(ENERGY)), "xanes_cumulative", emin=-12.0)
    assert (found[0], found[-1]) == (0, 1)
    assert (np.diff(found) >= 0).all()
    # Of a long step at 10 eV, half is above 25 eV.
    step = vector(xanes((ENERGY > 10).astype(float)), "xanes_cumulative")
    assert step[50] == pytest.approx(0.5, abs=0.02)


def test_polynomials_of_degree_3_are_a_cubic_itself() -> None:
    fset = made("xanes_polynomials", width=7.0, estep=0.1)
    axis, label = fset.axis(FeatureSettings())
    n_pieces = len(fset.pieces())
    assert (n_pieces, len(axis)) == (6, 24)
    assert label == "E − E₀ (eV), coefficients 0 to 3 of the pieces"
    energy = np.arange(0, 40.01, 0.1)
    cubic = 0.8 + 0.01 * energy + 4e-4 * (energy - 20) ** 2 - 3e-5 * (energy - 25) ** 3
    found = vector(xanes(cubic, energy), "xanes_polynomials", width=7.0, estep=0.1)
    normalised = vector(xanes(cubic, energy), estep=0.1)
    for number, piece in enumerate(fset.pieces()):
        assert axis[number::n_pieces] == pytest.approx((piece[0] + piece[-1]) / 2)
        u = np.linspace(-1, 1, len(piece))
        rebuilt = np.polynomial.legendre.legval(u, found[number::n_pieces])
        inside = np.isin(energy.round(1), piece.round(1))
        np.testing.assert_allclose(rebuilt, normalised[inside], atol=2e-6)


@pytest.mark.parametrize(("degree", "n_values"), [(0, 8), (1, 16), (2, 24), (3, 32)])
def test_lower_degrees_have_fewer_coefficients(degree: int, n_values: int) -> None:
    found = vector(xanes(white_line(ENERGY)), "xanes_polynomials", degree=degree)
    assert len(found) == n_values
    if not degree:
        pieces = np.array_split(vector(xanes(white_line(ENERGY))), 8)
        np.testing.assert_allclose(found, [piece.mean() for piece in pieces], atol=1e-6)


def test_pieces_too_small_for_their_polynomial_are_refused() -> None:
    with pytest.raises(ValidationError, match="pieces of 1 eV have 2 points of the grid, and a"):
        made("xanes_polynomials", width=1.0)
    assert len(made("xanes_polynomials", width=1e9).pieces()) == 1


def test_norm2_is_emax_where_it_is_not_given() -> None:
    settings = FeatureSettings()
    given = [made(norm2=norm2).parameters(settings) for norm2 in (None, 40.0, 39.0)]
    assert given[0] == given[1] != given[2]
