"""How good out-of-fold predictions are."""

from typing import Any

import numpy as np


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
    # Means over trees that are equal on paper differ in the last bits.
    predicted: np.ndarray = np.asarray(classes)[np.round(proba, 9).argmax(axis=1)]
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
        Coordination numbers, shape (n_classes,).
    predicted
        Predicted coordination number, shape (n,).

    Returns
    -------
    numpy.ndarray
        Sum over the classes c of p(c) |c - predicted|, in neighbours, shape (n,).
    """
    errors: np.ndarray = (proba * np.abs(np.asarray(classes) - predicted[:, None])).sum(axis=1)
    return errors


def metrics(
    y: np.ndarray, proba: np.ndarray, classes: np.ndarray, folds: np.ndarray
) -> dict[str, Any]:
    """Compare out-of-fold predictions with labels.

    Parameters
    ----------
    y
        Label of each site, shape (n,).
    proba
        Out-of-fold probabilities, shape (n, n_classes).
    classes
        All labels that occur in ``y``, ascending, shape (n_classes,).
    folds
        Fold of each site, shape (n,).

    Returns
    -------
    dict
        ``accuracy``: share of sites predicted right. ``fold_accuracy``: the same by fold, and
        ``accuracy_std`` their standard deviation (n - 1). ``balanced_accuracy``: mean over the
        classes of the share predicted right. ``macro_f1``: mean over the classes of
        F1 = 2 TP / (2 TP + FP + FN). ``majority``: accuracy of always predicting the most
        frequent class of the other folds. ``confusion``: counts, rows are labels and columns
        predictions, both in the order of ``classes``.
    """
    classes = np.asarray(classes)
    truth = np.searchsorted(classes, y)
    predicted = np.searchsorted(classes, predicted_classes(proba, classes))
    right = predicted == truth
    confusion = np.zeros((len(classes), len(classes)), dtype=int)
    np.add.at(confusion, (truth, predicted), 1)
    hits, labelled, named = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    fold_accuracy = [float(right[folds == fold].mean()) for fold in np.unique(folds)]
    return {
        "accuracy": float(right.mean()),
        "accuracy_std": float(np.std(fold_accuracy, ddof=1)),
        "fold_accuracy": fold_accuracy,
        "balanced_accuracy": float(np.mean(hits / labelled)),
        "macro_f1": float(np.mean(2 * hits / (labelled + named))),
        "majority": _majority(truth, folds),
        "confusion": confusion.tolist(),
    }


def _majority(truth: np.ndarray, folds: np.ndarray) -> float:
    hits = 0
    for fold in np.unique(folds):
        test = folds == fold
        hits += int((truth[test] == np.bincount(truth[~test]).argmax()).sum())
    return hits / len(truth)
