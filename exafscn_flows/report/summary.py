"""The numbers of a report, the same for people (HTML) and for programs (JSON)."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from exafscn_flows.evaluation.importance import share_below
from exafscn_flows.report.data import ModelReport, ReportData

SHARE_LIMIT = 3.0
"""Distance in Å that roughly ends the first shell: how much of the importance is below it?"""


def is_distance(axis_label: str) -> bool:
    """Tell whether a feature axis, e.g. ``"R (Å)"``, is a distance."""
    return axis_label.startswith("R") and "Å" in axis_label


def series_name(report: ModelReport, reports: Sequence[ModelReport]) -> str:
    """Name a model among others: by its feature set, and by its estimator if there are several."""
    several = len({other.model for other in reports}) > 1
    return f"{report.feature_set}, {report.model}" if several else report.feature_set


def to_json(data: ReportData) -> dict[str, Any]:
    """Return the numbers of the report in types that ``json.dumps`` takes.

    Accuracies, F1 and shares are fractions from 0 to 1. ``models`` has one entry per absorber,
    feature set and estimator, in the order of the report.
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
        "skipped": [{"absorber": absorber, "reason": reason} for absorber, reason in data.skipped],
        "disagreements": [dict(site) for site in data.disagreements],
        "failures": [asdict(group) for group in data.failures],
        "stages": [asdict(count) for count in data.stages],
        "timings": dict(data.timings),
        "settings_yaml": data.settings_yaml,
        "versions": dict(data.versions),
    }


def _model(report: ModelReport, reports: Sequence[ModelReport]) -> dict[str, Any]:
    metrics, fitted = report.metrics, report.model_doc
    importances = fitted.importances
    return {
        "absorber": report.absorber,
        "feature_set": report.feature_set,
        "model": report.model,
        "series": series_name(report, reports),
        "n_sites": metrics.n_sites,
        "n_formulas": metrics.n_formulas,
        "classes": metrics.classes,
        "class_counts": metrics.class_counts,
        "grouped": metrics.splits["grouped"],
        "random": metrics.splits["random"],
        "share_below_3": (
            share_below(importances, fitted.axis, SHARE_LIMIT)
            if importances is not None and is_distance(fitted.axis_label)
            else None
        ),
        "axis_label": fitted.axis_label,
        "axis": _floats(fitted.axis),
        "importances": None if importances is None else _floats(importances),
        "value_label": report.value_label,
        "mean_vectors": {str(cn): _floats(v) for cn, v in sorted(report.mean_vectors.items())},
    }


def _floats(values: np.ndarray) -> list[float]:
    # Six digits are what float32 holds; more would only make the file longer.
    return [float(f"{value:.6g}") for value in values]


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
