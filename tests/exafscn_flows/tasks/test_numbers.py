"""Numbers: how far predictions are off, how far they are said to be, and what is in the spread."""

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features.columns import Columns
from exafscn_flows.models import Bagging, ExtraTrees, GradientBoosting, RandomForest
from exafscn_flows.models.base import ModelBase
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.tasks import task_named
from exafscn_flows.tasks.numbers import spread

TASK = task_named("numbers")


def problem(n: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels whose errors are, on the mean, as large as 0.1 + 2 * spread says; with folds."""
    rng = np.random.default_rng(0)
    spreads = rng.gamma(2, 0.2, n)
    y = rng.normal(2, 0.5, n)
    error = (0.1 + 2 * spreads) * rng.exponential(1, n) * rng.choice([-1, 1], n)
    return y, np.column_stack([y + error, spreads]), np.arange(n) % 5


def scored(y: np.ndarray, output: np.ndarray, folds: np.ndarray) -> dict[str, Any]:
    return TASK.metrics(y, output, folds, [], np.ones(len(y)))


def test_a_case_worked_out_by_hand() -> None:
    y = np.array([1.0, 2.0, 3.0, 6.0])
    output = np.column_stack([y + np.array([0, 1, -1, 2]), np.zeros(4)])
    result = scored(y, output, np.array([0, 0, 1, 1]))
    assert result["rmse"] == pytest.approx(np.sqrt(6 / 4))
    assert result["fold_rmse"] == pytest.approx([np.sqrt(1 / 2), np.sqrt(5 / 2)])
    assert result["rmse_std"] == pytest.approx((np.sqrt(2.5) - np.sqrt(0.5)) / np.sqrt(2))
    assert result["mae"] == pytest.approx(1)
    assert result["r2"] == pytest.approx(1 - 6 / 14)
    # Fold 0 is told the mean of fold 1, 4.5, and fold 1 that of fold 0, 1.5.
    assert result["mean_rmse"] == pytest.approx(np.sqrt((3.5**2 + 2.5**2 + 1.5**2 + 4.5**2) / 4))
    assert result["fold_mean_rmse"] == pytest.approx(
        [np.sqrt((3.5**2 + 2.5**2) / 2), np.sqrt((1.5**2 + 4.5**2) / 2)]
    )
    assert result["mean_mae"] == pytest.approx(3)
    assert result["relative_rmse"] == pytest.approx(np.sqrt(6 / 4) / 3)
    for key in ("fold_rmse", "fold_mean_rmse"):
        assert result[f"relative_{key}"] == pytest.approx([error / 3 for error in result[key]])
    assert TASK.scores(result) == {key: result[key] for key in ("rmse", "rmse_std", "mae", "r2")}


def test_numbers_agree_with_sklearn_on_random_predictions() -> None:
    y, output, folds = problem()
    result = scored(y, output, folds)
    assert result["rmse"] == pytest.approx(root_mean_squared_error(y, output[:, 0]))
    assert result["mae"] == pytest.approx(mean_absolute_error(y, output[:, 0]))
    assert result["r2"] == pytest.approx(r2_score(y, output[:, 0]))
    assert json.loads(json.dumps(result)) == result


def test_labels_without_a_mean_or_without_a_difference_have_no_infinite_metrics() -> None:
    folds, output = np.array([0, 0, 1]), np.zeros((3, 2))
    balanced = scored(np.array([-1.0, 1.0, 0.0]), output, folds)
    assert balanced["relative_rmse"] is balanced["relative_fold_rmse"] is None
    equal = np.full(3, 0.1)
    assert equal.mean() != 0.1  # by rounding
    assert scored(equal, output, folds)["r2"] == 0
    right = scored(equal, np.column_stack([equal, equal]), folds)
    assert (right["r2"], right["rmse"]) == (1, 0)


def test_doubt_finds_how_errors_grow_with_the_spread() -> None:
    y, output, _ = problem(20_000)
    found = TASK.doubt(y, output, [])
    assert found == {
        "constant": pytest.approx(0.1, abs=0.05),
        "slope": pytest.approx(2, rel=0.05),
    }


def test_doubt_is_never_negative_and_needs_no_spread() -> None:
    y = np.arange(10.0)
    # The surer, the farther off: a straight line would promise negative errors.
    wrong = TASK.doubt(y, np.column_stack([y + np.arange(10, 0, -1), np.arange(10)]), [])
    assert wrong == {"constant": pytest.approx(5.5), "slope": 0}
    without = TASK.doubt(y, np.column_stack([y + 0.3, np.zeros(10)]), [])
    assert without == {"constant": pytest.approx(0.3), "slope": 0}
    assert TASK.doubt(y, np.column_stack([y, y]), []) == {"constant": 0, "slope": 0}


def test_expected_errors_are_those_that_are_found() -> None:
    y, output, folds = problem(5000)
    rows = list(TASK.predictions(output, [], y, folds, {}))
    observed = np.abs(y - output[:, 0])
    assert np.mean([row["expected_error"] for row in rows]) == pytest.approx(
        observed.mean(), rel=0.02
    )
    calibration = scored(y, output, folds)["calibration"]
    assert [one["n"] for one in calibration] == [1000] * 5
    for one in calibration:
        assert one["low"] <= one["expected"] <= one["high"]
        assert one["observed"] == pytest.approx(one["expected"], rel=0.1)
    assert calibration[-1]["expected"] > 3 * calibration[0]["expected"]


def test_the_expected_error_of_a_row_does_not_know_its_label() -> None:
    y, output, folds = problem(50)
    before = list(TASK.predictions(output, [], y, folds, {}))
    changed = y.copy()
    changed[7] += 100
    after = list(TASK.predictions(output, [], changed, folds, {}))
    same = folds == folds[7]
    for row, one in enumerate(same):
        assert (before[row]["expected_error"] == after[row]["expected_error"]) == one


def test_new_sites_get_the_doubt_of_their_model() -> None:
    output = np.array([[2.0, 0.1], [2.0, 0.5], [2.0, 0.5]])
    doubt = {"constant": 0.1, "slope": 0.5}
    rows = list(TASK.predictions(output, [], np.array([2.4, 3.0, 3.1]), None, doubt))
    assert rows[0] == {
        "value": 2.0,
        "label": 2.4,
        "probability": None,
        "probabilities": None,
        "expected_value": 2.0,
        "expected_error": pytest.approx(0.15),
        "prediction_set": None,
        "disagrees": False,
    }
    # More than three times the expected error of 0.35.
    assert [row["disagrees"] for row in rows] == [False, False, True]


def test_equal_expected_errors_stand_in_one_bin() -> None:
    y = np.arange(20.0)
    folds = np.arange(20) % 2
    (one,) = scored(y, np.column_stack([y + 0.5, np.zeros(20)]), folds)["calibration"]
    assert (one["n"], one["expected"], one["observed"]) == pytest.approx((20, 0.5, 0.5))


@pytest.mark.parametrize(
    "model",
    [RandomForest(n_estimators=20), ExtraTrees(n_estimators=20), Bagging(n_estimators=7)],
    ids=lambda model: model.kind,
)
def test_spread_is_the_standard_deviation_over_the_trees(model: ModelBase) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 6)).astype(np.float32)
    y = 1e3 + X[:, 2] + 0.1 * rng.normal(size=150)
    fitted: Any = model.fit(
        TrainingSet(X[:100], y[:100], np.arange(100), Columns(np.arange(6)), "numbers"), 0
    )
    trees = np.array([tree.predict(X) for tree in fitted.estimators_])
    output = TASK.output(fitted, X, [])
    np.testing.assert_allclose(output[:, 1], trees.std(axis=0), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(output[:, 0], trees.mean(axis=0), rtol=1e-12)
    assert (output[:, 0] == fitted.predict(X)).all()
    # What was never seen is farther apart than what was learned.
    assert output[100:, 1].mean() > output[:100, 1].mean()
    assert TASK.losses(fitted, X, y).shape == (150,)
    assert TASK.right(fitted, X, y) == -root_mean_squared_error(y, fitted.predict(X))


def test_one_tree_and_models_that_are_no_mean_over_trees_have_no_spread() -> None:
    rng = np.random.default_rng(0)
    X, y, groups = rng.normal(size=(30, 3)), rng.normal(size=30), np.arange(30)
    for model in (RandomForest(n_estimators=1), GradientBoosting(max_iter=2)):
        fitted: Any = model.fit(TrainingSet(X, y, groups, Columns(np.arange(3)), "numbers"), 0)
        assert (spread(fitted, X) == 0).all(), model.kind


def test_strata_are_fifths_by_rank_in_any_order_and_equal_numbers_are_together() -> None:
    rng = np.random.default_rng(0)
    y = rng.lognormal(size=103)
    strata = TASK.strata(y)
    assert sorted(np.bincount(strata)) == [20, 20, 21, 21, 21]
    assert all(y[strata == low].max() < y[strata == low + 1].min() for low in range(4))
    order = rng.permutation(103)
    assert (TASK.strata(y[order]) == strata[order]).all()
    assert TASK.strata(np.array([2.0] * 7 + [3.0] * 3)).tolist() == [0] * 7 + [3] * 3


def test_numbers_have_no_classes_and_are_learned_as_they_are() -> None:
    values: list[Any] = [2.5, 1, 2.5]
    assert TASK.classes(values) == []
    y = TASK.encode(values, [])
    assert (y.dtype, y.tolist()) == (np.float64, [2.5, 1.0, 2.5])
    assert TASK.counts(y, np.arange(3), [], 5) == {"class_counts": [], "rare": []}


def test_what_cannot_be_learned_or_held_out_is_a_failure_with_a_reason() -> None:
    for y, kind, words in (
        (np.full(40, 2.1), "one_class", "all 40 sites have the same label"),
        (np.array([1.0, 2.0, 3.0]), "too_few_sites", "3 sites cannot fill 5 folds"),
    ):
        with pytest.raises(ItemFailure, match=words) as error:
            TASK.check(y, 5)
        assert error.value.kind == kind
    TASK.check(np.arange(5.0), 5)
    with pytest.raises(ItemFailure, match="all 3 sites are in one fold"):
        scored(np.arange(3.0), np.zeros((3, 2)), np.ones(3))


def test_tasks_are_there_without_scikit_learn_and_scipy() -> None:
    code = (
        "import sys, exafscn_flows.tasks\n"
        "print(sorted({'sklearn', 'scipy', 'torch', 'skops'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr
