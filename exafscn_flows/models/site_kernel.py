"""Kernel ridge regression of numbers from how alike sites are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.linalg.lapack import dpotri

from exafscn_flows.models.likeness import blocks, likeness

LEAST_SCALE = 0.1
"""Least scale of a point, by the root mean square of those of its curve: before an edge, curves
hardly differ."""
OTHERS = 0.2
"""What other features add to the mean square distance of two sites, by that of their curves. With
shares of elements, 0.1 to 0.5 are alike; each by its own deviation, rare elements count most, and
nothing is gained."""


class Kernel(NamedTuple):
    """How alike two sites are: exp(-d), which counts less if their absorbers differ."""

    width: float
    """Of d = 1, in root mean square distances of two sites."""
    shared: float
    """What it is worth if they differ."""
    ridge: float
    """Penalty of the regression."""


@dataclass(frozen=True)
class SiteKernel:
    """A fitted kernel ridge regression.

    Attributes
    ----------
    shared
        As of `Kernel`.
    mean, scale
        What is taken off each input, and what it is divided by, shape (n_inputs,).
    sites
        The training sites in these units, turned where there is a turn, shape (n_sites, n_units).
    absorbers
        Which absorber each of them is of, as 0 and 1, shape (n_sites, n_absorbers).
    weights
        Of each, for each number that is predicted, shape (n_sites, n_outputs).
    offset
        Mean of each of these numbers, shape (n_outputs,).
    turn
        What inputs in these units are multiplied by, shape (n_inputs, n_units), if a metric was
        learned.

    The arrays are float32.

    Raises
    ------
    ValueError
        If they do not fit together, or are not finite.
    """

    shared: float
    mean: np.ndarray
    scale: np.ndarray
    sites: np.ndarray
    absorbers: np.ndarray
    weights: np.ndarray
    offset: np.ndarray
    turn: np.ndarray | None = None

    def __post_init__(self) -> None:
        arrays = [self.mean, self.scale, self.sites, self.absorbers, self.weights, self.offset]
        if [one.ndim for one in arrays] != [1, 1, 2, 2, 2, 1]:
            raise ValueError("the arrays of a kernel do not fit together")
        (n_sites, n_units), n_inputs = self.sites.shape, len(self.mean)
        wanted = [(n_inputs,), (n_inputs,), (n_sites, n_units), (n_sites, self.n_absorbers)]
        wanted += [(n_sites, len(self.offset)), (len(self.offset),)]
        if self.turn is not None:
            arrays, wanted = [*arrays, self.turn], [*wanted, (n_inputs, n_units)]
        elif n_units != n_inputs:
            raise ValueError("the arrays of a kernel do not fit together")
        if [one.shape for one in arrays] != wanted or any(o.dtype != np.float32 for o in arrays):
            raise ValueError("the arrays of a kernel do not fit together")
        finite = all(np.isfinite(one).all() for one in arrays)
        if not finite or (self.scale <= 0).any() or not 0 <= self.shared <= 1:
            raise ValueError("a kernel holds values that cannot be used")

    @property
    def n_absorbers(self) -> int:
        """Number of absorbers; 0 of sites of one."""
        return int(self.absorbers.shape[1])

    def predict(self, inputs: np.ndarray, absorbers: np.ndarray) -> np.ndarray:
        """Return the numbers predicted of each row, float64, shape (n, n_outputs).

        Parameters
        ----------
        inputs
            Shape (n, n_inputs).
        absorbers
            The absorber of each row as 0 and 1, shape (n, n_absorbers).
        """
        weights = self.weights.astype(np.float64)
        parts = [
            self._likeness(inputs[rows], absorbers[rows]) @ weights + self.offset
            for rows in blocks(len(inputs))
        ]
        found: np.ndarray = np.concatenate(parts or [np.empty((0, len(self.offset)))])
        return found

    def _likeness(self, inputs: np.ndarray, absorbers: np.ndarray) -> np.ndarray:
        units = (inputs - self.mean) / self.scale
        if self.turn is not None:
            units = units @ self.turn
        return likeness(units, absorbers, self.sites, self.absorbers, self.shared)


class Fit(NamedTuple):
    """What a regression takes of a training set, and the part of it that all outputs share.

    Arrays are as of `SiteKernel`.
    """

    shared: float
    ridge: float
    mean: np.ndarray
    scale: np.ndarray
    sites: np.ndarray
    absorbers: np.ndarray
    turn: np.ndarray | None = None

    @classmethod
    def of(
        cls, inputs: np.ndarray, absorbers: np.ndarray, lengths: Sequence[int], kernel: Kernel
    ) -> Self:
        """Bring the inputs of a training set to the units of a kernel.

        Parameters
        ----------
        inputs
            Shape (n, n_inputs).
        absorbers
            The absorber of each row as 0 and 1, shape (n, n_absorbers).
        lengths
            How many of the inputs, one after the other, belong to one curve. What is left after
            the last curve is compared as it is, such as shares of elements.
        kernel
            What they are compared by.
        """
        curves, others = np.split(inputs, [sum(lengths)], axis=1)
        scale = _scale(curves, lengths)
        n_varying = (curves / scale).var(axis=0).sum()
        scale = scale * np.sqrt(2 * n_varying if n_varying > 0 else 1.0)
        varying = others.var(axis=0, dtype=np.float64).sum()
        common = np.sqrt(2 * varying / OTHERS if varying > 0 else 1.0)
        scale = kernel.width * np.concatenate([scale, np.full(others.shape[1], common)])
        mean = inputs.mean(axis=0)
        mean, scale = mean.astype(np.float32), scale.astype(np.float32)
        sites = ((inputs - mean) / scale).astype(np.float32)
        return cls(kernel.shared, kernel.ridge, mean, scale, sites, absorbers.astype(np.float32))

    def part(self, rows: np.ndarray) -> Self:
        """Return the same of some sites."""
        return self._replace(sites=self.sites[rows], absorbers=self.absorbers[rows])

    def turned(self, turn: np.ndarray) -> Self:
        """Return the same of inputs in their units that are turned, by (n_inputs, n_units)."""
        turn = turn.astype(np.float32)
        return self._replace(turn=turn, sites=self.sites @ turn)

    def matrix(self) -> np.ndarray:
        """Return the likeness of all sites, the penalty added to its diagonal, shape (n, n)."""
        n = len(self.sites)
        found = np.empty((n, n), order="F")
        for rows in blocks(n):
            found[rows] = likeness(
                self.sites[rows], self.absorbers[rows], self.sites, self.absorbers, self.shared
            )
        found[np.diag_indices(n)] += self.ridge
        return found

    def solve(self, wanted: np.ndarray) -> SiteKernel:
        """Fit numbers, shape (n, n_outputs)."""
        wanted = wanted.astype(np.float64)
        offset = wanted.mean(axis=0)
        factor = cho_factor(self.matrix(), lower=True, overwrite_a=True)
        return self._made(cho_solve(factor, wanted - offset), offset)

    def solve_without(self, wanted: np.ndarray, groups: np.ndarray) -> "Without":
        """Fit numbers, so that each group can be left out in turn.

        Parameters
        ----------
        wanted
            Shape (n, n_outputs).
        groups
            Group of each row, shape (n,).
        """
        wanted = wanted.astype(np.float64)
        offset = wanted.mean(axis=0)
        factor = cho_factor(self.matrix(), lower=True, overwrite_a=True)
        weights = cho_solve(factor, wanted - offset)
        # In place of the factor: of many sites, such a matrix takes gigabytes.
        inverse, info = dpotri(factor[0], lower=True, overwrite_c=True)
        assert info == 0
        for rows in blocks(len(inverse)):
            inverse[: rows.start, rows] = inverse[rows, : rows.start].T
            block = inverse[rows, rows]
            inverse[rows, rows] = np.tril(block) + np.tril(block, -1).T
        return Without(self._made(weights, offset), weights, inverse, wanted, groups)

    def _made(self, weights: np.ndarray, offset: np.ndarray) -> SiteKernel:
        arrays = [self.mean, self.scale, self.sites, self.absorbers, weights, offset]
        arrays += [] if self.turn is None else [self.turn]
        # In the order in which a file has them: the last bits of products depend on it.
        made = (np.ascontiguousarray(one, dtype=np.float32) for one in arrays)
        return SiteKernel(self.shared, *made)


class Without(NamedTuple):
    """A regression, and what it would be without each group."""

    kernel: SiteKernel
    """The whole fit."""
    weights: np.ndarray
    """Its weights, float64, shape (n, n_outputs)."""
    inverse: np.ndarray
    """Inverse of the matrix of likeness and penalty, shape (n, n)."""
    wanted: np.ndarray
    """The numbers fitted, shape (n, n_outputs)."""
    groups: np.ndarray
    """Group of each row, shape (n,)."""

    def of_sites(self) -> np.ndarray:
        """Return what a fit without the group of each row says of the row, shape (n, n_outputs).

        It has the same mean. With M the matrix and a the weights of the whole fit, its error is
        (M^-1)_gg^-1 a_g for the rows g of a group (Rasmussen and Williams, section 5.4.2, for
        groups of one).
        """
        said = self.wanted.copy()
        for rows in by_group(self.groups):
            said[rows] -= self._left_out(rows)
        return said

    def of_others(
        self, inputs: np.ndarray, absorbers: np.ndarray, groups: np.ndarray
    ) -> np.ndarray:
        """Return the same of rows that were not fitted themselves, as of changed copies.

        The weights of a fit without g are a - M^-1_:g (M^-1)_gg^-1 a_g, which are 0 for g.

        Parameters
        ----------
        inputs, absorbers
            As of `SiteKernel.predict`.
        groups
            Group of each row, shape (n_rows,); what is not among those fitted leaves out nothing.

        Returns
        -------
        numpy.ndarray
            Shape (n_rows, n_outputs).
        """
        members = {self.groups[rows[0]]: rows for rows in by_group(self.groups)}
        said = np.empty((len(inputs), self.weights.shape[1]))
        for block in _batches(groups):
            alike = self.kernel._likeness(inputs[block], absorbers[block])
            said[block] = alike @ self.weights + self.kernel.offset
            for own in by_group(groups[block]):
                rows = members.get(groups[block[own[0]]])
                if rows is not None:
                    moved = alike[own] @ self.inverse[:, rows]
                    said[block[own]] -= moved @ self._left_out(rows)
        return said

    def _left_out(self, rows: np.ndarray) -> np.ndarray:
        found: np.ndarray = np.linalg.solve(self.inverse[np.ix_(rows, rows)], self.weights[rows])
        return found


def by_group(groups: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the numbers of the rows of each group, none of no rows."""
    order = np.argsort(groups, kind="stable")
    ends = np.flatnonzero(groups[order][1:] != groups[order][:-1]) + 1
    yield from np.split(order, ends) if len(groups) else ()


def _batches(groups: np.ndarray) -> Iterator[np.ndarray]:
    """Yield row numbers, those of a group one after the other, about `ROWS` at a time."""
    order = np.argsort(groups, kind="stable")
    for rows in blocks(len(groups)):
        yield order[rows]


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
