"""Fitted models, under scikit-learn's names."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np


class Classifier(Protocol):
    """A model fitted on classes, under scikit-learn's names."""

    @property
    def classes_(self) -> np.ndarray:
        """Numbers of the classes that it has seen, ascending, shape (n_classes,)."""

    @property
    def n_features_in_(self) -> int:
        """Number of features."""

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most probable class of each row, shape (n,)."""

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return probabilities, shape (n, n_classes), columns in the order of ``classes_``."""


class Regressor(Protocol):
    """A model fitted on numbers, under scikit-learn's names."""

    @property
    def n_features_in_(self) -> int:
        """Number of features."""

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the number of each row, shape (n,)."""


class CurveRegressor(Protocol):
    """A model fitted on curves, under scikit-learn's names."""

    @property
    def n_features_in_(self) -> int:
        """Number of features."""

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the curve of each row, shape (n, n_axis)."""


@runtime_checkable
class SpreadRegressor(Regressor, Protocol):
    """A regressor that says itself how far its parts are from each other."""

    def spread(self, X: np.ndarray) -> np.ndarray:
        """Return the standard deviation of what its parts predict of each row, shape (n,).

        Of curves, the root of its mean square over the points.
        """


@runtime_checkable
class Scored(Protocol):
    """A model that says how probable it is that a row is not such as it has learned."""

    def ood_score(self, X: np.ndarray) -> np.ndarray | None:
        """Return the out-of-distribution score of each row, 0-1, shape (n,); None without one."""


@runtime_checkable
class Taught(Protocol):
    """A model that comes trained, on formulas that a campaign may have, too."""

    def has_seen(self, formulas: Sequence[str]) -> np.ndarray:
        """Tell which reduced formulas were among those, shape (n,)."""


Fitted = Classifier | Regressor | CurveRegressor


def ood_score(fitted: object, X: np.ndarray) -> np.ndarray:
    """Return the out-of-distribution score of each row, shape (n,); NaN of a model without one."""
    found = fitted.ood_score(X) if isinstance(fitted, Scored) else None
    return np.full(len(X), np.nan) if found is None else found


def has_seen(fitted: object, formulas: Sequence[str]) -> np.ndarray:
    """Tell of which formulas a model has learned before it was fitted, shape (n,)."""
    if isinstance(fitted, Taught):
        return fitted.has_seen(formulas)
    return np.zeros(len(formulas), dtype=bool)
