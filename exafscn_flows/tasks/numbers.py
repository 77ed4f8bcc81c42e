"""Labels that are numbers, and how far a model's own spread tells its errors."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from exafscn_flows.targets.base import Class, Value
from exafscn_flows.tasks.base import Task, check_folds
from exafscn_flows.tasks.fitted import SpreadRegressor

if TYPE_CHECKING:
    from exafscn_flows.tasks.fitted import Regressor

_DISAGREES = 3
"""A label that is off by more of the expected errors than this disagrees with its prediction."""


class NumbersTask(Task):
    """Numbers; outputs are the prediction and the spread of the model about it."""

    name = "numbers"
    score = "rmse"
    higher_is_better = False

    def classes(self, values: Sequence[Any]) -> list[Class]:
        return []

    def encode(self, values: Sequence[Any], classes: Sequence[Value]) -> np.ndarray:
        return np.array(values, dtype=np.float64)

    def strata(self, y: np.ndarray) -> np.ndarray:
        return _fifths(y)

    def output(self, fitted: "Regressor", X: np.ndarray, classes: Sequence[Value]) -> np.ndarray:
        return np.column_stack([fitted.predict(X), spread(fitted, X)])

    def doubt(
        self, y: np.ndarray, output: np.ndarray, classes: Sequence[Value]
    ) -> dict[str, float]:
        """Fit |y - prediction| by constant + slope * spread, neither negative."""
        from scipy.optimize import nnls

        predicted, spreads = output.T
        terms = np.column_stack([np.ones_like(spreads), spreads])
        (constant, slope), _ = nnls(terms, np.abs(y - predicted))
        return {"constant": float(constant), "slope": float(slope)}

    def predictions(
        self,
        output: np.ndarray,
        classes: Sequence[Value],
        y: np.ndarray,
        folds: np.ndarray | None,
        doubt: Mapping[str, float],
    ) -> Iterator[dict[str, Any]]:
        if folds is None:
            errors = expected_errors(output[:, 1], doubt)
        else:
            errors = self._held_out_errors(y, output, folds)
        for value, label, error in zip(output[:, 0], y, errors, strict=True):
            yield {
                "value": float(value),
                "label": float(label),
                "probability": None,
                "probabilities": None,
                "expected_value": float(value),
                "expected_error": float(error),
                "prediction_set": None,
                "disagrees": is_apart(value, label, error),
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
        """Compare out-of-fold predictions with labels.

        Returns
        -------
        dict
            ``rmse``: root of the mean squared error. ``fold_rmse``: the same by fold, and
            ``rmse_std`` their standard deviation (n - 1). ``mae``: mean of |error|. ``r2``:
            1 - squared errors / squared distances from the mean of all labels; where these are all
            equal, 1 if every prediction is right, and else 0, as in scikit-learn. ``mean_rmse`` and
            ``mean_mae``: of always predicting the mean of the other folds, and ``fold_mean_rmse``
            the first by fold. ``relative_rmse``: ``rmse`` by |mean label|, None where that is 0;
            ``relative_fold_rmse`` and ``relative_fold_mean_rmse`` likewise. ``calibration``: by
            fifths of the sites in the order of their expected error, from `low` to `high`: `n`
            sites, their mean `expected` error and the mean `observed` |error|.

        Raises
        ------
        ItemFailure
            ``too_few_sites`` if all rows are in one fold.
        """
        check_folds(folds)
        error = output[:, 0] - y
        squared, total = float((error**2).sum()), float(((y - y.mean()) ** 2).sum())
        mean_error = other_means(y, folds) - y
        rmse, mean = _rms(error), abs(float(y.mean()))
        inside = [folds == fold for fold in np.unique(folds)]
        fold_rmse, fold_mean = ([_rms(of[rows]) for rows in inside] for of in (error, mean_error))
        return {
            "rmse": rmse,
            "rmse_std": float(np.std(fold_rmse, ddof=1)),
            "fold_rmse": fold_rmse,
            "mae": float(np.abs(error).mean()),
            "r2": 1 - squared / total if np.ptp(y) > 0 else float(squared == 0),
            "mean_rmse": _rms(mean_error),
            "fold_mean_rmse": fold_mean,
            "mean_mae": float(np.abs(mean_error).mean()),
            "relative_rmse": rmse / mean if mean > 0 else None,
            "relative_fold_rmse": _relative(fold_rmse, mean),
            "relative_fold_mean_rmse": _relative(fold_mean, mean),
            "calibration": error_calibration(
                self._held_out_errors(y, output, folds), np.abs(error)
            ),
        }

    def _held_out_errors(self, y: np.ndarray, output: np.ndarray, folds: np.ndarray) -> np.ndarray:
        """Return expected errors by the doubt in the other folds, shape (n,)."""
        errors = np.empty(len(y))
        for fold in np.unique(folds):
            test = folds == fold
            doubt = self.doubt(y[~test], output[~test], [])
            errors[test] = expected_errors(output[test, 1], doubt)
        return errors

    def counts(
        self, y: np.ndarray, groups: np.ndarray, classes: Sequence[Value], n_folds: int
    ) -> dict[str, list[Any]]:
        return {"class_counts": [], "rare": []}

    def scores(self, metrics: Mapping[str, Any]) -> dict[str, float]:
        return {key: metrics[key] for key in ("rmse", "rmse_std", "mae", "r2")}

    def losses(self, fitted: "Regressor", X: np.ndarray, y: np.ndarray) -> np.ndarray:
        losses: np.ndarray = (fitted.predict(X) - y) ** 2
        return losses

    def right(self, fitted: "Regressor", X: np.ndarray, y: np.ndarray) -> float:
        return -_rms(fitted.predict(X) - y)


def spread(fitted: "Regressor", X: np.ndarray) -> np.ndarray:
    """Return how far the parts of a fitted model are from each other.

    Parameters
    ----------
    fitted
        Fitted model.
    X
        Features, shape (n, n_features).

    Returns
    -------
    numpy.ndarray
        Standard deviation of the predictions of its trees, in the unit of the target, shape (n,),
        or what a `SpreadRegressor` says; 0 of a model that is no mean. Where trees predict several
        numbers, of each of them, shape (n, n_outputs).
    """
    if isinstance(fitted, SpreadRegressor):
        return fitted.spread(X)
    trees = getattr(fitted, "estimators_", None)
    if not isinstance(trees, list):
        return np.zeros(len(X))
    mean, squares = np.float64(0), np.float64(0)
    X = np.ascontiguousarray(X, dtype=np.float32)  # as trees take it: converted once, not by each
    # Welford, Technometrics 4, 419 (1962): one tree after the other, none kept.
    for number, tree in enumerate(trees, start=1):
        step = tree.predict(X) - mean
        mean = mean + step / number
        squares = squares + step * (step - step / number)
    result: np.ndarray = np.sqrt(squares / len(trees))
    return result


def expected_errors(spreads: np.ndarray, doubt: Mapping[str, float]) -> np.ndarray:
    """Return the errors that are expected where models are spread so far, shape (n,)."""
    errors: np.ndarray = doubt["constant"] + doubt["slope"] * spreads
    return errors


def _rms(errors: np.ndarray) -> float:
    return float(np.sqrt((errors**2).mean()))


def _relative(errors: Sequence[float], mean: float) -> list[float] | None:
    return [error / mean for error in errors] if mean > 0 else None


def _fifths(values: np.ndarray) -> np.ndarray:
    """Return the fifth, 0 to 4, to which each value belongs by its rank; equal ones share one."""
    rank = np.searchsorted(np.sort(values), values)
    fifths: np.ndarray = 5 * rank // len(values)
    return fifths


def other_means(y: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Return of each row the mean label of the other folds, of the shape of the labels."""
    means = np.empty(y.shape)
    for fold in np.unique(folds):
        means[folds == fold] = y[folds != fold].mean(axis=0)
    return means


def error_calibration(expected: np.ndarray, observed: np.ndarray) -> list[dict[str, Any]]:
    """Compare expected with observed errors by fifths of the rows; both of shape (n,)."""
    fifths = _fifths(expected)
    return [
        {
            "low": float(expected[fifths == one].min()),
            "high": float(expected[fifths == one].max()),
            "n": int((fifths == one).sum()),
            "expected": float(expected[fifths == one].mean()),
            "observed": float(observed[fifths == one].mean()),
        }
        for one in np.unique(fifths)
    ]


def is_apart(value: float, label: float, error: float) -> bool:
    """Tell whether a prediction and its label differ by more than the expected error explains."""
    return bool(abs(value - label) > _DISAGREES * error)
