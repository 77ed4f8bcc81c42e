"""Made-up campaigns whose spectra follow the EXAFS equation and whose counts add up."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from exafscn_flows.evaluation.label_study import Agreement, CertaintyBin
from exafscn_flows.report.data import (
    FailureGroup,
    MeanVector,
    ModelReport,
    ReportData,
    Skipped,
    StageCount,
    TargetReport,
)
from exafscn_flows.report.study_data import LabelReport, Provenance, StudyData
from exafscn_flows.store.documents import STAGES
from exafscn_flows.store.results import ExperimentDoc, MetricsDoc, ModelDoc
from exafscn_flows.targets.base import Value

CN = TargetReport("coordination_number", "classes", "coordination number", "CN", "neighbours")
ENVIRONMENT = TargetReport("environment", "classes", "coordination environment", "environment")
BOND_LENGTH = TargetReport("bond_length", "numbers", "mean bond length", "bond length", "Å")

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
        "fold_macro_f1": [float(f1.mean()) + shift for shift in (-0.04, -0.02, 0.0, 0.02, 0.04)],
        "fold_majority_f1": [0.2, 0.21, 0.22, 0.23, 0.24],
        "majority": float(labels.max() / labels.sum()),
        "confusion": confusion.tolist(),
        "calibration": [
            {
                "low": low,
                "high": low + 0.2,
                "n": n,
                "probability": low + 0.1,
                "accuracy": low + 0.05,
            }
            for low, n in ((0.4, 12), (0.6, 40), (0.8, 90))
        ],
        "ece": 0.05,
        "n_certain": 100,
        "certain_accuracy": 0.9,
        "coverage": 0.91,
        "set_size": 1.4,
    }


def make_model(
    absorber: str = "Cu",
    feature_set: str = "r_mu",
    counts: Mapping[Any, int] | None = None,
    skill: float = 0.8,
    model: str = "forest",
    kind: str = "random_forest",
    rare: tuple[Value, ...] = (),
    systems: float | None = None,
    target: TargetReport = CN,
    absorbers: Sequence[str] = (),
) -> ModelReport:
    """Make one model that predicts a share of the sites right and the rest one class off.

    With `systems`, that is its share of sites of held-out chemical systems.
    """
    counts = counts or {4: 120, 6: 80}
    n = len(counts)
    shares = {"grouped": skill, "random": (1 + skill) / 2}
    if systems is not None:
        shares["chemical_system"] = systems
    splits = {}
    for name, share in shares.items():
        matrix = np.zeros((n, n), dtype=int)
        for row, count in enumerate(counts.values()):
            right = round(share * count)
            matrix[row, row] = right
            matrix[row, row + 1 if row + 1 < n else row - 1] += count - right
        splits[name] = split(matrix)
    mean_vectors = [
        MeanVector(str(value), count, chir_mag(place, 1.5 + 0.08 * place))
        for place, (value, count) in enumerate(counts.items(), start=4)
    ]
    common = head(target, absorber, feature_set, model, sum(counts.values()))
    common["classes"] = list(counts)
    return ModelReport(
        metrics=MetricsDoc(
            **common,
            class_counts=list(counts.values()),
            rare=list(rare),
            splits=splits,
        ),
        model_doc=fitted(common, kind, mean_vectors, absorbers),
        mean_vectors=mean_vectors,
    )


def head(
    target: TargetReport, absorber: str, feature_set: str, model: str, n_sites: int
) -> dict[str, Any]:
    """Fields that all documents of a version have."""
    return {
        "campaign": "quickstart",
        "hash": "0" * 16,
        "target": target.name,
        "task": target.task,
        "unit": target.unit,
        "absorber": absorber,
        "feature_set": feature_set,
        "model": model,
        "n_sites": n_sites,
        "n_formulas": round(0.7 * n_sites),
        "classes": [],
    }


def fitted(
    common: dict[str, Any], kind: str, means: Sequence[MeanVector], absorbers: Sequence[str]
) -> ModelDoc:
    """Make the document of a fitted model that looks where the mean spectra differ."""
    importances = np.std([mean.vector for mean in means], axis=0) + 0.003
    return ModelDoc(
        **common,
        absorbers=list(absorbers),
        features={},
        doubt={},
        parameters={"kind": kind, "n_estimators": 300},
        importances=None if kind == "mlp" else importances / importances.sum(),
        axis=R,
        axis_label="R (Å)",
        file="/".join(str(common[name]) for name in ("campaign", "target", "absorber", "model")),
        sha256="0" * 64,
        versions={"scikit-learn": "1.9.1"},
        learned={},
        takes="0" * 16,
    )


def error_split(label: np.ndarray, value: np.ndarray) -> dict[str, Any]:
    """Work out the metrics of one split of numbers."""
    error = value - label
    rmse, spread = float(np.sqrt((error**2).mean())), float(np.std(label))
    return {
        "rmse": rmse,
        "rmse_std": 0.1 * rmse,
        "fold_rmse": [0.9 * rmse, rmse, 1.1 * rmse],
        "mae": float(np.abs(error).mean()),
        "r2": 1 - (rmse / spread) ** 2,
        "mean_rmse": spread,
        "mean_mae": 0.8 * spread,
        "fold_mean_rmse": [0.9 * spread, spread, 1.1 * spread],
        "relative_rmse": rmse / float(label.mean()),
        "relative_fold_rmse": [one * rmse / float(label.mean()) for one in (0.9, 1.0, 1.1)],
        "relative_fold_mean_rmse": [one * spread / float(label.mean()) for one in (0.9, 1, 1.1)],
        "calibration": [
            {
                "low": 0.0,
                "high": 1.0,
                "n": len(label) // 5,
                "expected": share * rmse,
                "observed": share**0.9 * rmse,
            }
            for share in (0.3, 0.5, 0.7, 1.0, 1.6)
        ],
    }


def make_numbers(
    absorber: str = "Cu",
    feature_set: str = "r_mu",
    error: float = 0.03,
    model: str = "forest",
    kind: str = "random_forest",
    n_sites: int = 200,
    target: TargetReport = BOND_LENGTH,
    absorbers: Sequence[str] = (),
) -> ModelReport:
    """Make one model of a number that is off by an error, Å, root mean square."""
    random = np.random.default_rng(len(absorber) + n_sites)
    label = np.round(random.normal(2.05, 0.12, n_sites), 4)
    value = label + error * random.standard_normal(n_sites)
    means = [
        MeanVector(name, int(inside.sum()), chir_mag(5, float(label[inside].mean())))
        for name, inside in target.view.groups(label, target.unit)
    ]
    common = head(target, absorber, feature_set, model, n_sites)
    splits = {"grouped": error_split(label, value)}
    splits["random"] = error_split(label, label + 0.7 * (value - label))
    return ModelReport(
        metrics=MetricsDoc(**common, class_counts=[], splits=splits),
        model_doc=fitted(common, kind, means, absorbers),
        mean_vectors=means,
        label=label,
        value=value,
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
        "targets": [CN],
        "models": models,
        "skipped": [Skipped(CN.name, "Ti", "r_mu", "forest", "7 sites; at least 20 are needed")],
        "disagreements": [
            {
                "target": CN.name,
                "site": "amcsd-77:Cu:0",
                "formula": "Cu2O",
                "feature_set": "r_chi",
                "label": 2,
                "value": 4,
                "probability": 0.93,
                "expected_error": 0.2,
            }
        ],
        "timings": {"FEFF, processor seconds": 612.4, "sites with a spectrum": 394},
    }
    return ReportData(**{**fields, **changes})


SETS: dict[str, dict[str, Any]] = {
    "r_space": {"kind": "r_space", "input": "mu", "route": "normalised"},
    "r_space_as_published": {"kind": "r_space", "input": "mu", "route": "as_published"},
    "k_space_chi": {"kind": "k_space", "input": "chi", "route": "normalised"},
    "wavelet_chi": {"kind": "wavelet", "input": "chi", "route": "normalised"},
}

STUDIED = {"random_forest": "random_forest", "bagging": "bagging", "mlp": "mlp"}
"""Kinds of the models on the studied set, by name."""

ELEMENTS = ("Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn")


def make_experiment(
    absorber: str, model: str, experiment: str, value: float | None, accuracy: float, **more: Any
) -> ExperimentDoc:
    """Make one experiment with a model on r_space."""
    return ExperimentDoc(
        campaign="quickstart",
        hash="0" * 16,
        target=CN.name,
        absorber=absorber,
        feature_set="r_space",
        model=model,
        experiment=experiment,
        value=value,
        scores={"accuracy": accuracy, "accuracy_std": 0.02, "macro_f1": accuracy - 0.1},
        **{"n_train": 960.0, **more},
    )


def make_experiments(absorber: str, skill: float) -> list[ExperimentDoc]:
    """Make all experiments with the models of one absorber; the first shell carries most."""
    bands = np.arange(0, 10.5, 0.5)
    middle = (bands[1:] + bands[:-1]) / 2
    drop = 0.25 * np.exp(-((middle - 1.6) ** 2) / 0.5) + 0.03 * np.exp(-((middle - 3) ** 2)) - 0.002
    gradients = np.exp(-((R - 1.7) ** 2) / 0.8) + 0.1
    found = [
        make_experiment(
            absorber, "random_forest", "importance", None, skill, bands=bands, drop=drop
        )
    ]
    found.append(
        make_experiment(
            absorber,
            "mlp",
            "importance",
            None,
            skill,
            bands=bands,
            drop=0.8 * drop,
            gradients=gradients / gradients.sum(),
        )
    )
    for rmax in (1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0):
        accuracy = skill - 0.35 * np.exp(-(rmax - 1.0) / 0.6)
        found.append(make_experiment(absorber, "random_forest", "rmax", rmax, accuracy))
    for rmin in (1.0, 2.0, 3.0):
        accuracy = skill - 0.06 * rmin
        found.append(make_experiment(absorber, "random_forest", "rmin", rmin, accuracy))
    for share in (0.1, 0.2, 0.4, 0.7, 1.0):
        accuracy = skill + 0.08 * np.log10(share)
        n_train = 960 * share * (0.5 + skill)
        found.append(
            make_experiment(
                absorber, "random_forest", "learning_curve", share, accuracy, n_train=n_train
            )
        )
    return found


def make_labels(absorber: str, skill: float) -> LabelReport:
    """Make labels that are harder to predict where they are less certain."""
    edges = (0, 0.5, 0.7, 0.9, 0.99, 1)
    return LabelReport(
        target=CN.name,
        absorber=absorber,
        feature_set="r_space",
        model="random_forest",
        agreements=[
            Agreement("voronoi_nn", 1200, 0.5 * skill, 1.2),
            Agreement("minimum_distance_nn", 1190, 0.9 * skill, -0.4),
        ],
        certainty=[
            CertaintyBin(0.0, 0.5, 0, None),
            *(
                CertaintyBin(low, high, round(400 * high), skill - 0.3 + 0.3 * high)
                for low, high in pairwise(edges[1:])
            ),
        ],
    )


def make_study(absorbers: Sequence[str] = ELEMENTS, **changes: Any) -> ReportData:
    """Make a campaign with a study: three models on r_space, extra trees on all four sets."""
    models, labels, experiments = [], [], []
    for place, absorber in enumerate(absorbers):
        skill = 0.64 + 0.03 * place
        counts = {3: 8, 4: 400, 5: 90, 6: 600, 7: 20, 8: 82, 12: 40}
        more: dict[str, Any] = {"rare": (3,), "systems": skill - 0.08}
        for shift, (name, kind) in enumerate(STUDIED.items()):
            better = skill - 0.01 * shift
            models.append(make_model(absorber, "r_space", counts, better, name, kind, **more))
        for name, gain in zip(SETS, (0.02, -0.1, 0.0, 0.01), strict=True):
            trees = make_model(
                absorber, name, counts, skill + gain, "extra_trees", "extra_trees", **more
            )
            models.append(trees)
        experiments += make_experiments(absorber, skill)
        labels.append(make_labels(absorber, skill))
    xftf = {"kmin": 3.0, "kmax": 12.0, "kweight": 2, "dk": 1.0, "window": "kaiser"}
    provenance = Provenance(
        sources=["table"],
        spectra=[{"kind": "stored", "name": "stored"}],
        targets=[{"kind": "coordination_number", "name": CN.name, "mode": "uniform"}],
        feature_sets={
            name: {"name": name, **settings, "xftf": xftf} for name, settings in SETS.items()
        },
    )
    fields: dict[str, Any] = {
        "models": models,
        "provenance": provenance,
        "labels": labels,
        "study": StudyData(CN.name, "r_space", experiments, "exafs_coordination"),
    }
    return make_data(**{**fields, **changes})


@pytest.fixture(scope="session")
def study() -> Callable[..., ReportData]:
    """Give tests the maker of a campaign with a study."""
    return make_study


@pytest.fixture
def experiment() -> Callable[..., ExperimentDoc]:
    """Give tests the maker of one experiment."""
    return make_experiment


@pytest.fixture
def model() -> Callable[..., ModelReport]:
    """Give tests the maker of one model."""
    return make_model


@pytest.fixture
def campaign() -> Callable[..., ReportData]:
    """Give tests the maker of a campaign."""
    return make_data


def make_three(**changes: Any) -> ReportData:
    """Make a campaign of two absorbers and three targets; the last has a joint model, too."""
    names = {"octahedron": 90, "square planar": 40, "square pyramid": 12, "tetrahedron": 70}
    pair = ("Cu", "Fe")
    models = [
        *(make_model(one, name) for one in pair for name in ("r_mu", "r_chi")),
        *(make_model(one, "r_mu", names, 0.75, target=ENVIRONMENT) for one in pair),
        *(
            make_numbers(one, "r_mu", error, name, absorbers=together)
            for one in pair
            for name, error, together in (("forest", 0.03, ()), ("joint", 0.02, pair))
        ),
    ]
    disagreements = [
        {
            "target": target.name,
            "site": "amcsd-77:Cu:0",
            "formula": "Cu2O",
            "feature_set": "r_mu",
            "label": label,
            "value": value,
            "probability": probability,
            "expected_error": 0.031,
        }
        for target, label, value, probability in (
            (CN, 2, 4, 0.93),
            (ENVIRONMENT, "square pyramid", "octahedron", 0.81),
            (BOND_LENGTH, 1.848, 2.1034, None),
        )
    ]
    fields = {
        "targets": [CN, ENVIRONMENT, BOND_LENGTH],
        "models": models,
        "disagreements": disagreements,
    }
    return make_data(**{**fields, **changes})


@pytest.fixture
def numbers_model() -> Callable[..., ModelReport]:
    """Give tests the maker of one model of a number."""
    return make_numbers


@pytest.fixture(scope="session")
def three() -> Callable[..., ReportData]:
    """Give tests the maker of a campaign of three targets."""
    return make_three


def make_numbers_study(**changes: Any) -> ReportData:
    """Make a study of bond lengths at one absorber with one forest."""
    experiments = [
        one.model_copy(
            update={
                "target": BOND_LENGTH.name,
                "scores": {
                    "rmse": 0.12 - 0.1 * one.scores["accuracy"],
                    "rmse_std": 0.003,
                    "mae": 0.03,
                    "r2": 0.8,
                },
            }
        )
        for one in make_experiments("Zn", 0.9)
        if one.model == "random_forest"
    ]
    kind = {"kind": "bond_length", "name": BOND_LENGTH.name}
    fields = {
        "targets": [BOND_LENGTH],
        "models": [make_numbers("Zn", "r_space", model="random_forest")],
        "provenance": replace(make_study(["Zn"]).provenance, targets=[kind]),
        "labels": [],
        "disagreements": [],
        "study": StudyData(BOND_LENGTH.name, "r_space", experiments),
    }
    return make_data(**{**fields, **changes})


@pytest.fixture(scope="session")
def numbers_study() -> Callable[..., ReportData]:
    """Give tests the maker of a study of numbers."""
    return make_numbers_study
