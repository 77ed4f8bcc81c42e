"""Predictions that stand for all that searches find, for figures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from exafscn_flows.store.pages import SORTS, Conditions, Order
from exafscn_flows.store.queries import Search, count_found, found_rows
from exafscn_flows.store.store import Store

_PARTS = 10

Row = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """Predictions that stand for others.

    Attributes
    ----------
    rows
        As of `found_rows`, each with its campaign.
    is_whole
        Whether these are all there are.
    """

    rows: list[Row]
    is_whole: bool


def sample(store: Store, searches: Sequence[Search], most: int) -> Sample:
    """Return all that is found, or as much from each tenth of probability or value.

    The first ones alone would all be the most certain ones. Each tenth is a range of an index, so
    it takes as long among a million as among a thousand.

    Parameters
    ----------
    searches
        Of one target, from the beginning on.
    most
        Rows, at most.
    """
    if count_found(store, searches, most + 1) <= most:
        return Sample([*found_rows(store, searches, None, named=True)], is_whole=True)
    if searches[0].target.task == "curves":
        return Sample([*found_rows(store, searches, most, named=True)], is_whole=False)
    rows = [
        row
        for order, limits in _tenths(store, searches)
        for row in found_rows(
            store, [one.within(order, limits) for one in searches], most // _PARTS, named=True
        )
    ]
    return Sample(rows, is_whole=False)


def _tenths(store: Store, searches: Sequence[Search]) -> Iterator[tuple[Order, Conditions]]:
    """Yield an order and limits of its first field; together they hold all of it."""
    if searches[0].target.task == "classes":
        # Probabilities have three decimals.
        edges = np.linspace(1, 0, _PARTS + 1).round(3).tolist()
        for high, low in pairwise(edges):
            # Nothing is beyond the last one, and what is asked for may begin above it.
            yield Order.PROBABILITY, {"$lte": high, **({"$gt": low} if low > 0 else {})}
        return
    first, last = (_first(store, searches, order) for order in (Order.VALUE, Order.LARGEST))
    # Where all are equal, that is one part.
    edges = np.unique(np.linspace(first, last, _PARTS + 1)).tolist()
    for low, high in pairwise(edges if len(edges) > 1 else [first, last]):
        yield Order.VALUE, {"$gte": low, "$lte" if high == last else "$lt": high}


def _first(store: Store, searches: Sequence[Search], order: Order) -> float:
    (row,) = found_rows(store, [one.within(order) for one in searches], 1)
    return float(row[SORTS[order][0][0]])
