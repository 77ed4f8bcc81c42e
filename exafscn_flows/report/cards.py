"""Model cards: what a model predicts, from what, how well, and what it is not for."""

from collections.abc import Mapping, Sequence
from typing import Any

from exafscn_flows.features.edge_reference import WORDS
from exafscn_flows.report.data import ModelReport, TargetReport
from exafscn_flows.report.study_data import Provenance
from exafscn_flows.report.view import SPLITS, listed


def model_cards(
    best: Sequence[ModelReport], target: TargetReport, provenance: Provenance
) -> list[dict[str, Any]]:
    """Describe the best model of each absorber, by grouped score over all feature sets."""
    return [_card(report, target, provenance) for report in best]


def _card(report: ModelReport, target: TargetReport, provenance: Provenance) -> dict[str, Any]:
    metrics, fitted, view = report.metrics, report.model_doc, target.view
    features = provenance.feature_sets[report.feature_set]
    (labels,) = (one for one in provenance.targets if one["name"] == target.name)
    return {
        "target": target.name,
        "task": target.task,
        "unit": target.unit,
        "absorber": report.absorber,
        "fitted_on": fitted.absorbers or [report.absorber],
        "feature_set": report.feature_set,
        "model": report.model,
        "kind": fitted.parameters["kind"],
        "predicts": view.predicts(report, target),
        "features": dict(features),
        "n_features": len(fitted.axis),
        "value_label": report.value_label,
        "training": {
            "before": fitted.comes_trained,
            "sources": provenance.sources,
            "spectra": provenance.spectra,
            "n_sites": fitted.n_sites,
            "n_formulas": fitted.n_formulas,
            "classes": {str(value): n for value, n in report.class_counts.items()},
            "rare": metrics.rare,
        },
        "labels": labels,
        "scores": {
            split: {score.key: score.of(metrics.splits[split]) for score in view.scores}
            | {view.spread: metrics.splits[split][view.spread]}
            for split in SPLITS
            if split in metrics.splits
        },
        "baseline": view.baseline.of(metrics.splits["grouped"]),
        "recall": view.recall(report),
        "parameters": fitted.parameters,
        "versions": fitted.versions,
        "file": fitted.file,
        "sha256": fitted.sha256,
        "not_for": _not_for(report, target, features),
    }


def _not_for(report: ModelReport, target: TargetReport, features: Mapping[str, Any]) -> list[str]:
    metrics, view = report.metrics, target.view
    limits = [
        f"Absorbers other than {listed(report.model_doc.absorbers or [report.absorber])}, and "
        "edges other than K.",
        *view.limits(report, target),
    ]
    limits += [f"Spectra that do not cover {part}." for part in covered(features)]
    limits.append("Features made with other settings than those above.")
    if "chemical_system" in metrics.splits:
        unseen = view.score.with_unit(view.score.of(metrics.splits["chemical_system"]), target.unit)
        limits.append(
            "Expecting the same quality in chemical systems that it never saw: there, the "
            f"{view.score.name} is {unseen}."
        )
    limits.append(
        "Spectra of another origin, measured ones above all, and disordered, amorphous or "
        "molecular samples: its quality there was not tested."
    )
    return limits


def covered(features: Mapping[str, Any]) -> list[str]:
    """Return the ranges that a spectrum must cover, each once, as far as they are settings."""
    if features["kind"] == "concatenation":
        return list(dict.fromkeys(text for part in features["parts"] for text in covered(part)))
    if {"emin", "emax", "reference"} <= features.keys():
        edge = WORDS[features["reference"]]
        return [f"μ(E) from {features['emin']:g} to {features['emax']:g} eV above {edge}"]
    ends = [features.get(end) for end in ("kmin", "kmax")]
    if None in ends:
        if "xftf" not in features:
            return []  # of a package, and not a range of k
        transform = features["xftf"]
        ends = [
            transform[name] if end is None else end
            for name, end in zip(("kmin", "kmax"), ends, strict=True)
        ]
    kmin, kmax = ends
    return [f"χ(k) from {kmin:g} to {kmax:g} Å⁻¹"]
