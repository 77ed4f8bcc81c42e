"""The fits of `study.py`, one after the other, by scikit-learn and, of the perceptron, torch.

`study.py` runs this in a process of its own, with a file that says what to fit. It reads the sites,
labels and features of a campaign by plain pymongo, and writes what models predict to an npz file:

    EXAFSCN_MONGODB_URI=... python benchmarks/study_plain.py PLAN.json OUTPUT.npz

Like the study, it fits for an experiment what it has fitted for the folds before.
"""

import json
import os
import sys
import time
import warnings
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pymongo import MongoClient
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.tree import DecisionTreeClassifier

from exafscn_flows.evaluation.attribution import integrated_gradients, permutation_drop
from exafscn_flows.evaluation.experiments import first_groups
from exafscn_flows.features.columns import Columns
from exafscn_flows.models.mlp import Mlp
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.tasks import task_named

TARGET = "coordination_number"
TASK = task_named("classes")

Folds = list[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Samples:
    """Rows of one absorber with one feature set, by site."""

    sites: list[str]
    X: np.ndarray
    y: np.ndarray
    groups: np.ndarray


@dataclass(eq=False)
class PlainStudy:
    """Fits what a plan says.

    Attributes
    ----------
    plan
        Campaign, absorbers, models and experiments; see `study.py`.
    results
        Sites, labels and what was predicted, by key.
    seconds
        Time that fits and predictions took, by model and what it was for.
    """

    plan: dict[str, Any]
    results: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def run(self, database: Any) -> None:
        """Fit everything, one absorber after the other."""
        for absorber in self.plan["absorbers"]:
            samples = self._read(database, absorber)
            for model in self.plan["models"]:
                for feature_set in model["feature_sets"]:
                    began = time.perf_counter()
                    key = f"{TARGET}/{absorber}/{feature_set}/{model['name']}"
                    self._cross_validate(key, model, samples[feature_set])
                    self.seconds[f"{model['name']}/folds"] += time.perf_counter() - began
            for model in self.plan["models"]:
                for name, value in model["experiments"]:
                    began = time.perf_counter()
                    self._experiment(absorber, model, name, value, samples)
                    self.seconds[f"{model['name']}/{name}"] += time.perf_counter() - began

    def _read(self, database: Any, absorber: str) -> dict[str, Samples]:
        """Read one absorber, by feature set."""
        query = {"campaign": self.plan["campaign"], "absorber": absorber}
        active = database.sites.find(query | {"active": True}).sort("site")
        formulas = {doc["site"]: doc["formula"] for doc in active}
        found = database.labels.find(query | {"target": TARGET}, {"site": 1, "value": 1})
        labels = {doc["site"]: doc["value"] for doc in found}
        vectors: dict[str, dict[str, np.ndarray]] = defaultdict(dict)
        for doc in database.features.find(query):
            vector = np.array(doc["vector"].as_vector().data, dtype=np.float32)
            vectors[doc["feature_set"]][doc["site"]] = vector
        samples = {}
        for name, found in vectors.items():
            sites = [site for site in formulas if site in labels and site in found]
            samples[name] = Samples(
                sites,
                np.stack([found[site] for site in sites]),
                # Numbers stand for the classes.
                np.unique([labels[site] for site in sites], return_inverse=True)[1],
                np.array([formulas[site] for site in sites]),
            )
        return samples

    def _fit(self, model: dict[str, Any], X: np.ndarray, y: np.ndarray, groups: np.ndarray) -> Any:
        return fit(model["settings"], self.plan["seed"], self.plan["n_jobs"], X, y, groups)

    @cache  # noqa: B019 - there is one study
    def _folds(self, samples: Samples, split: str) -> Folds:
        kind = StratifiedGroupKFold if split == "grouped" else StratifiedKFold
        folds = kind(self.plan["n_folds"], shuffle=True, random_state=self.plan["seed"])
        groups = samples.groups if split == "grouped" else None
        return list(folds.split(samples.y, samples.y, groups))

    def _cross_validate(self, key: str, model: dict[str, Any], samples: Samples) -> None:
        self.results |= {f"{key}/sites": samples.sites, f"{key}/y": samples.y}
        for split in ("grouped", "random"):
            proba = np.zeros((len(samples.y), len(np.unique(samples.y))))
            for train, test in self._folds(samples, split):
                X, y, groups = samples.X[train], samples.y[train], samples.groups[train]
                _predict(self._fit(model, X, y, groups), samples.X, samples.y, test, proba)
            self.results[f"{key}/{split}"] = proba
        self._fit(model, samples.X, samples.y, samples.groups)  # the final model, on all sites

    def _experiment(
        self,
        absorber: str,
        model: dict[str, Any],
        name: str,
        value: float | None,
        by_set: dict[str, Samples],
    ) -> None:
        seed, axis, samples = self.plan["seed"], np.array(self.plan["axis"]), by_set[self._set]
        X, y, groups = samples.X, samples.y, samples.groups
        if name in ("rmax", "rmin"):
            X = X[:, axis < value if name == "rmax" else axis >= value]
        proba = np.zeros((len(y), len(np.unique(y))))
        drop, gradients = [], []
        for train, test in self._folds(samples, "grouped"):
            rows = train
            if name == "learning_curve":
                rows = train[np.isin(groups[train], first_groups(groups[train], value, seed))]
            fitted = self._fit(model, X[rows], y[rows], groups[rows])
            _predict(fitted, X, y, test, proba)
            if name == "importance":
                edges = np.array(self.plan["edges"])
                drop.append(permutation_drop(TASK, fitted, X[test], y[test], axis, edges, seed))
                if model["settings"]["kind"] == "mlp":
                    gradients.append(integrated_gradients(fitted, X[test]))
        right = np.unique(y)[np.round(proba, 9).argmax(axis=1)] == y
        key = "/".join([TARGET, absorber, self._set, model["name"], name])
        key += "" if value is None else f"/{value}"
        self.results[f"{key}/accuracy"] = right.mean()
        for what, found in {"drop": drop, "gradients": gradients}.items():
            if found:
                self.results[f"{key}/{what}"] = np.mean(found, axis=0)

    @property
    def _set(self) -> str:
        return str(self.plan["studied_set"])


def fit(
    settings: dict[str, Any],
    seed: int,
    n_jobs: int,
    X: np.ndarray,
    y: np.ndarray,
    groups: np.ndarray,
) -> Any:
    """Fit a model as the campaign file has it."""
    if settings["kind"] == "mlp":
        # On one thread: how torch shares sums among threads changes what it learns.
        data = TrainingSet(X, y, groups, Columns(np.arange(X.shape[1])), "classes")
        return Mlp.model_validate(settings).fit(data, seed)
    return estimator(settings, seed, n_jobs).fit(X, y)


def estimator(settings: dict[str, Any], seed: int, n_jobs: int) -> Any:
    """Return an unfitted model of scikit-learn."""
    assert settings["search"] is None
    names = ("kind", "name", "per", "targets", "feature_sets", "search")
    own = {key: value for key, value in settings.items() if key not in names}
    match settings["kind"]:
        case "random_forest":
            return RandomForestClassifier(**own, random_state=seed, n_jobs=n_jobs)
        case "extra_trees":
            return ExtraTreesClassifier(**own, random_state=seed, n_jobs=n_jobs)
        case "bagging":
            tree = DecisionTreeClassifier(min_samples_leaf=own.pop("min_samples_leaf"))
            return BaggingClassifier(tree, **own, random_state=seed, n_jobs=n_jobs)
    # It takes its threads from OMP_NUM_THREADS.
    return HistGradientBoostingClassifier(
        **own,
        min_samples_leaf=5,
        max_bins=63,
        categorical_features=None,
        early_stopping=False,
        random_state=seed,
    )


def _predict(
    fitted: Any, X: np.ndarray, y: np.ndarray, test: np.ndarray, proba: np.ndarray
) -> None:
    """Put the probabilities of the held-out rows in their place."""
    columns = np.searchsorted(np.unique(y), fitted.classes_)
    proba[np.ix_(test, columns)] = fitted.predict_proba(X[test])


def main(plan: str, output: str) -> None:
    """Fit everything and write what came out, and the seconds that it took."""
    # A rare coordination number is in fewer folds than there are.
    warnings.filterwarnings("ignore", "The least populated class", UserWarning)
    study = PlainStudy(json.loads(Path(plan).read_text()))
    study.run(MongoClient(os.environ["EXAFSCN_MONGODB_URI"]).get_default_database())
    seconds = {f"seconds/{name}": value for name, value in study.seconds.items()}
    np.savez(output, **study.results, **seconds)


if __name__ == "__main__":
    main(*sys.argv[1:])
