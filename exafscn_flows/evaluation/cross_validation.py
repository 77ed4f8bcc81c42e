"""Out-of-fold probabilities, one fold at a time, so that folds can run as separate tasks."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np


def fit_fold(
    fit: Callable[[np.ndarray, np.ndarray, np.ndarray, int], Any],
    X: np.ndarray,
    y: np.ndarray,
    groups: np.ndarray,
    folds: np.ndarray,
    fold: int,
    seed: int,
) -> np.ndarray:
    """Fit on all other folds and return the class probabilities of the sites of one fold.

    Parameters
    ----------
    fit
        Returns a classifier fitted on features, classes and groups with a seed, e.g.
        ``RandomForest().fit``.
    X
        Features, shape (n, n_features).
    y
        Class of each site, shape (n,).
    groups
        Group of each site, e.g. its formula, shape (n,); what is fitted on the other folds may
        split them again.
    folds
        Fold of each site, shape (n,).
    fold
        The fold that is held out.
    seed
        Seed of the classifier.

    Returns
    -------
    numpy.ndarray
        Probabilities, shape (n_test, n_classes); rows are the sites of the fold in the order of
        ``X``, columns the sorted classes of all of ``y``. A class that no other fold has gets 0.
    """
    test = folds == fold
    classes = np.unique(y)
    fitted = fit(X[~test], y[~test], groups[~test], seed)
    proba = np.zeros((int(test.sum()), len(classes)))
    proba[:, np.searchsorted(classes, fitted.classes_)] = fitted.predict_proba(X[test])
    return proba


def assemble(parts: Mapping[int, np.ndarray], folds: np.ndarray) -> np.ndarray:
    """Put the folds' probabilities together.

    Parameters
    ----------
    parts
        What ``fit_fold`` returned, by fold.
    folds
        Fold of each site, shape (n,).

    Returns
    -------
    numpy.ndarray
        Out-of-fold probabilities of all sites, shape (n, n_classes).

    Raises
    ------
    ValueError
        If the parts do not belong to these folds.
    """
    sizes = {fold: len(part) for fold, part in parts.items()}
    numbers, counts = np.unique(folds, return_counts=True)
    if sizes != dict(zip(numbers.tolist(), counts.tolist(), strict=True)):
        raise ValueError(f"probabilities of {sizes} sites by fold do not belong to these folds")
    proba = np.empty((len(folds), next(iter(parts.values())).shape[1]))
    for fold, part in parts.items():
        proba[folds == fold] = part
    return proba
