"""What predictions can be asked for, and the conditions by which MongoDB finds them in an index."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from exafscn_flows.elements import check_element
from exafscn_flows.errors import UsageError
from exafscn_flows.formulas import reduced_formula
from exafscn_flows.iteration import batches
from exafscn_flows.store.pages import Conditions
from exafscn_flows.store.results import (
    DISAGREES,
    MEASURED,
    NO_OXIDE,
    ONE_CLASS,
    OUTSIDE,
    UNKNOWN,
    around,
    prediction_ids,
)
from exafscn_flows.store.values import (
    LARGEST_VALUE,
    number,
    predicted,
    text,
    texts,
    truth,
    whole_number,
)

MOST_CN = 999
"""No atom has more neighbours."""
MOST_CLASSES = 1000
"""No target has more."""

_MERGED = 200
"""Stretches of an index that MongoDB merges at most (internalQueryMaxScansToExplode)."""

_TEXT = ("target", "feature_set", "model", "version", "absorber", "formula")
_ELEMENTS = ("contains", "excludes", "neighbours")


@dataclass(frozen=True)
class PredictionQuery:
    """Conditions that predictions have to meet; those left at None do not matter.

    Attributes
    ----------
    target
        What is predicted; None takes the first of the campaign file, or that of `version`.
    feature_set, model
        Which model predicted; None takes the first that fits of the campaign file.
    version
        Which version of the model predicted; None takes the one that was promoted last.
    value
        Predicted class or number; a text is taken for a number where the target has numbers.
    min_value, max_value
        Least and largest predicted value, for numbers and classes that are whole numbers.
    cn
        Short for the target of kind coordination_number and its value, 0 to 999.
    label
        Label of the site, as `value`.
    min_probability
        Least probability of the predicted class, 0-1.
    max_expected_error
        Largest expected error, in the unit of the target, at least 0.
    min_expected_value, max_expected_value
        Least and largest mean of the classes by their probabilities, for classes that are whole
        numbers; of numbers, of what is predicted.
    max_set_size
        Most classes in the prediction set, at least 1.
    in_distribution
        Whether the spectrum is such as the model has learned; of models that do not say, nothing is
        found.
    contains, excludes
        Elements that the structure must all, or must not, contain; a single text is one element.
    neighbours
        Elements that must all be among the neighbours that CrystalNN finds.
        Of measured spectra without a structure, nothing but the absorber is known: none of them
        meets a condition on other elements.
    oxide
        Whether O is among the elements of the structure.
    formula
        Formula of the structure; however it is written, it becomes the reduced one.
    seen
        Whether the model comes trained, on the formula of the structure among others.
    disagrees
        Whether prediction and label differ.
    measured
        Whether the spectrum was measured.

    Raises
    ------
    UsageError
        If a value is not of its kind or out of range, so that none can be an operator of MongoDB;
        or if values contradict each other.
    """

    campaign: str
    target: str | None = None
    feature_set: str | None = None
    model: str | None = None
    version: str | None = None
    absorber: str | None = None
    value: int | float | str | None = None
    min_value: float | None = None
    max_value: float | None = None
    cn: int | None = None
    label: int | float | str | None = None
    min_probability: float | None = None
    max_expected_error: float | None = None
    min_expected_value: float | None = None
    max_expected_value: float | None = None
    max_set_size: int | None = None
    in_distribution: bool | None = None
    contains: Iterable[str] = ()
    excludes: Iterable[str] = ()
    neighbours: Iterable[str] = ()
    oxide: bool | None = None
    formula: str | None = None
    seen: bool | None = None
    disagrees: bool | None = None
    measured: bool | None = None

    def __post_init__(self) -> None:
        checked: dict[str, Any] = {"campaign": text("campaign", self.campaign)}
        for name in _TEXT:
            checked[name] = self._given(name, text)
        for name in ("oxide", "seen", "disagrees", "in_distribution", "measured"):
            checked[name] = self._given(name, truth)
        for name in ("value", "label"):
            checked[name] = self._given(name, predicted)
        for name in ("min_value", "max_value", "min_expected_value", "max_expected_value"):
            checked[name] = self._given(name, number, -LARGEST_VALUE, LARGEST_VALUE)
        checked["cn"] = self._given("cn", whole_number, 0, MOST_CN)
        checked["max_set_size"] = self._given("max_set_size", whole_number, 1, MOST_CLASSES)
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
        limits = [name for name in ("min_value", "max_value") if checked[name] is not None]
        if self.value is not None and limits:
            raise UsageError(f"value and {limits[0]} exclude each other: give one of them")
        if self.cn is not None and (self.value is not None or limits):
            raise UsageError(
                "cn stands for the coordination number and its value: give either cn, or target "
                "and value"
            )

    def _given(self, name: str, check: Callable[..., Any], *limits: int) -> Any:
        value = getattr(self, name)
        return None if value is None else check(name, value, *limits)

    def values(self, target: str, kind: type, classes: Iterable[str]) -> Conditions:
        """Build the conditions on what is predicted.

        Parameters
        ----------
        target
            Name of the target.
        kind
            What its values are: int, float or str.
        classes
            Those that are known, of a target whose classes are texts.

        Raises
        ------
        UsageError
            If what is asked for cannot be a value of this target.
        """
        limits = {"$gte": self.min_value, "$lte": self.max_value}
        found: Conditions = {way: limit for way, limit in limits.items() if limit is not None}
        if found and kind is str:
            name = "max_value" if self.min_value is None else "min_value"
            raise UsageError(f"{name}: target {target} has names for classes: give a value")
        if self.cn is not None:
            found = {"$in": [self.cn]}  # beside the $eq of a position
        conditions = {"value": found} if found else {}
        known = sorted(classes)
        for name, given in (("value", self.value), ("label", self.label)):
            if given is None:
                continue
            value = _converted(name, given, target, kind)
            if kind is str and known and value not in known:
                names = ", ".join(known)
                raise UsageError(f"{name}: target {target} has no class {value!r}; it has {names}")
            conditions[name] = {"$in": [value]}
        return conditions

    def conditions(
        self,
        versions: Mapping[str, str],
        values: Conditions,
        truth: str = "label",
        *,
        measured: bool = False,
    ) -> list[Conditions]:
        """Build the filters that together find what meets these conditions; no row meets two.

        Every value is behind an operator. Each filter says by which keywords indexes are entered:
        MongoDB then merges stretches of an index that are in order, at most three of each version,
        or four where spectra were measured, instead of sorting. Predictions of one formula are
        found by their _id and sorted: there are few.

        Parameters
        ----------
        versions
            Versions of models that are meant, with their absorbers.
        values
            Conditions on what is predicted, as `values` gives them.
        truth
            Field that is None where nothing is known to compare a prediction with.
        measured
            Whether the campaign has measured spectra.

        Returns
        -------
        list of dict
            None at all if nothing can meet the conditions.
        """
        common: Conditions = {**values}
        disagrees = self._disagrees(values)
        if disagrees is not None:
            common["disagrees"] = {"$in": [disagrees]}
            if not disagrees:
                # Where there is no label, nothing agrees.
                common[truth] = {**common.get(truth, {}), "$ne": None}
        if self.seen is not None:
            # Predictions of an older version do not say it, and have not.
            common["seen"] = {"$in": [True]} if self.seen else {"$nin": [True]}
        if self.measured is not None:
            # Documents of an older version do not say so.
            common["measured"] = {"$in": [True] if self.measured else [False, None]}
        if self.in_distribution is not None:
            common["in_distribution"] = {"$in": [self.in_distribution]}
        if self.min_probability is not None:
            common["probability"] = {"$gte": self.min_probability}
        if self.max_expected_error is not None:
            common["expected_error"] = {"$lte": self.max_expected_error}
        expected = {"$gte": self.min_expected_value, "$lte": self.max_expected_value}
        if expected := {way: limit for way, limit in expected.items() if limit is not None}:
            common["expected_value"] = expected
        if self.max_set_size is not None:
            # Predictions of an older version have no set at all, which is not a small one.
            common["prediction_set.0"] = {"$exists": True}
            common[f"prediction_set.{self.max_set_size}"] = {"$exists": False}
        if excluded := sorted({*self.excludes} - {"O"}):
            common["elements"] = {"$nin": excluded}
        # Elements are not known of measured spectra alone.
        known = [one for one in self._oxide() if measured or one is not None]
        if not known:
            return []
        by_absorber: dict[str, list[str]] = {}
        for version, absorber in versions.items():
            if absorber not in self.excludes:
                # Of an absorber that is not asked for, all that matters is that it is none.
                matters = absorber if absorber in self.contains else ""
                by_absorber.setdefault(matters, []).append(version)
        filters: list[Conditions] = []
        for absorber, hashes in by_absorber.items():
            first, *others = self._keywords(absorber, known, disagrees)
            entered: Conditions = {"keywords": {"$in": first}}
            if len(known) < (3 if measured else 2):
                entered["oxide"] = {"$in": known}
            if others:
                entered["$and"] = [{"keywords": {"$in": each}} for each in others]
            if self.formula is not None:
                ways: list[Conditions] = [
                    {"_id": prediction_ids(self.campaign, version, self.formula)}
                    for version in hashes
                ]
            else:
                most = _MERGED // max(map(len, [first, *others]))
                ways = [
                    {"campaign": {"$eq": self.campaign}, "hash": {"$in": batch}}
                    for batch in batches(hashes, most)
                ]
            filters += [{**way, **entered, **common} for way in ways]
        return filters

    def _disagrees(self, values: Conditions) -> bool | None:
        """Tell whether prediction and label differ; of one class and one label, that follows."""
        value, label = (values.get(name, {}).get("$in") for name in ("value", "label"))
        if self.disagrees is None and value and label and not isinstance(value[0], float):
            return bool(value != label)
        return self.disagrees

    def _keywords(
        self, absorber: str, oxide: list[bool | None], disagrees: bool | None
    ) -> list[list[str]]:
        """Return groups of keywords: of each, a prediction must have one, and never has two.

        Parameters
        ----------
        absorber
            That of the predictions, which holds by itself; empty if it is not asked for.
        disagrees
            Whether prediction and label differ, if that is known.
        """
        near = sorted({*self.neighbours})
        far = sorted({*self.contains} - {*near, "O", absorber})
        groups = [[around(one)] for one in near] + [[one, around(one)] for one in far]
        if self.measured:
            groups.append([MEASURED])
        if self.in_distribution is False:
            groups.append([OUTSIDE])
        if disagrees and not groups:
            # Beside others, no document needs to be read for it.
            groups.append([DISAGREES])
        if self.max_set_size == 1:
            groups.append([ONE_CLASS])
        return groups or [
            [
                *(["O", around("O")] if True in oxide else []),
                *([NO_OXIDE] if False in oxide else []),
                *([UNKNOWN] if None in oxide else []),
            ]
        ]

    def _oxide(self) -> list[bool | None]:
        """Which values `oxide` may have; none if the conditions contradict each other."""
        allowed = {True, False, None} if self.oxide is None else {self.oxide}
        if self.excludes:
            # What is not known is not known to be absent either.
            allowed -= {None}
        if "O" in {*self.contains, *self.neighbours}:
            allowed &= {True}
        if "O" in self.excludes:
            allowed &= {False}
        return [one for one in (True, False, None) if one in allowed]


def _converted(name: str, value: int | float | str, target: str, kind: type) -> int | float | str:
    """Return a value as the target has it: whole number, number or name of a class."""
    words = {int: "whole numbers", float: "numbers", str: "names"}[kind]
    if kind is str and isinstance(value, str):
        return value
    try:
        if kind is int and not isinstance(value, float):
            return whole_number(name, int(value), -LARGEST_VALUE, LARGEST_VALUE)
        if kind is float:
            return number(name, float(value), -LARGEST_VALUE, LARGEST_VALUE)
    except ValueError:
        pass
    shown = value[:80] if isinstance(value, str) else value
    raise UsageError(f"{name}: {shown!r} is not one of target {target}, whose values are {words}")


def _translated(name: str, check: Callable[[str], str], value: str) -> str:
    try:
        return check(value)
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from None
