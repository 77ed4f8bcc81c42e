"""Search over parameters of a model, within the rows that it may learn from."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features.columns import Columns
from exafscn_flows.targets.base import TaskName
from exafscn_flows.tasks import Task, task_named

N_FOLDS = 3


def best_candidate(
    candidates: Sequence[Any],
    X: np.ndarray,
    y: np.ndarray,
    groups: np.ndarray,
    columns: Columns,
    seed: int,
    task: TaskName,
) -> int:
    """Compare candidates by cross-validation with whole groups on one side.

    Called with the training rows of an outer fold, this is nested cross-validation: the rows that
    the outer fold holds out have no say (Cawley and Talbot, J. Mach. Learn. Res. 11, 2079 (2010)).

    Parameters
    ----------
    candidates
        Models without a search.
    X
        Features, shape (n, n_features).
    y
        Class or number of each row, as `fit` takes it, shape (n,).
    groups
        Group of each row, e.g. its formula, shape (n,).
    columns
        What the columns of `X` are.
    seed
        Seed of folds and fits.
    task
        Whether `y` are classes or numbers.

    Returns
    -------
    int
        Index of the candidate with the most rows predicted right, or of numbers the smallest sum
        of squared errors; the first of several.

    Raises
    ------
    ItemFailure
        If there is too little to split or to fit on.
    """
    try:
        losses = _losses(candidates, X, y, groups, columns, seed, task_named(task))
    except ItemFailure as failure:
        message = f"in the search over parameters, {failure.message}"
        raise ItemFailure(failure.kind, message, "take more structures, or no search") from None
    return losses.index(min(losses))


def _losses(
    candidates: Sequence[Any],
    X: np.ndarray,
    y: np.ndarray,
    groups: np.ndarray,
    columns: Columns,
    seed: int,
    task: Task,
) -> list[float]:
    from exafscn_flows.splits import grouped_folds

    task.check(y, N_FOLDS)
    folds = grouped_folds(task.strata(y), groups, N_FOLDS, seed)
    losses = [0.0] * len(candidates)
    for number, candidate in enumerate(candidates):
        for fold in range(N_FOLDS):
            test = folds == fold
            fitted = candidate.fit(X[~test], y[~test], groups[~test], columns, seed, task.name)
            losses[number] += float(task.losses(fitted, X[test], y[test]).sum())
    return losses
