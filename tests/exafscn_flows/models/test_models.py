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
    Bagging,
    ExtraTrees,
    GradientBoosting,
    Mlp,
    ModelSettings,
    RandomForest,
)
from exafscn_flows.models.base import ModelBase
from exafscn_flows.models.persistence import dump_model, load_model

SETTINGS: TypeAdapter[Any] = TypeAdapter(ModelSettings)

MODELS = [
    RandomForest(n_estimators=20),
    ExtraTrees(n_estimators=20),
    Bagging(n_estimators=5),
    GradientBoosting(max_iter=10, max_features=0.5),
    Mlp(learning_rate=1e-3, dropout=0.3, max_epochs=15),
]
all_models = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.kind)

DATA = """
import numpy as np
rng = np.random.default_rng(5)
groups = np.sort(rng.integers(0, 70, 240))
y = rng.choice([4, 5, 6], 240, p=[0.5, 0.2, 0.3])
X = rng.normal(size=(240, 12)).astype(np.float32)
X[:, 3] += 2 * y
X[:, 7] = 1  # a feature that tells nothing
"""
SPACE: dict[str, Any] = {}
exec(DATA, SPACE)
X, y, groups = SPACE["X"], SPACE["y"], SPACE["groups"]


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@all_models
def test_what_can_be_separated_is_learnt_with_probabilities_that_can_be_trusted(
    model: ModelBase,
) -> None:
    folds = np.arange(240) % 3
    proba = fit_fold(model.fit, X, y, groups, folds, 0, seed=0)
    truth = np.searchsorted([4, 5, 6], y[folds == 0])
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
    fitted = model.fit(X, y, groups, 0)
    assert fitted.classes_.tolist() == [4, 5, 6]
    assert fitted.n_features_in_ == 12
    proba = fitted.predict_proba(X)
    assert (fitted.classes_[proba.argmax(axis=1)] == fitted.predict(X)).all()
    low, high = X[:, 3] < 8, X[:, 3] > 12
    assert (proba[low].argmax(axis=1) == 0).mean() > 0.8
    assert (proba[high].argmax(axis=1) == 2).mean() > 0.8


@all_models
def test_a_class_that_the_training_folds_lack_has_probability_zero(model: ModelBase) -> None:
    folds = np.where(y == 5, 0, np.arange(240) % 2)
    proba = fit_fold(model.fit, X, y, groups, folds, 0, seed=0)
    assert (proba[:, 1] == 0).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    sure = y[folds == 0] != 5
    assert (np.array([4, 5, 6])[proba.argmax(axis=1)] == y[folds == 0])[sure].mean() > 0.9


@all_models
def test_one_site_of_a_class_and_a_handful_in_all_are_enough(model: ModelBase) -> None:
    few = np.array([*np.flatnonzero(y == 4)[:4], *np.flatnonzero(y == 6)[:3]])
    labels = np.append(y[few], 9)
    rows, names = np.vstack([X[few], X[-1:]]), np.arange(8)
    for seed in range(3):
        proba = model.fit(rows, labels, names, seed).predict_proba(X)
        assert proba.shape == (240, 3)
        np.testing.assert_allclose(proba.sum(axis=1), 1)


@all_models
def test_one_class_is_certain(model: ModelBase) -> None:
    if model.kind == "gradient_boosting":
        with pytest.raises(ItemFailure, match="all 240 training sites have the label 6") as caught:
            model.fit(X, np.full(240, 6), groups, 0)
        assert caught.value.kind == "one_class"
        return
    assert (model.fit(X, np.full(240, 6), groups, 0).predict_proba(X) == 1).all()


@all_models
def test_one_seed_gives_one_model_and_another_seed_another(model: ModelBase) -> None:
    half = (X[::2], y[::2], groups[::2])
    same, again, other = (model.fit(*half, seed) for seed in (3, 3, 4))
    assert dump_model(same) == dump_model(again)
    assert (same.predict_proba(X) != other.predict_proba(X)).any()


def test_another_process_with_other_threads_has_the_same_models() -> None:
    code = (
        f"{DATA}\nimport hashlib\n"
        "from exafscn_flows.models import *\n"
        "from exafscn_flows.models.persistence import dump_model\n"
        f"for model in {MODELS}:\n"
        "    fitted = model.fit(X, y, groups, 7)\n"
        "    for data in dump_model(fitted), fitted.predict_proba(X).tobytes():\n"
        "        print(hashlib.sha256(data).hexdigest())"
    )
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = os.environ | dict.fromkeys(names, "3")
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    fitted = [model.fit(X, y, groups, 7) for model in MODELS]
    here = [(sha(dump_model(f)), sha(f.predict_proba(X).tobytes())) for f in fitted]
    assert result.stdout.split() == [digest for pair in here for digest in pair], result.stderr


@all_models
@pytest.mark.parametrize("classes", [(4, 6), (4, 5, 6)])
def test_a_loaded_model_predicts_the_same_to_the_last_bit(
    model: ModelBase, classes: tuple[int, ...]
) -> None:
    rows = np.isin(y, classes)
    fitted = model.fit(X[rows], y[rows], groups[rows], 0)
    data = dump_model(fitted)
    loaded = load_model(data, sha(data))
    assert type(loaded) is type(fitted)
    assert (loaded.predict_proba(X) == fitted.predict_proba(X)).all()
    assert (loaded.predict(X) == fitted.predict(X)).all()
    assert dump_model(loaded) == data


@all_models
def test_changed_bytes_are_refused(model: ModelBase) -> None:
    data = dump_model(model.fit(X, y, groups, 0))
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    for bad in (bytes(flipped), data[:-100], b""):
        with pytest.raises(CampaignError, match="checksum"):
            load_model(bad, sha(data))
    for size in (0, 100, -100, -1):
        with pytest.raises(CampaignError, match="cannot be read"):
            load_model(data[:size], sha(data[:size]))


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
    assert model.build(0).get_params()[name] == value


@all_models
def test_every_setting_but_the_name_is_in_the_parameters(model: ModelBase) -> None:
    parameters = model.parameters()
    assert parameters["version"] >= 1
    left_out = {"name", "feature_sets", "search"}
    assert set(parameters) == {"version", *type(model).model_fields} - left_out
    for change in ({"name": "mine"}, {"feature_sets": ["r_space"]}):
        assert model.model_copy(update=change).parameters() == parameters
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
