"""Screening queries on predictions."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.elements import check_element
from exafscn_flows.errors import UsageError
from exafscn_flows.store.documents import PredictionDoc, PromotionDoc
from exafscn_flows.store.pages import Conditions, Order, Sort, position_after, ranges
from exafscn_flows.store.store import Store
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

DOCUMENTED_QUERIES: tuple[dict[str, Any], ...] = (
    {},
    {"absorber": "Cu"},
    {"absorber": "Cu", "cn": 4},
    {"absorber": "Cu", "cn": 4, "min_probability": 0.8, "contains": ("O",)},
    {"absorber": "Cu", "cn": 4, "neighbours": ("O",)},
    {"absorber": "Cu", "disagrees": True},
    {"contains": ("Li",)},
    {"contains": ("S",), "excludes": ("O",)},
    {"neighbours": ("S",)},
    {"oxide": True},
    {"oxide": False},
    {"formula": "CuO"},
    {"disagrees": True},
    {"disagrees": True, "min_probability": 0.7},
    {"disagrees": False, "max_expected_error": 0.3},
)
"""Conditions of the queries that the documentation shows."""

_ORDERS_WITH = {
    "min_probability": {Order.PROBABILITY},
    "max_expected_error": {Order.EXPECTED_ERROR, Order.DOUBTFUL},
}

DOCUMENTED_CASES = tuple(
    (conditions, order)
    for conditions in DOCUMENTED_QUERIES
    for order in Order
    if all(order in _ORDERS_WITH.get(name, Order) for name in conditions)
)
"""These queries in the orders that an index gives: limits on a number in the orders by it."""

_TEXT = ("campaign", "feature_set", "model", "version", "absorber", "formula")
_ELEMENTS = ("contains", "excludes", "neighbours")


@dataclass(frozen=True)
class PredictionQuery:
    """Conditions that predictions have to meet; those left at None do not matter.

    Attributes
    ----------
    feature_set, model
        Which model predicted; None takes the first that fits of the campaign file.
    version
        Which version of the model predicted; None takes the one that was promoted last.
    cn
        Predicted coordination number.
    min_probability
        Least probability of the predicted class, 0-1.
    max_expected_error
        Largest expected error, in neighbours.
    contains, excludes
        Elements that the structure must all, or must not, contain.
    neighbours
        Elements that must all be among the neighbours that CrystalNN finds.
    oxide
        Whether O is among the elements of the structure.
    formula
        Reduced formula.
    disagrees
        Whether prediction and CrystalNN label differ.

    Raises
    ------
    UsageError
        If a value is not of its kind. So none can be an operator of MongoDB.
    """

    campaign: str
    feature_set: str | None = None
    model: str | None = None
    version: str | None = None
    absorber: str | None = None
    cn: int | None = None
    min_probability: float | None = None
    max_expected_error: float | None = None
    contains: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    neighbours: tuple[str, ...] = ()
    oxide: bool | None = None
    formula: str | None = None
    disagrees: bool | None = None

    def __post_init__(self) -> None:
        for name in _TEXT:
            self._check(name, str, "text")
        for name in ("oxide", "disagrees"):
            self._check(name, bool, "True or False")
        self._check("cn", int, "a whole number")
        for name in ("min_probability", "max_expected_error"):
            self._check(name, (int, float), "a number")
        for name in _ELEMENTS:
            for symbol in getattr(self, name):
                if not isinstance(symbol, str):
                    raise UsageError(f"{name}: {symbol!r} is not an element symbol")
                try:
                    check_element(symbol)
                except ValueError as error:
                    raise UsageError(f"{name}: {error}") from None

    def _check(self, name: str, kind: type | tuple[type, ...], words: str) -> None:
        value = getattr(self, name)
        # True is a whole number for Python.
        fits = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
        if value is not None and not fits:
            raise UsageError(f"{name}: {value!r} is not {words}")

    def conditions(self) -> Conditions:
        """Build the MongoDB filter, all but the version; every value is behind an operator."""
        found: Conditions = {}
        for name in ("campaign", "absorber", "formula", "cn", "disagrees", "oxide"):
            value = getattr(self, name)
            if value is not None:
                found[name] = {"$eq": value}
        if self.min_probability is not None:
            found["probability"] = {"$gte": self.min_probability}
        if self.max_expected_error is not None:
            found["expected_error"] = {"$lte": self.max_expected_error}
        if self.contains:
            found["elements"] = {"$all": list(self.contains)}
        if self.excludes:
            found["elements"] = found.get("elements", {}) | {"$nin": list(self.excludes)}
        if self.neighbours:
            found["neighbours"] = {"$all": list(self.neighbours)}
        return found


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


def searches(
    store: Store, query: PredictionQuery, order: Order, after: str | None = None
) -> list[tuple[Conditions, Sort]]:
    """Build the filters and sorts whose results, one after the other, are those of a query.

    Raises
    ------
    UsageError
        As `find_predictions`.
    """
    config = store.config(query.campaign)
    _check_names(config, query)
    base = query.conditions() | {"hash": {"$in": _versions(store, config, query)}}
    _spell_out(query, order, base)
    return [
        ({**base, **{name: base.get(name, {}) | part[name] for name in part}}, sort)
        for part, sort in ranges(order, after)
    ]


def find_predictions(
    store: Store,
    query: PredictionQuery,
    order: Order = Order.PROBABILITY,
    *,
    after: str | None = None,
    limit: int = 0,
) -> Iterator[dict[str, Any]]:
    """Stream predictions.

    Parameters
    ----------
    order
        What comes first.
    after
        Token of the position to begin at; by default with the first one.
    limit
        Most results; 0 for all.

    Yields
    ------
    dict
        One value for each of :data:`COLUMNS`.

    Raises
    ------
    UsageError
        If there is no such campaign, or it has no such absorber or model; or if the token is none
        of this order.
    CampaignError
        If the campaign was run by another version of exafscn.
    """
    found = 0
    for conditions, sort in searches(store, query, order, after):
        left = limit - found if limit else 0
        for doc in store.find(PredictionDoc, conditions, sort=sort, limit=left):
            found += 1
            yield row_of(doc)
        if limit and found == limit:
            return


def row_of(doc: PredictionDoc) -> dict[str, Any]:
    """Return a prediction as a row: one value for each of :data:`COLUMNS`."""
    return {name: doc.hash if name == "version" else getattr(doc, name) for name in COLUMNS}


def count_predictions(
    store: Store, query: PredictionQuery, order: Order = Order.PROBABILITY, after: str | None = None
) -> int:
    """Count what `find_predictions` would find without a limit."""
    parts = searches(store, query, order, after)
    return sum(store.count(PredictionDoc, conditions) for conditions, _ in parts)


def find_page(
    store: Store,
    query: PredictionQuery,
    order: Order = Order.PROBABILITY,
    *,
    after: str | None = None,
    limit: int,
) -> Page:
    """Find at most `limit` predictions, and where the next ones begin; see `find_predictions`."""
    rows = list(find_predictions(store, query, order, after=after, limit=limit + 1))
    more = len(rows) > limit
    return Page(rows[:limit], position_after(rows[limit - 1], order) if more else None)


def _versions(store: Store, config: CampaignConfig, query: PredictionQuery) -> list[str]:
    """Find the versions of models that a query means, one of each absorber that it can mean."""
    if query.version is not None:
        return [find_version(store, config.campaign, query.version).hash]
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
    return [raw["hash"] for raw in store.project(PromotionDoc, promoted, ["hash"])]


def _spell_out(query: PredictionQuery, order: Order, conditions: Conditions) -> None:
    """Add conditions that exclude nothing, but that an index can answer, or give the order by.

    Where a field that stands before the order in an index has known values, the server merges the
    stretches of the index, each of which is in order, instead of sorting. It merges at most 200.
    """
    elements = sorted({*query.contains, *query.neighbours})
    if elements and order == Order.PROBABILITY:
        conditions["elements"] = conditions.get("elements", {}) | {"$all": elements}
    elif elements:
        pattern = "(^|-)" + "(-.*)?-".join(elements) + "(-|$)"
        conditions["chemical_system"] = {"$regex": pattern}
    if "O" in elements:
        conditions.setdefault("oxide", {"$eq": True})
    if "O" in query.excludes:
        conditions.setdefault("oxide", {"$eq": False})
    if query.formula is None and order != Order.SITE:
        conditions.setdefault("disagrees", {"$in": [False, True]})


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
