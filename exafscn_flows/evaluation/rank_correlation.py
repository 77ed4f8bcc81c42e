"""Rank correlations, and how often chance does as well."""

from itertools import permutations
from math import factorial

import numpy as np

EXACT = 5040
"""Permutations of which all are tried; of more, as many are drawn."""


def spearman(x: np.ndarray, y: np.ndarray) -> float | None:
    """Return Spearman's rank correlation, with mean ranks of equal values; None of constants."""
    ranks = np.stack([_ranks(np.asarray(one, dtype=np.float64)) for one in (x, y)])
    ranks -= ranks.mean(axis=1, keepdims=True)
    sizes = np.sqrt((ranks**2).sum(axis=1))
    if len(ranks[0]) < 2 or not sizes.all():
        return None
    return float((ranks[0] * ranks[1]).sum() / sizes.prod())


def _ranks(values: np.ndarray) -> np.ndarray:
    _, place, n = np.unique(values, return_inverse=True, return_counts=True)
    ranks: np.ndarray = (np.cumsum(n) - (n - 1) / 2)[place]
    return ranks


def mantel(
    similarity: np.ndarray, distance: np.ndarray, rng: np.random.Generator
) -> tuple[float, float] | None:
    """Tell whether things are the more similar, the nearer they are.

    Pairs of a few things are not independent; names of the things may be exchanged if there is
    nothing to find (Mantel, Cancer Research 27, 209 (1967), with ranks).

    Parameters
    ----------
    similarity, distance
        Symmetric, shape (n, n).
    rng
        Draws permutations if there are too many.

    Returns
    -------
    tuple or None
        Rank correlation over the pairs, and the share of permutations of the names, that of the
        data among them, in which it is as low or lower. None for fewer than four things, or if one
        of both is the same for all pairs.
    """
    n = len(similarity)
    pairs = np.triu_indices(n, 1)
    if n < 4 or (rho := spearman(similarity[pairs], distance[pairs])) is None:
        return None
    if factorial(n) <= EXACT:
        orders = [np.array(order) for order in permutations(range(n))]
    else:
        orders = [np.arange(n), *(rng.permutation(n) for _ in range(EXACT - 1))]
    # The ranks stay the same, whatever the order.
    ranks = np.zeros((n, n))
    ranks[pairs] = _ranks(distance[pairs])
    ranks += ranks.T
    own = _ranks(similarity[pairs])
    own -= own.mean()
    sums = np.array([(own * ranks[np.ix_(order, order)][pairs]).sum() for order in orders])
    actual = (own * ranks[pairs]).sum()
    return rho, float((sums <= actual + 1e-9 * np.abs(actual)).mean())
