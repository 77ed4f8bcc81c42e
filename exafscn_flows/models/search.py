"""Search over parameters of a model, within the rows that it may learn from."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from exafscn_flows.errors import ItemFailure

N_FOLDS = 3


def best_candidate(
    candidates: Sequence[Any], X: np.ndarray, y: np.ndarray, groups: np.ndarray, seed: int
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
        Class of each row, shape (n,).
    groups
        Group of each row, e.g. its formula, shape (n,).
    seed
        Seed of folds and fits.

    Returns
    -------
    int
        Index of the candidate with the most rows predicted right, the first of several.

    Raises
    ------
    ItemFailure
        If there is too little to split or to fit on.
    """
    try:
        right = _rows_right(candidates, X, y, groups, seed)
    except ItemFailure as failure:
        message = f"in the search over parameters, {failure.message}"
        raise ItemFailure(failure.kind, message, "take more structures, or no search") from None
    return right.index(max(right))


def _rows_right(
    candidates: Sequence[Any], X: np.ndarray, y: np.ndarray, groups: np.ndarray, seed: int
) -> list[int]:
    from exafscn_flows.evaluation.splits import grouped_folds

    folds = grouped_folds(y, groups, N_FOLDS, seed)
    right = [0] * len(candidates)
    for number, candidate in enumerate(candidates):
        for fold in range(N_FOLDS):
            test = folds == fold
            fitted = candidate.fit(X[~test], y[~test], groups[~test], seed)
            right[number] += int((fitted.predict(X[test]) == y[test]).sum())
    return right
