"""Made-up campaigns whose spectra follow the EXAFS equation and whose counts add up."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from exafscn_flows.report.data import FailureGroup, ModelReport, ReportData, StageCount
from exafscn_flows.store.documents import STAGES, MetricsDoc, ModelDoc

R = np.arange(326) * 2 * np.pi / (2 * 2048 * 0.05)

SETTINGS = """\
campaign: quickstart
absorbers: [Cu, Fe]
sources:
  - kind: minerals
features:
  r_mu: {kweight: 2, kmin: 3, kmax: 12}
"""


def chir_mag(cn: int, distance: float) -> np.ndarray:
    """Transform k² chi of three shells, the first of cn atoms at a distance in Å."""
    k = np.arange(0, 20, 0.05)
    chi = np.zeros_like(k)
    for number, r, sigma2 in ((cn, distance, 0.006), (12, 1.6 * distance, 0.01), (8, 5.1, 0.012)):
        damping = np.exp(-2 * k**2 * sigma2 - 2 * r / 6)
        chi += number * damping * np.sin(2 * k * r - 0.8 * k) / (np.maximum(k, 1) * r**2) / 2
    window = np.clip(np.minimum(k - 2.5, 12.5 - k), 0, 1)
    padded = np.zeros(2048)
    padded[: k.size] = chi * k**2 * window
    return np.abs(np.fft.fft(padded))[:326].astype(np.float32) * 0.05 / np.sqrt(np.pi)


def split(confusion: np.ndarray) -> dict[str, Any]:
    """Work out the metrics of one split from its confusion matrix."""
    labels, right = confusion.sum(axis=1), np.diag(confusion)
    accuracy = float(right.sum() / confusion.sum())
    f1 = 2 * right / np.maximum(labels + confusion.sum(axis=0), 1)
    folds = [accuracy + shift for shift in (-0.03, -0.01, 0.0, 0.01, 0.03)]
    return {
        "accuracy": accuracy,
        "accuracy_std": float(np.std(folds)),
        "fold_accuracy": folds,
        "balanced_accuracy": float((right / labels).mean()),
        "macro_f1": float(f1.mean()),
        "majority": float(labels.max() / labels.sum()),
        "confusion": confusion.tolist(),
    }


def make_model(
    absorber: str = "Cu",
    feature_set: str = "r_mu",
    counts: dict[int, int] | None = None,
    skill: float = 0.8,
    model: str = "forest",
) -> ModelReport:
    """Make one model that predicts a share of the sites right and the rest one class off."""
    counts = counts or {4: 120, 6: 80}
    n = len(counts)
    confusion, shuffled = np.zeros((n, n), dtype=int), np.zeros((n, n), dtype=int)
    for matrix, share in ((confusion, skill), (shuffled, (1 + skill) / 2)):
        for row, count in enumerate(counts.values()):
            right = round(share * count)
            matrix[row, row] = right
            matrix[row, row + 1 if row + 1 < n else row - 1] += count - right
    common: dict[str, Any] = {
        "campaign": "quickstart",
        "hash": "0" * 16,
        "absorber": absorber,
        "feature_set": feature_set,
        "model": model,
        "classes": list(counts),
        "n_sites": sum(counts.values()),
        "n_formulas": round(0.7 * sum(counts.values())),
    }
    distances = {cn: 1.5 + 0.08 * cn for cn in counts}
    mean_vectors = {cn: chir_mag(cn, distances[cn]) for cn in counts}
    importances = np.std(list(mean_vectors.values()), axis=0) + 0.003
    return ModelReport(
        metrics=MetricsDoc(
            **common,
            class_counts=list(counts.values()),
            splits={"grouped": split(confusion), "random": split(shuffled)},
        ),
        model_doc=ModelDoc(
            **common,
            parameters={"n_estimators": 300},
            importances=importances / importances.sum(),
            axis=R,
            axis_label="R (Å)",
            file="quickstart/Cu",
            sha256="0" * 64,
            versions={"scikit-learn": "1.9.1"},
        ),
        mean_vectors=mean_vectors,
    )


def make_data(**changes: Any) -> ReportData:
    """Make a campaign of two absorbers and two feature sets; any field can be replaced."""
    models = [
        make_model("Cu", "r_mu", skill=0.78),
        make_model("Cu", "r_chi", skill=0.84),
        make_model("Fe", "r_mu", {4: 60, 5: 7, 6: 140}, 0.9),
        make_model("Fe", "r_chi", {4: 60, 5: 7, 6: 140}, 0.87),
    ]
    fields: dict[str, Any] = {
        "campaign": "quickstart",
        "settings_yaml": SETTINGS,
        "versions": {"exafscn": "0.1.0", "FEFF": "8.5L", "scikit-learn": "1.9.1"},
        "created_at": datetime(2026, 11, 20, 12, 0, tzinfo=UTC),
        "stages": [
            StageCount(stage, absorber, 200, 3 if stage == "spectra" else 0, 0)
            for absorber in ("Cu", "Fe")
            for stage in STAGES
        ],
        "failures": [
            FailureGroup(
                "spectra",
                "timeout",
                6,
                "amcsd-123:Cu:0",
                "FEFF ran over 60 s.",
                "Raise spectra.timeout.",
            )
        ],
        "models": models,
        "skipped": [("Ti", "7 sites; at least 20 are needed")],
        "disagreements": [
            {
                "site": "amcsd-77:Cu:0",
                "formula": "Cu2O",
                "feature_set": "r_chi",
                "cn_label": 2,
                "cn": 4,
                "probability": 0.93,
            }
        ],
        "timings": {"FEFF, processor seconds": 612.4, "sites with a spectrum": 394},
    }
    return ReportData(**{**fields, **changes})


@pytest.fixture
def model() -> Callable[..., ModelReport]:
    """Give tests the maker of one model."""
    return make_model


@pytest.fixture
def campaign() -> Callable[..., ReportData]:
    """Give tests the maker of a campaign."""
    return make_data
