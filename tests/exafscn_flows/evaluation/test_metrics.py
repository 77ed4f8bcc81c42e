import json

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from exafscn_flows.evaluation.metrics import expected_errors, metrics, predicted_classes

CLASSES = np.array([4, 5, 6])


def certain(predicted: list[int]) -> np.ndarray:
    return (np.asarray(predicted)[:, None] == CLASSES).astype(float)


def test_expected_error_is_the_mean_distance_from_the_prediction() -> None:
    proba = np.array([[0, 1, 0], [0.5, 0.5, 0], [0.6, 0, 0.4], [0.25, 0.5, 0.25]])
    predicted = predicted_classes(proba, CLASSES)
    assert predicted.tolist() == [5, 4, 4, 5]
    # Doubt about a far number weighs more than about the next one.
    assert expected_errors(proba, CLASSES, predicted) == pytest.approx([0, 0.5, 0.8, 0.5])


def test_expected_error_is_what_is_found_where_probabilities_are_right() -> None:
    rng = np.random.default_rng(0)
    proba = rng.dirichlet([1, 1, 1], size=20_000)
    y = CLASSES[(proba.cumsum(axis=1) > rng.random((len(proba), 1))).argmax(axis=1)]
    predicted = predicted_classes(proba, CLASSES)
    found = np.abs(y - predicted).mean()
    assert expected_errors(proba, CLASSES, predicted).mean() == pytest.approx(found, rel=0.02)


def test_a_case_worked_out_by_hand() -> None:
    y = np.array([4, 4, 5, 6, 6, 6])
    predicted = [4, 6, 6, 6, 6, 4]
    folds = np.array([0, 0, 0, 1, 1, 1])
    result = metrics(y, certain(predicted), CLASSES, folds)
    assert result["confusion"] == [[1, 0, 1], [0, 0, 1], [1, 0, 2]]
    assert result["accuracy"] == pytest.approx(3 / 6)
    assert result["fold_accuracy"] == pytest.approx([1 / 3, 2 / 3])
    assert result["accuracy_std"] == pytest.approx(np.sqrt(2) / 6)
    assert result["balanced_accuracy"] == pytest.approx((1 / 2 + 0 + 2 / 3) / 3)
    assert result["macro_f1"] == pytest.approx((2 / 4 + 0 + 4 / 7) / 3)
    # Fold 0 is told "6" by fold 1, and fold 1 is told "4" by fold 0: never right.
    assert result["majority"] == 0.0


def test_the_majority_is_that_of_the_other_folds() -> None:
    y = np.array([4, 6, 6, 4, 6, 6])
    folds = np.array([0, 0, 0, 1, 1, 1])
    assert metrics(y, certain([4] * 6), CLASSES[[0, 2]], folds)["majority"] == pytest.approx(4 / 6)


def test_numbers_agree_with_sklearn_on_random_predictions() -> None:
    rng = np.random.default_rng(0)
    y = rng.choice(CLASSES, 200, p=[0.5, 0.1, 0.4])
    proba = rng.dirichlet([1, 1, 1], 200)
    result = metrics(y, proba, CLASSES, rng.integers(0, 5, 200))
    predicted = predicted_classes(proba, CLASSES)
    assert result["accuracy"] == pytest.approx((predicted == y).mean())
    assert result["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(y, predicted))
    assert result["macro_f1"] == pytest.approx(f1_score(y, predicted, average="macro"))
    assert json.loads(json.dumps(result)) == result


def test_equal_probabilities_go_to_the_smallest_class() -> None:
    tiny = np.finfo(float).eps
    proba = np.array([[0.4, 0.2, 0.4], [0.4 - tiny, 0.2, 0.4 + tiny], [0.1, 0.5, 0.4]])
    assert predicted_classes(proba, CLASSES).tolist() == [4, 4, 5]
