"""Weights of classes as they are kept."""

from collections.abc import Mapping
from typing import TypeVar

DIGITS = 4
"""Decimals of weights and lengths: beyond them there is only numerical noise."""

K = TypeVar("K")


def shares(weights: Mapping[K, float], largest: K) -> dict[K, float]:
    """Return what each weight is of them all, as `rounded` does.

    Parameters
    ----------
    weights
        Not negative, and not all 0.
    largest
        Whose weight takes the remainder.
    """
    total = sum(weights.values())
    return rounded({key: weight / total for key, weight in weights.items()}, largest)


def rounded(weights: Mapping[K, float], largest: K | None = None) -> dict[K, float]:
    """Round weights to a sum of 1, and leave out those that vanish.

    Parameters
    ----------
    weights
        Not negative, sum about 1.
    largest
        Whose weight takes the remainder; by default the first of the largest.
    """
    found = {key: round(float(weight), DIGITS) for key, weight in weights.items()}
    taker = max(found, key=lambda key: found[key]) if largest is None else largest
    rest = sum(weight for key, weight in found.items() if key != taker)
    found[taker] = round(1.0 - rest, DIGITS)
    return {key: weight for key, weight in found.items() if weight > 0}
