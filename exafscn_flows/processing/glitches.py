"""Glitches of chi(k): single points far from what the atoms around the absorber can give."""

import numpy as np

from exafscn_flows.processing.fourier import band
from exafscn_flows.processing.quick import median
from exafscn_flows.processing.settings import KSTEP

LARGEST_R = 7.0
"""Below this, Å, is what atoms give."""

_DEVIATIONS = 7.0
"""So many local median absolute deviations from that make a glitch."""

_LEAST = 5e-4
"""Smallest glitch, in edge steps."""

_WINDOW = 1.5
"""What is local, to either side, 1/Å."""

_FROM = 2.0
"""Below this, 1/Å, the near edge has features as sharp as glitches."""

_MOST = 40
"""Where there are more, it is noise."""


def find_glitches(k: np.ndarray, chi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find glitches, the largest first, each after those before it are replaced.

    Parameters
    ----------
    k, chi
        Wave number in steps of 0.05 1/Å from 0 on, and chi(k); shape (n_k,).

    Returns
    -------
    glitches
        True where there is one; shape (n_k,).
    chi
        chi(k) with what lies below R = 7 Å in their place; shape (n_k,).
    """
    chi = chi.copy()
    replaced: list[int] = []
    inside = k >= _FROM
    smooth = band(chi, 0.0, LARGEST_R)
    # What a change of chi(k) by 1 at each of them changes of what is smooth, which is linear in it.
    parts = np.empty((_MOST, len(chi)))
    for number in range(_MOST):
        distance = np.abs(chi - smooth)
        distance[~inside] = 0
        distance[replaced] = 0
        excess = distance - np.maximum(_LEAST, _DEVIATIONS * _deviation(chi - smooth, inside))
        at = int(np.argmax(excess))
        if excess[at] <= 0:
            break
        replaced.append(at)
        alone = np.zeros(len(chi))
        alone[at] = 1
        parts[number] = band(alone, 0.0, LARGEST_R)
        some = parts[: number + 1]
        rings = some[:, replaced].T
        before, there = chi[replaced], smooth[replaced]
        now = before
        # What replaces them rings with the glitch itself until it has settled.
        for _ in range(8):
            now = there + rings @ (now - before)
        chi[replaced] = now
        smooth = smooth + (now - before) @ some
    glitches = np.zeros(len(chi), dtype=bool)
    glitches[replaced] = True
    return glitches, chi


def _deviation(rest: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return the local median absolute deviation; shape (n_k,)."""
    size = np.abs(rest)
    half = round(_WINDOW / KSTEP)
    first = int(np.argmax(inside))
    width = min(2 * half + 1, len(size) - first)
    # Medians of every fifth window are enough: neighbouring ones share nearly all their points.
    windows = np.lib.stride_tricks.sliding_window_view(size[first:], width)[::5]
    medians = median(windows)
    centres = first + width // 2 + 5 * np.arange(len(medians))
    deviation: np.ndarray = np.interp(np.arange(len(size)), centres, medians)
    return deviation
