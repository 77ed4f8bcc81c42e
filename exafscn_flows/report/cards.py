"""Model cards: what a model predicts, from what, how well, and what it is not for."""

from collections.abc import Mapping, Sequence
from typing import Any

from exafscn_flows.report.data import ModelReport
from exafscn_flows.report.study import SPLITS
from exafscn_flows.report.study_data import Provenance


def model_cards(reports: Sequence[ModelReport], provenance: Provenance) -> list[dict[str, Any]]:
    """Describe the best model of each absorber, by grouped accuracy over all feature sets."""
    best: dict[str, ModelReport] = {}
    for report in reports:
        rival = best.get(report.absorber)
        if rival is None or _accuracy(report) > _accuracy(rival):
            best[report.absorber] = report
    return [_card(report, provenance) for report in best.values()]


def _accuracy(report: ModelReport) -> float:
    accuracy: float = report.metrics.splits["grouped"]["accuracy"]
    return accuracy


def _card(report: ModelReport, provenance: Provenance) -> dict[str, Any]:
    metrics, fitted = report.metrics, report.model_doc
    features = provenance.feature_sets[report.feature_set]
    confusion = metrics.splits["grouped"]["confusion"]
    return {
        "absorber": report.absorber,
        "feature_set": report.feature_set,
        "model": report.model,
        "kind": fitted.parameters["kind"],
        "predicts": f"Coordination number of {report.absorber} in a crystal, from its K edge: "
        f"one of {_listed(fitted.classes)}.",
        "features": dict(features),
        "n_features": len(fitted.axis),
        "value_label": report.value_label,
        "training": {
            "sources": provenance.sources,
            "spectra": provenance.spectra,
            "n_sites": fitted.n_sites,
            "n_formulas": fitted.n_formulas,
            "classes": {str(cn): n for cn, n in report.class_counts.items()},
            "rare": metrics.rare,
        },
        "labels": provenance.labels,
        "accuracy": {
            split: {
                name: metrics.splits[split][name]
                for name in ("accuracy", "accuracy_std", "balanced_accuracy", "macro_f1")
            }
            for split in SPLITS
            if split in metrics.splits
        },
        "majority": metrics.splits["grouped"]["majority"],
        "recall": {
            str(cn): row[place] / sum(row)
            for place, (cn, row) in enumerate(zip(metrics.classes, confusion, strict=True))
        },
        "parameters": fitted.parameters,
        "versions": fitted.versions,
        "file": fitted.file,
        "sha256": fitted.sha256,
        "not_for": _not_for(report, features),
    }


def _not_for(report: ModelReport, features: Mapping[str, Any]) -> list[str]:
    metrics = report.metrics
    limits = [
        f"Absorbers other than {report.absorber}, and edges other than K.",
        f"Coordination numbers other than {_listed(report.model_doc.classes)}: it names one of "
        "these, whatever it is shown.",
    ]
    if metrics.rare:
        sites = ", ".join(f"{cn} ({_sites(report.class_counts[cn])})" for cn in metrics.rare)
        limits.append(
            f"Finding coordination numbers that were rare in training: {sites}, in fewer formulas "
            "than there are folds."
        )
    limits += [f"Spectra that do not cover {part}." for part in _covered(features)]
    limits.append("Features made with other settings than those above.")
    if "chemical_system" in metrics.splits:
        unseen = 100 * metrics.splits["chemical_system"]["accuracy"]
        limits.append(
            f"Expecting the grouped accuracy in chemical systems that it never saw: there it is "
            f"{unseen:.1f} %."
        )
    limits.append(
        "Spectra of another origin, measured ones above all, and disordered, amorphous or "
        "molecular samples: its accuracy there was not tested."
    )
    return limits


def _covered(features: Mapping[str, Any]) -> list[str]:
    """Return the ranges that a spectrum must cover, each once."""
    if "parts" in features:
        return list(dict.fromkeys(text for part in features["parts"] for text in _covered(part)))
    if "emin" in features:
        return [f"μ(E) from {features['emin']:g} to {features['emax']:g} eV above E0"]
    ends = [features.get(end) for end in ("kmin", "kmax")]
    kmin, kmax = (
        features["xftf"][name] if end is None else end
        for name, end in zip(("kmin", "kmax"), ends, strict=True)
    )
    return [f"χ(k) from {kmin:g} to {kmax:g} Å⁻¹"]


def _sites(number: int) -> str:
    return f"{number} site" if number == 1 else f"{number} sites"


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(str(number) for number in numbers)
