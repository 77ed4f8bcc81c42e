"""Orders of predictions, and pages in them.

A page begins after a position, the sort value and the site of the row before it, and is found by a
range of an index: the thousandth page costs what the first one does, and no row is shown twice or
left out because others were written meanwhile.
"""

import base64
import heapq
import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from math import isfinite
from typing import Any, Self

from exafscn_flows.errors import UsageError


class Order(StrEnum):
    """Which predictions come first; those that are equal in it are ordered by site."""

    PROBABILITY = "probability"  # the highest
    EXPECTED_ERROR = "expected_error"  # the least
    DOUBTFUL = "doubtful"  # the largest expected error
    SITE = "site"

    @classmethod
    def named(cls, name: str) -> Self:
        """Return the order of a name.

        Raises
        ------
        UsageError
            If there is none.
        """
        try:
            return cls(name)
        except ValueError:
            raise UsageError(f"sort: {name!r} is none of {', '.join(cls)}") from None


Sort = list[tuple[str, int]]
Conditions = dict[str, dict[str, Any]]

SORTS: dict[Order, Sort] = {
    Order.PROBABILITY: [("probability", -1), ("site", 1)],
    Order.EXPECTED_ERROR: [("expected_error", 1), ("site", 1)],
    Order.DOUBTFUL: [("expected_error", -1), ("site", -1)],
    Order.SITE: [("site", 1)],
}
"""Fields by which each order sorts, with their directions; the last one is unique."""


def position_after(row: Mapping[str, Any], order: Order) -> str:
    """Return the token of the position behind a row: what a user gives to see the next page."""
    position = [order, *(row[field] for field, _ in SORTS[order])]
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def ranges(order: Order, after: str | None) -> list[tuple[Conditions, Sort]]:
    """Split what follows a position into ranges that an index gives one after the other.

    Rows with the sort value of the position come first, by site, then those with other values.
    One condition for both would make MongoDB begin at the first row of all.

    Returns
    -------
    list of tuple
        Conditions on the fields of the order, and the sort within them.

    Raises
    ------
    UsageError
        If the token is damaged, or of another order.
    """
    sort = SORTS[order]
    if after is None:
        return [({}, sort)]
    position = _decode(order, after)
    beyond = {field: {"$gt" if way > 0 else "$lt": position[field]} for field, way in sort}
    (first, _), *rest = sort
    if not rest:
        return [(beyond, sort)]
    tied: Conditions = {first: {"$eq": position[first]}, "site": beyond["site"]}
    return [(tied, rest), ({first: beyond[first]}, sort)]


def merged(streams: list[Iterator[dict[str, Any]]], sort: Sort) -> Iterator[dict[str, Any]]:
    """Merge documents from streams, each of which is sorted.

    Parameters
    ----------
    streams
        Without a document that two of them hold.
    sort
        One of :data:`SORTS`, or its end: only numbers descend beside what ascends.
    """
    if len(streams) == 1:
        return streams[0]
    descending = all(way < 0 for _, way in sort)  # a text has no negative

    def position(row: dict[str, Any]) -> list[Any]:
        return [-row[field] if way < 0 and not descending else row[field] for field, way in sort]

    return heapq.merge(*streams, key=position, reverse=descending)


def _decode(order: Order, token: str) -> dict[str, Any]:
    try:
        padded = token.encode("ascii") + b"=" * (-len(token) % 4)
        position = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        position = None
    match position:
        case [str(made_for), *_] if made_for in SORTS and made_for != order:
            raise UsageError(f"that page is one of the order '{made_for}', not '{order}'")
        case [str(made_for), str(site)] if made_for == order == Order.SITE:
            return {"site": site}
        case [str(made_for), float(value), str(site)] if made_for == order and isfinite(value):
            return {SORTS[order][0][0]: value, "site": site}
    raise UsageError(f"{token[:80]!r} is not the token of a page: copy what the last page shows")
