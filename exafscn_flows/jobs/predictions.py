"""Prediction documents, from the outputs of models."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from exafscn_flows.jobs.dataset import Dataset
from exafscn_flows.store.results import PredictionDoc


def prediction_docs(
    head: Mapping[str, Any],
    dataset: Dataset,
    output: np.ndarray,
    folds: np.ndarray | None,
    doubt: dict[str, float],
) -> Iterator[PredictionDoc]:
    """Build the predictions for all sites of a data set.

    Parameters
    ----------
    head
        Fields that say which model predicts: campaign, hash, target, absorber, feature_set, model.
    output
        Of the model, shape (n_sites, n_outputs), as the task of the target says.
    folds
        In which fold each site was held out, shape (n_sites,); None if the model never saw them.
    doubt
        As of `Task.predictions`.
    """
    found = dataset.task.predictions(output, dataset.classes, dataset.y, folds, doubt)
    for row, (site, prediction) in enumerate(zip(dataset.sites, found, strict=True)):
        yield PredictionDoc(
            **head,
            **prediction,
            task=dataset.task.name,
            site=site.site,
            material_id=site.material_id,
            formula=site.formula,
            elements=site.elements,
            neighbours=dataset.neighbours[row],
            oxide="O" in site.elements,
            fold=None if folds is None else int(folds[row]),
        )
