"""Prediction sets: how often they hold the label, and when they are small."""

import numpy as np
import pytest

from exafscn_flows.tasks.calibration import temperature, tempered
from exafscn_flows.tasks.prediction_sets import (
    ENOUGH,
    by_name,
    by_place,
    held_out,
    prediction_sets,
    thresholds,
)


def problem(n: int, seed: int, power: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and labels; with another power, the probabilities are not right."""
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet([0.5, 0.3, 0.2, 0.1], size=n)
    y = (proba.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    said = proba**power + 1e-9
    return said / said.sum(axis=1, keepdims=True), y


@pytest.mark.parametrize("power", [1.0, 3.0, 0.3], ids=["right", "too sure", "too timid"])
def test_nine_labels_in_ten_are_in_the_sets_whatever_probabilities_are_worth(power: float) -> None:
    proba, y = problem(4000, 0, power)
    others, labels = problem(20_000, 1, power)
    sets = prediction_sets(others, thresholds(proba, y), others.argmax(axis=1))
    within = sets[np.arange(len(labels)), labels]
    assert 0.89 < within.mean() < 0.91
    for place in range(4):
        assert within[labels == place].mean() > 0.8


def test_sets_are_larger_where_there_is_more_doubt() -> None:
    proba, y = problem(4000, 0)
    size = prediction_sets(proba, thresholds(proba, y), proba.argmax(axis=1)).sum(axis=1)
    top = proba.max(axis=1)
    assert size[top > 0.95].mean() < 1.1 < 1.8 < size[top < 0.5].mean()
    assert size.min() == 1


def test_a_threshold_is_that_of_the_tenth_of_a_hundred() -> None:
    # 99 sites of one class: the tenth of hundred is the lowest but nine.
    of_label = np.linspace(0.01, 0.99, 99)
    proba = np.column_stack([of_label, 1 - of_label])
    assert thresholds(proba, np.zeros(99, int))[0] == pytest.approx(0.10)
    # Of nine sites, none can be left out.
    assert thresholds(proba[:8], np.zeros(8, int)).tolist() == [0, 0]


def test_a_class_of_few_sites_has_the_threshold_of_all() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [200, ENOUGH - 1])
    proba = np.where(y[:, None] == [0, 1], 0.9, 0.1) * rng.uniform(0.9, 1, (len(y), 1))
    few = thresholds(proba, y)
    assert few[0] != few[1]
    assert few[1] == thresholds(np.column_stack([proba[np.arange(len(y)), y]] * 2), 0 * y)[0]


def test_rare_classes_are_in_sets_where_nearly_all_predictions_are_right() -> None:
    rng = np.random.default_rng(0)
    y = (rng.random(4000) < 0.08).astype(int)
    # Half of the rare ones look like the others.
    looks = y * (rng.random(4000) < 0.5)
    of_one = np.where(looks == 1, 0.9, 0.06 + 0.1 * y * rng.random(4000))
    proba = np.column_stack([1 - of_one, of_one])
    assert (proba.argmax(axis=1) == y).mean() > 0.94
    within = prediction_sets(proba, thresholds(proba, y), proba.argmax(axis=1))
    assert within[y == 1, 1].mean() == pytest.approx(0.85, abs=0.02)


def test_what_is_said_of_a_site_does_not_know_its_label() -> None:
    proba, y = problem(400, 0, 2.0)
    folds = np.arange(400) % 5
    before = held_out(proba, y, folds)
    changed = np.where(folds == 2, (y + 1) % 4, y)
    after = held_out(proba, changed, folds)
    for one, other in zip(before, after, strict=True):
        assert one.shape == proba.shape
        assert (one[folds == 2] == other[folds == 2]).all()
        assert (one[folds != 2] != other[folds != 2]).any()
    rest = tempered(proba, temperature(proba[folds != 2], y[folds != 2]))
    assert (before[0][folds == 2] == rest[folds == 2]).all()
    assert (before[1][folds == 2] == thresholds(rest[folds != 2], y[folds != 2])).all()


def test_thresholds_are_kept_by_the_names_of_classes() -> None:
    kept = by_name(np.array([0.2, 0.4]), [4, "octahedron"])
    assert kept == {"4": 0.2, "octahedron": 0.4}
    assert by_place(kept, ["octahedron", 5, 4]).tolist() == [0.4, 0, 0.2]
