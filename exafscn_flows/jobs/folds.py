"""Folds of data sets, made by workers."""

from collections.abc import Callable, Collection, Mapping

import numpy as np

from exafscn_flows.config.campaign import Evaluation
from exafscn_flows.errors import ItemFailure
from exafscn_flows.jobs.context import spread
from exafscn_flows.jobs.dataset import Dataset

Folds = dict[str, np.ndarray]
"""Fold of each site, by split."""

_TOGETHER: dict[str, tuple[str, Callable[[Dataset], np.ndarray]]] = {
    "grouped": ("formulas", lambda dataset: dataset.groups),
    "chemical_system": ("chemical systems", lambda dataset: dataset.systems),
}
"""By split, what is held out together, and where that is found; not there: each site by itself."""


def folds_of(
    evaluation: Evaluation, datasets: Mapping[str, Dataset], splits: Collection[str]
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
            {split: _groups(dataset, split) for split in splits},
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
    groups: Mapping[str, np.ndarray | None],
) -> Folds:
    """Spread the sites of one data set over folds, by split; runs in a worker process.

    Raises
    ------
    ItemFailure
        If there are too few sites to do so.
    """
    from exafscn_flows.evaluation.splits import grouped_folds, random_folds

    return {
        split: random_folds(y, *folds_and_seed)
        if together is None
        else grouped_folds(y, together, *folds_and_seed, _TOGETHER[split][0])
        for split, together in groups.items()
    }


def _groups(dataset: Dataset, split: str) -> np.ndarray | None:
    """Return numbers for the groups of a split: texts would be more to send to a worker."""
    if split not in _TOGETHER:
        return None
    _, labels = _TOGETHER[split]
    return np.unique(labels(dataset), return_inverse=True)[1].astype(np.int32)
