"""The smooth background of mu(k): the fit inside larch's autobk, its linear part done once.

Newville et al., Phys. Rev. B 47, 14126 (1993): a spline under mu(k) whose coefficients make chi(R)
vanish below R = rbkg. What is fitted depends linearly on the coefficients but for the weight of
the clamps, so the spline, the change of grid and the transform are matrices here; larch applies
all of them again for each of some fifty trials, which takes five times as long.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from exafscn_flows.features.settings import AutobkSettings
from exafscn_flows.features.splines import basis_splines, interpolate, spline_knots

_HBAR, _ELECTRON_MASS, _CHARGE = 1.0545718176461565e-34, 9.1093837139e-31, 1.602176634e-19
"""J s, kg and C, of CODATA 2022."""

ETOK = 1 / (1e20 * _HBAR**2 / (2 * _ELECTRON_MASS * _CHARGE))
"""2m/ħ², 1/(eV Å²): k² over energy above E0, to the last bit that of larch."""

Weigh = Callable[[np.ndarray, float, float], np.ndarray]
"""Window over k from kmin to kmax."""

Solve = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""How coefficients are found: `as_larch` or `at_least`."""

_CLAMPED = 0.1
"""What larch multiplies the clamps by where chi(R) below rbkg vanishes."""

_LEAST_POINTS = 5
"""What splines through points need."""

_TRIALS = 100
_SETTLED = 1e-10
_FIRST_DAMPING = 1e-3
"""The fit ends when the residual changes by so small a share; mostly, after three trials."""

_UNDETERMINED = "mu(E) does not determine the spline"

_TRANSFORM = 0.05 / np.sqrt(np.pi)
"""Larch takes this step of k, 1/Å, for the size of chi(R) in the fit, whatever kstep is."""


