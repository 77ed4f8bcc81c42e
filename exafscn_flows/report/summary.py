"""The numbers of a report, the same for people (HTML) and for programs (JSON)."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from exafscn_flows.evaluation.importance import share_below
from exafscn_flows.features.ranges import is_distance
from exafscn_flows.report.cards import model_cards
from exafscn_flows.report.claims import claims
from exafscn_flows.report.data import ModelReport, ReportData
from exafscn_flows.report.interpretation import SHARE_LIMIT, curves, floats, interpretation
from exafscn_flows.report.label_numbers import label_study
from exafscn_flows.report.study import SPLITS, beside_published, comparison, elements


def series_name(report: ModelReport, reports: Sequence[ModelReport]) -> str:
    """Name a model among others: by its feature set, and by its estimator if there are several."""
    several = len({other.model for other in reports}) > 1
    return f"{report.feature_set}, {report.model}" if several else report.feature_set


def to_json(data: ReportData) -> dict[str, Any]:
    """Return the numbers of the report in types that ``json.dumps`` takes.

    Accuracies, F1 and shares are fractions from 0 to 1. ``models`` has one entry per absorber,
    feature set and estimator, in the order of the report. What a campaign has no data for is
    None or empty.
    """
    models = [_model(report, data.models) for report in data.models]
    for model in models:
        rivals = [m["grouped"]["accuracy"] for m in models if m["absorber"] == model["absorber"]]
        model["best"] = len(rivals) > 1 and model["grouped"]["accuracy"] == max(rivals)
    return {
        "campaign": data.campaign,
        "created_at": data.created_at.isoformat(),
        "headline": _headline(models),
        "models": models,
        **_study(data, models),
        "label_study": label_study(data.labels),
        "model_cards": model_cards(data.models, data.provenance) if data.provenance else [],
        "skipped": [{"absorber": absorber, "reason": reason} for absorber, reason in data.skipped],
        "disagreements": [dict(site) for site in data.disagreements],
        "failures": [asdict(group) for group in data.failures],
        "stages": [asdict(count) for count in data.stages],
        "timings": dict(data.timings),
        "settings_yaml": data.settings_yaml,
        "versions": dict(data.versions),
    }


def _study(data: ReportData, models: list[dict[str, Any]]) -> dict[str, Any]:
    study, provenance = data.study, data.provenance
    if study is None or provenance is None:
        names = ("elements", "published", "feature_sets", "interpretation")
        return dict.fromkeys(names) | {"curves": [], "claims": []}
    numbers: dict[str, Any] = {
        "elements": elements(models, study.feature_set),
        "published": beside_published(models, study.feature_set),
        "feature_sets": comparison(models, provenance.feature_sets),
        "interpretation": interpretation(models, study),
        "curves": curves(models, study),
    }
    return numbers | {"claims": claims(numbers)}


def _model(report: ModelReport, reports: Sequence[ModelReport]) -> dict[str, Any]:
    metrics, fitted = report.metrics, report.model_doc
    importances = fitted.importances
    return {
        "absorber": report.absorber,
        "feature_set": report.feature_set,
        "model": report.model,
        "kind": fitted.parameters["kind"],
        "series": series_name(report, reports),
        "n_sites": metrics.n_sites,
        "n_formulas": metrics.n_formulas,
        "classes": metrics.classes,
        "class_counts": metrics.class_counts,
        "rare": metrics.rare,
        **{split: metrics.splits.get(split) for split in SPLITS},
        "share_below_3": (
            share_below(importances, fitted.axis, SHARE_LIMIT)
            if importances is not None and is_distance(fitted.axis_label)
            else None
        ),
        "axis_label": fitted.axis_label,
        "axis": floats(fitted.axis),
        "importances": None if importances is None else floats(importances),
        "value_label": report.value_label,
        "mean_vectors": {str(cn): floats(v) for cn, v in sorted(report.mean_vectors.items())},
    }


def _headline(models: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Describe the series with the best mean accuracy among those with the most absorbers."""
    series: dict[str, list[dict[str, Any]]] = {}
    for model in models:
        series.setdefault(model["series"], []).append(model)
    candidates = [
        {
            "series": name,
            "n_series": len(series),
            "n_absorbers": len(members),
            "n_sites": sum(member["n_sites"] for member in members),
            "accuracy": float(np.mean([member["grouped"]["accuracy"] for member in members])),
            "majority": float(np.mean([member["grouped"]["majority"] for member in members])),
        }
        for name, members in series.items()
    ]
    return max(candidates, key=lambda c: (c["n_absorbers"], c["accuracy"]), default=None)
