"""What the columns are that models learn from."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Columns:
    """Which columns of a model's inputs are features, and what they are a function of.

    Attributes
    ----------
    axis
        Coordinate of each of the first columns, e.g. R, shape (n_axis,). The columns beyond it are
        other features; of a model on all absorbers, the last ones say with 0 and 1 which absorber a
        row is of.
    parts
        Of a concatenation, the coordinates of each of its parts by themselves, in the order of the
        columns; else empty.
    names
        Of a concatenation, the names of its parts.

    Raises
    ------
    ValueError
        If the parts are not as many columns as the axis.
    """

    axis: np.ndarray
    parts: tuple[np.ndarray, ...] = ()
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.parts and sum(map(len, self.parts)) != len(self.axis):
            raise ValueError("the parts of a concatenation do not make up its columns")

    def span(self, name: str) -> tuple[int, int]:
        """Return the first column of a part, and that behind its last.

        Raises
        ------
        ValueError
            If there is no such part.
        """
        ends = np.cumsum([len(part) for part in self.parts]).tolist()
        place = self.names.index(name)
        return ends[place] - len(self.parts[place]), ends[place]