def subtract_background(
    energy: np.ndarray,
    mu: np.ndarray,
    ek0: float,
    window: Weigh,
    settings: AutobkSettings,
    solve: Solve,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Take the background off mu(E).

    Parameters
    ----------
    energy, mu
        Energy in ascending order without repetition, eV, and absorption; shape (n_e,).
    ek0
        Energy where k = 0, eV.
    window
        Window of the transform in the fit.
    settings
        Parameters of autobk; its own ``window`` is not looked at.
    solve
        How the coefficients of the spline are found.

    Returns
    -------
    k, chi
        Wave number from 0 on, 1/Å, and what is left of mu, not divided by the edge step; shape
        (n_k,).
    bkg
        mu with its background in place of it from ek0 to kmax; shape (n_e,).

    Raises
    ------
    ValueError
        As in `fit_background`.
    """
    # The last point at or below E0.
    first = max(0, int(np.searchsorted(energy, ek0, side="right")) - 1)
    above = energy[first:] - ek0
    k_data = np.sign(above) * np.sqrt(ETOK * np.abs(above))
    kmax = k_data[-1] if settings.kmax is None else min(k_data[-1], settings.kmax)
    k = settings.kstep * np.arange(int(1.01 + kmax / settings.kstep), dtype=float)
    end = int(np.searchsorted(energy, ek0 + kmax**2 / ETOK, side="right")) - 1
    n_fitted = min(len(energy) - 1, end + 1) - first + 1
    weight = window(k, settings.kmin, kmax) * k**settings.kweight
    fitted, chi = fit_background(k_data, mu[first:], n_fitted, kmax, k, weight, settings, solve)
    bkg = mu.copy()
    bkg[first : first + n_fitted] = fitted
    return k, chi, bkg


def fit_background(
    k: np.ndarray,
    mu: np.ndarray,
    n_fitted: int,
    kmax: float,
    k_out: np.ndarray,
    weight: np.ndarray,
    settings: AutobkSettings,
    solve: Solve,
) -> tuple[np.ndarray, np.ndarray]:
    """Fit a spline to mu(k) that leaves no chi(R) below ``settings.rbkg``.

    The numbers are those of larch 2026.3.1: where it places knots, what it starts from and, by
    `as_larch`, when it stops are the same.

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
    solve
        How the coefficients of the spline are found.

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
    n_knots, n_r = _sizes(kmax, settings)
    knots, start = _first_spline(k, mu, _knots(settings.kmin, kmax, n_knots))

    k, mu = k[:n_fitted], mu[:n_fitted]
    if len(k) < _LEAST_POINTS:
        raise ValueError(f"mu(E) has {len(k)} points from E0 on, fewer than {_LEAST_POINTS}")
    # Knots are points of k, so cubics through the points of a spline are that spline itself.
    basis, basis_out = np.split(basis_splines(knots, np.concatenate([k, k_out])), [len(k)])
    on_grid = np.column_stack([interpolate(k, mu[:, None], k_out), basis_out])
    fitted = _waves(len(k_out), n_r, settings.nfft) @ (on_grid * weight[:, None])
    n = settings.nclamp
    clamped = np.concatenate(
        [settings.clamp_lo * on_grid[:n], settings.clamp_hi * on_grid[len(on_grid) - n :]]
    )

    found = solve(fitted, clamped, start)
    return basis @ found, on_grid[:, 0] - on_grid[:, 1:] @ found


def remove_background(
    k: np.ndarray, chi: np.ndarray, window: Weigh, settings: AutobkSettings
) -> np.ndarray:
    """Take off chi(k) what the fit to a mu(k) with this chi(k) would take for background.

    Calculated chi(k) has what autobk removes from measured spectra, shells and errors of the muffin
    tin below R = rbkg; this removes it. The spline, its knots and the clamps are those of
    `fit_background`, whose solution is linear in mu once nothing is left below rbkg.

    Parameters
    ----------
    k
        Wave number from 0 to where the measurement ends, in steps of ``settings.kstep``, 1/Å; shape
        (n_k,).
    chi
        chi(k) of any number of spectra; shape (..., n_k).
    window
        Window of the transform in the fit.
    settings
        Parameters of autobk; its own ``window`` and ``kmax`` are not looked at.

    Returns
    -------
    numpy.ndarray
        Shape (..., n_k).

    Raises
    ------
    ValueError
        If k is no such grid, or has more than nfft points.
    """
    if len(k) > settings.nfft or not np.allclose(k, settings.kstep * np.arange(len(k))):
        raise ValueError(f"k does not go from 0 in steps of {settings.kstep:g} 1/Å")
    left: np.ndarray = np.asarray(chi) @ _projector(len(k), window, settings).T
    return left


def as_larch(fitted: np.ndarray, clamped: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Return the coefficients at which larch stops, which may be a little before the least.

    Parameters
    ----------
    fitted, clamped
        chi(R) below rbkg, and chi(k) at both ends: of mu, and of each spline; shapes (n_r, 1 + n)
        and (n_ends, 1 + n).
    start
        First coefficients; shape (n,).

    Raises
    ------
    ValueError
        If they are not determined.
    """
    from scipy.optimize import leastsq

    found, covariance, *_ = leastsq(
        lambda coefficients: _residual(fitted, clamped, coefficients),
        start,
        maxfev=2000 * (len(start) + 5),
        gtol=0.0,
        ftol=1e-6,
        xtol=1e-6,
        epsfcn=1e-6,
        full_output=True,
    )
    if covariance is None:
        raise ValueError(_UNDETERMINED)
    solution: np.ndarray = found
    return solution


def at_least(fitted: np.ndarray, clamped: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Return the coefficients of the least residual, without scipy.

    The method is that of Levenberg and Marquardt; parameters and errors are those of `as_larch`.
    """
    coefficients, damping = start, 0.0
    residual = _residual(fitted, clamped, start)
    for _ in range(_TRIALS):
        slopes = _slopes(fitted, clamped, coefficients)
        sizes = np.linalg.norm(slopes, axis=0)
        rows = np.concatenate([slopes, np.diag(np.sqrt(damping) * sizes)])
        goal = np.concatenate([residual, np.zeros(len(start))])
        step, _, rank, _ = np.linalg.lstsq(rows, -goal)
        if rank < len(start):
            raise ValueError(_UNDETERMINED)
        tried = coefficients + step
        changed = _residual(fitted, clamped, tried)
        least, size = residual @ residual, changed @ changed
        if size <= least:
            coefficients, residual, damping = tried, changed, damping / 10
        else:
            damping = max(10 * damping, _FIRST_DAMPING)
        if abs(size - least) <= _SETTLED * least:
            break
    return coefficients


def _residual(fitted: np.ndarray, clamped: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Return what larch makes small: chi(R) below rbkg, and the clamped ends of chi(k)."""
    low_r = fitted[:, 0] - fitted[:, 1:] @ coefficients
    ends = clamped[:, 0] - clamped[:, 1:] @ coefficients
    return np.concatenate([low_r, _scale(low_r) * ends])


def _slopes(fitted: np.ndarray, clamped: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Return the derivatives of `_residual` by the coefficients."""
    low_r = fitted[:, 0] - fitted[:, 1:] @ coefficients
    ends = clamped[:, 0] - clamped[:, 1:] @ coefficients
    of_scale = -20 / len(low_r) * (low_r @ fitted[:, 1:])
    of_ends = np.outer(ends, of_scale) - _scale(low_r) * clamped[:, 1:]
    return np.concatenate([-fitted[:, 1:], of_ends])


def _scale(low_r: np.ndarray) -> float:
    return float(_CLAMPED + 10 * (low_r @ low_r) / len(low_r))


@lru_cache(maxsize=32)
def _waves(n_k: int, n_r: int, nfft: int) -> np.ndarray:
    """Return what weighted chi(k) is multiplied by to give the first n_r values of chi(R).

    Shape (2 * n_r, n_k): of all real parts, then of all imaginary ones.
    """
    phase = 2 * np.pi / nfft * np.outer(np.arange(n_r), np.arange(n_k))
    waves: np.ndarray = _TRANSFORM * np.concatenate([np.cos(phase), -np.sin(phase)])
    waves.flags.writeable = False
    return waves


@lru_cache(maxsize=32)
def _projector(n_k: int, window: Weigh, settings: AutobkSettings) -> np.ndarray:
    """Return what chi on the grid is multiplied by to lose its background; shape (n_k, n_k)."""
    k = settings.kstep * np.arange(n_k)
    kmax = float(k[-1])
    n_knots, n_r = _sizes(kmax, settings)
    at = _knots(settings.kmin, kmax, n_knots)
    basis = basis_splines(spline_knots(at), k)
    weight = window(k, settings.kmin, kmax) * k**settings.kweight
    clamps = np.zeros((n_k, n_k))
    n = settings.nclamp
    clamps[:n] += settings.clamp_lo * np.eye(n_k)[:n]
    clamps[n_k - n :] += settings.clamp_hi * np.eye(n_k)[n_k - n :]
    seen = np.concatenate([_waves(n_k, n_r, settings.nfft) * weight, _CLAMPED * clamps])
    projector: np.ndarray = np.eye(n_k) - basis @ (np.linalg.pinv(seen @ basis) @ seen)
    projector.flags.writeable = False
    return projector


def _sizes(kmax: float, settings: AutobkSettings) -> tuple[int, int]:
    """Return the number of knots, and of values of chi(R) that are fitted."""
    r_step = np.pi / (settings.kstep * settings.nfft)
    rbkg, k_range = max(settings.rbkg, 2 * r_step), kmax - settings.kmin
    n_knots = 1 + int(2 * rbkg * k_range / np.pi)
    return n_knots, int(1 + (n_knots - 1) * np.pi / (2 * r_step * k_range))


def _knots(kmin: float, kmax: float, n_knots: int) -> np.ndarray:
    n = max(5, min(128, n_knots))
    # Rounded as in larch: a knot midway between two points goes to the same of them.
    return kmin + np.arange(n) * (kmax - kmin) / (n - 1)


def _first_spline(k: np.ndarray, mu: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return knots and coefficients of a spline through smoothed mu at the points nearest `at`."""
    nearest = np.abs(k - at[:, None]).argmin(axis=1)
    after, before = np.minimum(len(k) - 1, nearest + 5), np.maximum(0, nearest - 5)
    x, y = k[nearest], (2 * mu[nearest] + mu[after] + mu[before]) / 4
    if not (np.diff(x) > 0).all():
        raise ValueError("the points of mu(E) lie too far apart for the spline")
    knots = spline_knots(x)
    return knots, np.linalg.solve(basis_splines(knots, x), y)
