"""Labels that are one of several classes: whole numbers, or names."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import compress, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from exafscn_flows.targets.base import Class, Value
from exafscn_flows.tasks.base import Task, check_folds, too_few
from exafscn_flows.tasks.calibration import temperature, tempered
from exafscn_flows.tasks.prediction_sets import (
    by_name,
    by_place,
    held_out,
    prediction_sets,
    thresholds,
)

if TYPE_CHECKING:
    from exafscn_flows.tasks.fitted import Classifier

_DIGITS = 9
"""Decimals of probabilities that count: means over trees equal on paper differ in the last bits."""

CERTAIN = 0.8
"""A label is certain if more than this share of it is the class itself."""

TEMPERATURE = "temperature"
"""Where it stands beside thresholds, which stand by the names of their classes."""

_EDGES = np.arange(11) / 10
"""Of the bins of probability by which it is compared with the accuracy."""


class ClassesTask(Task):
    """Classes, ascending; `y` is the place of a label among them, outputs are probabilities."""

    name = "classes"
    score = "accuracy"
    higher_is_better = True

    def classes(self, values: Sequence[Any]) -> list[Class]:
        # Numbers first, then names.
        return sorted(set(values), key=lambda one: (isinstance(one, str), one))

    def encode(self, values: Sequence[Any], classes: Sequence[Value]) -> np.ndarray:
        place = {value: index for index, value in enumerate(classes)}
        return np.array([place[value] for value in values], dtype=np.int64)

    def shares(
        self,
        weights: Sequence[Mapping[str, float] | None],
        values: Sequence[Any],
        classes: Sequence[Value],
    ) -> np.ndarray:
        places = {str(value): index for index, value in enumerate(classes)}
        found = np.zeros((len(values), len(classes)), dtype=np.float32)
        for row, of_row, value in zip(found, weights, values, strict=True):
            for name, weight in (of_row or {str(value): 1.0}).items():
                if name in places:
                    row[places[name]] = weight
        shares: np.ndarray = found / found.sum(axis=1, keepdims=True)
        return shares

    def strata(self, y: np.ndarray) -> np.ndarray:
        return y

    def check(self, y: np.ndarray, n_folds: int, classes: Sequence[Value] = ()) -> None:
        super().check(y, n_folds, classes)
        if np.bincount(y).max() < n_folds:
            raise too_few(f"no label has as many sites as there are folds ({n_folds})")

    def output(self, fitted: "Classifier", X: np.ndarray, classes: Sequence[Value]) -> np.ndarray:
        probabilities = np.zeros((len(X), len(classes)))
        probabilities[:, fitted.classes_] = fitted.predict_proba(X)
        return probabilities

    def doubt(
        self, y: np.ndarray, output: np.ndarray, classes: Sequence[Value]
    ) -> dict[str, float]:
        """Return temperature, and by class the least probability in the set of a new site."""
        found = temperature(output, y)
        return by_name(thresholds(tempered(output, found), y), classes) | {TEMPERATURE: found}

    def predictions(
        self,
        output: np.ndarray,
        classes: Sequence[Value],
        y: np.ndarray,
        folds: np.ndarray | None,
        doubt: Mapping[str, float],
    ) -> Iterator[dict[str, Any]]:
        # As models say it: a temperature leaves the order of the classes as it is.
        places = _predicted(output)
        if folds is None:
            output = tempered(output, doubt.get(TEMPERATURE, 1.0))
            least = by_place(doubt, classes)
        else:
            output, least = held_out(output, y, folds)
        probability = output[np.arange(len(output)), places]
        expected: list[float | None] = [None] * len(output)
        if all(isinstance(one, int) for one in classes):
            values = np.array(classes)
            errors = expected_errors(output, values, values[places])
            expected = (output @ values).tolist()
        else:
            errors = 1 - probability
        sets = prediction_sets(output, least, places)
        names = [str(one) for one in classes]
        rows = zip(places, y, probability, output, expected, errors, sets, strict=True)
        for place, truth, sure, shares, mean, error, within in rows:
            yield {
                "value": classes[place],
                "label": classes[truth],
                "probability": float(sure),
                "probabilities": dict(zip(names, shares.tolist(), strict=True)),
                "expected_value": mean,
                "expected_error": float(error),
                "prediction_set": list(compress(classes, within)),
                "disagrees": bool(place != truth),
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
        """Compare out-of-fold probabilities with labels.

        Returns
        -------
        dict
            ``accuracy``: share of sites predicted right. ``fold_accuracy``: the same by fold, and
            ``accuracy_std`` their standard deviation (n - 1). ``balanced_accuracy``: mean over the
            classes of the share predicted right. ``macro_f1``: mean over the classes of
            F1 = 2 TP / (2 TP + FP + FN). ``fold_macro_f1``: the same by fold, over the classes that
            are labels or predictions there. ``majority``: accuracy of always predicting the most
            frequent class of the other folds, and ``fold_majority_f1`` its macro-F1 by fold.
            ``confusion``: counts, rows are labels and columns predictions, both in the order of
            ``classes``. ``calibration``: by bins of the calibrated probability of the predicted
            class, from `low` (included) to `high`: `n` sites, their mean `probability` and their
            `accuracy`; ``ece``: expected calibration error, the mean
            over the sites of the difference between these two in their bin (Guo et al.,
            Proceedings of Machine Learning Research 70, 1321 (2017)). ``n_certain``: sites of whose
            label more than 0.8 is certain, and ``certain_accuracy`` that of them, None without any.
            ``coverage``: share of sites whose label is in their prediction set, and ``set_size``
            the mean number of classes in it.

        Raises
        ------
        ItemFailure
            ``too_few_sites`` if all rows are in one fold.
        """
        check_folds(folds)
        predicted = _predicted(output)
        right = predicted == y
        confusion = np.zeros((len(classes), len(classes)), dtype=int)
        np.add.at(confusion, (y, predicted), 1)
        hits, labelled = np.diag(confusion), confusion.sum(axis=1)
        # A model of several absorbers knows classes that one of them does not have.
        some = labelled > 0
        commonest = _majority(y, folds)
        fold_accuracy = [float(right[folds == fold].mean()) for fold in np.unique(folds)]
        proba, least = held_out(output, y, folds)
        calibration = _calibration(proba[np.arange(len(y)), predicted], right)
        certain = certainty > CERTAIN
        sets = prediction_sets(proba, least, predicted)
        gaps = [one["n"] * abs(one["probability"] - one["accuracy"]) for one in calibration]
        return {
            "accuracy": float(right.mean()),
            "accuracy_std": float(np.std(fold_accuracy, ddof=1)),
            "fold_accuracy": fold_accuracy,
            "balanced_accuracy": float(np.mean(hits[some] / labelled[some])),
            "macro_f1": _macro_f1(y, predicted),
            "fold_macro_f1": _by_fold(y, predicted, folds),
            "majority": float((commonest == y).mean()),
            "fold_majority_f1": _by_fold(y, commonest, folds),
            "confusion": confusion.tolist(),
            "calibration": calibration,
            "ece": sum(gaps) / len(y),
            "n_certain": int(certain.sum()),
            "certain_accuracy": float(right[certain].mean()) if certain.any() else None,
            "coverage": float(sets[np.arange(len(y)), y].mean()),
            "set_size": float(sets.sum(axis=1).mean()),
        }

    def counts(
        self, y: np.ndarray, groups: np.ndarray, classes: Sequence[Value], n_folds: int
    ) -> dict[str, list[Any]]:
        there = np.unique(y).tolist()
        return {
            "class_counts": np.bincount(y, minlength=len(classes)).tolist(),
            "rare": [classes[one] for one in there if len(np.unique(groups[y == one])) < n_folds],
        }

    def narrowed(
        self, outputs: Mapping[str, np.ndarray], y: np.ndarray, classes: Sequence[Class]
    ) -> tuple[dict[str, np.ndarray], np.ndarray, list[Class]]:
        seen = [np.unique(y), *(np.unique(_predicted(output)) for output in outputs.values())]
        kept = np.unique(np.concatenate(seen))
        narrow = {split: output[:, kept] for split, output in outputs.items()}
        return narrow, np.searchsorted(kept, y), [classes[place] for place in kept]

    def widened(
        self, output: np.ndarray, known: Sequence[Class], classes: Sequence[Class]
    ) -> np.ndarray:
        wide = np.zeros((len(output), len(classes)))
        wide[:, [list(classes).index(one) for one in known]] = output
        return wide

    def scores(self, metrics: Mapping[str, Any]) -> dict[str, float]:
        return {key: metrics[key] for key in ("accuracy", "accuracy_std", "macro_f1")}

    def losses(self, fitted: "Classifier", X: np.ndarray, y: np.ndarray) -> np.ndarray:
        losses: np.ndarray = (fitted.predict(X) != y).astype(float)
        return losses

    def right(self, fitted: "Classifier", X: np.ndarray, y: np.ndarray) -> float:
        return float((fitted.predict(X) == y).mean())


def predicted_classes(proba: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the most probable class of each site, the smallest where several are equal.

    Parameters
    ----------
    proba
        Probabilities, shape (n, n_classes).
    classes
        The classes, ascending, shape (n_classes,).

    Returns
    -------
    numpy.ndarray
        Predicted class, shape (n,).
    """
    predicted: np.ndarray = np.asarray(classes)[_predicted(proba)]
    return predicted


