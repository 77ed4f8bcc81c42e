"""Kernel ridge regression on curves, such as spectra along energy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from exafscn_flows.features.columns import Columns
from exafscn_flows.models.training_set import TrainingSet

ROWS = 1024
"""Rows that are compared with the sites at once, so that any number takes little memory."""
LEAST_SCALE = 0.1
"""Least scale of a point, by the root mean square of those of its curve: before an edge, curves
hardly differ."""


class Kernel(NamedTuple):
    """How alike two sites are: exp(-d), which counts less if their absorbers differ."""

    width: float
    """Of d = 1, in root mean square distances of two sites."""
    shared: float
    """What it is worth if they differ."""
    ridge: float
    """Penalty of the regression."""


@dataclass(frozen=True)
class CurveKernel:
    """A fitted kernel ridge regression.

    Attributes
    ----------
    lengths
        Points of each curve in a row, one after the other.
    shared
        As of `Kernel`.
    mean, scale
        What is taken off each point of the curves and of their slopes, and what it is divided by,
        shape (n_inputs,).
    sites
        The training sites in these units, shape (n_sites, n_inputs).
    absorbers
        Which absorber each of them is of, as 0 and 1, shape (n_sites, n_absorbers).
    weights
        Of each, for each number that is predicted, shape (n_sites, n_outputs).
    offset
        Mean of each of these numbers, shape (n_outputs,).

    The arrays are float32.

    Raises
    ------
    ValueError
        If they do not fit together, or are not finite.
    """

    lengths: tuple[int, ...]
    shared: float
    mean: np.ndarray
    scale: np.ndarray
    sites: np.ndarray
    absorbers: np.ndarray
    weights: np.ndarray
    offset: np.ndarray

    def __post_init__(self) -> None:
        n_sites, n_inputs = self.sites.shape
        arrays = (self.mean, self.scale, self.absorbers, self.weights, self.offset)
        wanted = [(n_inputs,), (n_inputs,), (n_sites, self.n_absorbers)]
        wanted += [(n_sites, len(self.offset)), (len(self.offset),)]
        if (
            [one.shape for one in arrays] != wanted
            or any(one.dtype != np.float32 for one in (self.sites, *arrays))
            or 2 * self.n_points != n_inputs
            or min(self.lengths) < 1
        ):
            raise ValueError("the arrays of a kernel do not fit together")
        finite = all(np.isfinite(one).all() for one in (self.sites, *arrays))
        if not finite or (self.scale <= 0).any() or not 0 <= self.shared <= 1:
            raise ValueError("a kernel holds values that cannot be used")

    @property
    def n_points(self) -> int:
        """Points of all curves."""
        return sum(self.lengths)

    @property
    def n_absorbers(self) -> int:
        """Number of absorbers; 0 of sites of one."""
        return int(self.absorbers.shape[1])

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        return self.n_points + self.n_absorbers

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
        weights = self.weights.astype(np.float64)
        parts = [
            self._likeness(X[start : start + ROWS]) @ weights + self.offset
            for start in range(0, len(X), ROWS)
        ]
        found: np.ndarray = np.concatenate(parts or [np.empty((0, len(self.offset)))])
        return found

    def _likeness(self, X: np.ndarray) -> np.ndarray:
        inputs = curves_and_slopes(X[:, : self.n_points], self.lengths)
        units = (inputs - self.mean) / self.scale
        absorbers = X[:, self.n_points :]
        return likeness(units, absorbers, self.sites, self.absorbers, self.shared)


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


def likeness(
    units: np.ndarray,
    absorbers: np.ndarray,
    others: np.ndarray,
    other_absorbers: np.ndarray,
    shared: float,
) -> np.ndarray:
    """Return how alike rows are, 0 to 1, float64, shape (n, n_others).

    It is exp(-d), d their Euclidean distance: the Matérn kernel of order 1/2 (Rasmussen and
    Williams, Gaussian Processes for Machine Learning, section 4.2.1). Neighbours count by their
    distance even where they are close, unlike with a Gaussian, and labels change abruptly.

    Parameters
    ----------
    units, others
        Shape (n, n_inputs) and (n_others, n_inputs), in units of the kernel's width.
    absorbers, other_absorbers
        Their absorbers as 0 and 1, shape (n, n_absorbers) and (n_others, n_absorbers).
    shared
        What likeness is multiplied by if the absorbers differ.
    """
    units, others = units.astype(np.float64), others.astype(np.float64)
    squares = (units**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)[None]
    squares -= 2 * units @ others.T
    found: np.ndarray = np.exp(-np.sqrt(np.maximum(squares, 0, out=squares), out=squares))
    if absorbers.shape[1]:
        found *= shared + (1 - shared) * (absorbers @ other_absorbers.T)
    return found


class Fit(NamedTuple):
    """What a regression takes of a training set, and the part of it that all outputs share."""

    lengths: tuple[int, ...]
    shared: float
    mean: np.ndarray
    scale: np.ndarray
    sites: np.ndarray
    absorbers: np.ndarray
    matrix: np.ndarray
    """Likeness of all sites, the ridge penalty added to its diagonal, shape (n, n)."""

    @classmethod
    def of(cls, data: TrainingSet, kernel: Kernel) -> Self:
        """Compare the sites of a training set with each other."""
        lengths = curve_lengths(data.columns)
        n_points = sum(lengths)
        inputs = curves_and_slopes(data.X[:, :n_points], lengths)
        mean, scale = inputs.mean(axis=0), _scale(inputs, (*lengths, *lengths))
        n_varying = ((inputs - mean) / scale).var(axis=0).sum()
        scale = scale * kernel.width * np.sqrt(2 * n_varying if n_varying > 0 else 1.0)
        mean, scale = mean.astype(np.float32), scale.astype(np.float32)
        sites = ((inputs - mean) / scale).astype(np.float32)
        absorbers = np.asarray(data.X[:, n_points:], dtype=np.float32)
        matrix = likeness(sites, absorbers, sites, absorbers, kernel.shared)
        matrix[np.diag_indices_from(matrix)] += kernel.ridge
        return cls(lengths, kernel.shared, mean, scale, sites, absorbers, matrix)

    def solve(self, wanted: np.ndarray) -> CurveKernel:
        """Fit numbers, shape (n, n_outputs)."""
        wanted = wanted.astype(np.float64)
        offset = wanted.mean(axis=0)
        return self._made(cho_solve(cho_factor(self.matrix, lower=True), wanted - offset), offset)

    def solve_without(
        self, wanted: np.ndarray, groups: np.ndarray
    ) -> tuple[CurveKernel, np.ndarray]:
        """Fit numbers, and leave out each group in turn.

        Parameters
        ----------
        wanted
            Shape (n, n_outputs).
        groups
            Group of each row, shape (n,).

        Returns
        -------
        tuple
            The fit; and what a fit with the same mean that did not learn the group of a row says of
            the row, shape (n, n_outputs). With M the matrix and a the weights of the whole fit, its
            error is (M^-1)_gg^-1 a_g for the rows g of a group (Rasmussen and Williams, section
            5.4.2, for groups of one).
        """
        wanted = wanted.astype(np.float64)
        offset = wanted.mean(axis=0)
        factor = cho_factor(self.matrix, lower=True)
        weights = cho_solve(factor, wanted - offset)
        inverse = cho_solve(factor, np.eye(len(wanted)), overwrite_b=True)
        said = wanted.copy()
        order = np.argsort(groups, kind="stable")
        ends = np.flatnonzero(groups[order][1:] != groups[order][:-1]) + 1
        for rows in np.split(order, ends):
            said[rows] -= np.linalg.solve(inverse[np.ix_(rows, rows)], weights[rows])
        return self._made(weights, offset), said

    def _made(self, weights: np.ndarray, offset: np.ndarray) -> CurveKernel:
        arrays = (self.mean, self.scale, self.sites, self.absorbers, weights, offset)
        return CurveKernel(self.lengths, self.shared, *(one.astype(np.float32) for one in arrays))


def curve_lengths(columns: Columns) -> tuple[int, ...]:
    """Return the points of each curve: of the parts of a concatenation, or of the only one."""
    return tuple(len(part) for part in columns.parts or (columns.axis,))


def _scale(inputs: np.ndarray, lengths: Sequence[int]) -> np.ndarray:
    """Return what each input is divided by, shape (n_inputs,)."""
    found = []
    for part in np.split(inputs, np.cumsum(lengths)[:-1], axis=1):
        deviation = part.std(axis=0)
        size = np.sqrt((deviation**2).mean())
        # What is the same everywhere, but for rounding, tells nothing.
        varies = size > 1e-6 * np.abs(part).max()
        found.append(deviation + LEAST_SCALE * size if varies else np.ones(part.shape[1]))
    return np.concatenate(found)
