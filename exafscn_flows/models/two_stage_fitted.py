"""Kernel ridge regression of other features, and trees that know them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from exafscn_flows.tasks.numbers import spread

ROWS = 1024
"""Rows that are compared with the landmarks at once, so that any number takes little memory."""


def gaussian(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the Gaussian kernel of rows, float64, shape (n_rows, n_others).

    Parameters
    ----------
    rows, others
        In units of the kernel's width, float64, shape (n, n_features).
    """
    squares = (rows**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)[None]
    found: np.ndarray = np.exp(-0.5 * np.maximum(squares - 2 * rows @ others.T, 0))
    return found


@dataclass(frozen=True)
class FirstStage:
    """Kernel ridge regression, by Nyström's approximation.

    Attributes
    ----------
    mean, scale
        What is taken off each feature, and what it is divided by, shape (n_features,).
    landmarks
        Training sites that others are compared with, in these units, shape (n_landmarks,
        n_features).
    weights
        Of each, for each number that is predicted, shape (n_landmarks, n_outputs).
    offset
        Mean of each of these numbers, shape (n_outputs,).

    All are float32.

    Raises
    ------
    ValueError
        If they do not fit together, or are not finite.
    """

    mean: np.ndarray
    scale: np.ndarray
    landmarks: np.ndarray
    weights: np.ndarray
    offset: np.ndarray

    def __post_init__(self) -> None:
        n_landmarks, n_features = self.landmarks.shape
        shapes = [one.shape for one in (self.mean, self.scale, self.weights, self.offset)]
        n_outputs = len(self.offset)
        wanted = [(n_features,), (n_features,), (n_landmarks, n_outputs), (n_outputs,)]
        arrays = (self.mean, self.scale, self.landmarks, self.weights, self.offset)
        if shapes != wanted or any(one.dtype != np.float32 for one in arrays):
            raise ValueError("the arrays of a first stage do not fit together")
        if not all(np.isfinite(one).all() for one in arrays) or (self.scale <= 0).any():
            raise ValueError("a first stage holds values that cannot be used")

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return what is predicted of each row, float32, shape (n, n_outputs)."""
        units = (np.asarray(X, dtype=np.float64) - self.mean) / self.scale
        landmarks, weights = self.landmarks.astype(np.float64), self.weights.astype(np.float64)
        parts = [
            gaussian(units[start : start + ROWS], landmarks) @ weights + self.offset
            for start in range(0, len(units), ROWS)
        ]
        found: np.ndarray = np.concatenate(parts or [np.empty((0, len(self.offset)))])
        # Trees split at numbers: what rounding may change is far below what they can see.
        return found.astype(np.float32)


@dataclass(frozen=True)
class _TwoStage:
    """A first stage, and trees on the features and what it says.

    Attributes
    ----------
    first
        The first stage.
    second
        The trees.

    Raises
    ------
    ValueError
        If they do not fit together.
    """

    first: FirstStage
    second: Any

    def __post_init__(self) -> None:
        if self.second.n_features_in_ != self.n_features_in_ + len(self.first.offset):
            raise ValueError("the stages do not fit together")

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        return len(self.first.mean)

    def joined(self, X: np.ndarray) -> np.ndarray:
        """Return the features and what the first stage says, shape (n, n_joined).

        Raises
        ------
        ValueError
            If ``X`` has not the features that the first stage was fitted on.
        """
        X = np.asarray(X)
        if X.ndim != 2 or X.shape[1] != self.n_features_in_:
            raise ValueError(f"features have shape {X.shape}, not (n, {self.n_features_in_})")
        return np.hstack([X.astype(np.float32), self.first.predict(X)])

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most probable class, or the number, of each row, shape (n,)."""
        predicted: np.ndarray = self.second.predict(self.joined(X))
        return predicted


class TwoStageClassifier(_TwoStage):
    """Of which the second stage knows classes."""

    @property
    def classes_(self) -> np.ndarray:
        """Numbers of the classes, ascending, shape (n_classes,)."""
        classes: np.ndarray = self.second.classes_
        return classes

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return probabilities, shape (n, n_classes), columns in the order of ``classes_``."""
        proba: np.ndarray = self.second.predict_proba(self.joined(X))
        return proba


class TwoStageRegressor(_TwoStage):
    """Of which the second stage knows numbers."""

    def spread(self, X: np.ndarray) -> np.ndarray:
        """Return the standard deviation of what the trees predict of each row, shape (n,)."""
        return spread(self.second, self.joined(X))


def in_two_stages(first: FirstStage, second: Any) -> TwoStageClassifier | TwoStageRegressor:
    """Return the stages as one model."""
    made = TwoStageClassifier if hasattr(second, "classes_") else TwoStageRegressor
    return made(first, second)
