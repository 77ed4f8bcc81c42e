"""What holds for every model of a campaign file."""

import hashlib
import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import CampaignError, ItemFailure
from exafscn_flows.evaluation.cross_validation import fit_fold
from exafscn_flows.models import (
    Average,
    Bagging,
    ConvolutionalNetwork,
    ExtraTrees,
    GradientBoosting,
    Mlp,
    ModelSettings,
    RandomForest,
)
from exafscn_flows.models.base import ModelBase
from exafscn_flows.models.persistence import dump_model, load_model
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.targets.base import TaskName
from exafscn_flows.tasks import task_named

SETTINGS: TypeAdapter[Any] = TypeAdapter(ModelSettings)

MODELS = [
    RandomForest(n_estimators=20),
    ExtraTrees(n_estimators=20),
    Bagging(n_estimators=5),
    GradientBoosting(max_iter=10, max_features=0.5),
    Mlp(learning_rate=1e-3, dropout=0.3, max_epochs=15),
]
NETWORK = ConvolutionalNetwork(epochs=2, shift=0.5, n_networks=2)
AVERAGE = Average(members=[RandomForest(n_estimators=3), NETWORK])
both_tasks = pytest.mark.parametrize("task", ["classes", "numbers"])
all_models = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.kind)

DATA = """
import numpy as np
from exafscn_flows.features.columns import Columns
rng = np.random.default_rng(5)
groups = np.sort(rng.integers(0, 70, 240))
cn = rng.choice([4, 5, 6], 240, p=[0.5, 0.2, 0.3])
X = rng.normal(size=(240, 12)).astype(np.float32)
X[:, 3] += 2 * cn
X[:, 7] = 1  # a feature that tells nothing
y = cn - 4  # the places of the classes 4, 5, 6
columns = Columns(np.arange(12.0))
labels = {"classes": y, "numbers": X[:, 3] + X[:, 4] + 0.1 * rng.normal(size=240)}
"""
SPACE: dict[str, Any] = {}
exec(DATA, SPACE)
X, y, groups, columns, labels = (SPACE[name] for name in ("X", "y", "groups", "columns", "labels"))
CLASSES: list[Any] = [4, 5, 6]


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def outputs(fitted: Any, task: TaskName) -> np.ndarray:
    return task_named(task).output(fitted, X, CLASSES if task == "classes" else [])


@all_models
def test_what_can_be_separated_is_learnt_with_probabilities_that_can_be_trusted(
    model: ModelBase,
) -> None:
    folds = np.arange(240) % 3
    proba = fit_fold(model, TrainingSet(X, y, groups, columns, "classes"), folds, 0, 0, CLASSES)
    proba = proba[:, :-1]
    truth = y[folds == 0]
    assert proba.shape == (80, 3)
    assert proba.min() >= 0
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    assert (proba.argmax(axis=1) == truth).mean() > 0.75
    # Surer where it is right than where it is wrong; better than the shares of the classes.
    log_loss = -np.log(np.maximum(proba[np.arange(80), truth], 1e-3)).mean()
    shares = np.bincount(truth) / 80
    assert log_loss < 0.8 * -(shares * np.log(shares)).sum()


@all_models
def test_probabilities_are_those_of_the_classes(model: ModelBase) -> None:
    fitted: Any = model.fit(TrainingSet(X, y, groups, columns, "classes"), 0)
    assert fitted.classes_.tolist() == [0, 1, 2]
    assert fitted.n_features_in_ == 12
    proba = fitted.predict_proba(X)
    assert (fitted.classes_[proba.argmax(axis=1)] == fitted.predict(X)).all()
    low, high = X[:, 3] < 8, X[:, 3] > 12
    assert (proba[low].argmax(axis=1) == 0).mean() > 0.8
    assert (proba[high].argmax(axis=1) == 2).mean() > 0.8


@all_models
def test_a_class_that_the_training_folds_lack_has_probability_zero(model: ModelBase) -> None:
    folds = np.where(y == 1, 0, np.arange(240) % 2)
    proba = fit_fold(model, TrainingSet(X, y, groups, columns, "classes"), folds, 0, 0, CLASSES)
    proba = proba[:, :-1]
    assert (proba[:, 1] == 0).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    sure = y[folds == 0] != 1
    assert (proba.argmax(axis=1) == y[folds == 0])[sure].mean() > 0.9


