"""Folds of data sets, made by workers."""

from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

import numpy as np

from exafscn_flows.config.campaign import CampaignConfig, Evaluation
from exafscn_flows.errors import ItemFailure
from exafscn_flows.jobs.context import spread
from exafscn_flows.jobs.dataset import Dataset, DatasetName, all_labelled_sites
from exafscn_flows.keys import ALL
from exafscn_flows.store.store import Store

Folds = dict[str, np.ndarray]
"""Fold of each site, by split."""

K = TypeVar("K")

_TOGETHER: dict[str, tuple[str, Callable[[Dataset], np.ndarray]]] = {
    "grouped": ("formulas", lambda dataset: dataset.groups),
    "chemical_system": ("chemical systems", lambda dataset: dataset.systems),
}
"""By split, what is held out together, and where that is found; not there: each site by itself."""


def campaign_folds(
    store: Store,
    config: CampaignConfig,
    datasets: Mapping[DatasetName, Dataset],
    splits: Collection[str],
) -> dict[DatasetName, Folds | ItemFailure]:
    """Spread the sites of data sets over folds, as the models of a campaign need them.

    Where a model learns all absorbers together, a formula that it was tested on at one absorber
    must not be learned from at another: folds are then made of the sites of all absorbers, also
    for models of one, so that figures can be compared.
    """
    parts = [
        name
        for name, dataset in datasets.items()
        if len(dataset.absorbers) < len(config.absorbers)
        and config.joint_on(name.feature_set, name.target)
    ]
    joint = all_labelled_sites(store, config, ALL, parts) if parts else {}
    found = folds_of(config.evaluation, {**datasets, **joint}, splits)
    for name in parts:
        folds = found[name]
        if not isinstance(folds, ItemFailure):
            try:
                found[name] = _part(folds, joint[name], datasets[name], config.evaluation.n_folds)
            except ItemFailure as failure:
                found[name] = failure
    return found


def _part(folds: Folds, whole: Dataset, part: Dataset, n_folds: int) -> Folds:
    """Return the folds of a part of the sites, if a model can be fitted on it."""
    part.task.check(part.y, n_folds, part.classes)
    rows = {site.site: row for row, site in enumerate(whole.sites)}
    chosen = [rows[site.site] for site in part.sites]
    found = {split: of_all[chosen] for split, of_all in folds.items()}
    if any(len(np.unique(one)) < 2 for one in found.values()):
        raise one_fold(part.absorbers[0], len(chosen))
    return found


def one_fold(absorber: str, n_sites: int) -> ItemFailure:
    """Say that all sites of an absorber fell into one of the folds of all absorbers."""
    return ItemFailure(
        "too_few_sites",
        f"all {n_sites} sites of {absorber} are in one of the folds that absorbers share",
        "take more structures, or leave this absorber out",
    )


def folds_of(
    evaluation: Evaluation, datasets: Mapping[K, Dataset], splits: Collection[str]
) -> dict[K, Folds | ItemFailure]:
    """Spread the sites of data sets over folds.

    Workers do it: they have imported scikit-learn, which takes seconds.

    Returns
    -------
    dict
        By data set, the fold of each site by split; or why there are too few sites.
    """
    found: dict[K, Folds | ItemFailure] = {}
    arguments = []
    for name, dataset in datasets.items():
        try:
            dataset.task.check(dataset.y, evaluation.n_folds, dataset.classes)
        except ItemFailure as failure:
            found[name] = failure
            continue
        groups = {split: _groups(dataset, split) for split in splits}
        arguments.append((name, (evaluation.n_folds, evaluation.seed), dataset.strata, groups))
    for (name, *_), folds in spread(folds_task, arguments):
        if isinstance(folds, Exception) and not isinstance(folds, ItemFailure):
            raise folds
        found[name] = folds
    return found


def folds_task(
    name: object,
    folds_and_seed: tuple[int, int],
    strata: np.ndarray,
    groups: Mapping[str, np.ndarray | None],
) -> Folds:
    """Spread the sites of one data set over folds, by split; runs in a worker process.

    Raises
    ------
    ItemFailure
        If there are too few sites to do so.
    """
    from exafscn_flows.splits import grouped_folds, random_folds

    return {
        split: random_folds(strata, *folds_and_seed)
        if together is None
        else grouped_folds(strata, together, *folds_and_seed, _TOGETHER[split][0])
        for split, together in groups.items()
    }


def _groups(dataset: Dataset, split: str) -> np.ndarray | None:
    """Return numbers for the groups of a split: texts would be more to send to a worker."""
    if split not in _TOGETHER:
        return None
    _, labels = _TOGETHER[split]
    return np.unique(labels(dataset), return_inverse=True)[1].astype(np.int32)
