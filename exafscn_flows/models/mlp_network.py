"""Trained multilayer perceptrons: plain arrays, which predict without torch."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from exafscn_flows.models.blas import one_blas_thread
from exafscn_flows.tasks.softmax import softmax

FARTHEST = 5.0
"""Standard deviations from the mean beyond which features of the structure count the same: what
hardly a training site has, such as a neighbour of a rare element, would be thousands away."""


@dataclass(frozen=True)
class Network:
    """Layers with ReLU between them, on standardised features.

    Attributes
    ----------
    mean, scale
        What is taken off the features, and what they are divided by, shape (n_features,), float32.
    weights
        Float32 of each layer, shapes (n_inputs, n_outputs).
    biases
        Float32 of each layer, shapes (n_outputs,).

    Raises
    ------
    ValueError
        If the arrays do not fit together or hold values that are not finite.
    """

    mean: np.ndarray
    scale: np.ndarray
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]

    def __post_init__(self) -> None:
        widths = [*self.mean.shape, *(width for bias in self.biases for width in bias.shape)]
        shapes = [weight.shape for weight in self.weights]
        arrays = (self.mean, self.scale, *self.weights, *self.biases)
        if (
            self.mean.shape != self.scale.shape
            or not shapes
            or shapes != list(pairwise(widths))
            or not self._ends_well(widths[-1])
            or any(array.dtype != np.float32 for array in arrays)
        ):
            raise ValueError("the layers do not fit together")
        if not all(np.isfinite(array).all() for array in arrays) or (self.scale <= 0).any():
            raise ValueError("the layers hold values that cannot be used")

    def _ends_well(self, n_outputs: int) -> bool:
        """Tell whether what is made of the outputs fits to their number."""
        raise NotImplementedError

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        return len(self.mean)

    def inputs(self, X: np.ndarray) -> np.ndarray:
        """Return what goes into the first layer, float32, shape (n, n_features).

        Raises
        ------
        ValueError
            If ``X`` has not the features that the network was trained on.
        """
        return standardised(X, self.mean, self.scale)

    def outputs(self, X: np.ndarray) -> np.ndarray:
        """Return what comes out of the last layer, float64, shape (n, n_outputs).

        Raises
        ------
        ValueError
            If ``X`` has not the features that the network was trained on, or holds values that
            are not finite.
        """
        layer = self.inputs(np.asarray(X))
        if not np.isfinite(layer).all():
            raise ValueError("features hold values that are not finite")
        # Rounding depends on how BLAS shares the work among threads.
        with one_blas_thread():
            for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
                layer = np.maximum(layer @ weight + bias, 0)
            result: np.ndarray = (layer @ self.weights[-1] + self.biases[-1]).astype(np.float64)
        return result


@dataclass(frozen=True)
class MlpClassifier(Network):
    """A network with softmax at its end.

    Attributes
    ----------
    classes_
        Numbers of the classes, ascending, shape (n_classes,), int64.
    """

    classes_: np.ndarray

    def _ends_well(self, n_outputs: int) -> bool:
        return (
            self.classes_.shape == (n_outputs,)
            and self.classes_.dtype == np.int64
            and bool((np.diff(self.classes_) > 0).all())
        )

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most probable class of each row, shape (n,)."""
        predicted: np.ndarray = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return predicted

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return probabilities, shape (n, n_classes), columns in the order of ``classes_``.

        Raises
        ------
        ValueError
            As `outputs`.
        """
        return softmax(self.outputs(X))


@dataclass(frozen=True)
class MlpRegressor(Network):
    """A network with one output, a number in standard deviations from the mean of all.

    Attributes
    ----------
    center, width
        That mean and that standard deviation, in the unit of the target.
    """

    center: float
    width: float

    def _ends_well(self, n_outputs: int) -> bool:
        return (
            n_outputs == 1
            and type(self.center) is type(self.width) is float
            and math.isfinite(self.center)
            and 0 < self.width < math.inf
        )

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the number of each row, shape (n,).

        Raises
        ------
        ValueError
            As `outputs`.
        """
        predicted: np.ndarray = self.center + self.width * self.outputs(X)[:, 0]
        return predicted


@dataclass(frozen=True)
class MlpComponents(Network):
    """A network with several outputs, numbers that share one unit and are 0 on the mean.

    Standardised features end at `FARTHEST`.

    Attributes
    ----------
    width
        What an output of 1 stands for.
    """

    width: float

    def _ends_well(self, n_outputs: int) -> bool:
        return type(self.width) is float and 0 < self.width < math.inf

    @property
    def n_outputs_(self) -> int:
        """Numbers that are predicted."""
        return len(self.biases[-1])

    def inputs(self, X: np.ndarray) -> np.ndarray:
        return bounded(X, self.mean, self.scale)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the numbers of each row, shape (n, n_outputs).

        Raises
        ------
        ValueError
            As `outputs`.
        """
        predicted: np.ndarray = self.width * self.outputs(X)
        return predicted


def standardised(X: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return features of mean 0 and standard deviation 1, float32, shape (n, n_features)."""
    if X.ndim != 2 or X.shape[1] != len(mean):
        raise ValueError(f"features have shape {X.shape}, not (n, {len(mean)})")
    result: np.ndarray = (X.astype(np.float32) - mean) / scale
    return result


def bounded(X: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return standardised features, none of them beyond `FARTHEST`; what is no number stays so."""
    with np.errstate(over="ignore"):
        rows = standardised(X, mean, scale)
    return np.where(np.isfinite(X), np.clip(rows, -FARTHEST, FARTHEST), np.float32(np.nan))
