"""Screening queries on predictions."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import UsageError
from exafscn_flows.store.conditions import PredictionQuery
from exafscn_flows.store.pages import Conditions, Order, Sort, merged, position_after, ranges
from exafscn_flows.store.results import PredictionDoc, PromotionDoc
from exafscn_flows.store.store import Store
from exafscn_flows.store.values import whole_number
from exafscn_flows.store.versions import find_version

COLUMNS = (
    "site",
    "material_id",
    "formula",
    "absorber",
    "cn",
    "cn_label",
    "probability",
    "probabilities",
    "disagrees",
    "feature_set",
    "model",
    "expected_error",
    "elements",
    "neighbours",
    "oxide",
    "version",
)
"""Columns of every result, in this order."""

_MOST_ROWS = 2**31 - 1
"""MongoDB takes no whole number of any length."""

_FIELDS = {name: "hash" if name == "version" else name for name in COLUMNS}


@dataclass(frozen=True)
class Page:
    """A part of the predictions that meet some conditions.

    Attributes
    ----------
    rows
        One value for each of :data:`COLUMNS`.
    after
        Token of the position at which the next page begins; None if there is none.
    """

    rows: list[dict[str, Any]]
    after: str | None


def default_names(
    config: CampaignConfig, feature_set: str | None = None, model: str | None = None
) -> tuple[str, str]:
    """Name the feature set and the model that are meant where not both are named.

    Raises
    ------
    UsageError
        If the campaign has no models, or fits no such model on such a set.
    """
    for fset in config.features.sets:
        for one in config.models_on(fset.name):
            if feature_set in (None, fset.name) and model in (None, one.name):
                return fset.name, one.name
    if not config.models:
        raise UsageError(f"campaign {config.campaign} has no models: add some to `models`")
    named = f" {model!r}" if model else ""
    where = f" on feature set {feature_set!r}" if feature_set else ""
    raise UsageError(f"campaign {config.campaign} fits no model{named}{where}")


def check_limit(limit: Any) -> int:
    """Return the most rows that a user wants, if that is such a number.

    Raises
    ------
    UsageError
        If it is not.
    """
    return whole_number("limit", limit, 1, _MOST_ROWS)


class Search(NamedTuple):
    """One part of what a query finds.

    Attributes
    ----------
    filters
        What one of these finds, all find together, each in the order of the sort.
    sort
        Fields with their directions.
    """

    filters: list[Conditions]
    sort: Sort


def searches(
    store: Store, query: PredictionQuery, order: Order, after: str | None = None
) -> list[Search]:
    """Build the searches whose results, one after the other, are those of a query.

    Raises
    ------
    UsageError
        As `find_predictions`.
    """
    config = store.config(query.campaign)
    _check_names(config, query)
    filters = query.conditions(_versions(store, config, query))
    return [
        Search(
            [{**base, **{key: base.get(key, {}) | part[key] for key in part}} for base in filters],
            sort,
        )
        for part, sort in ranges(order, after)
    ]


def find_predictions(
    store: Store,
    query: PredictionQuery,
    order: Order = Order.PROBABILITY,
    *,
    after: str | None = None,
    limit: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Stream predictions.

    Parameters
    ----------
    order
        What comes first.
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
        If there is no such campaign, or it has no such absorber or model; or if the token is none
        of this order, or the limit out of range.
    CampaignError
        If the campaign was run by another version of exafscn.
    """
    if limit is not None:
        limit = check_limit(limit)
    # Whatever is wrong is said at once, not when the first one is asked for.
    return _stream(store, searches(store, query, order, after), limit)


def _stream(store: Store, parts: list[Search], limit: int | None) -> Iterator[dict[str, Any]]:
    found = 0
    for filters, sort in parts:
        left = limit - found if limit else 0
        streams = [
            store.project(PredictionDoc, one, _FIELDS.values(), sort=sort, limit=left)
            for one in filters
        ]
        for raw in islice(merged(streams, sort), left or None):
            found += 1
            yield row_of(raw)
        if limit and found == limit:
            return


def row_of(raw: dict[str, Any]) -> dict[str, Any]:
    """Return a prediction, as it is stored, as a row: one value for each of :data:`COLUMNS`."""
    return {column: raw[field] for column, field in _FIELDS.items()}


def count_predictions(
    store: Store, query: PredictionQuery, order: Order = Order.PROBABILITY, after: str | None = None
) -> int:
    """Count what `find_predictions` would find without a limit."""
    parts = searches(store, query, order, after)
    return sum(store.count(PredictionDoc, one) for part in parts for one in part.filters)


def find_page(
    store: Store,
    query: PredictionQuery,
    order: Order = Order.PROBABILITY,
    *,
    after: str | None = None,
    limit: int,
) -> Page:
    """Find at most `limit` predictions, and where the next ones begin; see `find_predictions`."""
    limit = check_limit(limit)
    rows = list(find_predictions(store, query, order, after=after, limit=limit + 1))
    more = len(rows) > limit
    return Page(rows[:limit], position_after(rows[limit - 1], order) if more else None)


def _versions(store: Store, config: CampaignConfig, query: PredictionQuery) -> dict[str, str]:
    """Find the versions that a query means, one of each absorber that it can mean, with it."""
    if query.version is not None:
        found = find_version(store, config.campaign, query.version)
        return {found.hash: found.absorber} if query.absorber in (None, found.absorber) else {}
    feature_set, model = default_names(config, query.feature_set, query.model)
    promoted: dict[str, Any] = {
        "campaign": config.campaign,
        "feature_set": feature_set,
        "model": model,
    }
    if query.absorber is not None:
        promoted["absorber"] = query.absorber
    elif query.formula is not None:
        promoted["absorber"] = {"$in": re.findall("[A-Z][a-z]?", query.formula)}
    raws = store.project(
        PromotionDoc, promoted, ["hash", "absorber"], sort=[("absorber", 1), ("hash", 1)]
    )
    return {raw["hash"]: raw["absorber"] for raw in raws}


def _check_names(config: CampaignConfig, query: PredictionQuery) -> None:
    """Refuse names that the campaign does not have, instead of finding nothing."""
    known = {
        "absorber": config.absorbers,
        "feature_set": [fset.name for fset in config.features.sets],
        "model": [model.name for model in config.models],
    }
    for field, names in known.items():
        value = getattr(query, field)
        if value is not None and value not in names:
            raise UsageError(
                f"campaign {query.campaign} has no {field.replace('_', ' ')} {value!r}; "
                f"it has {', '.join(names)}"
            )