def expected_errors(proba: np.ndarray, classes: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return by how much each prediction is expected to be off, by its own probabilities.

    Where the probabilities are right, it is the mean of |CN - predicted CN|: 0 for a certain
    prediction, and small where the doubt is between neighbouring numbers.

    Parameters
    ----------
    proba
        Probabilities, shape (n, n_classes).
    classes
        Classes that are whole numbers, e.g. coordination numbers, shape (n_classes,).
    predicted
        Predicted class, shape (n,).

    Returns
    -------
    numpy.ndarray
        Sum over the classes c of p(c) |c - predicted|, in the unit of the classes, shape (n,).
    """
    errors: np.ndarray = (proba * np.abs(np.asarray(classes) - predicted[:, None])).sum(axis=1)
    return errors


def _predicted(proba: np.ndarray) -> np.ndarray:
    predicted: np.ndarray = np.round(proba, _DIGITS).argmax(axis=1)
    return predicted


def _calibration(probability: np.ndarray, right: np.ndarray) -> list[dict[str, Any]]:
    """Compare probability and accuracy by bins, without empty ones."""
    bins = np.digitize(np.round(probability, _DIGITS), _EDGES[1:-1])
    return [
        {
            "low": float(low),
            "high": float(high),
            "n": int((bins == number).sum()),
            "probability": float(probability[bins == number].mean()),
            "accuracy": float(right[bins == number].mean()),
        }
        for number, (low, high) in enumerate(pairwise(_EDGES))
        if (bins == number).any()
    ]


def _majority(y: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Return the most frequent class of the other folds, shape (n,)."""
    commonest = np.empty_like(y)
    for fold in np.unique(folds):
        test = folds == fold
        commonest[test] = np.bincount(y[~test]).argmax()
    return commonest


def _macro_f1(y: np.ndarray, predicted: np.ndarray) -> float:
    """Return the mean F1 of the classes that are labels or predictions."""
    scores = []
    for one in np.union1d(y, predicted):
        label, named = y == one, predicted == one
        scores.append(2 * (label & named).sum() / (label.sum() + named.sum()))
    return float(np.mean(scores))


def _by_fold(y: np.ndarray, predicted: np.ndarray, folds: np.ndarray) -> list[float]:
    return [_macro_f1(y[folds == fold], predicted[folds == fold]) for fold in np.unique(folds)]
