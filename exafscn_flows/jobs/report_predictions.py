"""Out-of-fold predictions of one version of a model, as the report takes them from the store."""

from dataclasses import dataclass

import numpy as np

from exafscn_flows.report.data import Disagreement
from exafscn_flows.store.results import MetricsDoc, PredictionDoc, prediction_ids
from exafscn_flows.store.store import Store

_FIELDS = (
    "site",
    "formula",
    "value",
    "label",
    "probability",
    "expected_error",
    "disagrees",
    "error",
    "fold",
)


@dataclass(frozen=True)
class VersionPredictions:
    """Predictions of one version for the sites that it was trained on.

    Attributes
    ----------
    sites
        Keys of the sites.
    label, value
        Label and prediction, shape (n_sites,); of curves, None each.
    error
        Error of each curve, shape (n_sites,); NaN of others.
    disagrees
        Whether they differ, shape (n_sites,).
    disagreements
        Those that differ.
    """

    sites: list[str]
    label: np.ndarray
    value: np.ndarray
    error: np.ndarray
    disagrees: np.ndarray
    disagreements: list[Disagreement]


def read_predictions(store: Store, metrics: MetricsDoc) -> VersionPredictions:
    """Read the predictions of the version that some metrics are about."""
    query = {"_id": prediction_ids(metrics.campaign, metrics.hash)}
    rows = [
        raw
        for raw in store.project(PredictionDoc, query, _FIELDS)
        if raw["fold"] is not None  # others came after the training
    ]
    return VersionPredictions(
        sites=[raw["site"] for raw in rows],
        label=np.array([raw["label"] for raw in rows]),
        value=np.array([raw["value"] for raw in rows]),
        error=np.array([raw.get("error") for raw in rows], dtype=float),
        disagrees=np.array([raw["disagrees"] for raw in rows], dtype=bool),
        disagreements=[
            Disagreement(
                target=metrics.target,
                site=raw["site"],
                formula=raw["formula"],
                feature_set=metrics.feature_set,
                label=raw["label"],
                value=raw["value"],
                probability=raw["probability"],
                expected_error=raw["expected_error"],
                error=raw.get("error"),
            )
            for raw in rows
            if raw["disagrees"]
        ],
    )
