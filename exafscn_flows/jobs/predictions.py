"""Prediction documents, from class probabilities."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from exafscn_flows.jobs.dataset import Dataset
from exafscn_flows.store.results import PredictionDoc


def prediction_docs(
    head: Mapping[str, Any],
    dataset: Dataset,
    classes: np.ndarray,
    proba: np.ndarray,
    folds: np.ndarray | None,
) -> Iterator[PredictionDoc]:
    """Build the predictions for all sites of a data set.

    Parameters
    ----------
    head
        Fields that say which model predicts: campaign, hash, absorber, feature_set and model.
    classes
        Coordination numbers, ascending, shape (n_classes,).
    proba
        Class probabilities, shape (n_sites, n_classes).
    folds
        In which fold each site was held out, shape (n_sites,); None if the model never saw them.
    """
    from exafscn_flows.evaluation.metrics import expected_errors, predicted_classes

    predicted = predicted_classes(proba, classes)
    errors = expected_errors(proba, classes, predicted)
    probability = proba[np.arange(len(proba)), np.searchsorted(classes, predicted)]
    for row, site in enumerate(dataset.sites):
        cn, label = int(predicted[row]), int(dataset.y[row])
        yield PredictionDoc(
            **head,
            site=site.site,
            material_id=site.material_id,
            formula=site.formula,
            elements=site.elements,
            neighbours=dataset.neighbours[row],
            oxide="O" in site.elements,
            cn=cn,
            cn_label=label,
            probability=float(probability[row]),
            probabilities={str(c): float(p) for c, p in zip(classes, proba[row], strict=True)},
            expected_error=float(errors[row]),
            disagrees=cn != label,
            fold=None if folds is None else int(folds[row]),
        )
