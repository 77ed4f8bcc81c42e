"""Fitted models of two stages."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from exafscn_flows.models.fourier import check_k, radii, transform
from exafscn_flows.models.site_kernel import SiteKernel
from exafscn_flows.tasks.numbers import spread


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
    """A kernel ridge regression, and trees on what it says and what it sees.

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
    first: SiteKernel
    second: Any

    def __post_init__(self) -> None:
        check_k(self.k)
        n_joined = len(self.first.offset) + len(self.first.mean) + self.first.n_absorbers
        if self.second.n_features_in_ != n_joined or self._n_others < 0:
            raise ValueError("the stages do not fit together")

    @property
    def _n_others(self) -> int:
        return len(self.first.mean) - 3 * len(radii())

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        return len(self.k) + self._n_others + self.first.n_absorbers

    def joined(self, X: np.ndarray) -> np.ndarray:
        """Return what the first stage says and what it sees, float32, shape (n, n_joined).

        Raises
        ------
        ValueError
            If ``X`` has not the features that the stages were fitted on.
        """
        X = np.asarray(X)
        if X.ndim != 2 or X.shape[1] != self.n_features_in_:
            raise ValueError(f"features have shape {X.shape}, not (n, {self.n_features_in_})")
        n_others = len(self.k) + self._n_others
        inputs = spectral_inputs(X[:, :n_others], self.k)
        absorbers = np.asarray(X[:, n_others:], dtype=np.float32)
        # Trees split at numbers: what rounding may change is far below what they can see.
        said = self.first.predict(inputs, absorbers).astype(np.float32)
        return np.hstack([said, inputs, absorbers])

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
    k: np.ndarray, first: SiteKernel, second: Any
) -> TwoStageClassifier | TwoStageRegressor:
    """Return the stages as one model; arguments as of the models."""
    made = TwoStageClassifier if hasattr(second, "classes_") else TwoStageRegressor
    return made(k, first, second)
