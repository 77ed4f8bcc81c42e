"""Training of late fusion: members on parts, and what weighs what they say out of fold."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features.columns import Columns
from exafscn_flows.models.base import ModelBase
from exafscn_flows.models.late_fusion_fitted import (
    FusionClassifier,
    FusionRegressor,
    evidence,
    split_columns,
)
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.splits import grouped_folds
from exafscn_flows.tasks import task_named
from exafscn_flows.tasks.fitted import Fitted

N_FOLDS = 5
"""Folds of the training sites, as in scikit-learn's stacking."""


def train(member: ModelBase, data: TrainingSet, seed: int) -> FusionClassifier | FusionRegressor:
    """Fit a member on each part, and what weighs them.

    Parameters
    ----------
    member
        Model of each part.
    data
        What it learns from, with the columns of a concatenation.
    seed
        Seed of the folds and of the members.

    Raises
    ------
    ValueError
        If the columns are not those of a concatenation.
    ItemFailure
        If there is too little to split or to fit on.
    """
    X, y, columns = data.X, data.y, data.columns
    if len(columns.parts) < 2:
        raise ValueError("late fusion takes the parts of a concatenation, and there are none")
    sizes = tuple(len(part) for part in columns.parts)
    inputs = split_columns(X, sizes)

    def fitted(rows: np.ndarray) -> list[Fitted]:
        return [
            member.fit(replace(data, X=one, columns=Columns(axis)).part(rows), seed)
            for one, axis in zip(inputs, columns.parts, strict=True)
        ]

    learned = task_named(data.task)
    classes = learned.classes(y.tolist())
    n_outputs = len(classes) or 1
    said = np.empty((len(sizes), len(X), n_outputs))
    try:
        folds = grouped_folds(learned.strata(y), data.groups, N_FOLDS, seed)
        for fold in np.unique(folds):
            test = folds == fold
            for number, one in enumerate(fitted(~test)):
                said[number, test] = _outputs(one, inputs[number][test], classes)
    except ItemFailure as failure:
        message = f"in the folds of late fusion, {failure.message}"
        raise ItemFailure(failure.kind, message, failure.hint) from None
    parts = (member.kind, tuple(fitted(np.ones(len(X), dtype=bool))), sizes)
    n_others = X.shape[1] - len(columns.axis)
    if data.task == "classes":
        return FusionClassifier(*parts, n_others, *_logistic(evidence(said), y, len(classes)))
    return FusionRegressor(*parts, n_others, *_ridge(said[:, :, 0].T, y))


def _outputs(fitted: Any, X: np.ndarray, classes: Sequence[int | str]) -> np.ndarray:
    """Return probabilities of all classes, or numbers, shape (n, n_outputs)."""
    if not classes:
        predicted: np.ndarray = fitted.predict(X)[:, None]
        return predicted
    # A class that no other fold has gets 0.
    places = np.searchsorted(np.asarray(classes), fitted.classes_)
    proba = np.zeros((len(X), len(classes)))
    proba[:, places] = fitted.predict_proba(X)
    return proba


def _logistic(said: np.ndarray, y: np.ndarray, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Fit a logistic regression, and return weights and bias of a softmax."""
    if n_classes == 1:
        return np.zeros((said.shape[1], 1)), np.zeros(1)
    from sklearn.linear_model import LogisticRegression

    found = LogisticRegression(max_iter=1000).fit(said, y)
    weights, bias = found.coef_.T, found.intercept_
    if n_classes == 2:
        # Of two classes, scikit-learn has the weights of the second one alone.
        weights, bias = np.hstack([0 * weights, weights]), np.append(0.0, bias)
    return weights, bias


def _ridge(said: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit a ridge regression in standard deviations, and return weights and bias in the unit."""
    from sklearn.linear_model import Ridge

    center, width = float(y.mean()), float(y.std())
    if width <= 1e-6 * abs(center):
        width = 1.0
    found = Ridge().fit((said - center) / width, (y - center) / width)
    weights = found.coef_[:, None]
    bias = center * (1 - found.coef_.sum()) + width * found.intercept_
    return weights, np.array([bias])
