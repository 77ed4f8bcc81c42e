"""Classes: what is right, how sure it is said to be, and what cannot be learned."""

import json
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features.columns import Columns
from exafscn_flows.models import RandomForest
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.tasks import task_named
from exafscn_flows.tasks.classes import expected_errors, predicted_classes

TASK = task_named("classes")
CLASSES = np.array([4, 5, 6])


def certain(predicted: list[int]) -> np.ndarray:
    return (np.asarray(predicted)[:, None] == CLASSES).astype(float)


def metrics(
    y: np.ndarray,
    proba: np.ndarray,
    classes: np.ndarray,
    folds: np.ndarray,
    certainty: np.ndarray | None = None,
) -> dict[str, Any]:
    """Metrics of labels that are coordination numbers."""
    known = classes.tolist()
    certainty = np.ones(len(y)) if certainty is None else certainty
    return TASK.metrics(TASK.encode(y.tolist(), known), proba, folds, known, certainty)


def test_labels_that_are_certain_are_counted_by_themselves() -> None:
    y, folds = np.array([4, 4, 5, 6]), np.array([0, 1, 0, 1])
    result = metrics(y, certain([4, 5, 5, 5]), CLASSES, folds, np.array([1, 0.5, 0.8, 0.81]))
    assert (result["n_certain"], result["certain_accuracy"]) == (2, 0.5)
    doubtful = metrics(y, certain([4, 5, 5, 5]), CLASSES, folds, np.full(4, 0.5))
    assert (doubtful["n_certain"], doubtful["certain_accuracy"]) == (0, None)


def test_labels_say_something_of_every_class_that_there_is() -> None:
    weights = [{"4": 0.6, "5": 0.3, "3": 0.1}, None]
    shares = TASK.shares(weights, [4, 6], [4, 5, 6])
    np.testing.assert_allclose(shares, [[2 / 3, 1 / 3, 0], [0, 0, 1]], rtol=1e-6)


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
    folds = np.arange(20_000) % 5
    result = metrics(y, proba, CLASSES, folds)
    assert result["ece"] < 0.01
    # Probabilities that claim twice the odds are too sure, and calibrated by the other folds.
    sure = proba**2 / (proba**2).sum(axis=1, keepdims=True)
    worse = metrics(y, sure, CLASSES, folds)
    assert worse["accuracy"] == result["accuracy"]
    assert worse["ece"] < 0.015
    # Of too few sites for that, they are found out.
    few = metrics(y[:48], sure[:48] ** 4, CLASSES, folds[:48])
    assert few["ece"] > 0.15


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
    # In fold 1, nobody has or is told "5"; there, "4" is 0 and "6" 4 / 5.
    assert result["fold_macro_f1"] == pytest.approx([(2 / 3 + 0 + 0) / 3, (0 + 4 / 5) / 2])
    assert result["fold_majority_f1"] == [0.0, 0.0]
    assert result["calibration"] == [
        {"low": 0.9, "high": 1.0, "n": 6, "probability": 1.0, "accuracy": 0.5}
    ]
    assert result["ece"] == 0.5
    assert TASK.scores(result) == {
        key: result[key] for key in ("accuracy", "accuracy_std", "macro_f1")
    }


def test_calibration_has_the_sites_of_each_bin_and_their_accuracy() -> None:
    tiny = np.finfo(float).eps
    sure = np.array([0.55, 0.6 - tiny, 0.65, 0.6, 0.95, 1.0])
    proba = np.column_stack([sure, 1 - sure])
    y = np.array([4, 4, 6, 6, 4, 4])
    result = metrics(y, proba, np.array([4, 6]), np.arange(6) % 2)
    found = {(one["low"], one["high"]): one for one in result["calibration"]}
    # Means over trees that are equal on paper are in one bin, the last ends with what is certain.
    assert {key: one["n"] for key, one in found.items()} == {
        (0.5, 0.6): 1,
        (0.6, 0.7): 3,
        (0.9, 1.0): 2,
    }
    assert found[0.6, 0.7]["accuracy"] == pytest.approx(1 / 3)
    assert found[0.6, 0.7]["probability"] == pytest.approx((0.6 + 0.65 + 0.6) / 3)
    gaps = 0.45 + 3 * (1.85 / 3 - 1 / 3) + 2 * 0.025
    assert result["ece"] == pytest.approx(gaps / 6)


