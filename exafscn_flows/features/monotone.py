"""Cubics between points that do not overshoot, in numpy: scipy is slow to import."""

import numpy as np


def interpolate(x: np.ndarray, y: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the values of cubics through points; between two of them, they stay between theirs.

    Their slopes at the points are weighted harmonic means of the slopes on both sides (Fritsch and
    Butland, SIAM J. Sci. Stat. Comput. 5, 300, 1984), as in scipy's ``PchipInterpolator``.

    Parameters
    ----------
    x
        Ascending, shape (n,), n of 2 or more.
    y
        Shape (n,).
    wanted
        Where, from the first to the last x, shape (n_wanted,).

    Returns
    -------
    numpy.ndarray
        Shape (n_wanted,).
    """
    step = np.diff(x)
    rise = np.diff(y) / step
    slope = _slopes(step, rise)
    place = np.clip(np.searchsorted(x, wanted, side="right") - 1, 0, len(x) - 2)
    h = step[place]
    t = (wanted - x[place]) / h
    from_low = y[place] * (1 + 2 * t) + h * slope[place] * t
    from_high = y[place + 1] * (3 - 2 * t) + h * slope[place + 1] * (t - 1)
    found: np.ndarray = from_low * (1 - t) ** 2 + from_high * t**2
    return found


def _slopes(step: np.ndarray, rise: np.ndarray) -> np.ndarray:
    """Return the slope at each point, shape (n,)."""
    if len(step) == 1:
        return np.repeat(rise, 2)
    slope = np.zeros(len(step) + 1)
    low, high = rise[:-1], rise[1:]
    # At a turn, and beside a flat piece, it is flat.
    rises = np.flatnonzero(low * high > 0)
    before = 2 * step[1:] + step[:-1]
    after = step[1:] + 2 * step[:-1]
    mean = before[rises] / low[rises] + after[rises] / high[rises]
    slope[rises + 1] = (before + after)[rises] / mean
    slope[0] = _at_end(step[0], step[1], rise[0], rise[1])
    slope[-1] = _at_end(step[-1], step[-2], rise[-1], rise[-2])
    return slope


def _at_end(step: float, next_step: float, rise: float, next_rise: float) -> float:
    """Return the slope at an end: that of a parabola, unless it would overshoot."""
    slope = ((2 * step + next_step) * rise - step * next_rise) / (step + next_step)
    if np.sign(slope) != np.sign(rise):
        return 0.0
    if np.sign(rise) != np.sign(next_rise) and abs(slope) > 3 * abs(rise):
        return 3 * rise
    return slope
