"""Fitted models of one part of a concatenation, as models of all of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from exafscn_flows.tasks.fitted import Classifier, Regressor, Scored, has_seen
from exafscn_flows.tasks.numbers import spread


@dataclass(frozen=True)
class Span:
    """Which of the columns of a concatenation a model takes: those of a part, and the others.

    Attributes
    ----------
    start, stop
        The columns of the part.
    n_axis
        Columns of all parts; those beyond say which absorber a row is of, and are all taken.
    n_features
        All columns.

    Raises
    ------
    ValueError
        If there are no such columns.
    """

    start: int
    stop: int
    n_axis: int
    n_features: int

    def __post_init__(self) -> None:
        numbers = (self.start, self.stop, self.n_axis, self.n_features)
        if any(type(one) is not int for one in numbers) or not (
            0 <= self.start < self.stop <= self.n_axis <= self.n_features
        ):
            raise ValueError(f"columns {numbers} are no part of a concatenation")

    def take(self, X: np.ndarray) -> np.ndarray:
        """Return the columns, shape (n, n_taken).

        Raises
        ------
        ValueError
            If the features are not those of the concatenation.
        """
        X = np.asarray(X)
        if X.ndim != 2 or X.shape[1] != self.n_features:
            raise ValueError(f"features have shape {X.shape}, not (n, {self.n_features})")
        return np.hstack([X[:, self.start : self.stop], X[:, self.n_axis :]])


@dataclass(frozen=True)
class _OfPart:
    span: Span
    fitted: Any

    def __post_init__(self) -> None:
        span = self.span
        if self.fitted.n_features_in_ != span.stop - span.start + span.n_features - span.n_axis:
            raise ValueError("a model of a part takes other features than those of the part")

    @property
    def n_features_in_(self) -> int:
        """Number of features of the concatenation."""
        return self.span.n_features

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return what the model says of each row, shape (n,)."""
        predicted: np.ndarray = self.fitted.predict(self.span.take(X))
        return predicted

    def ood_score(self, X: np.ndarray) -> np.ndarray | None:
        """Return the out-of-distribution score of each row, shape (n,); None without one."""
        if not isinstance(self.fitted, Scored):
            return None
        return self.fitted.ood_score(self.span.take(X))

    def has_seen(self, formulas: Sequence[str]) -> np.ndarray:
        """Tell which formulas the model had learned before it was fitted, shape (n,)."""
        return has_seen(self.fitted, formulas)


class PartClassifier(_OfPart):
    """A classifier of one part."""

    @property
    def classes_(self) -> np.ndarray:
        """Numbers of the classes, ascending, shape (n_classes,)."""
        classes: np.ndarray = self.fitted.classes_
        return classes

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return probabilities, shape (n, n_classes), columns in the order of ``classes_``."""
        proba: np.ndarray = self.fitted.predict_proba(self.span.take(X))
        return proba


class PartRegressor(_OfPart):
    """A regressor of one part."""

    @property
    def n_outputs_(self) -> int:
        """Numbers that are predicted."""
        n_outputs: int = getattr(self.fitted, "n_outputs_", 1)
        return n_outputs

    def spread(self, X: np.ndarray) -> np.ndarray:
        """Return the standard deviation of what its parts predict of each row, shape (n,)."""
        return spread(self.fitted, self.span.take(X))


def of_part(span: Span | None, fitted: Classifier | Regressor) -> Classifier | Regressor:
    """Return a model of the part as one of all of the concatenation; without a part, itself."""
    if span is None:
        return fitted
    kind = PartClassifier if hasattr(fitted, "classes_") else PartRegressor
    return kind(span, fitted)