def test_the_majority_is_that_of_the_other_folds() -> None:
    y = np.array([4, 6, 6, 4, 6, 6])
    folds = np.array([0, 0, 0, 1, 1, 1])
    result = metrics(y, certain([4] * 6)[:, [0, 2]], CLASSES[[0, 2]], folds)
    assert result["majority"] == pytest.approx(4 / 6)
    assert result["fold_majority_f1"] == pytest.approx([(0 + 4 / 5) / 2] * 2)


def test_numbers_agree_with_sklearn_on_random_predictions() -> None:
    rng = np.random.default_rng(0)
    y = rng.choice(CLASSES, 200, p=[0.5, 0.1, 0.4])
    proba = rng.dirichlet([1, 1, 1], 200)
    folds = rng.integers(0, 5, 200)
    result = metrics(y, proba, CLASSES, folds)
    predicted = predicted_classes(proba, CLASSES)
    assert result["accuracy"] == pytest.approx((predicted == y).mean())
    assert result["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(y, predicted))
    assert result["macro_f1"] == pytest.approx(f1_score(y, predicted, average="macro"))
    assert json.loads(json.dumps(result)) == result
    # Classes that another absorber has change nothing but the confusion.
    more = np.array([2, 4, 5, 6, 12])
    wide = np.zeros((200, 5))
    wide[:, 1:4] = proba
    joint = metrics(y, wide, more, folds)
    assert np.array(joint.pop("confusion"))[1:4, 1:4].tolist() == result.pop("confusion")
    assert joint == result


def test_equal_probabilities_go_to_the_smallest_class() -> None:
    tiny = np.finfo(float).eps
    proba = np.array([[0.4, 0.2, 0.4], [0.4 - tiny, 0.2, 0.4 + tiny], [0.1, 0.5, 0.4]])
    assert predicted_classes(proba, CLASSES).tolist() == [4, 4, 5]


def test_labels_are_learned_by_their_place_among_the_classes() -> None:
    for values, classes in (
        ([6, 4, 12, 4], [4, 6, 12]),
        ([3, -2, 0], [-2, 0, 3]),
        (["tetrahedral", "octahedral", "octahedral"], ["octahedral", "tetrahedral"]),
    ):
        assert TASK.classes(values) == classes
        y = TASK.encode(values, classes)
        assert [classes[place] for place in y] == values
        assert (TASK.strata(y) == y).all()
    with pytest.raises(KeyError):
        TASK.encode([5], [4, 6])


def test_predictions_of_numbers_say_how_far_off_they_may_be() -> None:
    classes: list[Any] = [4, 6, 12]
    output = np.array([[0.5, 0.3, 0.2], [0.0, 0.1, 0.9]])
    first, second = TASK.predictions(output, classes, np.array([1, 2]), None, {"4": 0.5, "6": 0.2})
    assert first == {
        "value": 4,
        "label": 6,
        "probability": 0.5,
        "probabilities": {"4": 0.5, "6": 0.3, "12": 0.2},
        "expected_value": pytest.approx(0.5 * 4 + 0.3 * 6 + 0.2 * 12),
        "expected_error": pytest.approx(0.3 * 2 + 0.2 * 8),
        "prediction_set": [4, 6, 12],
        "disagrees": True,
    }
    assert (second["value"], second["label"], second["disagrees"]) == (12, 12, False)
    assert second["expected_error"] == pytest.approx(0.6)
    # What is known of no threshold is in every set.
    assert second["prediction_set"] == [12]
    assert all(type(second[key]) is int for key in ("value", "label"))


def test_names_are_wrong_or_right_but_never_far_off() -> None:
    classes: list[Any] = ["octahedral", "square", "tetrahedral"]
    output = np.array([[0.6, 0.3, 0.1]])
    (found,) = TASK.predictions(output, classes, np.array([2]), np.zeros(1), {})
    assert (found["value"], found["label"]) == ("octahedral", "tetrahedral")
    assert found["expected_value"] is None
    assert found["expected_error"] == pytest.approx(0.4)
    assert found["probabilities"] == {"octahedral": 0.6, "square": 0.3, "tetrahedral": 0.1}


def test_a_class_that_was_not_learned_has_no_probability() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat([0, 2], 20)
    X = rng.normal(size=(40, 3)) + y[:, None]
    classes: list[Any] = [4, 5, 6]
    fitted = RandomForest(n_estimators=5).fit(
        TrainingSet(X, y, np.arange(40), Columns(np.arange(3)), "classes"), 0
    )
    output = TASK.output(fitted, X, classes)
    assert output.shape == (40, len(classes))
    assert (output[:, 1] == 0).all()
    assert (output.argmax(axis=1) == y).mean() > 0.9
    assert TASK.right(fitted, X, y) == (output.argmax(axis=1) == y).mean()
    assert TASK.losses(fitted, X, y).mean() == pytest.approx(1 - TASK.right(fitted, X, y))
    # All have too few sites for a threshold of their own: that of all 40. The predicted class alone
    # is right in nine of ten, so as many are left out as may be: 15 %.
    doubt = TASK.doubt(y, output, classes)
    of_label = np.sort(output[np.arange(40), y])
    assert doubt.pop("temperature") == 1.0
    assert doubt == dict.fromkeys(["4", "5", "6"], of_label[5])


def test_classes_are_rare_by_their_formulas_and_not_by_their_sites() -> None:
    values: list[Any] = [4] * 10 + [5] * 10 + [6] * 3 + [8]
    classes = [4, 5, 6, 8]
    y = TASK.encode(values, classes)
    groups = np.array([f"a{n}" for n in range(10)] + ["b"] * 10 + ["c", "d", "e"] + ["b"])

    def rare(groups: np.ndarray, n_folds: int) -> list[Any]:
        return TASK.counts(y, groups, classes, n_folds)["rare"]

    assert rare(groups, 2) == [5, 8]
    assert rare(groups, 3) == [5, 8]
    assert rare(groups, 4) == [5, 6, 8]
    assert rare(groups, 11) == [4, 5, 6, 8]
    assert rare(np.arange(24), 1) == []
    # A class of another absorber is not there at all, which is not rare.
    wide: list[Any] = [*classes, 12]
    counts = TASK.counts(y, groups, wide, 3)
    assert counts == {"class_counts": [10, 10, 3, 1, 0], "rare": [5, 8]}


def test_what_cannot_be_learned_or_held_out_is_a_failure_with_a_reason() -> None:
    for y, n_folds, kind, words in (
        (np.zeros(40, int), 5, "one_class", "all 40 sites have the same label"),
        (np.array([0, 0, 1, 2, 2]), 5, "too_few_sites", "no label has as many sites as there are"),
        (np.array([0, 1, 1]), 5, "too_few_sites", "3 sites cannot fill 5 folds"),
    ):
        with pytest.raises(ItemFailure, match=words) as error:
            TASK.check(y, n_folds)
        assert error.value.kind == kind
    with pytest.raises(ItemFailure, match="all 40 sites have the label 6: there is nothing"):
        TASK.check(np.zeros(40, int), 5, [6])
    TASK.check(np.array([0, 1] * 20), 5)
    with pytest.raises(ItemFailure, match="all 4 sites are in one fold"):
        metrics(np.array([4, 5, 5, 6]), certain([4, 5, 5, 6]), CLASSES, np.full(4, 2))


def test_names_beside_numbers_have_an_order() -> None:
    assert TASK.classes(["other", 6, 4, "other"]) == [4, 6, "other"]
