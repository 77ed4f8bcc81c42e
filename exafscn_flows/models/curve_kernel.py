"""Kernel ridge regression on curves, such as spectra along energy, or on other numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from exafscn_flows.features.columns import Columns
from exafscn_flows.models.site_kernel import Fit, Kernel, SiteKernel
from exafscn_flows.models.training_set import TrainingSet


@dataclass(frozen=True)
class CurveKernel:
    """A fitted kernel ridge regression, whose inputs are curves, alone or with their slopes.

    Attributes
    ----------
    lengths
        Points of each curve in a row, one after the other.
    sites
        The regression.

    Raises
    ------
    ValueError
        If they do not fit together.
    """

    lengths: tuple[int, ...]
    sites: SiteKernel

    def __post_init__(self) -> None:
        n_inputs = len(self.sites.mean)
        if n_inputs not in (self.n_points, 2 * self.n_points) or min(self.lengths) < 1:
            raise ValueError("the arrays of a kernel do not fit together")

    @property
    def n_points(self) -> int:
        """Points of all curves."""
        return sum(self.lengths)

    @property
    def n_outputs(self) -> int:
        """Numbers that are predicted."""
        return len(self.sites.offset)

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        return self.n_points + self.sites.n_absorbers

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the numbers predicted of each row, float64, shape (n, n_outputs).

        Raises
        ------
        ValueError
            If ``X`` has not the features that it was fitted on.
        """
        X = np.asarray(X)
        if X.ndim != 2 or X.shape[1] != self.n_features_in_:
            raise ValueError(f"features have shape {X.shape}, not (n, {self.n_features_in_})")
        inputs = np.asarray(X[:, : self.n_points], dtype=np.float64)
        if len(self.sites.mean) > self.n_points:
            inputs = curves_and_slopes(inputs, self.lengths)
        return self.sites.predict(inputs, X[:, self.n_points :])


def fit_curves(
    data: TrainingSet, kernel: Kernel, slopes: bool = True
) -> tuple[tuple[int, ...], Fit]:
    """Return the points of each curve of a training set, and the fit of curves and slopes.

    Parameters
    ----------
    slopes
        Whether slopes are compared, too.
    """
    lengths = curve_lengths(data.columns)
    n_points = sum(lengths)
    inputs = np.asarray(data.X[:, :n_points], dtype=np.float64)
    if slopes:
        inputs = curves_and_slopes(inputs, lengths)
    of_inputs = (*lengths, *lengths) if slopes else lengths
    return lengths, Fit.of(inputs, data.X[:, n_points:], of_inputs, kernel)


def curves_and_slopes(curves: np.ndarray, lengths: Sequence[int]) -> np.ndarray:
    """Return curves, and their central differences, float64, shape (n, 2 * n_points).

    Parameters
    ----------
    curves
        One curve of each row after the other, shape (n, n_points).
    lengths
        Points of each; the slope of a single one is 0.
    """
    parts = np.split(np.asarray(curves, dtype=np.float64), np.cumsum(lengths)[:-1], axis=1)
    slopes = [np.gradient(p, axis=1) if p.shape[1] > 1 else np.zeros_like(p) for p in parts]
    return np.hstack([*parts, *slopes])


def curve_lengths(columns: Columns) -> tuple[int, ...]:
    """Return the points of each curve: of the parts of a concatenation, or of the only one."""
    return tuple(len(part) for part in columns.parts or (columns.axis,))
