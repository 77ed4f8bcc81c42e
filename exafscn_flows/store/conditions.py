"""What predictions can be asked for, and the conditions by which MongoDB finds them in an index."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from exafscn_flows.elements import check_element
from exafscn_flows.errors import UsageError
from exafscn_flows.formulas import reduced_formula
from exafscn_flows.store.pages import MOST_CN, Conditions, Order
from exafscn_flows.store.results import DISAGREES, NO_OXIDE, OXIDE, prediction_ids
from exafscn_flows.store.values import number, text, texts, truth, whole_number

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

_TEXT = ("feature_set", "model", "version", "absorber", "formula")
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
        Predicted coordination number, 0 to 999.
    min_probability
        Least probability of the predicted class, 0-1.
    max_expected_error
        Largest expected error, in neighbours, at least 0.
    contains, excludes
        Elements that the structure must all, or must not, contain; a single text is one element.
    neighbours
        Elements that must all be among the neighbours that CrystalNN finds.
    oxide
        Whether O is among the elements of the structure.
    formula
        Formula of the structure; however it is written, it becomes the reduced one.
    disagrees
        Whether prediction and CrystalNN label differ.

    Raises
    ------
    UsageError
        If a value is not of its kind or out of range. So none can be an operator of MongoDB.
    """

    campaign: str
    feature_set: str | None = None
    model: str | None = None
    version: str | None = None
    absorber: str | None = None
    cn: int | None = None
    min_probability: float | None = None
    max_expected_error: float | None = None
    contains: Iterable[str] = ()
    excludes: Iterable[str] = ()
    neighbours: Iterable[str] = ()
    oxide: bool | None = None
    formula: str | None = None
    disagrees: bool | None = None

    def __post_init__(self) -> None:
        checked: dict[str, Any] = {"campaign": text("campaign", self.campaign)}
        for name in _TEXT:
            checked[name] = self._given(name, text)
        for name in ("oxide", "disagrees"):
            checked[name] = self._given(name, truth)
        checked["cn"] = self._given("cn", whole_number, 0, MOST_CN)
        checked["min_probability"] = self._given("min_probability", number, 0, 1)
        checked["max_expected_error"] = self._given("max_expected_error", number, 0)
        for name in _ELEMENTS:
            checked[name] = texts(name, getattr(self, name), "an element symbol")
            for symbol in checked[name]:
                _translated(name, check_element, symbol)
        if checked["formula"] is not None:
            checked["formula"] = _translated("formula", reduced_formula, checked["formula"])
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def _given(self, name: str, check: Callable[..., Any], *limits: int) -> Any:
        value = getattr(self, name)
        return None if value is None else check(name, value, *limits)

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


def _translated(name: str, check: Callable[[str], str], value: str) -> str:
    try:
        return check(value)
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from None
