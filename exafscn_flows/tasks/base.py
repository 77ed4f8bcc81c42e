"""What every task offers."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from exafscn_flows.errors import ItemFailure
from exafscn_flows.targets.base import Class, TaskName, Value


class Task(ABC):
    """What labels and outputs of models mean.

    Labels come as values, as they stand in documents, curves as arrays. Models learn `y`, which
    `encode` makes of them, and give outputs, which have a row for each site.
    """

    name: ClassVar[TaskName]
    """As it is in documents."""
    score: ClassVar[str]
    """The metric by which models are compared."""
    higher_is_better: ClassVar[bool]
    """Whether the better of two models has the larger score."""

    @abstractmethod
    def classes(self, values: Sequence[Any]) -> list[Class]:
        """Return the distinct labels, ascending; empty for numbers and curves."""

    @abstractmethod
    def encode(self, values: Sequence[Any], classes: Sequence[Value]) -> np.ndarray:
        """Return what models learn.

        Parameters
        ----------
        values
            Label of each site, length n.
        classes
            All classes, as `classes` returns them.

        Returns
        -------
        numpy.ndarray
            Shape (n,): the place of each label among the classes, int64; or the number, float64. Of
            curves float32, shape (n, n_axis).
        """

    def shares(
        self,
        weights: Sequence[Mapping[str, float] | None],
        values: Sequence[Any],
        classes: Sequence[Value],
    ) -> np.ndarray:
        """Return what labels say of every class.

        Parameters
        ----------
        weights
            Weights of the classes by name, as labels have them, length n; None without doubt.
        values
            Label of each site, length n.
        classes
            All classes, as `classes` returns them.

        Returns
        -------
        numpy.ndarray
            Shape (n, n_classes), float32, sums 1: what goes to other classes is left out. Of
            numbers, a column of ones.
        """
        return np.ones((len(values), 1), dtype=np.float32)

    @abstractmethod
    def strata(self, y: np.ndarray) -> np.ndarray:
        """Return whole numbers that every fold should hold in equal shares, shape (n,)."""

    def check(self, y: np.ndarray, n_folds: int, classes: Sequence[Value] = ()) -> None:
        """Refuse what cannot be learned, or not be spread over folds.

        Parameters
        ----------
        y
            As `encode` returns it, shape (n,).
        n_folds
            Number of folds.
        classes
            All classes, by which the message of a failure can name one.

        Raises
        ------
        ItemFailure
            ``one_class`` if there is nothing to tell apart, ``too_few_sites`` if there are fewer
            sites than folds, or if every class has fewer.
        """
        if len(y) < n_folds:
            raise too_few(f"{len(y)} sites cannot fill {n_folds} folds")
        if (y == y[0]).all():
            label = f"the label {classes[int(y[0])]}" if classes else "the same label"
            raise ItemFailure(
                "one_class",
                f"all {len(y)} sites have {label}: there is nothing to learn",
                "take more structures, or leave this absorber out",
            )

    @abstractmethod
    def output(self, fitted: Any, X: np.ndarray, classes: Sequence[Value]) -> np.ndarray:
        """Return what a fitted model says of each row.

        Parameters
        ----------
        fitted
            What the `fit` of a model returned, learned from `y` of these classes.
        X
            Features, shape (n, n_features).
        classes
            All classes, also such as this model did not see.

        Returns
        -------
        numpy.ndarray
            Shape (n, width). Of classes, their probabilities, columns in the order of `classes`; a
            class that the model did not see has 0. Of numbers, the prediction and the spread of
            the model about it, in the unit of the target; of curves, their points and that spread.
        """

    @abstractmethod
    def doubt(
        self, y: np.ndarray, output: np.ndarray, classes: Sequence[Value]
    ) -> dict[str, float]:
        """Return what turns outputs for other sites into expected errors, or prediction sets.

        Parameters
        ----------
        y
            As `encode` returns it, shape (n,).
        output
            Out-of-fold outputs, shape (n, width).
        classes
            All classes.
        """

    @abstractmethod
    def predictions(
        self,
        output: np.ndarray,
        classes: Sequence[Value],
        y: np.ndarray,
        folds: np.ndarray | None,
        doubt: Mapping[str, float],
    ) -> Iterator[dict[str, Any]]:
        """Yield what the document of a prediction says of the label, row by row.

        Parameters
        ----------
        output
            Outputs, shape (n, width).
        classes
            All classes.
        y
            As `encode` returns it, shape (n,).
        folds
            Fold in which each row was held out, shape (n,): its expected error then comes from the
            rows of the other folds. None if the model never saw these rows.
        doubt
            What `doubt` returned for the model; used where `folds` is None.

        Yields
        ------
        dict
            value, label, probability, probabilities, expected_value, expected_error,
            prediction_set and disagrees; of curves, curve and error.
        """

    @abstractmethod
    def metrics(
        self,
        y: np.ndarray,
        output: np.ndarray,
        folds: np.ndarray,
        classes: Sequence[Value],
        certainty: np.ndarray,
        energies: np.ndarray | None = None,
    ) -> dict[str, Any]:
        """Compare out-of-fold outputs with labels.

        Parameters
        ----------
        y
            As `encode` returns it, shape (n,).
        output
            Out-of-fold outputs, shape (n, width).
        folds
            Fold of each row, shape (n,).
        classes
            All classes.
        certainty
            Share of each label that is the class itself, shape (n,); of numbers, ones.
        energies
            Of curves with an edge step of 1, where their points are, eV, shape (n_axis,).

        Returns
        -------
        dict
            JSON-serialisable.

        Raises
        ------
        ItemFailure
            ``too_few_sites`` if all rows are in one fold, so that there is nothing to compare.
        """

    @abstractmethod
    def counts(
        self, y: np.ndarray, groups: np.ndarray, classes: Sequence[Value], n_folds: int
    ) -> dict[str, list[Any]]:
        """Count sites by class.

        Parameters
        ----------
        y
            As `encode` returns it, shape (n,).
        groups
            Group of each row, e.g. its formula, shape (n,).
        classes
            All classes.
        n_folds
            Number of folds.

        Returns
        -------
        dict
            `class_counts`: sites of each class. `rare`: classes, ascending, with fewer groups than
            there are folds. Their sites count like all others, but a class with one group is never
            there to learn from when its sites are asked for, and with two or three it is learned
            from one or two. Both are empty for numbers.
        """

    def narrowed(
        self, outputs: Mapping[str, np.ndarray], y: np.ndarray, classes: Sequence[Class]
    ) -> tuple[dict[str, np.ndarray], np.ndarray, list[Class]]:
        """Leave out classes that some rows neither have nor are taken for.

        Parameters
        ----------
        outputs
            By split, shape (n, width) each.
        y
            As `encode` returns it, shape (n,).
        classes
            All classes.

        Returns
        -------
        tuple
            Outputs, y and classes that are left; of numbers, as they are.
        """
        return dict(outputs), y, list(classes)

    def widened(
        self, output: np.ndarray, known: Sequence[Class], classes: Sequence[Class]
    ) -> np.ndarray:
        """Return outputs for more classes than those that a model knows; these have 0."""
        return output

    @abstractmethod
    def scores(self, metrics: Mapping[str, Any]) -> dict[str, float]:
        """Return those of the metrics that the document of an experiment holds."""

    @abstractmethod
    def losses(self, fitted: Any, X: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return what a fitted model loses at each row, shape (n,).

        Of classes, 1 where the prediction is wrong, and 0 elsewhere; of numbers and curves, the
        (mean) squared error.
        """

    @abstractmethod
    def right(self, fitted: Any, X: np.ndarray, y: np.ndarray) -> float:
        """Return how right a fitted model is: its accuracy; of others, minus its RMSE."""


def too_few(message: str) -> ItemFailure:
    """Return the failure of what has too few sites for its folds."""
    return ItemFailure("too_few_sites", message, "take more structures, or fewer folds")


def check_folds(folds: np.ndarray) -> None:
    """Raise ItemFailure if all rows are in one fold."""
    if (folds == folds[0]).all():
        raise too_few(
            f"all {len(folds)} sites are in one fold, and there is no other to learn from"
        )
