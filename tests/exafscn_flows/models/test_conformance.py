"""What every registered model does, also one that a package adds: by being registered."""

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from exafscn_flows.features.columns import Columns
from exafscn_flows.hashing import content_hash
from exafscn_flows.models import MODELS
from exafscn_flows.models.base import NAMES, ModelBase
from exafscn_flows.models.persistence import dump_model, load_model
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.registry import kind_of
from exafscn_flows.targets.base import TaskName
from exafscn_flows.tasks import task_named

SMALL = {"n_estimators": 4, "max_iter": 4, "max_epochs": 2, "epochs": 2}
"""Settings that make a fit short, where a model has them."""

EXAMPLES: dict[str, dict[str, Any]] = {
    "average": {
        "members": [{"kind": "random_forest", "n_estimators": 2}, {"kind": "mlp", "max_epochs": 1}]
    },
    "late_fusion": {"member": {"kind": "random_forest", "n_estimators": 2}},
    "two_stage": {"first": "running_coordination", "second": {"n_estimators": 2}},
    "kernel_trees": {"first": "running_coordination", "trees": {"n_estimators": 2}},
}
"""Settings by kind, where some are required."""

MEMBERS = [{"kind": "extra_trees"}, {"kind": "bagging"}]
VALUES: list[Any] = [
    *(1, 2, 3, 20, 0.25, 0.5, 1.0, True, False, None, "sqrt", "log2", "balanced"),
    [None, "a"],
    MEMBERS,
    MEMBERS[0],
    {"clean": 0.5},
]
"""A setting must take one of these beside its default."""

CLASSES = (4, 6, 8)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 5)).astype(np.float32)
X[:, 0] = RNG.integers(1, 9, 60)  # an atomic number, as graphs begin with
GROUPS = np.repeat(np.arange(20), 3)
COLUMNS = Columns(np.arange(1.0, 6.0), (np.arange(1.0, 5.0), np.arange(1.0)))
BESIDE = np.stack([X[:, 0] ** 2, X[:, 1] * X[:, 2]], axis=1)
"""What some models predict first, at two distances."""
R = np.array([2.0, 3.0])
LABELS: dict[TaskName, np.ndarray] = {
    "classes": np.digitize(X[:, 2], [-0.5, 0.5]),
    "numbers": (X[:, 2] + 0.1 * RNG.normal(size=60)).astype(np.float64),
    "curves": np.sin(X[:, 2:3] + np.arange(7)).astype(np.float32),
}


def example(kind: type[ModelBase], **changes: Any) -> ModelBase:
    return kind.model_validate({**EXAMPLES.get(kind_of(kind), {}), **changes})


def small(kind: type[ModelBase]) -> ModelBase:
    return example(kind, **{k: v for k, v in SMALL.items() if k in kind.model_fields})


every = pytest.mark.parametrize("kind", MODELS, ids=kind_of)
able = pytest.mark.parametrize(
    ("kind", "task"),
    [
        pytest.param(kind, task, id=f"{kind_of(kind)}-{task}")
        for kind in MODELS
        for task in sorted(example(kind).tasks)
    ],
)


def sites(task: TaskName, rows: np.ndarray = X) -> TrainingSet:
    atoms = {"auxiliary": BESIDE, "auxiliary_columns": Columns(R, (R,))}
    names = {"classes": CLASSES if task == "classes" else (), "absorbers": ("Fe",)}
    axis = np.arange(1.0, 8.0) if task == "curves" else None
    return TrainingSet(rows, LABELS[task], GROUPS, COLUMNS, task, **atoms, **names, curve_axis=axis)


def output(fitted: Any, task: TaskName) -> np.ndarray:
    return task_named(task).output(fitted, X, range(3) if task == "classes" else [])


def own_fields(kind: type[ModelBase]) -> list[str]:
    return [name for name in kind.model_fields if name not in NAMES]


def others(kind: type[ModelBase], name: str) -> Iterator[ModelBase]:
    """Yield the model with other values of a setting than its default."""
    for value in VALUES:
        try:
            changed = example(kind, **{name: value})
        except ValidationError:
            continue
        if getattr(changed, name) != getattr(example(kind), name):
            yield changed


@able
def test_it_learns_and_gives_finite_outputs_that_are_the_same_again(
    kind: type[ModelBase], task: TaskName
) -> None:
    model = small(kind)
    rows = X.copy()
    rows.flags.writeable = False
    found = output(model.fit(sites(task, rows), 1), task)
    # Numbers and curves have their spread beside them.
    assert found.shape == (60, {"classes": len(CLASSES), "numbers": 2, "curves": 8}[task])
    assert np.isfinite(found).all()
    assert (found >= 0).all() or task != "classes"
    again = output(small(kind).fit(sites(task), 1), task)
    assert found.tobytes() == again.tobytes()


@able
def test_its_file_gives_the_same_outputs(kind: type[ModelBase], task: TaskName) -> None:
    model = small(kind)
    fitted = model.fit(sites(task), 1)
    data = dump_model(model, fitted)
    loaded = load_model(model.kind, data, hashlib.sha256(data).hexdigest())
    assert loaded.n_features_in_ == 5
    assert output(loaded, task).tobytes() == output(fitted, task).tobytes()
    assert dump_model(model, loaded) == data


@every
def test_its_version_changes_with_every_setting_and_with_nothing_else(
    kind: type[ModelBase],
) -> None:
    plain = content_hash(example(kind).parameters())
    for name in own_fields(kind):
        hashes = {content_hash(one.parameters()) for one in others(kind, name)}
        assert hashes, f"{name} takes none of {VALUES}: add one that it takes"
        assert plain not in hashes, name
    for change in (
        {"name": "other"},
        {"feature_sets": ["r_space"]},
        {"targets": ["coordination_number"]},
        {"per": "campaign"},
    ):
        assert content_hash(example(kind, **change).parameters()) == plain


@every
def test_it_says_what_it_is(kind: type[ModelBase]) -> None:
    assert kind.__doc__
    assert kind.__doc__ != ModelBase.__doc__
    for name in (*own_fields(kind), "per", "targets", "feature_sets", "search"):
        assert kind.model_fields[name].description, name
    assert example(kind).libraries
    assert example(kind).tasks


@every
def test_it_refuses_what_it_does_not_know(kind: type[ModelBase]) -> None:
    assert kind.model_fields["name"].default == kind_of(kind)
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        example(kind, no_such_setting=1)
