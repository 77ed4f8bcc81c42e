"""Orders of predictions, and pages in them.

A page begins after a position, the sort values of the row before it, and is found by ranges of an
index: the thousandth page costs what the second one does, and no row is shown twice or left out
because others were written meanwhile.
"""

import base64
import heapq
import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from math import isfinite
from typing import Any, Self

from exafscn_flows.errors import UsageError
from exafscn_flows.store.values import text


class Order(StrEnum):
    """Which predictions come first.

    Those that are equal in it are ordered by whether they disagree, by CN, and by site, so that an
    index that gives the order holds all with these values together.
    """

    PROBABILITY = "probability"  # the highest
    EXPECTED_ERROR = "expected_error"  # the least
    DOUBTFUL = "doubtful"  # the largest expected error

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
        except ValueError:  # also of what is no text
            raise UsageError(f"sort: {name!r} is none of {', '.join(cls)}") from None


Sort = list[tuple[str, int]]
Conditions = dict[str, dict[str, Any]]

SORTS: dict[Order, Sort] = {
    Order.PROBABILITY: [("probability", -1), ("disagrees", 1), ("cn", 1), ("site", 1)],
    Order.EXPECTED_ERROR: [("expected_error", 1), ("disagrees", 1), ("cn", 1), ("site", 1)],
    Order.DOUBTFUL: [("expected_error", -1), ("disagrees", -1), ("cn", -1), ("site", -1)],
}
"""Fields by which each order sorts, with their directions; the last one is unique."""

MOST_CN = 999
"""No atom has more neighbours, and MongoDB takes no whole number of any length."""


def position_after(row: Mapping[str, Any], order: Order) -> str:
    """Return the token of the position behind a row: what a user gives to see the next page."""
    position = [order, *(row[field] for field, _ in SORTS[order])]
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def ranges(order: Order, after: str | None) -> list[tuple[Conditions, Sort]]:
    """Split what follows a position into ranges that an index gives one after the other.

    Rows that share all sort values with the position but the last come first, then those that share
    less. One condition for all would make MongoDB begin at the first row of all.

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
    position = _decode(order, text("after", after))
    found: list[tuple[Conditions, Sort]] = []
    for shared in reversed(range(len(sort))):
        conditions: Conditions = {field: {"$eq": position[field]} for field, _ in sort[:shared]}
        field, way = sort[shared]
        conditions[field] = {"$gt" if way > 0 else "$lt": position[field]}
        found.append((conditions, sort[shared:]))
    return found


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
        case [str(made_for), float(value), bool(disagrees), int(cn), str(site)] if (
            made_for == order
            and isfinite(value)
            and not isinstance(cn, bool)
            and 0 <= cn <= MOST_CN
        ):
            return {SORTS[order][0][0]: value, "disagrees": disagrees, "cn": cn, "site": site}
    raise UsageError(f"{token[:80]!r} is not the token of a page: copy what the last page shows")
