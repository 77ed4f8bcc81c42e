"""Out-of-fold outputs, one fold at a time, so that folds can run as separate tasks."""

from collections.abc import Mapping, Sequence

import numpy as np

from exafscn_flows.models.base import ModelBase
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.targets.base import Value
from exafscn_flows.tasks import task_named
from exafscn_flows.tasks.fitted import ood_score


def fit_fold(
    model: ModelBase,
    data: TrainingSet,
    folds: np.ndarray,
    fold: int,
    seed: int,
    classes: Sequence[Value],
) -> np.ndarray:
    """Fit on all other folds and return the outputs for the sites of one fold.

    Parameters
    ----------
    model
        The model, unfitted.
    data
        All sites.
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
        Outputs of the task in the order of the sites, and as one more column the
        out-of-distribution score, NaN of a model without one; shape (n_test, width + 1). A class
        that no other fold has gets 0.

    Raises
    ------
    ItemFailure
        If the model cannot be fitted on these rows.
    """
    test = folds == fold
    fitted = model.fit(data.part(~test), seed)
    output = task_named(data.task).output(fitted, data.X[test], classes)
    return np.column_stack([output, ood_score(fitted, data.X[test])])


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
