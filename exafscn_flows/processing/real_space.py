"""What models of measured spectra see of chi(k): chi(R), its size apart from its shape.

The amplitude of a measurement says more of its temperature than of the number of neighbours, so
chi(R) is divided by its root mean square, whose logarithm is one more number.
"""

from functools import lru_cache

import numpy as np

from exafscn_flows.features.spline_background import ETOK
from exafscn_flows.features.windows import hanning
from exafscn_flows.processing.settings import KSTEP

R = 0.8 + 0.09 * np.arange(43)
"""Å; shells up to about 5 Å, since phases make R 0.3 to 0.5 Å too short."""

KWEIGHT = 2
DK = 1.0
"""Power of k, and width of the edges of the Hanning window, 1/Å, of the transform."""

N_SHOWN = 3 * len(R) + 3
"""Numbers that `shown` gives."""

_LEAST_RMS = 1e-9
"""Of chi(R); below it there is nothing to see, and nothing is divided by 0."""


def grid(n_k: int) -> np.ndarray:
    """Return k from 0 in steps of 0.05 1/Å, float32, shape (n_k,)."""
    k: np.ndarray = (KSTEP * np.arange(n_k)).astype(np.float32)
    return k


def shown(chi: np.ndarray, kmin: np.ndarray, kmax: np.ndarray) -> np.ndarray:
    """Return what is seen of chi(k) in a range of k.

    Parameters
    ----------
    chi
        chi(k) from k = 0 in steps of 0.05 1/Å, shape (n, n_k).
    kmin, kmax
        Ranges, 1/Å, shape (n,).

    Returns
    -------
    numpy.ndarray
        Real part, imaginary part and absolute value of chi(R) at `R`, divided by the root mean
        square of chi(R); the logarithm of that; kmin and kmax. Float32, shape (n, N_SHOWN).
    """
    kmin, kmax = (np.asarray(one, dtype=np.float32)[:, None] for one in (kmin, kmax))
    k = grid(chi.shape[1])
    weighted = chi.astype(np.float32) * (hanning(k, kmin, kmax, DK) * k**KWEIGHT)
    chir = weighted.astype(np.float32) @ _waves(chi.shape[1])
    real, imaginary = np.split(chir, 2, axis=1)
    size = np.hypot(real, imaginary)
    rms = np.sqrt((size**2).mean(axis=1, keepdims=True)) + np.float32(_LEAST_RMS)
    found = np.hstack([real / rms, imaginary / rms, size / rms, np.log(rms), kmin, kmax])
    return found.astype(np.float32)


@lru_cache(maxsize=32)
def _waves(n_k: int) -> np.ndarray:
    """Return what weighted chi(k) is multiplied by to give real and imaginary chi(R)."""
    phase = 2 * KSTEP * np.arange(n_k)[:, None] * R
    waves = np.hstack([np.cos(phase), np.sin(phase)]) * KSTEP / np.sqrt(np.pi)
    found: np.ndarray = waves.astype(np.float32)
    found.flags.writeable = False
    return found


def with_e0_moved(
    chi: np.ndarray, by: np.ndarray | float, stretch: np.ndarray | float = 0.0
) -> np.ndarray:
    """Return chi(k) as it is if E0 is taken to be higher.

    What is at k is then what was at k' with k'^2 = k^2 + 2m/ħ² ΔE0.

    Parameters
    ----------
    chi
        chi(k) from k = 0 in steps of 0.05 1/Å, shape (n, n_k).
    by
        By how much E0 is raised, eV: one number, or shape (n,).
    stretch
        Share by which k' is greater still, as if distances were so much longer; shape (n,), where
        `by` has that, too.

    Returns
    -------
    numpy.ndarray
        Shape (n, n_k), by cubics through the four nearest points. Beyond an end of the data, the
        value at the end.
    """
    n, n_k = chi.shape
    if isinstance(by, np.ndarray):
        shares = np.broadcast_to(np.asarray(stretch, dtype=np.float32), (n,))[:, None]
        first, cubic = _moved(n_k, by.astype(np.float32)[:, None], shares)
    else:
        first, cubic = _all_moved(n_k, by)
    values, at = np.ascontiguousarray(chi).ravel(), first + n_k * np.arange(n)[:, None]
    found: np.ndarray = (
        values[at - 1] * cubic[0]
        + values[at] * cubic[1]
        + values[at + 1] * cubic[2]
        + values[at + 2] * cubic[3]
    )
    return found


def _moved(n_k: int, by: np.ndarray, stretch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the second of the four points around each k', and what they are multiplied by.

    Parameters
    ----------
    n_k
        Number of points of chi(k).
    by, stretch
        As of `with_e0_moved`; float32, shape (n, 1).

    Returns
    -------
    first, cubic
        Shape (n, n_k); and float32, shape (4, n, n_k).
    """
    true = np.sqrt(np.maximum(grid(n_k) ** 2 + np.float32(ETOK) * by, 0)) * (1 + stretch)
    place = np.clip(true / np.float32(KSTEP), 0, n_k - 1)
    first = np.clip(place.astype(np.int64), 1, n_k - 3)
    t = (place - first).astype(np.float32)
    cubic = (
        -t * (t - 1) * (t - 2) / 6,
        (t + 1) * (t - 1) * (t - 2) / 2,
        -t * (t + 1) * (t - 2) / 2,
        t * (t + 1) * (t - 1) / 6,
    )
    return first, np.stack(cubic)


@lru_cache(maxsize=32)
def _all_moved(n_k: int, by: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the same where E0 is raised by as much in all spectra."""
    first, cubic = _moved(n_k, np.full((1, 1), by, dtype=np.float32), np.zeros((1, 1), np.float32))
    for one in (first, cubic):
        one.flags.writeable = False
    return first, cubic
