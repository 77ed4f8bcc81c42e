"""Predictions of three metals in oxides, sulfides and alloys, as a forest would make them."""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import numpy as np

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.store.results import MetricsDoc, PredictionDoc, PromotionDoc
from exafscn_flows.store.store import Store
from exafscn_flows.targets import CoordinationNumber
from exafscn_flows.targets.base import Label, TargetModel
from exafscn_flows.tasks.classes import expected_errors, predicted_classes

ABSORBERS = ["Cu", "Fe", "Ni"]
CLASSES = np.array([2, 4, 5, 6, 8, 12])
TREES = 20  # so few that many predictions are equally probable
CN = "coordination_number"
ENVIRONMENTS = dict(
    zip(
        CLASSES.tolist(),
        ("linear", "tetrahedron", "cn_5", "octahedron", "cube", "cuboctahedron"),
        strict=True,
    )
)


class _Target(TargetModel):
    def label_site(self, *_: Any) -> Label:
        raise NotImplementedError


class OxidationState(_Target):
    task = "classes"
    title, short, unit, version = "oxidation state", "oxidation state", "", 1
    kind: Literal["oxidation_state"] = "oxidation_state"
    name: str = "oxidation_state"


class Environment(_Target):
    task = "classes"
    title, short, unit, version = "environment", "environment", "", 1
    kind: Literal["environment"] = "environment"
    name: str = "environment"


class BondLength(_Target):
    task = "numbers"
    title, short, unit, version = "mean bond length", "bond length", "Å", 1
    kind: Literal["bond_length"] = "bond_length"
    name: str = "bond_length"


TARGETS = [CoordinationNumber(), OxidationState(), Environment(), BondLength()]
TASKS = {target.name: target.task for target in TARGETS}


def config(campaign: str = "test") -> CampaignConfig:
    """Settings of the campaign that the predictions are of."""
    settings = {"campaign": campaign, "absorbers": ABSORBERS, "sources": [{"kind": "amcsd"}]}
    return CampaignConfig.model_validate(settings)


def with_targets(store: Store) -> Store:
    """Let the campaign have one target of each kind, whichever kinds this version has."""
    several = config().model_copy(update={"targets": TARGETS})
    store.save_config(several)
    store._configs[store.campaign("test").hash] = several
    return store


def version(absorber: str, target: str = CN) -> str:
    """Version of the model that predicts an absorber."""
    return f"first-{absorber}" if target == CN else f"{target}-{absorber}"


def promotions(target: str = CN) -> Iterator[PromotionDoc]:
    """Make queries use the versions that the predictions are of."""
    for absorber in ABSORBERS:
        yield PromotionDoc(
            campaign="test",
            hash=version(absorber, target),
            target=target,
            absorber=absorber,
            feature_set="r_space",
            model="random_forest",
        )


def metrics_of(docs: Iterable[PredictionDoc]) -> Iterator[MetricsDoc]:
    """Make the metrics of the versions of predictions, with their classes and nothing else."""
    by_version: dict[str, list[PredictionDoc]] = {}
    for doc in docs:
        by_version.setdefault(doc.hash, []).append(doc)
    for hash_, of_version in by_version.items():
        names = ("campaign", "target", "task", "absorber", "feature_set", "model")
        yield MetricsDoc(
            **{name: getattr(of_version[0], name) for name in names},
            hash=hash_,
            unit="",
            n_sites=len(of_version),
            n_formulas=1,
            classes=sorted({doc.label for doc in of_version if doc.task == "classes"}),
            class_counts=[],
            splits={},
        )


def made_predictions(count: int, seed: int = 0) -> Iterator[PredictionDoc]:
    """Make predictions of coordination numbers, the same ones for the same seed."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(CLASSES, count)
    weights = 0.05 + 3 * np.exp(-np.abs(CLASSES - labels[:, None]))
    votes = rng.gamma(weights)
    proba = rng.multinomial(TREES, votes / votes.sum(axis=1, keepdims=True)) / TREES
    predicted = predicted_classes(proba, CLASSES)
    errors = expected_errors(proba, CLASSES, predicted)
    for row in range(count):
        absorber = str(rng.choice(ABSORBERS))
        anion = str(rng.choice(["O", "S", ""], p=[0.6, 0.3, 0.1]))
        partner = str(rng.choice(["Li", "Zn", "Cu", ""], p=[0.3, 0.2, 0.1, 0.4]))
        if partner == absorber:
            partner = ""
        elements = sorted({absorber, anion, partner} - {""})
        amount = str(rng.choice(["", *"23456789"]))
        near = {partner or absorber} if row % 3 == 0 else {anion or absorber, partner or absorber}
        yield PredictionDoc(
            campaign="test",
            hash=version(absorber),
            site=f"m{rng.integers(10**6):06d}-{row}:{absorber}:0",
            absorber=absorber,
            material_id=f"m-{row}",
            formula=f"{partner}{absorber}{amount}{anion}",
            elements=elements,
            neighbours=sorted(near),
            oxide=anion == "O",
            measured=row % 10 == 0,
            feature_set="r_space",
            model="random_forest",
            target=CN,
            task="classes",
            value=int(predicted[row]),
            label=int(labels[row]),
            probability=float(proba[row].max()),
            probabilities=dict(zip(map(str, CLASSES), proba[row].tolist(), strict=True)),
            expected_value=float(proba[row] @ CLASSES),
            expected_error=float(errors[row]),
            prediction_set=CLASSES[proba[row] >= min(0.2, proba[row].max())].tolist(),
            ood_score=row % 50 / 50,
            in_distribution=row % 50 < 48,
            seen=row % 40 == 0,
            disagrees=bool(predicted[row] != labels[row]),
            fold=0,
        )


def of_target(target: str, docs: Iterable[PredictionDoc]) -> Iterator[PredictionDoc]:
    """Make of predictions of coordination numbers those of another target for the same sites."""
    rng = np.random.default_rng(0)
    for doc in docs:
        changed: dict[str, Any] = {"target": target, "hash": version(doc.absorber, target)}
        if target == "oxidation_state":
            value, label = (int(cn) // 2 - 2 for cn in (doc.value, doc.label))
            changed |= {"value": value, "label": label, "disagrees": value != label}
        elif target == "environment":
            changed |= {"value": ENVIRONMENTS[doc.value], "label": ENVIRONMENTS[doc.label]}
            names = {ENVIRONMENTS[int(cn)]: p for cn, p in (doc.probabilities or {}).items()}
            changed |= {"probabilities": names, "expected_error": 1 - (doc.probability or 0)}
            sets = [ENVIRONMENTS[int(cn)] for cn in doc.prediction_set or ()]
            changed |= {"expected_value": None, "prediction_set": sets}
        elif target == "bond_length":
            value, label = (1.6 + 0.08 * (cn + rng.normal()) for cn in (doc.value, doc.label))
            error = 0.02 + 0.02 * rng.random()
            changed |= {"task": "numbers", "probability": None, "probabilities": None}
            changed |= {"expected_value": value, "prediction_set": None}
            changed |= {"value": value, "label": label, "expected_error": error}
            changed |= {"disagrees": bool(abs(value - label) > 3 * error)}
        fields = doc.model_dump(exclude={"keywords"}) | changed
        yield PredictionDoc.model_validate(fields)
