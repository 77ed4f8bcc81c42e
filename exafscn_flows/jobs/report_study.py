"""Collects from the store what the report says about a study, its labels and its models."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.evaluation.label_study import agreements, by_certainty
from exafscn_flows.features import Concatenation, LarchSettings
from exafscn_flows.features.ranges import KRange
from exafscn_flows.jobs.fits import wanted_experiments
from exafscn_flows.report.data import ModelReport
from exafscn_flows.report.study_data import LabelReport, Provenance, StudyData
from exafscn_flows.store.documents import LabelDoc
from exafscn_flows.store.results import ExperimentDoc, PredictionDoc, prediction_ids
from exafscn_flows.store.store import Store


def collect_provenance(config: CampaignConfig) -> Provenance:
    """Say what all models of a campaign are made from."""
    return Provenance(
        sources=list(dict.fromkeys(source.kind for source in config.sources)),
        spectra=config.spectra.model_dump(mode="json"),
        labels=config.labels.model_dump(mode="json"),
        feature_sets={
            fset.name: _described(fset, config.features) for fset in config.features.sets
        },
    )


def _described(fset: Any, larch: LarchSettings) -> dict[str, Any]:
    settings: dict[str, Any] = fset.model_dump(mode="json")
    if isinstance(fset, Concatenation):
        return settings | {"parts": [_described(part, larch) for part in fset.parts]}
    if isinstance(fset, KRange):
        settings |= dict(zip(("kmin", "kmax"), fset.limits(larch), strict=True))
    parameters = fset.parameters(larch)
    resolved = ("kweight", "autobk", "xftf")
    return settings | {name: parameters[name] for name in resolved if name in parameters}


def collect_study(store: Store, config: CampaignConfig) -> StudyData | None:
    """Collect the experiments that are up to date; None without a study section."""
    if config.study is None:
        return None
    found: list[ExperimentDoc] = []
    for absorber in config.absorbers:
        wanted = wanted_experiments(store, config, absorber)
        docs = store.read(ExperimentDoc, config.campaign, [one.key for one in wanted])
        found += [
            docs[one.key] for one in wanted if one.key in docs and docs[one.key].hash == one.hash
        ]
    return StudyData(config.studied_set, found)


def collect_labels(
    store: Store, config: CampaignConfig, reports: Sequence[ModelReport]
) -> list[LabelReport]:
    """Set labels beside those of rival methods, and beside the predictions of one model.

    The model is, for each absorber, the best one by grouped accuracy on the studied feature set.
    """
    best: dict[str, ModelReport] = {}
    for report in reports:
        rival = best.get(report.absorber)
        if report.feature_set == config.studied_set and (
            rival is None or _accuracy(report) > _accuracy(rival)
        ):
            best[report.absorber] = report
    return [_labels(store, report) for report in best.values()]


def _accuracy(report: ModelReport) -> float:
    accuracy: float = report.metrics.splits["grouped"]["accuracy"]
    return accuracy


def _labels(store: Store, report: ModelReport) -> LabelReport:
    metrics = report.metrics
    query = {"_id": prediction_ids(metrics.campaign, metrics.hash)}
    right = {
        raw["site"]: not raw["disagrees"]
        for raw in store.project(PredictionDoc, query, ["site", "disagrees"])
    }
    of_absorber = {"campaign": metrics.campaign, "absorber": metrics.absorber}
    labels = [
        raw
        for raw in store.project(
            LabelDoc, of_absorber, ["site", "cn_average", "cn_weights", "rivals"]
        )
        if raw["site"] in right
    ]
    methods = dict.fromkeys(method for raw in labels for method in raw.get("rivals", {}))
    return LabelReport(
        absorber=metrics.absorber,
        feature_set=metrics.feature_set,
        model=metrics.model,
        agreements=agreements(
            np.array([raw["cn_average"] for raw in labels]),
            # None, where a method fails, becomes nan.
            {
                method: np.array([raw.get("rivals", {}).get(method) for raw in labels], float)
                for method in methods
            },
        ),
        certainty=by_certainty(
            np.array([max(raw["cn_weights"].values()) for raw in labels]),
            np.array([right[raw["site"]] for raw in labels]),
        ),
    )
