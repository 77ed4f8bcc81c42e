"""Fitted models, under scikit-learn's names."""

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


@runtime_checkable
class SpreadRegressor(Regressor, Protocol):
    """A regressor that says itself how far its parts are from each other."""

    def spread(self, X: np.ndarray) -> np.ndarray:
        """Return the standard deviation of what its parts predict of each row, shape (n,)."""


Fitted = Classifier | Regressor
