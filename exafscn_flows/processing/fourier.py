"""chi(R), and the part of chi(k) that comes from a range of R."""

from functools import lru_cache

import numpy as np

from exafscn_flows.features.windows import hanning
from exafscn_flows.processing.settings import KSTEP

LARGEST_R = np.pi / (2 * KSTEP)
"""What steps of k can tell apart, Å."""


def band(chi: np.ndarray, rmin: float, rmax: float) -> np.ndarray:
    """Return what chi(k) has between two R.

    The straight line between its ends belongs to R = 0; without it, chi continues beyond its ends
    as an odd function, where it would begin and stop abruptly otherwise.

    Parameters
    ----------
    chi
        chi(k) in steps of `KSTEP`; shape (n_k,).
    rmin, rmax
        Range of R, Å.

    Returns
    -------
    numpy.ndarray
        Shape (n_k,).
    """
    n = len(chi)
    share, r = _grids(n)
    line = chi[0] + (chi[-1] - chi[0]) * share
    odd = np.zeros(2 * (n - 1))
    odd[1 : n - 1] = chi[1:-1] - line[1:-1]
    odd[n:] = -odd[n - 2 : 0 : -1]
    waves = np.fft.rfft(odd)
    waves[(r < rmin) | (r > rmax)] = 0
    part: np.ndarray = np.fft.irfft(waves, 2 * (n - 1))[:n]
    return part + line if rmin <= 0 else part


@lru_cache(maxsize=32)
def _grids(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the shares of the way from the first to the last of n points, and R of waves, Å."""
    share = np.arange(n) / (n - 1)
    grids = share, LARGEST_R * share
    for grid in grids:
        grid.flags.writeable = False
    return grids


def local_mean(values: np.ndarray, half: int) -> np.ndarray:
    """Return the mean of up to `half` values to either side of each; shape (n_k,)."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(len(values))
    low, high = np.maximum(at - half, 0), np.minimum(at + half + 1, len(values))
    mean: np.ndarray = (sums[high] - sums[low]) / (high - low)
    return mean


def magnitude(
    k: np.ndarray, chi: np.ndarray, kmin: float, kmax: float, r: np.ndarray
) -> np.ndarray:
    """Return |chi(R)|, with k² and a Hanning window whose edges are 1 1/Å wide.

    Parameters
    ----------
    k, chi
        Wave number in steps of `KSTEP`, 1/Å, and chi(k); shape (n_k,).
    kmin, kmax
        Range, 1/Å.
    r
        Distances without phase shift, Å; shape (n_r,).

    Returns
    -------
    numpy.ndarray
        In 1/Å³, in the normalisation of larch; shape (n_r,).
    """
    weighted = chi * k**2 * hanning(k, kmin, kmax, 1.0)
    size: np.ndarray = np.abs(np.exp(2j * r[:, None] * k) @ weighted) * KSTEP / np.sqrt(np.pi)
    return size
