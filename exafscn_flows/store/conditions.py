"""What predictions can be asked for, and the conditions by which MongoDB finds them in an index."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from exafscn_flows.elements import check_element
from exafscn_flows.errors import UsageError
from exafscn_flows.store.pages import Conditions, Order
from exafscn_flows.store.results import DISAGREES, NO_OXIDE, OXIDE, prediction_ids

DOCUMENTED_QUERIES: tuple[dict[str, Any], ...] = (
    {},
    {"absorber": "Cu"},
    {"absorber": "Cu", "cn": 4},
    {"absorber": "Cu", "cn": 4, "min_probability": 0.8, "contains": ("O",)},
    {"absorber": "Cu", "cn": 4, "neighbours": ("O",)},
    {"absorber": "Cu", "disagrees": True},
    {"contains": ("Li",)},
    {"contains": ("Cu",)},
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

    def conditions(self, versions: Mapping[str, str]) -> list[Conditions]:
        """Build the filters that together find what meets these conditions; no row meets two.

        Every value is behind an operator. Each filter says by which keywords indexes are entered:
        MongoDB then merges stretches of an index that are in order, one or two of each version,
        instead of sorting. It merges at most 200. Predictions of one formula are found by their _id
        and sorted: there are few.

        Parameters
        ----------
        versions
            Versions of models that are meant, with their absorbers.

        Returns
        -------
        list of dict
            None at all if no version can meet the conditions.
        """
        common: Conditions = {}
        if self.cn is not None:
            common["cn"] = {"$in": [self.cn]}  # beside the $eq of a position
        if self.disagrees is not None:
            common["disagrees"] = {"$in": [self.disagrees]}
        if self.min_probability is not None:
            common["probability"] = {"$gte": self.min_probability}
        if self.max_expected_error is not None:
            common["expected_error"] = {"$lte": self.max_expected_error}
        if self.neighbours:
            common["neighbours"] = {"$all": list(self.neighbours)}
        if excluded := sorted({*self.excludes} - {"O"}):
            common["elements"] = {"$nin": excluded}
        oxide = self._oxide()
        if len(oxide) < 2:
            common["oxide"] = {"$in": oxide}
        by_elements: dict[tuple[str, ...], list[str]] = {}
        for version, absorber in versions.items():
            if absorber not in self.excludes:
                others = sorted({*self.contains, *self.neighbours} - {"O", absorber})
                by_elements.setdefault(tuple(others), []).append(version)
        general = [DISAGREES] if self.disagrees else [OXIDE if one else NO_OXIDE for one in oxide]
        filters: list[Conditions] = []
        for elements, hashes in by_elements.items():
            keywords: dict[str, Any] = {"$all": [*elements]} if elements else {"$in": general}
            ways: list[Conditions] = [{"campaign": {"$eq": self.campaign}, "hash": {"$in": hashes}}]
            if self.formula is not None:
                ways = [
                    {"_id": prediction_ids(self.campaign, version, self.formula)}
                    for version in hashes
                ]
            filters += [{**way, "keywords": keywords, **common} for way in ways]
        return filters

    def _oxide(self) -> list[bool]:
        """Which values `oxide` may have; none if the conditions contradict each other."""
        allowed = {True, False} if self.oxide is None else {self.oxide}
        if "O" in {*self.contains, *self.neighbours}:
            allowed &= {True}
        if "O" in self.excludes:
            allowed &= {False}
        return sorted(allowed)
