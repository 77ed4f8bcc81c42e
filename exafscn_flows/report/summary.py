"""The numbers of a report, the same for people (HTML) and for programs (JSON)."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from exafscn_flows.config.study import CLAIMS_ABOUT
from exafscn_flows.evaluation.importance import share_below
from exafscn_flows.features.axes import DISTANCE, quantity
from exafscn_flows.report.cards import model_cards
from exafscn_flows.report.claims import CLAIMS
from exafscn_flows.report.data import (
    MeanVector,
    ModelReport,
    ReportData,
    TargetReport,
    best_models,
)
from exafscn_flows.report.explanation import explanations
from exafscn_flows.report.inputs import inputs
from exafscn_flows.report.interpretation import SHARE_LIMIT, curves, floats, interpretation
from exafscn_flows.report.label_numbers import label_study
from exafscn_flows.report.modalities import modalities
from exafscn_flows.report.robustness import robustness
from exafscn_flows.report.study import comparison, elements, mean
from exafscn_flows.report.view import SPLITS, View


def series_name(report: ModelReport, reports: Sequence[ModelReport]) -> str:
    """Name a model among others: by its feature set, and by its estimator if there are several."""
    several = len({other.model for other in reports}) > 1
    return f"{report.feature_set}, {report.model}" if several else report.feature_set


def to_json(data: ReportData) -> dict[str, Any]:
    """Return the numbers of the report in types that ``json.dumps`` takes.

    ``targets`` has one entry for each target, all of one shape: what it is called, with its unit
    and task; the key of the ``score`` by which models are compared; ``models``, one for each
    absorber, feature set and estimator, in the order of the report; and all that is said of them.
    What there are no data for is None or empty. Accuracies, F1 and shares are fractions from 0 to
    1; errors are in the unit of the target.
    """
    return {
        "campaign": data.campaign,
        "created_at": data.created_at.isoformat(),
        "targets": {target.name: _target(data, target) for target in data.targets},
        "skipped": [one._asdict() for one in data.skipped],
        "failures": [asdict(group) for group in data.failures],
        "stages": [asdict(count) for count in data.stages],
        "timings": dict(data.timings),
        "settings_yaml": data.settings_yaml,
        "versions": dict(data.versions),
    }


def _target(data: ReportData, target: TargetReport) -> dict[str, Any]:
    view = target.view
    reports = [report for report in data.models if report.target == target.name]
    best = best_models(reports)
    models = [_model(report, reports) for report in reports]
    for model, report in zip(models, reports, strict=True):
        several = sum(other.absorber == report.absorber for other in reports) > 1
        ahead = next(one.score for one in best if one.absorber == report.absorber)
        baseline = view.baseline.of(report.metrics.splits["grouped"])
        # Nothing is best of those that are no better than a guess.
        counts = baseline is None or view.better(report.score, baseline)
        model["best"] = several and counts and report.score == ahead
    return {
        "task": target.task,
        "title": target.title,
        "short": target.short,
        "unit": target.unit,
        "score": view.score.key,
        "higher_is_better": view.higher_is_better,
        "headline": _headline(models, view),
        "models": models,
        "explanations": explanations(reports, [model["series"] for model in models]),
        **_study(data, target, models),
        "label_study": label_study([one for one in data.labels if one.target == target.name]),
        "model_cards": model_cards(best, target, data.provenance) if data.provenance else [],
        "disagreements": [
            {key: value for key, value in site.items() if key != "target"}
            for site in data.disagreements
            if site["target"] == target.name
        ],
    }


def _study(data: ReportData, target: TargetReport, models: list[dict[str, Any]]) -> dict[str, Any]:
    study, provenance, view = data.study, data.provenance, target.view
    nothing = (
        "elements",
        "published",
        "feature_sets",
        "interpretation",
        "modalities",
        "citation",
    )
    lists = ("inputs", "curves", "robustness", "claims")
    numbers: dict[str, Any] = dict.fromkeys(nothing) | {name: [] for name in lists}
    if study is None or provenance is None or not models:
        return numbers
    numbers |= {
        "inputs": inputs(models, provenance.feature_sets, view),
        "modalities": modalities(models, study.feature_set),
    }
    looked_into = study.target == target.name
    if looked_into:
        numbers |= {
            "elements": elements(models, study.feature_set, view),
            "feature_sets": comparison(models, provenance.feature_sets, view),
            "interpretation": interpretation(models, study, view),
            "curves": curves(models, study, view),
            "robustness": robustness(study, view),
        }
    if study.claims is None:
        return numbers
    claims = CLAIMS[study.claims]
    (kind,) = (one["kind"] for one in provenance.targets if one["name"] == target.name)
    if not looked_into and not (claims.every_target and kind in CLAIMS_ABOUT[study.claims]):
        return numbers
    about = {"target_kind": kind, "higher_is_better": view.higher_is_better}
    return numbers | {
        "published": claims.published(models, study.feature_set),
        "claims": claims.judge(numbers | about),
        "citation": claims.citation,
    }


def _model(report: ModelReport, reports: Sequence[ModelReport]) -> dict[str, Any]:
    metrics, fitted = report.metrics, report.model_doc
    importances = fitted.importances
    return {
        "absorber": report.absorber,
        "feature_set": report.feature_set,
        "model": report.model,
        "kind": fitted.parameters["kind"],
        "fitted_on": fitted.absorbers or [report.absorber],
        "series": series_name(report, reports),
        "n_sites": metrics.n_sites,
        "n_formulas": metrics.n_formulas,
        "n_seen": metrics.n_seen,
        "classes": metrics.classes,
        "class_counts": metrics.class_counts,
        "rare": metrics.rare,
        **{split: metrics.splits.get(split) for split in SPLITS},
        "share_below_3": (
            share_below(importances, fitted.axis, SHARE_LIMIT)
            if importances is not None and quantity(fitted.axis_label) is DISTANCE
            else None
        ),
        "axis_label": fitted.axis_label,
        "axis": floats(fitted.axis),
        "importances": None if importances is None else floats(importances),
        "value_label": report.value_label,
        "mean_vectors": {one.name: floats(one.vector) for one in report.mean_vectors},
        "mean_vector": floats(_mean_vector(report.mean_vectors)),
        "parts": [part._asdict() | {"axis": floats(part.axis)} for part in report.parts],
    }


def _mean_vector(means: Sequence[MeanVector]) -> np.ndarray:
    """Return the mean features of the sites of all groups."""
    weights = [one.n_sites for one in means]
    mean: np.ndarray = np.average([one.vector for one in means], axis=0, weights=weights)
    return mean


def _headline(models: list[dict[str, Any]], view: View) -> dict[str, Any] | None:
    """Describe the series with the best mean score among those with the most absorbers."""
    series: dict[str, list[dict[str, Any]]] = {}
    for model in models:
        series.setdefault(model["series"], []).append(model)
    candidates = [
        {
            "series": name,
            "n_series": len(series),
            "n_absorbers": len(members),
            "n_sites": sum(member["n_sites"] for member in members),
            "score": mean(member["grouped"][view.score.key] for member in members),
            "baseline": mean(member["grouped"][view.baseline.key] for member in members),
        }
        for name, members in series.items()
    ]
    order = view.order
    return min(candidates, key=lambda c: (-c["n_absorbers"], order(c["score"])), default=None)
