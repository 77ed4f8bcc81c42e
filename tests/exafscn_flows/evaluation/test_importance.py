import numpy as np
import pytest

from exafscn_flows.evaluation.importance import gini_importance, share_below
from exafscn_flows.models import Bagging, ExtraTrees, GradientBoosting, Mlp, RandomForest
from exafscn_flows.models.base import ModelBase
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.targets.base import TaskName

TREES = [RandomForest(n_estimators=30), ExtraTrees(n_estimators=30), Bagging(n_estimators=10)]


@pytest.mark.parametrize("task", ["classes", "numbers"])
@pytest.mark.parametrize("model", TREES, ids=lambda model: model.kind)
def test_importance_is_where_the_information_is(model: ModelBase, task: TaskName) -> None:
    rng = np.random.default_rng(0)
    y = rng.choice([0, 1], 200)
    X = rng.normal(size=(200, 10))
    X[:, 3] += 4 * y
    importance = gini_importance(
        model.fit(TrainingSet(X, y, np.arange(200), np.arange(10), task), 0)
    )
    assert importance is not None
    assert importance.sum() == pytest.approx(1)
    r = np.arange(10.0)
    assert share_below(importance, r, 3.0) < 0.2
    assert share_below(importance, r, 3.5) > 0.6


@pytest.mark.parametrize("task", ["classes", "numbers"])
@pytest.mark.parametrize("model", TREES, ids=lambda model: model.kind)
def test_importance_is_zero_where_there_was_nothing_to_split(
    model: ModelBase, task: TaskName
) -> None:
    fitted = model.fit(
        TrainingSet(np.ones((10, 3)), np.repeat([0, 1], 5), np.arange(10), np.arange(3), task), 0
    )
    np.testing.assert_array_equal(gini_importance(fitted), np.zeros(3))


def test_bagging_of_one_whole_tree_has_the_importance_of_the_tree() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(80, 5)), rng.choice([0, 1], 80)
    fitted = Bagging(n_estimators=1).fit(
        TrainingSet(X, y, np.arange(80), np.arange(5), "classes"), 0
    )
    tree = fitted.estimators_[0]  # type: ignore[attr-defined]
    np.testing.assert_allclose(gini_importance(fitted), tree.feature_importances_)


@pytest.mark.parametrize("model", [GradientBoosting(max_iter=2), Mlp(max_epochs=1)])
def test_models_that_are_no_mean_over_trees_have_no_gini_importance(model: ModelBase) -> None:
    X, y = np.random.default_rng(0).normal(size=(20, 3)), np.repeat([0, 1], 10)
    assert (
        gini_importance(model.fit(TrainingSet(X, y, np.arange(20), np.arange(3), "classes"), 0))
        is None
    )


def test_shares_end_below_the_limit() -> None:
    importance, r = np.array([1.0, 2.0, 3.0, 2.0]), np.array([1.0, 2.0, 3.0, 4.0])
    assert share_below(importance, r, 3.0) == pytest.approx(3 / 8)
    assert share_below(importance, r, 5.0) == 1
    assert share_below(np.zeros(4), r, 3.0) == 0
