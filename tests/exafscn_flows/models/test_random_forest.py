import json

import numpy as np
import pytest
from pydantic import ValidationError

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.models import RandomForest


def test_the_default_model_is_a_forest_of_300_trees() -> None:
    (model,) = CampaignConfig.model_fields["models"].default
    assert (model.kind, model.name, model.n_estimators) == ("random_forest",) * 2 + (300,)
    assert model.build(0, "classes").get_params()["n_jobs"] == 1


def test_a_forest_separates_what_can_be_separated() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat([4, 6], 100)
    X = rng.normal(size=(200, 5))
    X[:, 2] += y
    forest = RandomForest(n_estimators=30).build(1, "classes").fit(X[::2], y[::2])
    assert forest.score(X[1::2], y[1::2]) > 0.75
    assert forest.feature_importances_.argmax() == 2


def test_one_seed_gives_one_forest() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(80, 6)), rng.integers(4, 7, 80)
    model = RandomForest(n_estimators=10)
    same, again, other = (model.build(s, "classes").fit(X, y).predict_proba(X) for s in (3, 3, 4))
    assert (same == again).all()
    assert (same != other).any()


def test_settings_reach_the_estimator_and_the_hash() -> None:
    changes = [
        {"n_estimators": 10},
        {"max_features": 0.5},
        {"max_features": 1},
        {"min_samples_leaf": 4},
        {"class_weight": "balanced"},
    ]
    for change in changes:
        model = RandomForest.model_validate(change)
        ((name, value),) = change.items()
        assert model.build(0, "classes").get_params()[name] == value
        assert model.parameters() != RandomForest().parameters()
        json.dumps(model.parameters())
    assert RandomForest(name="mine").parameters() == RandomForest().parameters()
    # One feature at each split is not the same as all of them.
    assert type(RandomForest.model_validate({"max_features": 1}).max_features) is int
    assert type(RandomForest.model_validate({"max_features": 1.0}).max_features) is float


@pytest.mark.parametrize(
    "raw",
    [
        {"kind": "mlp"},
        {"name": "a/b"},
        {"n_estimators": 0},
        {"n_estimators": 10.0},
        {"max_features": 0},
        {"max_features": 1.5},
        {"max_features": "log"},
        {"class_weight": "even"},
        {"trees": 10},
    ],
)
def test_wrong_settings_are_refused(raw: dict) -> None:
    with pytest.raises(ValidationError):
        RandomForest.model_validate(raw)
