"""Weights of rare classes, and what they do to what is predicted."""

from typing import Any, Literal

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from exafscn_flows.features.columns import Columns
from exafscn_flows.models import ConvolutionalNetwork, ExtraTrees, RandomForest
from exafscn_flows.models.base import SklearnModel
from exafscn_flows.models.class_weights import class_weights
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.targets.base import TaskName

COLUMNS = Columns(np.arange(4.0))


def rare(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Two classes whose curves overlap, one of them ten times as rare."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [10 * n, n])
    X = rng.normal(size=(len(y), 4)) + 0.7 * y[:, None]
    return X.astype(np.float32), y


def rows(X: np.ndarray, y: np.ndarray) -> TrainingSet:
    n_absorbers = X.shape[1] - len(COLUMNS.axis)
    return TrainingSet(X, y, np.arange(len(y)), COLUMNS, "classes", n_absorbers=n_absorbers)


def test_weights_are_a_power_of_rarity_and_1_on_average() -> None:
    X, y = np.zeros((10, 4)), np.repeat([3, 7], [8, 2])
    found = class_weights(rows(X, y), 1.0)
    assert found.mean() == pytest.approx(1)
    assert found[0] * 8 == pytest.approx(found[-1] * 2)
    root = class_weights(rows(X, y), 0.5)
    assert root[-1] / root[0] == pytest.approx(2)
    # A class of one row among ten thousand would else be all that counts.
    X, y = np.zeros((10_001, 4)), np.repeat([0, 1], [10_000, 1])
    found = class_weights(rows(X, y), 1.0)
    assert found[-1] / found[0] == pytest.approx(20 / 0.50005)


def test_what_stands_beside_a_curve_is_no_absorber() -> None:
    """Of a concatenation, the parts that follow the first one are other features."""
    absorber = np.repeat([0, 1], 6)
    X = np.hstack([np.zeros((12, 4)), 9 * np.eye(3)[np.arange(12) % 3], np.eye(2)[absorber]])
    y = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0])
    both = Columns(np.arange(7.0), (np.arange(4.0), np.arange(3.0)))
    data = TrainingSet(X, y, np.arange(12), both, "classes", n_absorbers=2)
    plain = rows(np.delete(X, [4, 5, 6], axis=1), y)
    for one in (data, data.on_first_part()):
        np.testing.assert_array_equal(class_weights(one, 1.0), class_weights(plain, 1.0))


def test_a_class_is_rare_at_an_absorber() -> None:
    absorber = np.repeat([0, 1], 6)
    X = np.hstack([np.zeros((12, 4)), np.eye(2)[absorber]])
    y = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0])
    found = class_weights(rows(X, y), 1.0)
    assert found[5] == found[11] == 5 * found[0] == 5 * found[6]
    assert found[:6].mean() == pytest.approx(found[6:].mean())


@pytest.mark.parametrize(
    ("make", "size"),
    [
        (lambda p: ExtraTrees(n_estimators=60, min_samples_leaf=5, class_weight=p), 40),
        (lambda p: RandomForest(n_estimators=60, min_samples_leaf=5, class_weight=p), 40),
        (lambda p: ConvolutionalNetwork(epochs=8, class_weight=p), 20),
    ],
    ids=["extra_trees", "random_forest", "convolutional_network"],
)
def test_a_rare_class_is_found_more_often_the_more_it_counts(make: Any, size: int) -> None:
    X, y = rare(size)
    shares = []
    for power in (None, 0.5, 1.0):
        fitted = make(power).fit(rows(X, y), 0)
        shares.append(fitted.predict_proba(X)[:, 1].mean())
    assert shares[0] < shares[1] < shares[2]


def test_numbers_take_no_notice() -> None:
    X, y = rare(10)
    plain, weighted = (
        ExtraTrees(n_estimators=5, class_weight=power).fit(
            TrainingSet(X, y.astype(float), np.arange(len(y)), COLUMNS, "numbers"), 0
        )
        for power in (None, 0.5)
    )
    assert (plain.predict(X) == weighted.predict(X)).all()


def test_estimators_that_take_no_weights_can_be_models() -> None:
    class Nearest(SklearnModel):
        nodes = frozenset()
        kind: Literal["nearest"] = "nearest"
        name: str = "nearest"

        def build(self, seed: int, task: TaskName) -> Any:
            return KNeighborsClassifier(1)

        @classmethod
        def is_sound(cls, fitted: Any) -> bool:
            return True

    X, y = rare(5)
    fitted = Nearest().fit(rows(X, y), 0)
    assert (fitted.predict(X) == y).all()
