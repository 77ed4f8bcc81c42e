"""Fitted models whose outputs are averaged."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from exafscn_flows.targets.base import TaskName
from exafscn_flows.tasks.fitted import Classifier, Fitted, Scored, has_seen
from exafscn_flows.tasks.numbers import spread


class _Members:
    """What both have of their members beside predictions."""

    members: tuple[Any, ...]

    def ood_score(self, X: np.ndarray) -> np.ndarray | None:
        """Return the out-of-distribution score of each row, shape (n,); None without one."""
        found = [one.ood_score(X) for one in self.members if isinstance(one, Scored)]
        known = [score for score in found if score is not None]
        mean: np.ndarray | None = np.mean(known, axis=0) if known else None
        return mean

    def has_seen(self, formulas: Sequence[str]) -> np.ndarray:
        """Tell which formulas a member had learned before it was fitted, shape (n,)."""
        found: np.ndarray = np.any([has_seen(one, formulas) for one in self.members], axis=0)
        return found


@dataclass(frozen=True)
class AverageClassifier(_Members):
    """The mean of the probabilities of some classifiers; of classes that one lacks, it says 0.

    Attributes
    ----------
    kinds
        Kind of each.
    members
        The classifiers, in the order of the kinds.

    Raises
    ------
    ValueError
        If they do not fit together.
    """

    kinds: tuple[str, ...]
    members: tuple[Classifier, ...]

    def __post_init__(self) -> None:
        _check(self.kinds, self.members)

    @property
    def classes_(self) -> np.ndarray:
        """Numbers of the classes, ascending, shape (n_classes,)."""
        classes: np.ndarray = np.unique(np.concatenate([one.classes_ for one in self.members]))
        return classes

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        return self.members[0].n_features_in_

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most probable class of each row, shape (n,)."""
        predicted: np.ndarray = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return predicted

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return probabilities, shape (n, n_classes), columns in the order of ``classes_``."""
        classes = self.classes_
        proba = np.zeros((len(self.members), len(X), len(classes)))
        for of_member, one in zip(proba, self.members, strict=True):
            of_member[:, np.searchsorted(classes, one.classes_)] = one.predict_proba(X)
        mean: np.ndarray = proba.mean(axis=0)
        return mean


@dataclass(frozen=True)
class AverageRegressor(_Members):
    """The mean of the numbers of some regressors.

    Attributes
    ----------
    kinds
        Kind of each.
    members
        The regressors, in the order of the kinds.

    Raises
    ------
    ValueError
        If they do not fit together.
    """

    kinds: tuple[str, ...]
    members: tuple[Any, ...]

    def __post_init__(self) -> None:
        _check(self.kinds, self.members)
        if len({_n_outputs(one) for one in self.members}) != 1:
            raise ValueError("the members of an average predict different numbers of numbers")

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        return int(self.members[0].n_features_in_)

    @property
    def n_outputs_(self) -> int:
        """Numbers that are predicted."""
        return _n_outputs(self.members[0])

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the number of each row, shape (n,); of several, (n, n_outputs)."""
        predicted: np.ndarray = np.mean([one.predict(X) for one in self.members], axis=0)
        return predicted

    def spread(self, X: np.ndarray) -> np.ndarray:
        """Return how far the parts of all members are from the mean, of the shape of `predict`.

        With the same weight for each member, whose own parts, such as trees, share its weight:
        the mean of their variances, plus the variance of what they predict.
        """
        predicted = [one.predict(X) for one in self.members]
        between = np.var(predicted, axis=0)
        spreads = [spread(one, X) for one in self.members]
        # Of a member without parts it is 0, however many numbers there are.
        within = np.mean(
            [one**2 if one.shape == between.shape else np.zeros_like(between) for one in spreads],
            axis=0,
        )
        found: np.ndarray = np.sqrt(within + between)
        return found


def _n_outputs(one: Any) -> int:
    return int(getattr(one, "n_outputs_", 1))


def averaged(
    kinds: Sequence[str], members: Sequence[Any], task: TaskName
) -> AverageClassifier | AverageRegressor:
    """Return the average of fitted models.

    Parameters
    ----------
    kinds
        Kind of each.
    members
        The fitted models.
    task
        Whether they have learned classes, or numbers; curves are several numbers.

    Raises
    ------
    ValueError
        If they do not fit together, or have learned something else.
    """
    if any(hasattr(one, "classes_") != (task == "classes") for one in members):
        raise ValueError(f"a member of an average has not learned {task}")
    if task == "classes":
        return AverageClassifier(tuple(kinds), tuple(members))
    return AverageRegressor(tuple(kinds), tuple(members))


def _check(kinds: Sequence[str], members: Sequence[Fitted]) -> None:
    if len(members) < 2 or len(kinds) != len(members):
        raise ValueError(f"an average of {len(members)} models is none")
    if len({one.n_features_in_ for one in members}) != 1:
        raise ValueError("the members of an average take different features")
