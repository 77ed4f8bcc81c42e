"""How alike sites are, by their distance and their absorbers."""

from collections.abc import Iterator

import numpy as np

ROWS = 1024
"""Rows that are compared with the sites at once, so that any number takes little memory."""


def likeness(
    units: np.ndarray,
    absorbers: np.ndarray,
    others: np.ndarray,
    other_absorbers: np.ndarray,
    shared: float,
) -> np.ndarray:
    """Return how alike rows are, 0 to 1, float64, shape (n, n_others).

    It is exp(-d), d their Euclidean distance: the Matérn kernel of order 1/2 (Rasmussen and
    Williams, Gaussian Processes for Machine Learning, section 4.2.1). Neighbours count by their
    distance even where they are close, unlike with a Gaussian, and labels change abruptly.

    Parameters
    ----------
    units, others
        Shape (n, n_inputs) and (n_others, n_inputs), in units of the kernel's width.
    absorbers, other_absorbers
        Their absorbers as 0 and 1, shape (n, n_absorbers) and (n_others, n_absorbers).
    shared
        What likeness is multiplied by if the absorbers differ.
    """
    found = distances(units, others)
    np.exp(np.negative(found, out=found), out=found)
    found *= worth(absorbers, other_absorbers, shared)
    return found


def distances(units: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the Euclidean distances of rows, float64, shape (n, n_others)."""
    units, others = units.astype(np.float64), others.astype(np.float64)
    squares = (units**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)[None]
    squares -= 2 * units @ others.T
    found: np.ndarray = np.sqrt(np.maximum(squares, 0, out=squares), out=squares)
    return found


def worth(absorbers: np.ndarray, others: np.ndarray, shared: float) -> np.ndarray:
    """Return what likeness counts for by the absorbers of rows, shape (n, n_others) or (1, 1)."""
    if not absorbers.shape[1]:
        return np.ones((1, 1))
    found: np.ndarray = shared + (1 - shared) * (absorbers @ others.T)
    return found


def blocks(n: int) -> Iterator[slice]:
    """Yield rows, `ROWS` at a time."""
    for start in range(0, n, ROWS):
        yield slice(start, min(start + ROWS, n))
