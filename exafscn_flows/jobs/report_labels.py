"""Collects from the store what the report says about how sure labels are."""

from collections.abc import Sequence

import numpy as np

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.evaluation.label_study import agreements, by_certainty
from exafscn_flows.jobs.report_models import Reported
from exafscn_flows.jobs.report_predictions import VersionPredictions
from exafscn_flows.report.data import ModelReport, best_models
from exafscn_flows.report.study_data import LabelReport
from exafscn_flows.store.documents import LabelDoc
from exafscn_flows.store.store import Store
from exafscn_flows.targets import CoordinationNumber


def collect_labels(
    store: Store, config: CampaignConfig, models: Sequence[Reported]
) -> list[LabelReport]:
    """Set labels beside those of rival methods, and beside the predictions of one model.

    The model is, for each target and absorber, the best one by grouped score on the studied
    feature set; if the target has none there, the best one on any. Targets whose labels have no
    weights are left out.
    """
    predictions = {id(report): own for report, own in models}
    targets = {target.name: target for target in config.targets}
    of_target: dict[str, list[ModelReport]] = {}
    for report, _ in models:
        of_target.setdefault(report.target, []).append(report)
    found = []
    for reports in of_target.values():
        on_set = [one for one in reports if one.feature_set == config.studied_set]
        for report in best_models(on_set or reports):
            target = targets[report.target]
            rivals = target.rivals if isinstance(target, CoordinationNumber) else []
            labels = _labels(store, report, predictions[id(report)], rivals)
            found += [labels] if labels else []
    return found


def _labels(
    store: Store, report: ModelReport, predictions: VersionPredictions, rivals: Sequence[str]
) -> LabelReport | None:
    metrics = report.metrics
    right = dict(zip(predictions.sites, (~predictions.disagrees).tolist(), strict=True))
    query = {
        "campaign": metrics.campaign,
        "absorber": metrics.absorber,
        "target": metrics.target,
    }
    labels = [
        raw
        for raw in store.project(LabelDoc, query, ["site", "weights", "details"])
        if raw["site"] in right and raw["weights"]
    ]
    if not labels:
        return None
    details = [raw["details"] for raw in labels]
    return LabelReport(
        target=metrics.target,
        absorber=metrics.absorber,
        feature_set=metrics.feature_set,
        model=metrics.model,
        agreements=agreements(
            np.array([one["average"] for one in details]) if rivals else np.empty(0),
            # None, where a method fails, becomes nan.
            {
                method: np.array([one.get(method) for one in details], float)
                for method in sorted(rivals)
            },
        ),
        certainty=by_certainty(
            np.array([max(raw["weights"].values()) for raw in labels]),
            np.array([right[raw["site"]] for raw in labels]),
        ),
    )
