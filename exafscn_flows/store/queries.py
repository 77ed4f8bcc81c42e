"""Screening queries on predictions."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from exafscn_flows.store.asked import AskedTarget, asked
from exafscn_flows.store.base import vector_of
from exafscn_flows.store.conditions import PredictionQuery
from exafscn_flows.store.pages import (
    HELD,
    SORTS,
    Conditions,
    Order,
    Sort,
    merged,
    position_after,
    ranges,
)
from exafscn_flows.store.results import PredictionDoc
from exafscn_flows.store.store import Store
from exafscn_flows.store.values import whole_number

COLUMNS = (
    "site",
    "material_id",
    "formula",
    "absorber",
    "target",
    "value",
    "label",
    "error",
    "probability",
    "probabilities",
    "expected_value",
    "prediction_set",
    "ood_score",
    "in_distribution",
    "disagrees",
    "feature_set",
    "model",
    "expected_error",
    "elements",
    "neighbours",
    "oxide",
    "seen",
    "measured",
    "file",
    "group",
    "version",
    "curve",
)
"""Columns of every result, in this order."""

_MOST_ROWS = 2**31 - 1
"""MongoDB takes no whole number of any length."""

_RARE = 250
"""Predictions that are counted, in an index, to tell whether a keyword is rare."""

_HELD = ("campaign", "hash", "probability")
"""Conditions that an index holds beside keywords."""

FIELDS = {name: "hash" if name == "version" else name for name in COLUMNS}
"""Fields of documents by column."""


@dataclass(frozen=True)
class Page:
    """A part of the predictions that meet some conditions.

    Attributes
    ----------
    rows
        One value for each of :data:`COLUMNS`.
    after
        Token of the position at which the next page begins; None if there is none.
    target
        What is predicted.
    """

    rows: list[dict[str, Any]]
    after: str | None
    target: AskedTarget


def check_limit(limit: Any) -> int:
    """Return the most rows that a user wants, if that is such a number.

    Raises
    ------
    UsageError
        If it is not.
    """
    return whole_number("limit", limit, 1, _MOST_ROWS)


class Part(NamedTuple):
    """One part of what a search finds.

    Attributes
    ----------
    filters
        What one of these finds, all find together, each in the order of the sort.
    sort
        Fields with their directions.
    """

    filters: list[Conditions]
    sort: Sort


@dataclass(frozen=True)
class Search:
    """How predictions are found.

    Attributes
    ----------
    parts
        What these find, one after the other, is what is found.
    """

    target: AskedTarget
    order: Order
    parts: list[Part]

    def within(self, order: Order, limits: Conditions | None = None) -> "Search":
        """Return a search for part of what this one finds, in another order.

        Parameters
        ----------
        order
            One that the target has.
        limits
            Operators on the first field of the order, which take the place of those there are.
        """
        field = SORTS[order][0][0]
        held = HELD.get(order, {})
        filters = [
            {**held, **one, field: {**held.get(field, {}), **one.get(field, {}), **limits}}
            if limits
            else {**held, **one}
            for part in self.parts
            for one in part.filters
        ]
        return Search(self.target, order, [Part(filters, SORTS[order])])


def search_for(
    store: Store,
    query: PredictionQuery,
    order: Order | None = None,
    after: str | None = None,
    *,
    keeps: bool = False,
) -> Search:
    """Build the search for a query; see `find_predictions`, and for `keeps` `ranges`."""
    meant = asked(store, query)
    order = meant.target.order(order)
    held = HELD.get(order, {})
    truth = "error" if meant.target.task == "curves" else "label"
    conditions = query.conditions(meant.versions, meant.values, truth, measured=meant.measured)
    filters = [{**held, **one} for one in conditions]
    parts = [
        Part(
            [{**base, **{key: base.get(key, {}) | part[key] for key in part}} for base in filters],
            sort,
        )
        for part, sort in ranges(order, after, keeps=keeps)
    ]
    return Search(meant.target, order, parts)


def find_predictions(
    store: Store,
    query: PredictionQuery,
    order: Order | None = None,
    *,
    after: str | None = None,
    limit: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Stream predictions.

    Parameters
    ----------
    order
        What comes first; by default the highest probability, of numbers the least expected error.
    after
        Token of the position to begin at; by default with the first one.
    limit
        Most results, at least 1; by default all.

    Returns
    -------
    iterator of dict
        One value for each of :data:`COLUMNS`.

    Raises
    ------
    UsageError
        If there is no such campaign, or it has no such target, absorber or model; if its target has
        no such values or no such order; or if the token is none of this order, or the limit out of
        range.
    CampaignError
        If the campaign was run by another version of exafscn.
    """
    if limit is not None:
        limit = check_limit(limit)
    # Whatever is wrong is said at once, not when the first one is asked for.
    return found_rows(store, [search_for(store, query, order, after)], limit)


