"""Kernel ridge regression of the atoms around a site, and trees that know them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from exafscn_flows.models.fourier import check_k, radii, transform
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
        What is taken off each input, and what it is divided by, shape (n_inputs,).
    landmarks
        Training sites that others are compared with, in these units, shape (n_landmarks,
        n_inputs).
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
        n_landmarks, n_inputs = self.landmarks.shape
        shapes = [one.shape for one in (self.mean, self.scale, self.weights, self.offset)]
        n_outputs = len(self.offset)
        wanted = [(n_inputs,), (n_inputs,), (n_landmarks, n_outputs), (n_outputs,)]
        arrays = (self.mean, self.scale, self.landmarks, self.weights, self.offset)
        if shapes != wanted or any(one.dtype != np.float32 for one in arrays):
            raise ValueError("the arrays of a first stage do not fit together")
        if not all(np.isfinite(one).all() for one in arrays) or (self.scale <= 0).any():
            raise ValueError("a first stage holds values that cannot be used")

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Return what is predicted of each row, float32, shape (n, n_outputs)."""
        units = (np.asarray(inputs, dtype=np.float64) - self.mean) / self.scale
        landmarks, weights = self.landmarks.astype(np.float64), self.weights.astype(np.float64)
        parts = [
            gaussian(units[start : start + ROWS], landmarks) @ weights + self.offset
            for start in range(0, len(units), ROWS)
        ]
        found: np.ndarray = np.concatenate(parts or [np.empty((0, len(self.offset)))])
        # Trees split at numbers: what rounding may change is far below what they can see.
        return found.astype(np.float32)


def spectral_inputs(X: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Return what both stages see of k-weighted chi(k).

    Parameters
    ----------
    X
        Curves and other features beyond them, shape (n, n_k + n_others).
    k
        Wave number, 1/Å, positive and ascending in equal steps, shape (n_k,).

    Returns
    -------
    numpy.ndarray
        Real, imaginary and absolute χ(R) of the curves, weighted once less by k, and the other
        features, float32, shape (n, n_inputs).
    """
    curves, others = X[:, : len(k)].astype(np.float64), X[:, len(k) :]
    complex_ = (curves * (k.mean() / k)) @ transform(k)
    n_r = complex_.shape[1] // 2
    size = np.hypot(complex_[:, :n_r], complex_[:, n_r:])
    return np.hstack([complex_, size, others]).astype(np.float32)


@dataclass(frozen=True)
class _TwoStage:
    """A first stage, and trees on what it sees and what it says.

    Attributes
    ----------
    k
        Wave number of the curves, 1/Å, float64, shape (n_k,).
    first
        The first stage.
    second
        The trees.

    Raises
    ------
    ValueError
        If they do not fit together.
    """

    k: np.ndarray
    first: FirstStage
    second: Any

    def __post_init__(self) -> None:
        check_k(self.k)
        n_inputs = len(self.first.mean)
        if self.second.n_features_in_ != n_inputs + len(self.first.offset) or self._n_others < 0:
            raise ValueError("the stages do not fit together")

    @property
    def _n_others(self) -> int:
        return len(self.first.mean) - 3 * len(radii())

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        return len(self.k) + self._n_others

    def joined(self, X: np.ndarray) -> np.ndarray:
        """Return what the first stage says and what it sees, shape (n, n_joined).

        Raises
        ------
        ValueError
            If ``X`` has not the features that the stages were fitted on.
        """
        X = np.asarray(X)
        if X.ndim != 2 or X.shape[1] != self.n_features_in_:
            raise ValueError(f"features have shape {X.shape}, not (n, {self.n_features_in_})")
        inputs = spectral_inputs(X, self.k)
        return np.hstack([self.first.predict(inputs), inputs])

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


def in_two_stages(
    k: np.ndarray, first: FirstStage, second: Any
) -> TwoStageClassifier | TwoStageRegressor:
    """Return the stages as one model; arguments as of the models."""
    made = TwoStageClassifier if hasattr(second, "classes_") else TwoStageRegressor
    return made(k, first, second)
