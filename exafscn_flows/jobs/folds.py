"""Folds of data sets, made by workers."""

from collections.abc import Iterable, Mapping

import numpy as np

from exafscn_flows.config.campaign import Evaluation
from exafscn_flows.errors import ItemFailure
from exafscn_flows.jobs.context import spread
from exafscn_flows.jobs.dataset import Dataset

Folds = dict[str, np.ndarray]
"""Fold of each site, by split."""


def folds_of(
    evaluation: Evaluation, datasets: Mapping[str, Dataset], splits: Iterable[str]
) -> dict[str, Folds | ItemFailure]:
    """Spread the sites of data sets over folds.

    Workers do it: they have imported scikit-learn, which takes seconds.

    Returns
    -------
    dict
        By data set, the fold of each site by split; or why there are too few sites.
    """
    arguments = [
        (
            name,
            (evaluation.n_folds, evaluation.seed),
            dataset.y,
            # Formulas and chemical systems, of which only the order matters, in few bytes.
            np.unique(dataset.groups, return_inverse=True)[1].astype(np.int32),
            np.unique(dataset.systems, return_inverse=True)[1].astype(np.int32),
            tuple(splits),
        )
        for name, dataset in datasets.items()
    ]
    found: dict[str, Folds | ItemFailure] = {}
    for (name, *_), folds in spread(folds_task, arguments):
        if isinstance(folds, Exception) and not isinstance(folds, ItemFailure):
            raise folds
        found[name] = folds
    return found


def folds_task(
    name: str,
    folds_and_seed: tuple[int, int],
    y: np.ndarray,
    groups: np.ndarray,
    systems: np.ndarray,
    splits: tuple[str, ...],
) -> Folds:
    """Spread the sites of one data set over folds, by split; runs in a worker process.

    Raises
    ------
    ItemFailure
        If there are too few sites to do so.
    """
    from exafscn_flows.evaluation.splits import grouped_folds, random_folds

    folds = {
        "grouped": lambda: grouped_folds(y, groups, *folds_and_seed),
        "random": lambda: random_folds(y, *folds_and_seed),
        "chemical_system": lambda: grouped_folds(y, systems, *folds_and_seed, "chemical systems"),
    }
    return {split: folds[split]() for split in splits}
