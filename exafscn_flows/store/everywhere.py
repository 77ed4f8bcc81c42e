"""Predictions of all campaigns of a database, in one order."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from exafscn_flows.errors import UsageError
from exafscn_flows.store.asked import AskedTarget
from exafscn_flows.store.conditions import PredictionQuery
from exafscn_flows.store.pages import Order, position_after
from exafscn_flows.store.queries import (
    COLUMNS,
    Page,
    Search,
    check_limit,
    found_rows,
    search_for,
)
from exafscn_flows.store.store import Store

if TYPE_CHECKING:
    import pandas as pd

ALL_COLUMNS = ("campaign", *COLUMNS)
"""Columns of every result, in this order."""


@dataclass(frozen=True)
class Everywhere:
    """How predictions are found in all campaigns.

    Rows have a value for each of :data:`ALL_COLUMNS`; those that are equal in the order are ordered
    by the names of their campaigns.

    Attributes
    ----------
    target, order
        What is predicted, and what comes first.
    searches
        By the names of the campaigns, in their order.
    passed_over
        Why others are not searched, by their names: they have no such target, absorber or model.
    """

    target: AskedTarget
    order: Order
    searches: dict[str, Search]
    passed_over: dict[str, str]

    def rows(self, store: Store, limit: int | None = None) -> Iterator[dict[str, Any]]:
        """Stream what is found.

        Parameters
        ----------
        limit
            Most results, at least 1; by default all.

        Raises
        ------
        UsageError
            If the limit is out of range.
        """
        if limit is not None:
            limit = check_limit(limit)
        return found_rows(store, list(self.searches.values()), limit, named=True)

    def page(self, store: Store, limit: int) -> Page:
        """Return at most `limit` results, and the token of the next ones.

        Raises
        ------
        UsageError
            If the limit is out of range.
        """
        rows = list(self.rows(store, check_limit(limit) + 1))
        more = len(rows) > limit
        return Page(
            rows[:limit], _encoded(rows[limit - 1], self.order) if more else None, self.target
        )


def search_everywhere(
    store: Store,
    conditions: Mapping[str, Any],
    order: Order | None = None,
    after: str | None = None,
) -> Everywhere:
    """Find out how predictions are found in all campaigns.

    Parameters
    ----------
    conditions
        Fields of PredictionQuery but the campaign. Where no target is named, it is the one that
        the campaign run last means.
    order
        As of `find_predictions`.
    after
        Token of a page of all campaigns; by default they are searched from the beginning.

    Raises
    ------
    UsageError
        If the token is none, or there is no campaign, or none in which this can be asked: for the
        reason that the campaign run last has.
    """
    position = None if after is None else _decoded(after)
    latest = store.latest_campaign()
    searches: dict[str, Search] = {}
    passed_over: dict[str, UsageError] = {}
    for name in store.campaign_names():
        token = None if position is None else position.token
        # What is equal to the row before, but for the campaign, comes after it.
        keeps = position is not None and name > position.campaign
        query = PredictionQuery(campaign=name, **conditions)
        try:
            searches[name] = search_for(store, query, order, token, keeps=keeps)
        except UsageError as error:
            passed_over[name] = error
    if not searches:
        raise passed_over[latest]
    # One order for all needs values of one kind.
    first = searches.get(latest) or next(iter(searches.values()))
    for name, search in list(searches.items()):
        if _kind(search) != _kind(first):
            del searches[name]
            passed_over[name] = UsageError(f"it asks for {_described(search.target)}")
    reasons = {name: str(error) for name, error in passed_over.items()}
    return Everywhere(first.target, first.order, searches, reasons)


def _kind(search: Search) -> tuple[Any, ...]:
    target = search.target
    return target.name, target.task, target.values


def _described(target: AskedTarget) -> str:
    values = {int: "whole numbers", float: "numbers", str: "names"}[target.values]
    what = "curves" if target.task == "curves" else values
    return f"{target.name}, whose values are {what}"


class _Position(NamedTuple):
    """Row that a page begins after: its token in its campaign, and that."""

    token: str
    campaign: str


def _encoded(row: Mapping[str, Any], order: Order) -> str:
    found = json.dumps([position_after(row, order), row["campaign"]]).encode()
    return base64.urlsafe_b64encode(found).decode().rstrip("=")


def _decoded(token: str) -> _Position:
    try:
        found = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, RecursionError):
        found = None
    match found:
        case [str(inner), str(campaign)]:
            return _Position(inner, campaign)
    raise UsageError(f"{token[:80]!r} is not the token of a page: copy what the last page shows")


def all_predictions(
    *,
    store: Store | None = None,
    sort: str | None = None,
    after: str | None = None,
    limit: int | None = None,
    **conditions: Any,
) -> "pd.DataFrame":
    """Out-of-fold predictions of all campaigns that meet conditions.

    Parameters
    ----------
    store
        Where the campaigns are kept; by default the database of the settings.
    sort, after, limit
        As of `Campaign.predictions`.
    conditions
        Others of its parameters.

    Returns
    -------
    pandas.DataFrame
        Columns as in :data:`ALL_COLUMNS`. ``attrs["campaigns"]`` names those that were searched;
        with a limit, ``attrs["after"]`` is where the next page begins, None if there is none.

    Raises
    ------
    UsageError
        As `search_everywhere` says, or if there is no such condition.
    """
    import pandas as pd

    unknown = sorted(
        conditions.keys() - (PredictionQuery.__dataclass_fields__.keys() - {"campaign"})
    )
    if unknown:
        raise UsageError(
            f"{unknown[0]}: there is no such condition on predictions of all campaigns"
        )
    order = None if sort is None else Order.named(sort)
    store = store or Store.open()
    found = search_everywhere(store, conditions, order, after)
    page = None if limit is None else found.page(store, limit)
    rows = found.rows(store) if page is None else page.rows
    frame = pd.DataFrame(list(rows), columns=list(ALL_COLUMNS))
    frame.attrs["campaigns"] = list(found.searches)
    if page is not None:
        frame.attrs["after"] = page.after
    return frame