@all_models
def test_numbers_are_learned_of_formulas_that_were_not_seen(model: ModelBase) -> None:
    task = task_named("numbers")
    folds = np.searchsorted([20, 40], groups)
    number = labels["numbers"]
    if model.kind == "mlp":
        model = model.model_copy(update={"max_epochs": 60})
    output = fit_fold(model, TrainingSet(X, number, groups, columns, task.name), folds, 0, 0, [])
    held_out = number[folds == 0]
    error = output[:, 0] - held_out
    assert np.sqrt((error**2).mean()) < 0.75 * held_out.std()
    # In the unit of the target: another unit changes nothing else.
    scaled = fit_fold(
        model, TrainingSet(X, 1024 * number, groups, columns, task.name), folds, 0, 0, []
    )
    np.testing.assert_allclose(scaled, 1024 * output, rtol=1e-3, atol=0.1)


@all_models
def test_places_of_classes_are_learned_as_the_classes_themselves(model: ModelBase) -> None:
    for classes, codes in (([-2, 5, 12], y), ([4, 6], np.minimum(y, 1))):
        numbers = np.array(classes)[codes]
        one, other = (
            model.fit(TrainingSet(X, labels, groups, columns, "classes"), 3)
            for labels in (codes, numbers)
        )
        assert other.classes_.tolist() == classes  # type: ignore[union-attr]
        np.testing.assert_array_equal(
            one.predict_proba(X),  # type: ignore[union-attr]
            other.predict_proba(X),  # type: ignore[union-attr]
        )
        np.testing.assert_array_equal(np.array(classes)[one.predict(X)], other.predict(X))


@all_models
def test_one_site_of_a_class_and_a_handful_in_all_are_enough(model: ModelBase) -> None:
    few = np.array([*np.flatnonzero(y == 0)[:4], *np.flatnonzero(y == 2)[:3]])
    codes = np.append(y[few], 1)
    rows, names = np.vstack([X[few], X[-1:]]), np.arange(8)
    for seed in range(3):
        proba = outputs(
            model.fit(TrainingSet(rows, codes, names, columns, "classes"), seed), "classes"
        )
        assert proba.shape == (240, 3)
        np.testing.assert_allclose(proba.sum(axis=1), 1)


@all_models
def test_one_class_is_certain(model: ModelBase) -> None:
    if model.kind == "gradient_boosting":
        with pytest.raises(ItemFailure, match="all 240 training sites have the same la") as caught:
            model.fit(TrainingSet(X, np.zeros(240, int), groups, columns, "classes"), 0)
        assert caught.value.kind == "one_class"
        return
    proba = task_named("classes").output(
        model.fit(TrainingSet(X, np.zeros(240, int), groups, columns, "classes"), 0), X, CLASSES[:1]
    )
    assert (proba == 1).all()


@all_models
def test_one_number_is_what_is_predicted(model: ModelBase) -> None:
    fitted = model.fit(TrainingSet(X, np.full(240, 2.5), groups, columns, "numbers"), 0)
    # The first weights of a network are random, and what is left of them is its error.
    np.testing.assert_allclose(fitted.predict(X), 2.5, atol=0.2 if model.kind == "mlp" else 1e-6)


@all_models
@both_tasks
def test_one_seed_gives_one_model_and_another_seed_another(
    model: ModelBase, task: TaskName
) -> None:
    half = TrainingSet(X[::2], labels[task][::2], groups[::2], columns, task)
    same, again, other = (model.fit(half, seed) for seed in (3, 3, 4))
    assert dump_model(model, same) == dump_model(model, again)
    assert (outputs(same, task) != outputs(other, task)).any()


def test_another_process_with_other_threads_has_the_same_models() -> None:
    code = (
        f"{DATA}\nimport hashlib\n"
        "from exafscn_flows.models import *\n"
        "from exafscn_flows.models.persistence import dump_model\n"
        "from exafscn_flows.models.training_set import TrainingSet\n"
        "from exafscn_flows.tasks import task_named\n"
        f"for model in {[*MODELS, NETWORK, AVERAGE]}:\n"
        "    for task in labels:\n"
        "        data = TrainingSet(X, labels[task], groups, columns, task)\n"
        "        fitted = model.fit(data, 7)\n"
        "        output = task_named(task).output(fitted, X, [4, 5, 6])\n"
        "        for data in dump_model(model, fitted), output.tobytes():\n"
        "            print(hashlib.sha256(data).hexdigest())"
    )
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = os.environ | dict.fromkeys(names, "3")
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    here = []
    for model in [*MODELS, NETWORK, AVERAGE]:
        for task in labels:
            fitted = model.fit(TrainingSet(X, labels[task], groups, columns, task), 7)
            here += [sha(dump_model(model, fitted)), sha(outputs(fitted, task).tobytes())]
    assert result.stdout.split() == here, result.stderr


