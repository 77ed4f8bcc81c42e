"""Averages over the points of dense scans, as quick scans are."""

import numpy as np

from exafscn_flows.features.spline_background import ETOK
from exafscn_flows.processing.quick import median
from exafscn_flows.processing.settings import KSTEP

PRE_EDGE_STEP = 2.0
EDGE_STEP = 0.5
"""Steps of energy before and at the edge, eV."""

_EDGE_FROM = -30.0
_EXAFS_FROM = 2.0
"""Where the edge begins, eV relative to E0, and where the EXAFS does, 1/Å. There, steps of k of
0.05 1/Å are 0.8 eV."""

_DENSE = 2.0
"""From so many points in a step of the EXAFS on, in the median, a scan is dense."""


def is_dense(energy: np.ndarray, e0: float) -> bool:
    """Tell whether the points of the EXAFS lie closer than steps of 0.05 1/Å need."""
    k = np.sqrt(ETOK * np.maximum(energy - e0, 0))
    steps = np.diff(k[k >= _EXAFS_FROM])
    return len(steps) > 0 and float(median(steps)) * _DENSE <= KSTEP


def rebin(energy: np.ndarray, mu: np.ndarray, e0: float) -> tuple[np.ndarray, np.ndarray]:
    """Average energy and mu in steps of 2 eV, 0.5 eV at the edge, and 0.05 1/Å in the EXAFS.

    Parameters
    ----------
    energy, mu
        Energy in ascending order, eV, and absorption; shape (n_e,).
    e0
        Energy of the edge, eV.

    Returns
    -------
    tuple of numpy.ndarray
        Mean energies and mean mu of the steps that have points; shape (n_bins,).
    """
    start = e0 + _EXAFS_FROM**2 / ETOK
    before = np.arange(e0 + _EDGE_FROM, energy[0] - PRE_EDGE_STEP, -PRE_EDGE_STEP)[::-1]
    at = np.arange(e0 + _EDGE_FROM, start, EDGE_STEP)[1:]
    last = np.sqrt(ETOK * max(energy[-1] - e0, 0.0))
    # Grid points of chi(k) are in the middle.
    after = e0 + np.arange(_EXAFS_FROM + KSTEP / 2, last + KSTEP, KSTEP) ** 2 / ETOK
    bins = np.searchsorted(np.concatenate([before, at, after]), energy, side="right")
    # Numbered without gaps.
    bins = np.cumsum(np.append(0, np.diff(bins) > 0))
    counts = np.bincount(bins)
    return np.bincount(bins, energy) / counts, np.bincount(bins, mu) / counts
