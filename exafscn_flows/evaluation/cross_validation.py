"""Out-of-fold outputs, one fold at a time, so that folds can run as separate tasks."""

from collections.abc import Mapping, Sequence

import numpy as np

from exafscn_flows.features.columns import Columns
from exafscn_flows.models.base import ModelBase
from exafscn_flows.targets.base import Value
from exafscn_flows.tasks import Task


def fit_fold(
    task: Task,
    model: ModelBase,
    X: np.ndarray,
    y: np.ndarray,
    groups: np.ndarray,
    columns: Columns,
    folds: np.ndarray,
    fold: int,
    seed: int,
    classes: Sequence[Value],
) -> np.ndarray:
    """Fit on all other folds and return the outputs for the sites of one fold.

    Parameters
    ----------
    task
        What is learned.
    model
        The model, unfitted.
    X
        Features, shape (n, n_features).
    y
        What `task` encodes the labels as, shape (n,).
    groups
        Group of each site, e.g. its formula, shape (n,); what is fitted on the other folds may
        split them again.
    columns
        What the columns of `X` are.
    folds
        Fold of each site, shape (n,).
    fold
        The fold that is held out.
    seed
        Seed of the fit.
    classes
        All classes.

    Returns
    -------
    numpy.ndarray
        Outputs of `task`, shape (n_test, width), in the order of ``X``. A class that no other fold
        has gets 0.

    Raises
    ------
    ItemFailure
        If the model cannot be fitted on these rows.
    """
    test = folds == fold
    fitted = model.fit(X[~test], y[~test], groups[~test], columns, seed, task.name)
    return task.output(fitted, X[test], classes)


def assemble(parts: Mapping[int, np.ndarray], folds: np.ndarray) -> np.ndarray:
    """Put the folds' outputs together.

    Parameters
    ----------
    parts
        What ``fit_fold`` returned, by fold.
    folds
        Fold of each site, shape (n,).

    Returns
    -------
    numpy.ndarray
        Out-of-fold outputs of all sites, shape (n, width).

    Raises
    ------
    ValueError
        If the parts do not belong to these folds.
    """
    sizes = {fold: len(part) for fold, part in parts.items()}
    numbers, counts = np.unique(folds, return_counts=True)
    if sizes != dict(zip(numbers.tolist(), counts.tolist(), strict=True)):
        raise ValueError(f"outputs of {sizes} sites by fold do not belong to these folds")
    output = np.empty((len(folds), next(iter(parts.values())).shape[1]))
    for fold, part in parts.items():
        output[folds == fold] = part
    return output
