"""Predictions of all campaigns in one order, page by page."""

import base64
import heapq
import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from exafscn_flows.errors import UsageError
from exafscn_flows.store.conditions import PredictionQuery
from exafscn_flows.store.everywhere import searched
from exafscn_flows.store.pages import SORTS, Order, position_after
from exafscn_flows.store.queries import Page, check_limit, find_predictions
from exafscn_flows.store.store import Store

_LARGEST = "\U0010ffff"
"""No name has a character behind this one."""


class _Position(NamedTuple):
    """Row that a page begins after: its token in its campaign, and this."""

    token: str
    row: dict[str, Any]
    campaign: str


def find_page_of_all(
    store: Store,
    conditions: Mapping[str, Any],
    order: Order | None = None,
    *,
    after: str | None = None,
    limit: int,
) -> Page:
    """Find predictions of all campaigns that have what is asked for.

    Those that are equal in the order are ordered by the names of their campaigns.

    Parameters
    ----------
    conditions
        Of `PredictionQuery`, by name. Where no target is named, it is the one that the campaign run
        last means.
    order, after, limit
        As of `find_page`; the token is of this function.

    Returns
    -------
    Page
        Rows have `campaign`, too.

    Raises
    ------
    UsageError
        If no campaign has what is asked for, or the token is none of this order.
    """
    limit = check_limit(limit)
    searches, _ = searched(store, conditions, order)
    target = next(iter(searches.values())).target
    queries = [PredictionQuery(campaign=name, **conditions) for name in sorted(searches)]
    sorted_by = target.order(order)
    position = None if after is None else _decoded(after, sorted_by)
    streams = [_rows(store, query, sorted_by, position, limit + 1) for query in queries]
    sort = SORTS[sorted_by]
    descending = all(way < 0 for _, way in sort)

    def place(row: dict[str, Any]) -> list[Any]:
        return [-row[name] if way < 0 and not descending else row[name] for name, way in sort]

    merged = heapq.merge(*streams, key=place, reverse=descending)
    rows = list(islice(merged, limit + 1))
    more = len(rows) > limit
    return Page(rows[:limit], _encoded(rows[limit - 1], sorted_by) if more else None, target)


def _rows(
    store: Store, query: PredictionQuery, order: Order, position: _Position | None, limit: int
) -> Iterator[dict[str, Any]]:
    """Yield the rows of one campaign that come after a position."""
    token = None if position is None else position.token
    if position is not None and query.campaign > position.campaign:
        # What is equal to the row, but for the campaign, comes after it.
        token = position_after(_just_before(position.row, order), order)
    for row in find_predictions(store, query, order, after=token, limit=limit):
        yield {"campaign": query.campaign, **row}


def _just_before(row: dict[str, Any], order: Order) -> dict[str, Any]:
    """Return a position with nothing between it and a row."""
    name, way = SORTS[order][-1]
    site: str = row[name]
    if way < 0:
        return {**row, name: f"{site}\0"}
    return {**row, name: f"{site[:-1]}{chr(ord(site[-1]) - 1)}{_LARGEST}" if site else ""}


def _encoded(row: Mapping[str, Any], order: Order) -> str:
    token = position_after(row, order)
    found = json.dumps([token, row["campaign"]]).encode()
    return base64.urlsafe_b64encode(found).decode().rstrip("=")


def _decoded(token: str, order: Order) -> _Position:
    try:
        found = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        inner, campaign = found
        values = json.loads(base64.urlsafe_b64decode(inner + "=" * (-len(inner) % 4)))
        row = dict(zip((name for name, _ in SORTS[order]), values[1:], strict=True))
        if not isinstance(campaign, str) or not isinstance(row["site"], str):
            raise ValueError
    except (ValueError, TypeError, RecursionError, KeyError):
        raise UsageError(
            f"{token[:80]!r} is not the token of a page: copy what the last page shows"
        ) from None
    return _Position(inner, row, campaign)
