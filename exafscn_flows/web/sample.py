"""Predictions that stand for all that meet some conditions, for figures."""

from itertools import pairwise
from typing import Any

import numpy as np

from exafscn_flows.store.conditions import PredictionQuery
from exafscn_flows.store.pages import Order, position_after
from exafscn_flows.store.queries import find_page
from exafscn_flows.store.store import Store
from exafscn_flows.store.values import LARGEST_VALUE

_PARTS = 10

Row = dict[str, Any]


def spread_rows(store: Store, query: PredictionQuery, most: int) -> tuple[list[Row], bool]:
    """Return rows, all of them or as many from each tenth of probability or value.

    The first ones alone would all be the most certain ones. Each tenth is found by an index, so it
    takes as long among a million as among a thousand.

    Parameters
    ----------
    most
        Rows, at most.

    Returns
    -------
    list of dict, and whether these are all there are
    """
    first = find_page(store, query, limit=most)
    if first.after is None:
        return first.rows, True
    task, kind = first.target.task, first.target.values
    if task == "curves":
        return first.rows, False
    least: Any = "" if kind is str else -LARGEST_VALUE
    start: Row = {"disagrees": False, "value": least, "site": ""}
    if task == "classes":
        order, name = Order.PROBABILITY, "probability"
        # Probabilities have three decimals.
        edges = np.linspace(1, 0, _PARTS + 1).round(3)
    else:
        order, name = Order.VALUE, "value"
        ends = [
            find_page(store, query, end, limit=1).rows[0]["value"]
            for end in (Order.VALUE, Order.LARGEST)
        ]
        edges = np.linspace(ends[0], ends[1], _PARTS + 1)
    found: list[Row] = []
    for begin, end in pairwise(edges):
        after = position_after({**start, name: float(begin)}, order)
        rows = find_page(store, query, order, after=after, limit=most // _PARTS).rows
        is_last = end == edges[-1]
        for row in rows:
            # The next tenth begins there.
            beyond = row[name] <= end if task == "classes" else row[name] >= end
            if not beyond or is_last:
                found.append(row)
    return found, False
