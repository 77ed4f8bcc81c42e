"""What the report reads of models: their own predictions, of classes and of numbers."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pytest

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.jobs.report_labels import collect_labels
from exafscn_flows.jobs.report_models import N_DISAGREEMENTS, disagreements, read_models
from exafscn_flows.store.documents import FeatureDoc, LabelDoc
from exafscn_flows.store.results import MetricsDoc, ModelDoc, PredictionDoc
from exafscn_flows.targets.base import Label, TargetModel, Value

HEAD = {"campaign": "test", "absorber": "Ni"}
MODEL = {"feature_set": "r_space", "model": "random_forest"}
SETTINGS = {
    "campaign": "test",
    "absorbers": ["Ni"],
    "sources": [{"kind": "amcsd"}],
    "targets": [{"kind": "coordination_number", "rivals": ["voronoi_nn", "brunner_nn"]}],
}


class Length(TargetModel):
    """A number."""

    task = "numbers"
    title = "length"
    short = "length"
    unit = "Å"
    version = 1

    kind: Literal["length"] = "length"
    name: str = "length"

    def label_site(self, surroundings: Any, site_index: int) -> Label:
        raise NotImplementedError


@pytest.fixture
def config() -> CampaignConfig:
    config = CampaignConfig.model_validate(SETTINGS)
    return config.model_copy(update={"targets": [*config.targets, Length(kind="length")]})


def site(number: int) -> str:
    return f"mp-{number:02}:Ni:0"


def write_version(
    store: Any,
    target: TargetModel,
    labels: Sequence[Value],
    values: Sequence[Value],
    expected: Sequence[float],
    late: int = 0,
) -> str:
    """Write a version with its predictions, the last of which came after its training."""
    numbers = target.task == "numbers"
    scores = {"rmse": 0.02, "rmse_std": 0.01} if numbers else {"accuracy": 0.8, "accuracy_std": 0.1}
    common = {**HEAD, **MODEL, "target": target.name, "task": target.task, "hash": target.name}
    common |= {"unit": target.unit, "classes": [] if numbers else [4, 6], "n_formulas": 9}
    metrics = MetricsDoc(**common, n_sites=len(labels), class_counts=[], splits={"grouped": scores})
    fitted = ModelDoc(
        **common,
        n_sites=len(labels),
        absorbers=[],
        features={},
        doubt={},
        parameters={"kind": "random_forest"},
        importances=None,
        axis=np.arange(326.0),
        axis_label="R (Å)",
        file="f",
        sha256="0" * 64,
        versions={},
        learned={"kind": target.kind},
        takes="",
    )
    rows = enumerate(zip(labels, values, expected, strict=True))
    store.write([metrics, fitted])
    store.write(
        PredictionDoc(
            **HEAD,
            **MODEL,
            hash=target.name,
            target=target.name,
            task=target.task,
            site=site(number),
            value=value,
            label=label,
            probability=None if numbers else 0.9 - 0.01 * number,
            probabilities=None,
            expected_error=error,
            disagrees=abs(value - label) > 3 * error if numbers else value != label,
            oxide=True,
            material_id=f"mp-{number:02}",
            formula="NiO",
            elements=["Ni", "O"],
            neighbours=["O"],
            fold=None if number >= len(labels) - late else number % 2,
        )
        for number, (label, value, error) in rows
    )
    return metrics.key


def write_features(store: Any, n_sites: int) -> None:
    """Write vectors that hold the number of their site."""
    store.write(
        FeatureDoc(
            **HEAD,
            hash="x",
            site=site(number),
            feature_set="r_space",
            vector=np.full(326, float(number)),
        )
        for number in range(n_sites)
    )


def test_mean_spectra_are_over_the_sites_of_each_class_and_third(store, config):
    write_features(store, 10)
    cn, length = config.targets
    keys = [
        write_version(store, cn, [4] * 6 + [6] * 3 + [8], [4] * 10, [0.1] * 10, late=1),
        write_version(store, length, np.linspace(1.9, 2.7, 9).tolist(), [2.0] * 9, [0.1] * 9),
    ]
    by_class, by_third = (report for report, _ in read_models(store, config, keys))
    # The last site, of class 8, came after the training: no mean of it, and no label.
    assert [(one.name, one.n_sites) for one in by_class.mean_vectors] == [("4", 6), ("6", 3)]
    assert [float(one.vector[0]) for one in by_class.mean_vectors] == [2.5, 7.0]
    assert len(by_class.label) == 9
    assert [one.n_sites for one in by_third.mean_vectors] == [3, 3, 3]
    assert [float(one.vector[0]) for one in by_third.mean_vectors] == [1.0, 4.0, 7.0]
    assert by_third.mean_vectors[0].name == "low, 1.90 to 2.10 Å"
    assert by_third.label.tolist() == pytest.approx(np.linspace(1.9, 2.7, 9).tolist())


def test_version_without_its_model_is_left_out(store, config):
    write_features(store, 4)
    key = write_version(store, config.targets[0], [4, 4, 6, 6], [4] * 4, [0.1] * 4)
    store.database.models.delete_many({})
    assert read_models(store, config, [key]) == []


def test_disagreements_are_the_most_confident_of_classes_and_the_largest_of_numbers(store, config):
    n_sites = 2 * N_DISAGREEMENTS
    write_features(store, n_sites)
    cn, length = config.targets
    lengths = [2.0 + 0.01 * number for number in range(n_sites)]
    keys = [
        write_version(store, cn, [4] * n_sites, [4] + [6] * (n_sites - 1), [0.1] * n_sites),
        # The last one is off the most, but was expected to be.
        write_version(store, length, lengths, [2.0] * n_sites, [0.001] * (n_sites - 1) + [1.0]),
    ]
    found = disagreements(config, read_models(store, config, keys))
    classes, numbers = (
        [one for one in found if one["target"] == target.name] for target in config.targets
    )
    assert [one["site"] for one in classes] == [site(n) for n in range(1, N_DISAGREEMENTS + 1)]
    assert len(numbers) == N_DISAGREEMENTS
    assert numbers[0]["site"] == site(n_sites - 2)
    errors = [abs(one["value"] - one["label"]) for one in numbers]
    assert errors == sorted(errors, reverse=True)


def test_labels_are_joined_with_predictions_by_site(store, config):
    write_features(store, 8)
    cn, length = config.targets
    values = [6, 6, *[4] * 6]
    keys = [
        write_version(store, cn, [4] * 8, values, [0.1] * 8),
        write_version(store, length, [2.0 + 0.1 * n for n in range(8)], [2.0] * 8, [0.1] * 8),
    ]
    # Of eight sites, one label is uncertain, and one rival fails once.
    for number in range(8):
        details = {"average": 4.0, "mean": 4.1, "voronoi_nn": 6.0, "brunner_nn": 4.0}
        label = {**HEAD, "hash": "x", "site": site(number), "spread": None, "neighbours": None}
        weights = {"4": 0.6, "6": 0.4} if number == 0 else {"4": 1.0}
        if number == 0:
            details["brunner_nn"] = None
        store.write(
            [
                LabelDoc(**label, target=cn.name, value=4, weights=weights, details=details),
                LabelDoc(**label, target=length.name, value=2.0, weights=None, details={}),
            ]
        )
    (report,) = collect_labels(store, config, read_models(store, config, keys))
    assert (report.target, report.absorber) == (cn.name, "Ni")
    found = {one.method: one for one in report.agreements}
    assert (found["voronoi_nn"].n_sites, found["voronoi_nn"].agree) == (8, 0)
    assert found["voronoi_nn"].mean_difference == 2
    assert (found["brunner_nn"].n_sites, found["brunner_nn"].agree) == (7, 1)
    bins = {one.low: one for one in report.certainty}
    assert (bins[0.5].n_sites, bins[0.5].accuracy) == (1, 0)
    assert bins[0.99].n_sites == 7
    assert bins[0.99].accuracy == pytest.approx(6 / 7)


def test_parts_of_a_concatenation_keep_their_own_axes_and_order(store):
    both = [{"kind": "pdf", "rmax": 8.0}, {"kind": "xanes", "emin": -10.0, "emax": 30.0}]
    sets = [{"kind": "concatenation", "name": "r_space", "parts": both}]
    spectra = [{"kind": "feff10"}, {"kind": "pdf"}]
    asked = {**SETTINGS, "features": {"sets": sets}, "spectra": spectra}
    config = CampaignConfig.model_validate(asked)
    write_features(store, 9)
    key = write_version(store, config.targets[0], [4] * 9, [4] * 9, [0.1] * 9)
    ((model, _),) = read_models(store, config, [key])
    first, second = model.parts
    assert (first.name, first.axis_label[0], first.axis.max()) == ("pdf", "R", 8.0)
    assert (second.name, second.axis_label[0], second.axis.min()) == ("xanes", "E", -10.0)
    assert first.value_label != second.value_label
