"""Splines by numpy alone against scipy's, and the fit of the background against larch's."""

import numpy as np
import pytest
from measurements import E0, absorption, energies
from scipy.constants import elementary_charge, hbar, m_e
from scipy.interpolate import BSpline, make_interp_spline, splrep

from exafscn_flows.features import AutobkSettings, spline_background
from exafscn_flows.features.spline_background import (
    as_larch,
    at_least,
    fit_background,
    subtract_background,
)
from exafscn_flows.features.splines import basis_splines, interpolate, spline_knots
from exafscn_flows.features.windows import hanning

RANDOM = np.random.default_rng(1)


@pytest.mark.parametrize("n", [5, 6, 24, 26, 27, 50, 517])
def test_splines_are_those_of_scipy(n):
    x = np.sort(RANDOM.uniform(0, 14, n)) + 0.01 * np.arange(n)
    y = RANDOM.standard_normal((n, 3))
    at = np.linspace(x[0] - 0.05, x[-1] + 0.05, 301)
    expected = make_interp_spline(x, y, k=3)(at)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(interpolate(x, y, at), expected, atol=1e-9 * scale)
    knots, _, _ = splrep(x, y[:, 0], k=3)
    np.testing.assert_array_equal(spline_knots(x), knots)
    basis = basis_splines(knots, at)
    np.testing.assert_allclose(basis, BSpline(knots, np.eye(n), 3)(at), atol=1e-9)
    np.testing.assert_allclose(basis.sum(axis=1), 1)


def test_a_cubic_is_its_own_spline():
    x = np.sort(RANDOM.uniform(-1, 1, 100))
    cubic = np.polynomial.Polynomial([1, -2, 0.5, 3])
    at = np.linspace(-1, 1, 33)
    np.testing.assert_allclose(interpolate(x, cubic(x)[:, None], at)[:, 0], cubic(at))


@pytest.mark.parametrize(
    "change", [{}, {"rbkg": 1.4}, {"clamp_lo": 1.0}, {"clamp_hi": 20.0}, {"nclamp": 0}]
)
def test_the_least_is_where_larch_stops_or_lower(monkeypatch, change):
    energy = energies()
    settings = AutobkSettings(**{"kweight": 2, "dk": 0.1, "nclamp": 3, "clamp_hi": 1.0, **change})
    asked = []

    def both(*problem):
        asked.append((problem, as_larch(*problem), at_least(*problem)))
        return asked[0][2]

    _, chi, _ = subtract_background(
        energy,
        absorption(energy) + 0.002 * RANDOM.standard_normal(len(energy)),
        E0,
        lambda k, kmin, kmax: hanning(k, kmin, kmax, 0.1),
        settings,
        both,
    )
    assert np.isfinite(chi).all()
    ((problem, larchs, found),) = asked
    of_larch, own = (
        np.sum(spline_background._residual(*problem[:2], one) ** 2) for one in (larchs, found)
    )
    assert own <= of_larch * (1 + 1e-12)
    assert own == pytest.approx(of_larch, rel=0.02)
    if not change:
        np.testing.assert_allclose(found, larchs, atol=1e-5)


def test_slopes_are_those_of_the_residual():
    fitted, clamped = RANDOM.standard_normal((20, 8)), RANDOM.standard_normal((6, 8))
    at = RANDOM.standard_normal(7)
    slopes = spline_background._slopes(fitted, clamped, at)
    for place in range(7):
        by = 1e-6 * (np.arange(7) == place)
        up, down = (spline_background._residual(fitted, clamped, at + s * by) for s in (1, -1))
        np.testing.assert_allclose(slopes[:, place], (up - down) / 2e-6, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("solve", [as_larch, at_least])
def test_what_does_not_determine_a_spline_is_an_error(solve):
    k = np.array([0.0, 0.1, 0.2, 9.8, 9.9, 10.0])
    grid = 0.05 * np.arange(201)
    with pytest.raises(ValueError, match=r"determine|too far apart|points"):
        fit_background(k, np.ones(6), 6, 10.0, grid, grid**2, AutobkSettings(), solve)


def test_constants_are_those_of_codata():
    etok = 1 / (1e20 * hbar**2 / (2 * m_e * elementary_charge))
    assert pytest.approx(etok, rel=1e-9) == spline_background.ETOK