def found_rows(
    store: Store, searches: Sequence[Search], limit: int | None, *, named: bool = False
) -> Iterator[dict[str, Any]]:
    """Stream what searches find, as `find_predictions` does, in one order.

    Parameters
    ----------
    searches
        Of one order, from one position on; what is equal in it comes in the order of these.
    named
        Whether each row begins with its campaign.
    """
    fields = ["campaign", *FIELDS.values()]
    found = 0
    for parts in zip(*(search.parts for search in searches), strict=True):
        left = limit - found if limit else 0
        streams = [
            store.project(PredictionDoc, _entered(store, one), fields, sort=part.sort, limit=left)
            for part in parts
            for one in part.filters
        ]
        for raw in islice(merged(streams, parts[0].sort), left or None):
            found += 1
            yield {"campaign": raw["campaign"], **row_of(raw)} if named else row_of(raw)
        if limit and found == limit:
            return


def _entered(store: Store, condition: Conditions) -> Conditions:
    """Return a condition that enters the index by its rarest group of keywords, if one is rare.

    A search for what both of two groups have reads all that has the first one; where there is
    nearly nothing that has the other, that is all of it for nothing.
    """
    groups = [one["keywords"] for one in (condition, *condition.get("$and", ()))]
    if len(groups) == 1 or "_id" in condition:
        return condition
    held = {name: condition[name] for name in _HELD if name in condition}
    counts = [store.count(PredictionDoc, held | {"keywords": one}, limit=_RARE) for one in groups]
    first = groups.pop(counts.index(min(counts)))
    return condition | {"keywords": first, "$and": [{"keywords": one} for one in groups]}


def row_of(raw: dict[str, Any]) -> dict[str, Any]:
    """Return a prediction, as it is stored, as a row: one value for each of :data:`COLUMNS`.

    What an older version did not write is None.
    """
    row = {column: raw.get(field) for column, field in FIELDS.items()}
    curve = row["curve"]
    return row | {
        "seen": bool(row["seen"]),
        "curve": None if curve is None else vector_of(curve).tolist(),
    }


def count_predictions(
    store: Store, query: PredictionQuery, order: Order | None = None, after: str | None = None
) -> int:
    """Count what `find_predictions` would find without a limit."""
    return count_found(store, [search_for(store, query, order, after)])


def count_found(store: Store, searches: Iterable[Search], most: int | None = None) -> int:
    """Count what searches find.

    Parameters
    ----------
    most
        It is counted so far, and no further: a million takes a second.
    """
    counted = 0
    for search in searches:
        for one in (one for part in search.parts for one in part.filters):
            if most is not None and counted >= most:
                return counted
            left = 0 if most is None else most - counted
            counted += store.count(PredictionDoc, _entered(store, one), limit=left)
    return counted


def tally(store: Store, searches: Iterable[Search]) -> dict[tuple[Any, Any], int]:
    """Count what searches find by label and predicted value; reads all of it."""
    counts: Counter[tuple[Any, Any]] = Counter()
    group = {"_id": {"label": "$label", "value": "$value"}, "count": {"$sum": 1}}
    for one in (one for search in searches for part in search.parts for one in part.filters):
        for raw in store.aggregate(
            PredictionDoc, [{"$match": _entered(store, one)}, {"$group": group}]
        ):
            counts[raw["_id"].get("label"), raw["_id"].get("value")] += raw["count"]
    return dict(counts)


def find_page(
    store: Store,
    query: PredictionQuery,
    order: Order | None = None,
    *,
    after: str | None = None,
    limit: int,
) -> Page:
    """Find at most `limit` predictions, and where the next ones begin; see `find_predictions`."""
    limit = check_limit(limit)
    search = search_for(store, query, order, after)
    rows = list(found_rows(store, [search], limit + 1))
    more = len(rows) > limit
    token = position_after(rows[limit - 1], search.order) if more else None
    return Page(rows[:limit], token, search.target)
