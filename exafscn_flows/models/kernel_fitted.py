"""Fitted kernel ridge regressions as models, alone and with trees that know what they say."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from exafscn_flows.models.curve_kernel import CurveKernel
from exafscn_flows.models.softmax_classifier import are_classes
from exafscn_flows.tasks.numbers import spread

FLOOR = 1e-3
"""Least probability: a regression of 0 and 1 may end below 0."""


@dataclass(frozen=True)
class KernelClassifier:
    """Kernel ridge regression of 0 and 1 of each class, as probabilities.

    Attributes
    ----------
    kernel
        The regression.
    classes_
        Numbers of the classes, ascending, shape (n_classes,), int64.

    Raises
    ------
    ValueError
        If they do not fit together.
    """

    kernel: CurveKernel
    classes_: np.ndarray

    def __post_init__(self) -> None:
        if not are_classes(self.classes_, self.kernel.n_outputs):
            raise ValueError("the classes do not fit to the kernel")

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        return self.kernel.n_features_in_

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most probable class of each row, shape (n,)."""
        predicted: np.ndarray = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return predicted

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return probabilities, shape (n, n_classes), columns in the order of ``classes_``."""
        said = np.maximum(self.kernel.predict(X), FLOOR)
        proba: np.ndarray = said / said.sum(axis=1, keepdims=True)
        return proba


@dataclass(frozen=True)
class KernelRegressor:
    """Kernel ridge regression of a number.

    Attributes
    ----------
    kernel
        The regression.

    Raises
    ------
    ValueError
        If it predicts another number of numbers.
    """

    kernel: CurveKernel

    def __post_init__(self) -> None:
        if self.kernel.n_outputs != 1:
            raise ValueError("the kernel does not predict one number")

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        return self.kernel.n_features_in_

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the number of each row, shape (n,)."""
        return self.kernel.predict(X)[:, 0]


@dataclass(frozen=True)
class KernelComponents:
    """Kernel ridge regression of several numbers.

    Attributes
    ----------
    kernel
        The regression.
    """

    kernel: CurveKernel

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        return self.kernel.n_features_in_

    @property
    def n_outputs_(self) -> int:
        """Numbers that are predicted."""
        return self.kernel.n_outputs

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the numbers of each row, shape (n, n_outputs)."""
        return self.kernel.predict(X)


@dataclass(frozen=True)
class _KernelTrees:
    """A kernel ridge regression, and trees on what it says and the features.

    Attributes
    ----------
    kernel
        The regression.
    trees
        The trees.

    Raises
    ------
    ValueError
        If they do not fit together.
    """

    kernel: CurveKernel
    trees: Any

    def __post_init__(self) -> None:
        if self.trees.n_features_in_ != self.kernel.n_outputs + self.kernel.n_features_in_:
            raise ValueError("the kernel and the trees do not fit together")

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        return self.kernel.n_features_in_

    def joined(self, X: np.ndarray) -> np.ndarray:
        """Return what the kernel says, and the features, float32, shape (n, n_joined)."""
        return joined(self.kernel.predict(X), X)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most probable class, or the number, of each row, shape (n,)."""
        predicted: np.ndarray = self.trees.predict(self.joined(X))
        return predicted


class KernelTreesClassifier(_KernelTrees):
    """Of which the trees know classes."""

    @property
    def classes_(self) -> np.ndarray:
        """Numbers of the classes, ascending, shape (n_classes,)."""
        classes: np.ndarray = self.trees.classes_
        return classes

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return probabilities, shape (n, n_classes), columns in the order of ``classes_``."""
        proba: np.ndarray = self.trees.predict_proba(self.joined(X))
        return proba


class KernelTreesRegressor(_KernelTrees):
    """Of which the trees know numbers."""

    def spread(self, X: np.ndarray) -> np.ndarray:
        """Return the standard deviation of what the trees predict of each row, shape (n,)."""
        return spread(self.trees, self.joined(X))


def kernel_trees(kernel: CurveKernel, trees: Any) -> KernelTreesClassifier | KernelTreesRegressor:
    """Return both as one model; arguments as of the models."""
    made = KernelTreesClassifier if hasattr(trees, "classes_") else KernelTreesRegressor
    return made(kernel, trees)


def joined(said: np.ndarray, X: np.ndarray) -> np.ndarray:
    """Return what a kernel says, and the features, as trees take them, float32."""
    # Trees split at numbers: what rounding may change is far below what they can see.
    return np.hstack([said.astype(np.float32), np.asarray(X, dtype=np.float32)])
