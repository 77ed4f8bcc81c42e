"""The arrays that models are fitted on: written once for a job, mapped by all its processes."""

import errno
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Self

import numpy as np

from exafscn_flows.errors import CampaignError
from exafscn_flows.features.columns import Columns
from exafscn_flows.jobs.dataset import (
    Dataset,
    DatasetName,
    feature_matrix,
    labelled_sites,
    vectors,
)
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.store.store import Store
from exafscn_flows.targets.base import Class, TaskName


@dataclass(frozen=True)
class Samples:
    """Rows of one data set, ordered by site key.

    Attributes
    ----------
    X
        Inputs of models, float32, shape (n_sites, n_inputs); not to be written to.
    y
        Place of each label among the classes, or the number, shape (n_sites,).
    groups
        Reduced formula of each site, shape (n_sites,).
    shares
        What each label says of every class, as of `Dataset`.
    auxiliary
        What a model learns to predict, too, float32, shape (n_sites, n_auxiliary); nothing of it
        is 0 wide.
    """

    X: np.ndarray
    y: np.ndarray
    groups: np.ndarray
    shares: np.ndarray
    auxiliary: np.ndarray

    @classmethod
    def of(cls, store: Store, dataset: Dataset) -> Self:
        """Read the inputs of the models of a data set from the store."""
        X = feature_matrix(store, dataset)
        auxiliary = np.empty((len(X), 0), dtype=np.float32)
        if dataset.auxiliary is not None:
            auxiliary = vectors(store, dataset, dataset.auxiliary)
        return cls(X, dataset.y, dataset.groups, dataset.shares, auxiliary)

    def training_set(
        self,
        columns: Columns,
        task: TaskName,
        auxiliary_columns: Columns | None = None,
        classes: Sequence[Class] = (),
        absorbers: Sequence[str] = (),
        curve_axis: np.ndarray | None = None,
    ) -> TrainingSet:
        """Return them as models learn them, with what columns, classes and points of curves are."""
        rows = TrainingSet(
            self.X,
            self.y,
            self.groups,
            columns,
            task,
            self.shares,
            n_absorbers=self.X.shape[1] - len(columns.axis),
            classes=tuple(classes),
            absorbers=tuple(absorbers),
            curve_axis=curve_axis,
        )
        if auxiliary_columns is None:
            return rows
        return replace(rows, auxiliary=self.auxiliary, auxiliary_columns=auxiliary_columns)


def share(folder: Path, dataset: Dataset, samples: Samples) -> None:
    """Write samples where other processes of this machine find them.

    Parameters
    ----------
    folder
        Folder of the job, in the scratch folder.

    Raises
    ------
    OSError
        If there is no space left, with the number ENOSPC.
    """
    try:
        for name, array in vars(samples).items():
            np.save(_file(folder, dataset.name, name), array, allow_pickle=False)
    except OSError as error:
        if error.errno is None:
            # In words alone, numpy says that there is no space.
            raise OSError(errno.ENOSPC, str(error)) from error
        raise


@lru_cache(maxsize=4)
def shared(
    folder: str, campaign: str, absorber: str, dataset: DatasetName, dataset_hash: str
) -> Samples:
    """Map the samples that a job has shared; on another machine, read them from the store.

    Parameters
    ----------
    absorber
        One, or `ALL`.

    Raises
    ------
    CampaignError
        If the data are not those of the job any more.
    """
    try:
        names = Samples.__dataclass_fields__
        files = {name: _file(Path(folder), dataset, name) for name in names}
        return Samples(**{name: np.load(file, mmap_mode="r") for name, file in files.items()})
    except FileNotFoundError:
        pass
    store = Store.open()
    config = store.config(campaign)
    found = labelled_sites(store, config, absorber, dataset)
    if found.hash != dataset_hash:
        raise CampaignError(
            f"campaign {campaign}: the data of {absorber} changed while its models were trained: "
            "run it again"
        )
    return Samples.of(store, found)


def _file(folder: Path, dataset: DatasetName, name: str) -> Path:
    return folder / f"{dataset}.{name}.npy"
