"""How models learn curves: as the parts that make up their deviations from a mean.

Of each absorber, the mean curve of the training rows is taken off, and what is left divided by its
root mean square, so that every absorber counts the same. Of these deviations models learn the
principal components that hold nearly all of the variance: a rotation leaves squared errors as they
are, and there are some twenty numbers to learn instead of a hundred.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from exafscn_flows.models.blas import one_blas_thread
from exafscn_flows.models.training_set import TrainingSet, absorbers_of
from exafscn_flows.tasks.numbers import spread

KEPT = 0.999
"""Share of the variance of the deviations that the components hold."""
_FEWEST = 2
"""Components: of a single one, scikit-learn would make another kind of model."""


@dataclass(frozen=True)
class Components:
    """Curves as numbers, and back.

    Attributes
    ----------
    means
        Mean curve of each absorber, float64, shape (n_absorbers, n_axis); one of a model of one
        absorber. Of an absorber without training rows it is the mean of all.
    scales
        Root mean square deviation from it, float64, shape (n_absorbers,).
    directions
        Orthogonal curves of length 1, float64, shape (n_components, n_axis).

    Raises
    ------
    ValueError
        If the arrays do not fit together or hold values that cannot be used.
    """

    means: np.ndarray
    scales: np.ndarray
    directions: np.ndarray

    def __post_init__(self) -> None:
        arrays = (self.means, self.scales, self.directions)
        if (
            any(array.dtype != np.float64 for array in arrays)
            or self.means.ndim != 2
            or self.directions.ndim != 2
            or self.scales.shape != self.means.shape[:1]
            or self.directions.shape[1:] != self.means.shape[1:]
            or min(self.means.size, self.directions.size) < 1
        ):
            raise ValueError("the arrays of curves do not fit together")
        if not all(np.isfinite(array).all() for array in arrays) or (self.scales <= 0).any():
            raise ValueError("the arrays of curves hold values that cannot be used")

    @classmethod
    def of(cls, data: TrainingSet) -> Self:
        """Find them in the curves of a training set, two points or more each."""
        y = np.asarray(data.y, dtype=np.float64)
        rows = absorbers_of(data.X, data.n_absorbers)
        n_absorbers = max(data.n_absorbers, 1)
        means = np.tile(y.mean(axis=0), (n_absorbers, 1))
        for one in np.unique(rows):
            means[one] = y[rows == one].mean(axis=0)
        deviations = y - means[rows]
        scales = np.full(n_absorbers, _root_mean_square(deviations))
        for one in np.unique(rows):
            scales[one] = _root_mean_square(deviations[rows == one])
        # Of curves that are all the same, but for rounding, nothing is left to be learned.
        scales = np.maximum(scales, 1e-6 * (np.abs(y).max() or 1.0))
        deviations /= scales[rows][:, None]
        variances, vectors = np.linalg.eigh(deviations.T @ deviations)
        variances, vectors = np.maximum(variances[::-1], 0), vectors.T[::-1]
        held = np.cumsum(variances) / (variances.sum() or 1.0)
        n = max(int(np.searchsorted(held, KEPT)) + 1, _FEWEST)
        directions = vectors[:n]
        # Either sign does: the largest value is positive, whatever the library.
        largest = directions[np.arange(len(directions)), np.abs(directions).argmax(axis=1)]
        return cls(means, scales, np.ascontiguousarray(directions * np.sign(largest)[:, None]))

    def encode(self, curves: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the components of curves, shape (n, n_components).

        Parameters
        ----------
        curves
            Shape (n, n_axis).
        rows
            Number of the absorber of each, shape (n,).
        """
        with one_blas_thread():
            deviations = (curves - self.means[rows]) / self.scales[rows][:, None]
            found: np.ndarray = deviations @ self.directions.T
        return found

    def decode(self, components: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the curves that have these components, shape (n, n_axis)."""
        with one_blas_thread():
            deviations = components @ self.directions
        curves: np.ndarray = self.means[rows] + self.scales[rows][:, None] * deviations
        return curves


@dataclass(frozen=True)
class FittedCurves:
    """A model that predicts curves.

    Attributes
    ----------
    components
        What it learned of them.
    regressor
        Predicts the components of each row, shape (n, n_components), under scikit-learn's names.
    n_absorbers
        How many of the last features say with 0 and 1 which absorber a row is of; 0 of one.

    Raises
    ------
    ValueError
        If they do not fit together.
    """

    components: Components
    regressor: Any
    n_absorbers: int

    def __post_init__(self) -> None:
        known = len(self.components.means), len(self.components.directions)
        if known != (max(self.n_absorbers, 1), self.regressor.n_outputs_):
            raise ValueError("the curves and the model of their components do not fit together")
        if self.n_absorbers > self.n_features_in_:
            raise ValueError("there are more absorbers than features")

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        n_features: int = self.regressor.n_features_in_
        return n_features

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the curve of each row, shape (n, n_axis)."""
        rows = absorbers_of(X, self.n_absorbers)
        return self.components.decode(self.regressor.predict(X), rows)

    def spread(self, X: np.ndarray) -> np.ndarray:
        """Return the standard deviation of the parts of the model, shape (n,).

        It is the root of the mean square over the points; 0 of a model without parts.
        """
        found = spread(self.regressor, X)
        if found.ndim == 1:
            return found
        scales = self.components.scales[absorbers_of(X, self.n_absorbers)]
        n_axis = self.components.means.shape[1]
        spreads: np.ndarray = scales * np.sqrt((found**2).sum(axis=1) / n_axis)
        return spreads


def fit_components(
    fit: Callable[[TrainingSet, int], Any], data: TrainingSet, seed: int
) -> FittedCurves:
    """Fit a model of curves.

    Parameters
    ----------
    fit
        Fits the model of the components, which stand in `y`.
    data
        Curves, and what they are learned from.
    seed
        Seed of the fit.
    """
    components = Components.of(data)
    y = components.encode(data.y, absorbers_of(data.X, data.n_absorbers))
    regressor = fit(replace(data, y=y, components=components), seed)
    return FittedCurves(components, regressor, data.n_absorbers)


def _root_mean_square(values: np.ndarray) -> float:
    return float(np.sqrt((values**2).mean()))
