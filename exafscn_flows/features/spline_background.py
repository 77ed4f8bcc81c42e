"""The smooth background of mu(k): the fit inside larch's autobk, its linear part done once.

Newville et al., Phys. Rev. B 47, 14126 (1993): a spline under mu(k) whose coefficients make chi(R)
vanish below R = rbkg. What is fitted depends linearly on the coefficients but for the weight of
the clamps, so the spline, the change of grid and the transform are matrices here; larch applies
all of them again for each of some fifty trials, which takes five times as long.
"""

import numpy as np
from scipy.interpolate import BSpline, make_interp_spline, splrep
from scipy.optimize import leastsq

from exafscn_flows.features.settings import AutobkSettings

_TRANSFORM = 0.05 / np.sqrt(np.pi)
"""Larch takes this step of k, 1/Å, for the size of chi(R) in the fit, whatever kstep is."""


def fit_background(
    k: np.ndarray,
    mu: np.ndarray,
    n_fitted: int,
    kmax: float,
    k_out: np.ndarray,
    weight: np.ndarray,
    settings: AutobkSettings,
) -> tuple[np.ndarray, np.ndarray]:
    """Fit a spline to mu(k) that leaves no chi(R) below ``settings.rbkg``.

    The numbers are those of larch 2026.3.1: where it places knots, what it starts from and when it
    stops are the same.

    Parameters
    ----------
    k, mu
        Wave number from the edge on, 1/Å, ascending, and absorption; shape (n_e,).
    n_fitted
        Number of points, from the first on, that the spline goes through.
    kmax
        Where the last knot is, 1/Å.
    k_out
        Grid of chi, 1/Å, in steps of ``settings.kstep`` from 0 on; shape (n_k,).
    weight
        Window of the transform times k^kweight; shape (n_k,).
    settings
        Parameters of autobk.

    Returns
    -------
    bkg
        Background of mu; shape (n_fitted,).
    chi
        What is left of mu, not divided by the edge step; shape (n_k,).

    Raises
    ------
    ValueError
        If there are too few points, or the points do not determine the spline.
    """
    if len(k_out) > settings.nfft:
        raise ValueError(f"chi(k) has {len(k_out)} points, more than nfft = {settings.nfft}")
    r_step = np.pi / (settings.kstep * settings.nfft)
    rbkg, k_range = max(settings.rbkg, 2 * r_step), kmax - settings.kmin
    n_knots = 1 + int(2 * rbkg * k_range / np.pi)
    n_r = int(1 + (n_knots - 1) * np.pi / (2 * r_step * k_range))
    knots, start = _first_spline(k, mu, _knots(settings.kmin, kmax, n_knots))

    k, mu = k[:n_fitted], mu[:n_fitted]
    basis = BSpline(knots, np.eye(len(start)), 3)(k)
    # FITPACK's interpolating spline, which larch uses, has the same knots.
    on_grid = make_interp_spline(k, np.column_stack([mu, basis]), k=3)(k_out)
    chir = _TRANSFORM * np.fft.fft(on_grid * weight[:, None], settings.nfft, axis=0)[:n_r]
    fitted = np.concatenate([chir.real, chir.imag])
    n = settings.nclamp
    clamped = np.concatenate(
        [settings.clamp_lo * on_grid[:n], settings.clamp_hi * on_grid[len(on_grid) - n :]]
    )

    def residual(coefficients: np.ndarray) -> np.ndarray:
        low_r = fitted[:, 0] - fitted[:, 1:] @ coefficients
        scale = 0.1 + 10 * (low_r @ low_r) / len(low_r)
        ends = clamped[:, 0] - clamped[:, 1:] @ coefficients
        return np.concatenate([low_r, scale * ends])

    found, covariance, *_ = leastsq(
        residual,
        start,
        maxfev=2000 * (len(knots) + 1),
        gtol=0.0,
        ftol=1e-6,
        xtol=1e-6,
        epsfcn=1e-6,
        full_output=True,
    )
    if covariance is None:
        raise ValueError("mu(E) does not determine the spline")
    return basis @ found, on_grid[:, 0] - on_grid[:, 1:] @ found


def _knots(kmin: float, kmax: float, n_knots: int) -> np.ndarray:
    n = max(5, min(128, n_knots))
    # Rounded as in larch: a knot midway between two points goes to the same of them.
    return kmin + np.arange(n) * (kmax - kmin) / (n - 1)


def _first_spline(k: np.ndarray, mu: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return knots and coefficients of a spline through smoothed mu at the points nearest `at`."""
    nearest = np.abs(k - at[:, None]).argmin(axis=1)
    after, before = np.minimum(len(k) - 1, nearest + 5), np.maximum(0, nearest - 5)
    knots, coefficients, _ = splrep(k[nearest], (2 * mu[nearest] + mu[after] + mu[before]) / 4, k=3)
    return knots, coefficients[: len(at)]
