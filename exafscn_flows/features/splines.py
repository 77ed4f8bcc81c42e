"""Cubic splines, by numpy alone: importing scipy takes a second."""

import numpy as np

_BLOCK = 24
"""Rows of a tridiagonal system that are solved as one block."""


def spline_knots(x: np.ndarray) -> np.ndarray:
    """Return the knots of a cubic spline through points at x, all but the second and last but one.

    Parameters
    ----------
    x
        Ascending; shape (n,), 4 at least.

    Returns
    -------
    numpy.ndarray
        The first and last four times; shape (n + 4,).
    """
    return np.concatenate([[x[0]] * 4, x[2:-2], [x[-1]] * 4])


def basis_splines(knots: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the values of cubic B-splines, by the recursion of de Boor and Cox.

    Parameters
    ----------
    knots
        From `spline_knots`; shape (n + 4,).
    x
        Places; beyond the ends, the polynomials of the first and last piece go on; shape (n_x,).

    Returns
    -------
    numpy.ndarray
        Shape (n_x, n).
    """
    n = len(knots) - 4
    piece = np.clip(np.searchsorted(knots, x, side="right") - 1, 3, n - 1)
    values = np.zeros((4, len(x)))
    values[0] = 1
    for degree in range(1, 4):
        saved = np.zeros(len(x))
        for j in range(degree):
            left, right = knots[piece + 1 + j - degree], knots[piece + 1 + j]
            share = values[j] / (right - left)
            values[j] = saved + (right - x) * share
            saved = (x - left) * share
        values[degree] = saved
    basis = np.zeros((len(x), n))
    at = np.arange(len(x))
    for j in range(4):
        basis[at, piece - 3 + j] = values[j]
    return basis


def interpolate(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return cubic splines through points, whose two first pieces are one, and whose two last.

    Parameters
    ----------
    x
        Ascending; shape (n,), 5 at least.
    y
        Values of several curves; shape (n, n_curves).
    at
        Places, as in `basis_splines`; shape (n_at,).

    Returns
    -------
    numpy.ndarray
        Shape (n_at, n_curves).
    """
    h = np.diff(x)
    slope = np.diff(y, axis=0) / h[:, None]
    lower, upper = h[:-1].copy(), h[1:].copy()
    diagonal = 2 * (lower + upper)
    # The second derivatives at both ends follow from those of their neighbours.
    first, last = h[0] / h[1], h[-1] / h[-2]
    diagonal[0] += h[0] * (1 + first)
    upper[0] -= h[0] * first
    diagonal[-1] += h[-1] * (1 + last)
    lower[-1] -= h[-1] * last
    inner = _solve_tridiagonal(lower, diagonal, upper, 6 * np.diff(slope, axis=0))
    second = np.concatenate(
        [
            [inner[0] * (1 + first) - inner[1] * first],
            inner,
            [inner[-1] * (1 + last) - inner[-2] * last],
        ]
    )
    piece = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 2)
    width, right = h[piece], (at - x[piece]) / h[piece]
    left = 1 - right
    found: np.ndarray = (
        left[:, None] * y[piece]
        + right[:, None] * y[piece + 1]
        + ((left**3 - left) * width**2 / 6)[:, None] * second[piece]
        + ((right**3 - right) * width**2 / 6)[:, None] * second[piece + 1]
    )
    return found


def _solve_tridiagonal(
    lower: np.ndarray, diagonal: np.ndarray, upper: np.ndarray, right: np.ndarray
) -> np.ndarray:
    """Solve a tridiagonal system; ``lower[0]`` and ``upper[-1]`` are not looked at.

    Blocks of rows are solved at once, but for what they take of the last value of the block before
    and of the first of the block after, which are found from a small system.

    Parameters
    ----------
    lower, diagonal, upper
        Shape (n,).
    right
        Shape (n, m).
    """
    n, m = right.shape
    n_blocks = -(-n // _BLOCK)
    spare = n_blocks * _BLOCK - n
    lower, upper = (np.append(one, np.zeros(spare)) for one in (lower, upper))
    lower[0] = 0
    upper[n - 1] = 0
    blocks = np.zeros((n_blocks, _BLOCK, _BLOCK))
    row = np.arange(_BLOCK)
    low, up = lower.reshape(n_blocks, _BLOCK), upper.reshape(n_blocks, _BLOCK)
    blocks[:, row, row] = np.append(diagonal, np.ones(spare)).reshape(n_blocks, _BLOCK)
    blocks[:, row[1:], row[:-1]] = low[:, 1:]
    blocks[:, row[:-1], row[1:]] = up[:, :-1]
    sides = np.zeros((n_blocks, _BLOCK, m + 2))
    sides.reshape(-1, m + 2)[:n, :m] = right
    sides[:, 0, m] = low[:, 0]
    sides[:, -1, m + 1] = up[:, -1]
    solved = np.linalg.solve(blocks, sides)
    alone, before, after = solved[:, :, :m], solved[:, :, m], solved[:, :, m + 1]
    # Unknown are the first and the last value of every block.
    ends = np.eye(2 * n_blocks)
    at = np.arange(n_blocks)
    for row_of, place in ((2 * at, 0), (2 * at + 1, -1)):
        ends[row_of[1:], 2 * at[1:] - 1] = before[1:, place]
        ends[row_of[:-1], 2 * at[:-1] + 2] = after[:-1, place]
    found = np.linalg.solve(ends, alone[:, [0, -1]].reshape(2 * n_blocks, m))
    firsts, lasts = found[::2], found[1::2]
    none = np.zeros((1, m))
    previous, following = np.concatenate([none, lasts[:-1]]), np.concatenate([firsts[1:], none])
    whole: np.ndarray = (
        alone - before[:, :, None] * previous[:, None] - after[:, :, None] * following[:, None]
    )
    return whole.reshape(-1, m)[:n]
