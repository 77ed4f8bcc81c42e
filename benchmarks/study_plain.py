"""The fits of `study.py`, one after the other, by scikit-learn and, of the perceptron, torch.

`study.py` runs this in a process of its own. It reads the sites, labels and features of a campaign
by plain pymongo, and writes out-of-fold probabilities to an npz file:

    EXAFSCN_MONGODB_URI=... python benchmarks/study_plain.py CAMPAIGN OUTPUT N_JOBS ABSORBER...
"""

import os
import sys
import time
import warnings
from collections import defaultdict
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

from exafscn_flows.models.mlp import Mlp

N_FOLDS = 5
SEED = 0

FEATURE_SETS = {
    "random_forest": ["r_space_chi"],
    "extra_trees": ["r_space_chi", "r_space_complex_chi"],
    "bagging": ["r_space_chi"],
    "gradient_boosting": ["r_space_chi"],
    "mlp": ["r_space_chi"],
}
"""What each model is fitted on."""


def estimator(model: str, n_jobs: int) -> Any:
    """Return an unfitted model with the parameters that the campaign has."""
    if model == "random_forest":
        return RandomForestClassifier(200, random_state=SEED, n_jobs=n_jobs)
    if model == "extra_trees":
        return ExtraTreesClassifier(300, random_state=SEED, n_jobs=n_jobs)
    if model == "bagging":
        return BaggingClassifier(DecisionTreeClassifier(), 50, random_state=SEED, n_jobs=n_jobs)
    # It takes its threads from OMP_NUM_THREADS.
    return HistGradientBoostingClassifier(
        max_iter=100,
        learning_rate=0.1,
        max_leaf_nodes=15,
        min_samples_leaf=5,
        l2_regularization=5.0,
        max_features=0.1,
        max_bins=63,
        categorical_features=None,
        early_stopping=False,
        random_state=SEED,
    )


def fit(model: str, n_jobs: int, X: np.ndarray, y: np.ndarray, groups: np.ndarray) -> Any:
    """Fit a model."""
    if model == "mlp":
        # On one thread: how torch shares sums among threads changes what it learns.
        return Mlp().fit(X, y, groups, SEED)
    return estimator(model, n_jobs).fit(X, y)


def read(
    database: Any, campaign: str, absorber: str
) -> tuple[list[str], np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Read one absorber: names of the sites, labels, formulas, and features by feature set."""
    active = {"campaign": campaign, "absorber": absorber, "active": True}
    formulas = {d["site"]: d["formula"] for d in database.sites.find(active).sort("site")}
    query = {"campaign": campaign, "absorber": absorber}
    labels = {d["site"]: d["cn"] for d in database.labels.find(query, {"site": 1, "cn": 1})}
    vectors: dict[str, dict[str, np.ndarray]] = defaultdict(dict)
    for doc in database.features.find(query):
        vector = np.array(doc["vector"].as_vector().data, dtype=np.float32)
        vectors[doc["feature_set"]][doc["site"]] = vector
    sites = [s for s in formulas if s in labels and all(s in found for found in vectors.values())]
    y = np.array([labels[site] for site in sites])
    groups = np.array([formulas[site] for site in sites])
    X = {name: np.stack([found[site] for site in sites]) for name, found in vectors.items()}
    return sites, y, groups, X


def main(campaign: str, output: str, n_jobs: int, absorbers: list[str]) -> None:
    """Fit everything and write the probabilities, and the seconds that each model took."""
    # A rare coordination number is in fewer folds than there are.
    warnings.filterwarnings("ignore", "The least populated class", UserWarning)
    database = MongoClient(os.environ["EXAFSCN_MONGODB_URI"]).get_default_database()
    results: dict[str, Any] = {}
    seconds: dict[str, float] = defaultdict(float)
    for absorber in absorbers:
        sites, y, groups, matrices = read(database, campaign, absorber)
        classes = np.unique(y)
        results[f"{absorber}/sites"], results[f"{absorber}/y"] = sites, y
        grouped = StratifiedGroupKFold(N_FOLDS, shuffle=True, random_state=SEED)
        random = StratifiedKFold(N_FOLDS, shuffle=True, random_state=SEED)
        splits = {
            "grouped": list(grouped.split(y, y, groups)),
            "random": list(random.split(y, y)),
        }
        for model, feature_sets in FEATURE_SETS.items():
            for feature_set in feature_sets:
                began = time.perf_counter()
                X = matrices[feature_set]
                for split, folds in splits.items():
                    proba = np.zeros((len(y), len(classes)))
                    for train, test in folds:
                        fitted = fit(model, n_jobs, X[train], y[train], groups[train])
                        columns = np.searchsorted(classes, fitted.classes_)
                        proba[np.ix_(test, columns)] = fitted.predict_proba(X[test])
                    results[f"{absorber}/{feature_set}/{model}/{split}"] = proba
                fit(model, n_jobs, X, y, groups)  # the final model, on all sites
                seconds[model] += time.perf_counter() - began
    results["seconds"] = [seconds[model] for model in FEATURE_SETS]
    np.savez(output, **results)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:])
