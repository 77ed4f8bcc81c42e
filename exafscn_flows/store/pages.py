"""Orders of predictions, and pages in them.

A page begins after a position, the sort values of the row before it, and is found by ranges of an
index: the thousandth page costs what the second one does, and no row is shown twice or left out
because others were written meanwhile.
"""

import base64
import heapq
import json
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from exafscn_flows.errors import UsageError
from exafscn_flows.store.values import is_value, text

if TYPE_CHECKING:  # help must not wait for it
    from exafscn_flows.targets.base import TaskName


class Order(StrEnum):
    """Which predictions come first.

    Those that are equal in it are ordered by whether they disagree, by value, and by site, so that
    an index that gives the order holds all with these values together.
    """

    PROBABILITY = "probability"  # the highest
    EXPECTED_ERROR = "expected_error"  # the least
    DOUBTFUL = "doubtful"  # the largest expected error
    VALUE = "value"  # the least
    LARGEST = "largest"  # the largest value

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
Conditions = dict[str, Any]

SORTS: dict[Order, Sort] = {
    Order.PROBABILITY: [("probability", -1), ("disagrees", 1), ("value", 1), ("site", 1)],
    Order.EXPECTED_ERROR: [("expected_error", 1), ("disagrees", 1), ("value", 1), ("site", 1)],
    Order.DOUBTFUL: [("expected_error", -1), ("disagrees", -1), ("value", -1), ("site", -1)],
    Order.VALUE: [("value", 1), ("disagrees", 1), ("site", 1)],
    Order.LARGEST: [("value", -1), ("disagrees", -1), ("site", -1)],
}
"""Fields by which each order sorts, with their directions; the last one is unique."""

OF_NUMBERS: Conditions = {"task": {"$eq": "numbers"}}
HELD: dict[Order, Conditions] = {
    Order.PROBABILITY: {"probability": {"$gte": 0}},
    Order.VALUE: OF_NUMBERS,
    Order.LARGEST: OF_NUMBERS,
}
"""What meets these conditions alone is in the index of an order, and is all that has the order."""

ORDERS: "dict[TaskName, tuple[Order, ...]]" = {
    "classes": (Order.PROBABILITY, Order.EXPECTED_ERROR, Order.DOUBTFUL),
    "numbers": (Order.EXPECTED_ERROR, Order.DOUBTFUL, Order.VALUE, Order.LARGEST),
    "curves": (Order.EXPECTED_ERROR, Order.DOUBTFUL),
}
"""Orders that predictions of a kind of target have; the first one is meant if none is named."""


def position_after(row: Mapping[str, Any], order: Order) -> str:
    """Return the token of the position behind a row: what a user gives to see the next page."""
    position = [order, *(row[field] for field, _ in SORTS[order])]
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def ranges(
    order: Order, after: str | None, *, keeps: bool = False
) -> list[tuple[Conditions, Sort]]:
    """Split what follows a position into ranges that an index gives one after the other.

    Rows that share all sort values with the position but the last come first, then those that share
    less. One condition for all would make MongoDB begin at the first row of all.

    Parameters
    ----------
    keeps
        Whether what is at the position itself follows it, too.

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
        beyond = "$gt" if way > 0 else "$lt"
        is_last = shared == len(sort) - 1
        conditions[field] = {f"{beyond}e" if keeps and is_last else beyond: position[field]}
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
        case [str(made_for), *values] if made_for == order and len(values) == len(SORTS[order]):
            found = dict(zip((field for field, _ in SORTS[order]), values, strict=True))
            # Curves have no value.
            may_lack = {"value"} if found.get("value") is None and order in ORDERS["curves"] else ()
            if all(field in may_lack or _IS[field](value) for field, value in found.items()):
                return found
    raise UsageError(f"{token[:80]!r} is not the token of a page: copy what the last page shows")


def _is_number(value: Any) -> bool:
    return isinstance(value, float) and is_value(value)


_IS: dict[str, Callable[[Any], bool]] = {
    "probability": _is_number,
    "expected_error": _is_number,
    "disagrees": lambda value: isinstance(value, bool),
    "value": is_value,
    "site": lambda value: isinstance(value, str),
}
"""Whether something can be the value of a field."""
