"""Search over parameters of a model, within the rows that it may learn from."""

from collections.abc import Sequence
from typing import Any

from exafscn_flows.errors import ItemFailure
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.tasks import task_named

N_FOLDS = 3


def best_candidate(candidates: Sequence[Any], data: TrainingSet, seed: int) -> int:
    """Compare candidates by cross-validation with whole groups on one side.

    Called with the training rows of an outer fold, this is nested cross-validation: the rows that
    the outer fold holds out have no say (Cawley and Talbot, J. Mach. Learn. Res. 11, 2079 (2010)).

    Parameters
    ----------
    candidates
        Models without a search.
    data
        What may be learned from.
    seed
        Seed of folds and fits.

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
        losses = _losses(candidates, data, seed)
    except ItemFailure as failure:
        message = f"in the search over parameters, {failure.message}"
        raise ItemFailure(failure.kind, message, "take more structures, or no search") from None
    return losses.index(min(losses))


def _losses(candidates: Sequence[Any], data: TrainingSet, seed: int) -> list[float]:
    from exafscn_flows.splits import grouped_folds

    task = task_named(data.task)
    task.check(data.y, N_FOLDS)
    folds = grouped_folds(task.strata(data.y), data.groups, N_FOLDS, seed)
    losses = [0.0] * len(candidates)
    for number, candidate in enumerate(candidates):
        for fold in range(N_FOLDS):
            test = folds == fold
            fitted = candidate.fit(data.part(~test), seed)
            losses[number] += float(task.losses(fitted, data.X[test], data.y[test]).sum())
    return losses
