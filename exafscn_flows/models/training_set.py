"""What models are fitted on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from exafscn_flows.features.columns import Columns
from exafscn_flows.targets.base import Class, TaskName

if TYPE_CHECKING:
    from exafscn_flows.models.curves import Components


@dataclass(frozen=True)
class TrainingSet:
    """Sites with features and labels.

    Attributes
    ----------
    X
        Features, shape (n, n_features).
    y
        Number of the class of each row, from 0, or the number that it is, shape (n,); of curves,
        shape (n, n_axis).
    groups
        Group of each row, e.g. its formula, shape (n,). What holds rows back to watch itself learn,
        or splits them again, keeps a group on one side.
    columns
        What the columns of `X` are.
    task
        Whether `y` are classes, numbers or curves.
    shares
        Of classes, what the label of each row says of every class, sums 1, shape (n, n_classes) in
        the order of their numbers; None if nothing is in doubt.
    auxiliary
        Features of another set, which a model that has one learns to predict, too, shape
        (n, n_auxiliary).
    auxiliary_columns
        What the columns of `auxiliary` are.
    n_absorbers
        How many of the last columns of `X` say with 0 and 1 which absorber a row is of; 0 of rows
        of one absorber.
    classes
        What the numbers of the classes stand for, ascending; empty of numbers, or if nobody said.
    absorbers
        Symbol of the absorber of the rows, or of each of those last columns; empty if nobody said.
    curve_axis
        Of curves, the coordinate of each point, shape (n_axis,); None if nobody said.
    components
        Of curves that were encoded, what their components in `y` stand for.
    """

    X: np.ndarray
    y: np.ndarray
    groups: np.ndarray
    columns: Columns
    task: TaskName
    shares: np.ndarray | None = None
    auxiliary: np.ndarray | None = None
    auxiliary_columns: Columns | None = None
    n_absorbers: int = 0
    classes: tuple[Class, ...] = ()
    absorbers: tuple[str, ...] = ()
    curve_axis: np.ndarray | None = None
    components: "Components | None" = None

    def __len__(self) -> int:
        return len(self.X)

    def on_first_part(self) -> Self:
        """Return the rows with the first part of a concatenation as their axis.

        What follows it is other features then, as which absorber a row is of.
        """
        parts = self.columns.parts
        return replace(self, columns=Columns(parts[0])) if parts else self

    def with_classes(self, classes: Sequence[Class]) -> Self:
        """Return the rows with more classes than they have, and so with other numbers of them.

        Parameters
        ----------
        classes
            All those that they have, and others, ascending.
        """
        if tuple(classes) == self.classes:
            return self
        places = np.array([classes.index(one) for one in self.classes], dtype=np.int64)
        shares = None
        if self.shares is not None:
            shares = np.zeros((len(self), len(classes)), dtype=self.shares.dtype)
            shares[:, places] = self.shares
        return replace(self, y=places[self.y], shares=shares, classes=tuple(classes))

    def part(self, rows: np.ndarray) -> Self:
        """Return some of the rows.

        Parameters
        ----------
        rows
            Whether each row is taken, or the numbers of those that are.
        """
        names = ("X", "y", "groups", "shares", "auxiliary")
        whole = {name: getattr(self, name) for name in names}
        part: dict[str, Any] = {n: None if one is None else one[rows] for n, one in whole.items()}
        return replace(self, **part)


def absorbers_of(X: np.ndarray, n_absorbers: int) -> np.ndarray:
    """Return the number of the absorber of each row, shape (n,); 0 where there is one.

    Parameters
    ----------
    X
        Features, shape (n, n_features).
    n_absorbers
        As of `TrainingSet`.
    """
    if n_absorbers < 2:
        return np.zeros(len(X), dtype=np.int64)
    found: np.ndarray = np.asarray(X)[:, -n_absorbers:].argmax(axis=1)
    return found
