"""What a query means in its campaign: target, model, versions, values."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import UsageError
from exafscn_flows.store.conditions import PredictionQuery
from exafscn_flows.store.documents import LabelDoc
from exafscn_flows.store.pages import ORDERS, Conditions, Order
from exafscn_flows.store.results import (
    ANSWERED,
    ANSWERING,
    OOD,
    MetricsDoc,
    ModelDoc,
    PromotionDoc,
)
from exafscn_flows.store.store import Store
from exafscn_flows.store.versions import find_version
from exafscn_flows.targets.base import TaskName

_CN = "coordination_number"


@dataclass(frozen=True)
class AskedTarget:
    """The target of a query.

    Attributes
    ----------
    short, unit
        What its values are called in the head of a table, and their unit.
    values
        Kind of its values: int, float or str.
    """

    name: str
    task: TaskName
    short: str
    unit: str
    values: type

    def order(self, order: Order | None) -> Order:
        """Return the order that is meant, if predictions of this target have it.

        Raises
        ------
        UsageError
            If they have not.
        """
        known = ORDERS[self.task]
        if order is None or order in known:
            return order or known[0]
        reason = {
            "classes": "classes are found by a condition on the value",
            "numbers": "numbers have no probability",
            "curves": "curves have neither probability nor value",
        }[self.task]
        raise UsageError(
            f"sort: target {self.name} is {self.task}, and {reason}: use {', '.join(known)}"
        )


@dataclass(frozen=True)
class Asked:
    """What a query means.

    Attributes
    ----------
    versions
        Versions of models, with their absorbers.
    values
        Conditions on what is predicted.
    measured
        Whether the campaign has measured spectra.
    """

    target: AskedTarget
    versions: Mapping[str, str]
    values: Conditions
    measured: bool


def asked(store: Store, query: PredictionQuery) -> Asked:
    """Find out what a query means.

    Raises
    ------
    UsageError
        If there is no such campaign, or it has no such target, absorber or model; or if the target
        has no such values.
    CampaignError
        If the campaign was run by another version of exafscn.
    """
    config = store.config(query.campaign)
    _check_names(config, query)
    if query.version is not None:
        name, task, versions = _of_version(store, query, query.version)
    else:
        name, task, versions = _promoted(store, config, query)
    settings = next((one for one in config.targets if one.name == name), None)
    is_cn = settings is not None and settings.kind == _CN
    if query.cn is not None and not is_cn:
        raise UsageError(f"cn: target {name} is not of kind {_CN}: give a value instead")
    if task == "curves":
        _check_curves(query, name)
    if task == "numbers" and query.min_probability is not None:
        raise UsageError(
            f"min_probability: target {name} is numbers, which have no probability: use "
            "max_expected_error"
        )
    if task == "numbers" and query.max_set_size is not None:
        raise UsageError(
            f"max_set_size: target {name} is numbers, of which there are no sets: use "
            "max_expected_error"
        )
    classes = [] if is_cn or task != "classes" else _classes(store, query, name)
    texts = [one for one in classes if isinstance(one, str)]
    for key in ("min_expected_value", "max_expected_value"):
        if texts and getattr(query, key) is not None:
            raise UsageError(f"{key}: target {name} has names for classes: give a value")
    target = AskedTarget(
        name=name,
        task=task,
        short=settings.short if settings else name,
        unit=settings.unit if settings else "",
        values=float if task != "classes" else str if texts else int,
    )
    values = query.values(name, target.values, texts)
    return Asked(target, _able(store, query, versions), values, config.measured)


def _able(store: Store, query: PredictionQuery, versions: dict[str, str]) -> dict[str, str]:
    """Leave out versions of which no prediction can meet a condition.

    To find out by their predictions, all of them would be read.
    """
    if not query.seen and query.in_distribution is None:
        return versions
    wanted = {"campaign": query.campaign, "hash": {"$in": [*versions]}}
    found = {
        raw["hash"]: raw
        for raw in store.project(ModelDoc, wanted, ["hash", "comes_trained", "doubt"])
    }

    def is_able(version: str) -> bool:
        model = found.get(version, {})
        # Models of an older version do not say it.
        may_have_seen = model.get("comes_trained", True)
        says = version not in found or OOD in model["doubt"]
        return (may_have_seen or not query.seen) and (says or query.in_distribution is None)

    return {version: absorber for version, absorber in versions.items() if is_able(version)}


_NOT_OF_CURVES = (
    "value",
    "label",
    "min_value",
    "max_value",
    "min_expected_value",
    "max_expected_value",
    "min_probability",
    "max_set_size",
)
"""Conditions on one value, or on what is said of several."""


def _check_curves(query: PredictionQuery, name: str) -> None:
    """Refuse conditions that no prediction of a curve can meet."""
    for key in _NOT_OF_CURVES:
        if getattr(query, key) is not None:
            raise UsageError(
                f"{key}: target {name} is curves, which have no single value: use "
                "max_expected_error"
            )
    if query.neighbours:
        raise UsageError(
            f"neighbours: target {name} is curves, whose labels name no neighbours: use contains"
        )


def default_names(
    config: CampaignConfig,
    feature_set: str | None = None,
    model: str | None = None,
    target: str | None = None,
) -> tuple[str, str]:
    """Name the feature set and the model that are meant where not both are named.

    Parameters
    ----------
    target
        Name of a target of the campaign; by default its first one.

    Raises
    ------
    UsageError
        If the campaign has no models, or fits no such model on such a set.
    """
    target = target or config.targets[0].name
    for fset in config.features.sets:
        for one in config.models_on(fset.name, target):
            if feature_set in (None, fset.name) and model in (None, one.name):
                return fset.name, one.name
    if not config.models:
        raise UsageError(f"campaign {config.campaign} has no models: add some to `models`")
    named = f" {model!r}" if model else ""
    where = f" on feature set {feature_set!r}" if feature_set else ""
    which = f" for target {target!r}" if len(config.targets) > 1 else ""
    raise UsageError(f"campaign {config.campaign} fits no model{named}{where}{which}")


def _of_version(
    store: Store, query: PredictionQuery, version: str
) -> tuple[str, TaskName, dict[str, str]]:
    """Return target and task of a version, and it with its absorber if that is meant."""
    found = find_version(store, query.campaign, version)
    if query.target not in (None, found.target):
        raise UsageError(f"version {version} is of target {found.target}, not {query.target}")
    is_meant = query.absorber in (None, found.absorber)
    return found.target, found.task, {found.hash: found.absorber} if is_meant else {}


def _promoted(
    store: Store, config: CampaignConfig, query: PredictionQuery
) -> tuple[str, TaskName, dict[str, str]]:
    """Return target and task, and the version of each absorber that a query can mean."""
    target = config.targets[0]
    if query.target is not None:
        (target,) = (one for one in config.targets if one.name == query.target)
    elif query.cn is not None:
        target = next((one for one in config.targets if one.kind == _CN), target)
    promoted: dict[str, Any] = {
        "campaign": config.campaign,
        "target": target.name,
        "$or": [
            {"feature_set": feature_set, "model": model}
            for feature_set, model in _meant_models(config, query, target.name)
        ],
    }
    if query.absorber is not None:
        promoted["absorber"] = query.absorber
    elif query.formula is not None:
        promoted["absorber"] = {"$in": re.findall("[A-Z][a-z]?", query.formula)}
    raws = store.project(
        PromotionDoc, promoted, ["hash", "absorber"], sort=[("absorber", 1), ("hash", 1)]
    )
    return target.name, target.task, {raw["hash"]: raw["absorber"] for raw in raws}


def _meant_models(
    config: CampaignConfig, query: PredictionQuery, target: str
) -> Iterator[tuple[str, str]]:
    """Yield feature set and model of the predictions that a query can mean.

    Where none is named, what the model of the package answers for measured spectra is found beside
    the predictions of the campaign's own model.
    """
    names = query.feature_set, query.model
    answers = config.measured and names in (
        (None, None),
        (None, ANSWERING),
        (ANSWERED, None),
        (ANSWERED, ANSWERING),
    )
    if answers:
        yield ANSWERED, ANSWERING
    if not answers or (config.models and names == (None, None)):
        yield default_names(config, query.feature_set, query.model, target)


def _classes(store: Store, query: PredictionQuery, target: str) -> list[int | str]:
    """Classes that models of a target know, of whatever version: its settings do not say them all.

    Without a model there is nothing to find; a label then tells whether classes are names.
    """
    of_target = {"campaign": query.campaign, "target": target}
    known = [
        one for kind in (MetricsDoc, ModelDoc) for one in store.distinct(kind, "classes", of_target)
    ]
    if known:
        return known
    label = next(store.project(LabelDoc, of_target, ["value"], limit=1), None)
    if label is None or isinstance(label["value"], int):
        return []
    return [str(query.value), str(query.label)]


def _check_names(config: CampaignConfig, query: PredictionQuery) -> None:
    """Refuse names that the campaign does not have, instead of finding nothing."""
    known = {
        "absorber": config.absorbers,
        "target": [target.name for target in config.targets],
        "feature_set": [fset.name for fset in config.features.sets],
        "model": [model.name for model in config.models],
    }
    if config.measured:
        known["feature_set"].append(ANSWERED)
        known["model"].append(ANSWERING)
    for field, names in known.items():
        value = getattr(query, field)
        if value is not None and value not in names:
            raise UsageError(
                f"campaign {query.campaign} has no {field.replace('_', ' ')} {value!r}; "
                f"it has {', '.join(names)}"
            )