@all_models
@pytest.mark.parametrize(("task", "n_classes"), [("classes", 2), ("classes", 3), ("numbers", 3)])
def test_a_loaded_model_predicts_the_same_to_the_last_bit(
    model: ModelBase, task: TaskName, n_classes: int
) -> None:
    rows = y < n_classes
    fitted = model.fit(TrainingSet(X[rows], labels[task][rows], groups[rows], columns, task), 0)
    data = dump_model(model, fitted)
    loaded = load_model(model.kind, data, sha(data))
    assert type(loaded) is type(fitted)
    assert (outputs(loaded, task) == outputs(fitted, task)).all()
    assert (loaded.predict(X) == fitted.predict(X)).all()
    assert dump_model(model, loaded) == data


@all_models
@both_tasks
def test_changed_bytes_are_refused(model: ModelBase, task: TaskName) -> None:
    data = dump_model(model, model.fit(TrainingSet(X, labels[task], groups, columns, task), 0))
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    for bad in (bytes(flipped), data[:-100], b""):
        with pytest.raises(CampaignError, match="checksum"):
            load_model(model.kind, bad, sha(data))
    for size in (0, 100, -100, -1):
        with pytest.raises(CampaignError, match="cannot be read"):
            load_model(model.kind, data[:size], sha(data[:size]))


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("extra_trees", {"n_estimators": 7}),
        ("extra_trees", {"max_features": 0.5}),
        ("extra_trees", {"min_samples_leaf": 3}),
        ("extra_trees", {"class_weight": "balanced"}),
        ("bagging", {"n_estimators": 7}),
        ("bagging", {"max_samples": 0.5}),
        ("gradient_boosting", {"max_iter": 7}),
        ("gradient_boosting", {"learning_rate": 0.3}),
        ("gradient_boosting", {"max_leaf_nodes": 7}),
        ("gradient_boosting", {"l2_regularization": 0.0}),
        ("gradient_boosting", {"max_features": 0.7}),
    ],
)
def test_settings_reach_scikit_learn_under_its_own_names(kind: str, change: dict) -> None:
    ((name, value),) = change.items()
    model = SETTINGS.validate_python({"kind": kind, **change})
    assert model.build(0, "classes").get_params()[name] == value
    of_numbers = model.build(0, "numbers").get_params()
    if name == "class_weight":
        assert name not in of_numbers
    else:
        assert of_numbers[name] == value


@all_models
def test_every_setting_but_the_name_is_in_the_parameters(model: ModelBase) -> None:
    parameters = model.parameters()
    assert parameters["version"] >= 1
    left_out = {"name", "feature_sets", "targets", "per", "search"}
    assert set(parameters) == {"version", *type(model).model_fields} - left_out
    json.dumps(parameters)


@all_models
def test_the_kind_chooses_the_model(model: ModelBase) -> None:
    assert SETTINGS.validate_python({"kind": model.kind}) == type(model)()
    assert SETTINGS.validate_python(model.model_dump(mode="json")) == model


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"kind": "svm"},
        {"kind": "mlp", "n_estimators": 10},
        {"kind": "mlp", "dropout": 1.0},
        {"kind": "mlp", "learning_rate": 0},
        {"kind": "mlp", "patience": 0},
        {"kind": "convolutional_network", "shift": -0.1},
        {"kind": "convolutional_network", "n_networks": 0},
        {"kind": "average"},
        {"kind": "bagging", "max_samples": 0},
        {"kind": "bagging", "max_features": 0.5},
        {"kind": "gradient_boosting", "max_leaf_nodes": 1},
        {"kind": "gradient_boosting", "max_features": 1.5},
        {"kind": "extra_trees", "max_features": 0},
    ],
)
def test_wrong_settings_are_refused(raw: dict) -> None:
    with pytest.raises(ValidationError):
        SETTINGS.validate_python(raw)


def test_models_of_one_campaign_have_different_names() -> None:
    campaign: dict = {"campaign": "x", "absorbers": ["Cu"], "sources": [{"kind": "amcsd"}]}
    two = [{"kind": "mlp"}, {"kind": "mlp", "name": "mlp_wide", "dropout": 0.2}]
    found = CampaignConfig.model_validate(campaign | {"models": two}).models
    assert [model.name for model in found] == ["mlp", "mlp_wide"]
    with pytest.raises(ValidationError, match="two models are named 'mlp'"):
        CampaignConfig.model_validate(campaign | {"models": [two[0], two[0]]})


def test_settings_alone_import_neither_torch_nor_scikit_learn() -> None:
    code = (
        "import sys\nfrom exafscn_flows.models import Mlp\nMlp().parameters()\n"
        "print(sorted({'torch', 'sklearn', 'skops', 'threadpoolctl'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr
