"""Labels that are curves, such as spectra, and how much of them is predicted beyond their mean."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from exafscn_flows.targets.base import Class, Value
from exafscn_flows.tasks.base import Task, check_folds
from exafscn_flows.tasks.numbers import (
    NumbersTask,
    error_calibration,
    expected_errors,
    is_apart,
    other_means,
    spread,
)

if TYPE_CHECKING:
    from exafscn_flows.tasks.fitted import CurveRegressor

HALF_STEP = 0.5
"""Height at which a curve with an edge step of 1 has its edge."""


class CurvesTask(Task):
    """Curves on one axis; outputs are the curve and, in the last column, the spread about it.

    That is how far the parts of the model are from each other, a root mean square over the points.
    The error of a prediction is the root of its mean squared difference from the label, over the
    points of the curve.
    """

    name = "curves"
    score = "rmse"
    higher_is_better = False

    def classes(self, values: Sequence[Any]) -> list[Class]:
        return []

    def encode(self, values: Sequence[Any], classes: Sequence[Value]) -> np.ndarray:
        if not len(values):
            return np.empty((0, 0), dtype=np.float32)
        return np.stack(values).astype(np.float32)

    def strata(self, y: np.ndarray) -> np.ndarray:
        return np.zeros(len(y), dtype=np.int64)

    def output(
        self, fitted: "CurveRegressor", X: np.ndarray, classes: Sequence[Value]
    ) -> np.ndarray:
        return np.column_stack([fitted.predict(X), spread(fitted, X)])

    def doubt(
        self, y: np.ndarray, output: np.ndarray, classes: Sequence[Value]
    ) -> dict[str, float]:
        """Fit the error by constant + slope * spread, neither negative."""
        numbers = np.column_stack([_errors(y, output), output[:, -1]])
        # What is fitted is |0 - error|.
        return NumbersTask().doubt(np.zeros(len(y)), numbers, classes)

    def predictions(
        self,
        output: np.ndarray,
        classes: Sequence[Value],
        y: np.ndarray,
        folds: np.ndarray | None,
        doubt: Mapping[str, float],
    ) -> Iterator[dict[str, Any]]:
        if folds is None:
            expected = expected_errors(output[:, -1], doubt)
        else:
            expected = self._held_out_errors(y, output, folds)
        rows = zip(output[:, :-1], _errors(y, output), expected, strict=True)
        for curve, error, expects in rows:
            yield {
                "value": None,
                "label": None,
                "curve": curve,
                "error": float(error),
                "probability": None,
                "probabilities": None,
                "expected_value": None,
                "expected_error": float(expects),
                "prediction_set": None,
                "disagrees": is_apart(error, 0.0, expects),
            }

    def metrics(
        self,
        y: np.ndarray,
        output: np.ndarray,
        folds: np.ndarray,
        classes: Sequence[Value],
        certainty: np.ndarray,
        energies: np.ndarray | None = None,
    ) -> dict[str, Any]:
        """Compare out-of-fold curves with labels, and both with the mean curve of the other folds.

        Returns
        -------
        dict
            ``rmse``: root of the mean squared error over all points of all curves. ``fold_rmse``:
            the same by fold, and ``rmse_std`` their standard deviation (n - 1). ``r2``: 1 - squared
            errors / squared distances of all points from their one mean. ``r2_over_mean``: 1 -
            squared errors / those of always predicting the mean curve of the other folds, and
            ``fold_r2_over_mean`` the same by fold: 0 for that mean, 1 without errors.
            ``relative_mse``: median over the curves of their mean squared error by that of the mean
            curve. ``gain``: median mean squared error of the mean curve by that of the model.
            ``mean_rmse`` and ``fold_mean_rmse``: of the mean curve. ``edge_error`` and
            ``mean_edge_error``, eV: median |edge of the prediction - edge of the label|, and that
            of the mean curve, of the ``n_edges`` curves that have one, as of `edges`; None of
            curves without an edge step. ``calibration``: as of numbers. What would be divided by 0
            is None.

        Raises
        ------
        ItemFailure
            ``too_few_sites`` if all rows are in one fold.
        """
        check_folds(folds)
        y = y.astype(np.float64)
        means = other_means(y, folds)
        error = ((output[:, :-1] - y) ** 2).mean(axis=1)
        of_mean = ((means - y) ** 2).mean(axis=1)
        inside = [folds == fold for fold in np.unique(folds)]
        fold_rmse, fold_mean = ([_root(of[rows]) for rows in inside] for of in (error, of_mean))
        some = of_mean > 0
        return {
            "rmse": _root(error),
            "rmse_std": float(np.std(fold_rmse, ddof=1)),
            "fold_rmse": fold_rmse,
            "r2": _share(error.sum(), ((y - y.mean()) ** 2).mean(axis=1).sum()),
            "r2_over_mean": _share(error.sum(), of_mean.sum()),
            "fold_r2_over_mean": [_share(error[one].sum(), of_mean[one].sum()) for one in inside],
            "relative_mse": float(np.median(error[some] / of_mean[some])) if some.any() else None,
            "gain": float(np.median(of_mean) / np.median(error)) if np.median(error) else None,
            "mean_rmse": _root(of_mean),
            "fold_mean_rmse": fold_mean,
            **_edge_errors(y, output[:, :-1], means, energies),
            "calibration": error_calibration(
                self._held_out_errors(y, output, folds), np.sqrt(error)
            ),
        }

    def _held_out_errors(self, y: np.ndarray, output: np.ndarray, folds: np.ndarray) -> np.ndarray:
        """Return expected errors by the doubt in the other folds, shape (n,)."""
        errors = np.empty(len(y))
        for fold in np.unique(folds):
            test = folds == fold
            doubt = self.doubt(y[~test], output[~test], [])
            errors[test] = expected_errors(output[test, -1], doubt)
        return errors

    def counts(
        self, y: np.ndarray, groups: np.ndarray, classes: Sequence[Value], n_folds: int
    ) -> dict[str, list[Any]]:
        return {"class_counts": [], "rare": []}

    def scores(self, metrics: Mapping[str, Any]) -> dict[str, float]:
        keys = ("rmse", "rmse_std", "r2", "r2_over_mean")
        return {key: metrics[key] for key in keys if metrics[key] is not None}

    def losses(self, fitted: "CurveRegressor", X: np.ndarray, y: np.ndarray) -> np.ndarray:
        losses: np.ndarray = ((fitted.predict(X) - y) ** 2).mean(axis=1)
        return losses

    def right(self, fitted: "CurveRegressor", X: np.ndarray, y: np.ndarray) -> float:
        return -_root((fitted.predict(X) - y) ** 2)


def edges(curves: np.ndarray, energies: np.ndarray) -> np.ndarray:
    """Return where curves with an edge step of 1 rise through half of it.

    It is the highest such energy, as of the features with reference `half_step`; in between two
    points, on a straight line.

    Parameters
    ----------
    curves
        Shape (n, n_axis).
    energies
        Of the points, ascending, eV, shape (n_axis,).

    Returns
    -------
    numpy.ndarray
        eV, shape (n,); NaN of a curve that does not rise through it.
    """
    rises = (curves[:, :-1] < HALF_STEP) & (curves[:, 1:] >= HALF_STEP)
    last = rises.shape[1] - 1 - rises[:, ::-1].argmax(axis=1)
    rows = np.arange(len(curves))
    low, high = curves[rows, last], curves[rows, last + 1]
    found = np.full(len(curves), np.nan)
    there = rises.any(axis=1)
    share = (HALF_STEP - low[there]) / (high[there] - low[there])
    first = last[there]
    found[there] = energies[first] + share * (energies[first + 1] - energies[first])
    return found


def _edge_errors(
    y: np.ndarray, curves: np.ndarray, means: np.ndarray, energies: np.ndarray | None
) -> dict[str, Any]:
    none: dict[str, Any] = {"edge_error": None, "mean_edge_error": None, "n_edges": 0}
    if energies is None:
        return none
    label, found, of_mean = (edges(one, energies) for one in (y, curves, means))
    known = np.isfinite(label) & np.isfinite(found)
    if not known.any():
        return none
    with_mean = known & np.isfinite(of_mean)
    return {
        "edge_error": float(np.median(np.abs(found - label)[known])),
        "mean_edge_error": (
            float(np.median(np.abs(of_mean - label)[with_mean])) if with_mean.any() else None
        ),
        "n_edges": int(known.sum()),
    }


def _errors(y: np.ndarray, output: np.ndarray) -> np.ndarray:
    """Return the error of each curve, shape (n,)."""
    errors: np.ndarray = np.sqrt(((output[:, :-1] - y) ** 2).mean(axis=1))
    return errors


def _root(squares: np.ndarray) -> float:
    return float(np.sqrt(squares.mean()))


def _share(error: float, total: float) -> float | None:
    return float(1 - error / total) if total > 0 else None
