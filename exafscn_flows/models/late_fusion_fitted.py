"""Fitted models of one part of the features each, and what weighs them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from exafscn_flows.tasks.numbers import spread
from exafscn_flows.tasks.softmax import softmax

LEAST = 1e-3
"""Probabilities below count as this one: of trees that all agree, no logarithm could be taken."""


def split_columns(X: np.ndarray, sizes: Sequence[int]) -> list[np.ndarray]:
    """Return the columns of each part, followed by those that belong to none.

    Parameters
    ----------
    X
        Features, shape (n, n_columns).
    sizes
        Number of columns of each part, which come first.

    Raises
    ------
    ValueError
        If there are fewer columns.
    """
    X = np.asarray(X)
    ends = np.cumsum(sizes)
    if X.ndim != 2 or X.shape[1] < ends[-1]:
        raise ValueError(f"features have shape {X.shape}, and the parts {ends[-1]} columns")
    others = X[:, ends[-1] :]
    return [
        np.hstack([X[:, end - size : end], others]) for size, end in zip(sizes, ends, strict=True)
    ]


def evidence(proba: np.ndarray) -> np.ndarray:
    """Return the logarithms of probabilities, which independent sources of them would add up.

    Parameters
    ----------
    proba
        Of every part, shape (n_parts, n, n_classes).

    Returns
    -------
    numpy.ndarray
        Shape (n, n_parts * n_classes).
    """
    logarithms = np.log(np.maximum(proba, LEAST))
    found: np.ndarray = np.concatenate(list(logarithms), axis=1)
    return found


@dataclass(frozen=True)
class Fusion:
    """Models of the parts, and what their outputs are multiplied by.

    Attributes
    ----------
    kind
        Kind of the members.
    members
        The model of each part, two or more.
    sizes
        Number of features of each part.
    n_others
        Number of columns beyond the parts, which every member takes, too.
    weights
        Of outputs of the members, one after the other, float64, shape (n_inputs, n_outputs).
    bias
        What is added, shape (n_outputs,).

    Raises
    ------
    ValueError
        If they do not fit together, or are not finite.
    """

    kind: str
    members: tuple[Any, ...]
    sizes: tuple[int, ...]
    n_others: int
    weights: np.ndarray
    bias: np.ndarray

    def __post_init__(self) -> None:
        numbers = (*self.sizes, self.n_others)
        if any(type(one) is not int or one < 0 for one in numbers) or 0 in self.sizes:
            raise ValueError("the parts of a late fusion have no sound sizes")
        if len(self.members) < 2 or len(self.members) != len(self.sizes):
            raise ValueError(f"a late fusion of {len(self.members)} models is none")
        takes = [one.n_features_in_ for one in self.members]
        if takes != [size + self.n_others for size in self.sizes]:
            raise ValueError("the members of a late fusion take other features than its parts")
        shape = self._shape()
        for array, wanted in ((self.weights, shape), (self.bias, shape[1:])):
            if array.shape != wanted or array.dtype != np.float64 or not np.isfinite(array).all():
                raise ValueError("the weights of a late fusion are not sound")

    def _shape(self) -> tuple[int, int]:
        """Return the shape that the weights must have."""
        raise NotImplementedError

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        return sum(self.sizes) + self.n_others

    def parts(self, X: np.ndarray) -> list[np.ndarray]:
        """Return what each member takes.

        Raises
        ------
        ValueError
            If ``X`` has not the features that the members were fitted on.
        """
        X = np.asarray(X)
        if X.ndim != 2 or X.shape[1] != self.n_features_in_:
            raise ValueError(f"features have shape {X.shape}, not (n, {self.n_features_in_})")
        return split_columns(X, self.sizes)

    def weigh(self, said: np.ndarray) -> np.ndarray:
        """Return the outputs for what the members say, shape (n, n_outputs)."""
        # BLAS would share sums among threads, and round as many ways as there are.
        found: np.ndarray = np.einsum("ij,jk->ik", said, self.weights) + self.bias
        return found


@dataclass(frozen=True)
class FusionClassifier(Fusion):
    """Classifiers of the parts; a softmax of their logarithms of probabilities weighs them."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not all(np.array_equal(one.classes_, self.classes_) for one in self.members):
            raise ValueError("the members of a late fusion know different classes")

    def _shape(self) -> tuple[int, int]:
        return len(self.members) * len(self.classes_), len(self.classes_)

    @property
    def classes_(self) -> np.ndarray:
        """Numbers of the classes, ascending, shape (n_classes,)."""
        classes: np.ndarray = self.members[0].classes_
        return classes

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most probable class of each row, shape (n,)."""
        predicted: np.ndarray = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return predicted

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return probabilities, shape (n, n_classes), columns in the order of ``classes_``.

        Raises
        ------
        ValueError
            As `parts`.
        """
        pairs = zip(self.members, self.parts(X), strict=True)
        logits = self.weigh(evidence(np.stack([one.predict_proba(part) for one, part in pairs])))
        return softmax(logits)


@dataclass(frozen=True)
class FusionRegressor(Fusion):
    """Regressors of the parts; what is predicted is a weighted sum of what they predict."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if any(hasattr(one, "classes_") for one in self.members):
            raise ValueError("a member of a late fusion has not learned numbers")

    def _shape(self) -> tuple[int, int]:
        return len(self.members), 1

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the number of each row, shape (n,).

        Raises
        ------
        ValueError
            As `parts`.
        """
        pairs = zip(self.members, self.parts(X), strict=True)
        predicted: np.ndarray = self.weigh(
            np.column_stack([one.predict(part) for one, part in pairs])
        )[:, 0]
        return predicted

    def spread(self, X: np.ndarray) -> np.ndarray:
        """Return how far the members, and their parts, are from each other, shape (n,).

        The mean of the variances of the members, plus the variance of what they predict.
        """
        pairs = list(zip(self.members, self.parts(X), strict=True))
        within = np.mean([spread(one, part) ** 2 for one, part in pairs], axis=0)
        between = np.var([one.predict(part) for one, part in pairs], axis=0)
        found: np.ndarray = np.sqrt(within + between)
        return found
