from typing import Any, Self

import numpy as np
import pytest

from exafscn_flows.evaluation.cross_validation import assemble, fit_fold
from exafscn_flows.features.columns import Columns
from exafscn_flows.models import Bagging, RandomForest
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.splits import grouped_folds, random_folds
from exafscn_flows.tasks import task_named

FOREST = RandomForest(n_estimators=40)
TASK = task_named("classes")


def cross_validate(
    model: Any, X: np.ndarray, y: np.ndarray, groups: np.ndarray, folds: np.ndarray
) -> np.ndarray:
    """Probabilities by cross-validation; `y` are coordination numbers."""
    classes = TASK.classes(y.tolist())
    codes = TASK.encode(y.tolist(), classes)
    parts = {
        fold: fit_fold(
            model,
            TrainingSet(X, codes, groups, Columns(np.arange(X.shape[1])), TASK.name),
            folds,
            fold,
            0,
            classes,
        )
        for fold in set(folds.tolist())
    }
    whole = assemble(parts, folds)
    assert np.isnan(whole[:, -1]).all()  # these models have no out-of-distribution score
    return whole[:, :-1]


def metrics(X: np.ndarray, y: np.ndarray, folds: np.ndarray) -> dict[str, Any]:
    classes = TASK.classes(y.tolist())
    proba = cross_validate(FOREST, X, y, np.arange(len(y)), folds)
    codes = TASK.encode(y.tolist(), classes)
    return TASK.metrics(codes, proba, folds, classes, np.ones(len(y)))


def score(X: np.ndarray, y: np.ndarray, folds: np.ndarray) -> float:
    return metrics(X, y, folds)["accuracy"]


def test_copies_of_a_formula_help_in_a_random_split_and_not_in_a_grouped_one() -> None:
    # Labels are drawn at random per formula: nothing can be learnt, only remembered.
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), 5)
    y = rng.permutation(np.repeat([4, 6], 30))[groups]
    X = rng.normal(size=(60, 20))[groups] + 0.01 * rng.normal(size=(300, 20))
    assert score(X, y, random_folds(y, 5, 0)) > 0.95
    assert score(X, y, grouped_folds(y, groups, 5, 0)) < 0.65


def test_a_grouped_split_of_memories_is_at_the_majority_and_of_systems_too() -> None:
    """Labels are random by formula, or random by chemical system: both are remembered only."""
    rng = np.random.default_rng(0)
    systems = np.repeat(np.arange(60), 10)
    formulas = np.repeat(np.arange(300), 2)
    for name, remembered in (("formula", formulas), ("system", systems)):
        number = len(np.unique(remembered))
        y = rng.permutation(np.repeat([4, 6, 6], number // 3))[remembered]
        X = rng.normal(size=(number, 20))[remembered] + 0.01 * rng.normal(size=(600, 20))
        split = {
            "random": random_folds(y, 5, 0),
            "formula": grouped_folds(y, formulas, 5, 0),
            "system": grouped_folds(y, systems, 5, 0),
        }
        found = {key: metrics(X, y, folds) for key, folds in split.items()}
        assert found["random"]["accuracy"] > 0.9
        assert found["system"]["accuracy"] < found["system"]["majority"] + 0.05
        if name == "formula":
            assert found["formula"]["accuracy"] < found["formula"]["majority"] + 0.05
        else:
            # Formulas of one system are alike, which a split by formulas does not see.
            assert found["formula"]["accuracy"] > 0.9


def test_what_can_be_learnt_is_learnt_in_both_splits() -> None:
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(60), 4)
    y = rng.choice([4, 5, 6], 60)[groups]
    X = rng.normal(size=(240, 10)) + 2.0 * y[:, None]
    assert score(X, y, random_folds(y, 5, 0)) > 0.9
    assert score(X, y, grouped_folds(y, groups, 5, 0)) > 0.9


class Witness:
    """A classifier that remembers the rows it was fitted on."""

    def __init__(self) -> None:
        self.seen: set[float] = set()
        self.groups: set[int] = set()
        self.asked: set[float] = set()

    def fit(self, data: TrainingSet, seed: int) -> Self:
        self.seen = set(data.X[:, 0])
        self.groups = set(data.groups)
        self.classes_ = np.unique(data.y)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        self.asked = set(X[:, 0])
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


def test_the_model_that_predicts_a_site_never_saw_its_formula() -> None:
    rng = np.random.default_rng(2)
    groups = np.sort(rng.integers(0, 30, 150))
    y = rng.choice([4, 6], 150)
    folds = grouped_folds(y, groups, 5, 0)
    witnesses: list[Witness] = []

    class Model:
        def fit(self, data: TrainingSet, seed: int) -> Witness:
            witnesses.append(Witness().fit(data, seed))
            return witnesses[-1]

    cross_validate(Model(), groups[:, None].astype(float), y, groups, folds)
    assert len(witnesses) == 5
    # Groups come along with their rows.
    assert all(witness.seen == witness.groups for witness in witnesses)
    assert all(not witness.seen & witness.asked for witness in witnesses)
    assert set().union(*(witness.asked for witness in witnesses)) == set(groups)


def test_a_class_that_the_training_folds_lack_has_probability_zero() -> None:
    rng = np.random.default_rng(3)
    y = np.array([4] * 20 + [5] * 4 + [6] * 20)
    folds = np.array([0, 1] * 10 + [1] * 4 + [0, 1] * 10)
    X = rng.normal(size=(44, 4)) + y[:, None]
    proba = cross_validate(FOREST, X, y, np.arange(len(y)), folds)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert (proba[folds == 1, 1] == 0).all()
    # Columns keep their class: the neighbours of the missing one are told apart.
    assert (proba[folds == 1][:10].argmax(axis=1) == 0).mean() > 0.8
    assert (proba[folds == 1][-10:].argmax(axis=1) == 2).mean() > 0.8
    assert proba[folds == 0, 1].max() > 0


def test_two_runs_with_one_seed_are_identical_in_any_order_of_folds() -> None:
    rng = np.random.default_rng(4)
    X, y = rng.normal(size=(90, 8)), rng.choice([4, 5, 6], 90)
    folds = random_folds(y, 3, 0)
    first = cross_validate(FOREST, X, y, np.arange(len(y)), folds)
    groups, codes, classes = np.arange(90), np.searchsorted([4, 5, 6], y), [4, 5, 6]
    late = {
        f: fit_fold(
            FOREST,
            TrainingSet(X, codes, groups, Columns(np.arange(X.shape[1])), TASK.name),
            folds,
            f,
            0,
            classes,
        )
        for f in (2, 0, 1)
    }
    assert (assemble(late, folds)[:, :-1] == first).all()


def test_parts_of_another_split_are_refused() -> None:
    folds = np.array([0, 0, 1, 1, 1])
    parts = {0: np.ones((2, 1)), 1: np.ones((3, 1))}
    assert assemble(parts, folds).shape == (5, 1)
    for wrong in ({0: parts[1], 1: parts[0]}, {0: parts[0]}, {**parts, 2: np.ones((1, 1))}, {}):
        with pytest.raises(ValueError, match="do not belong"):
            assemble(wrong, folds)


def test_numbers_are_learned_where_they_can_be_and_not_where_they_are_remembered() -> None:
    rng = np.random.default_rng(0)
    task = task_named("numbers")
    groups = np.repeat(np.arange(60), 5)
    noise = rng.normal(size=(60, 10))[groups] + 0.01 * rng.normal(size=(300, 10))
    found = {}
    for name, y in (("learned", 2 * noise[:, 3]), ("remembered", rng.normal(size=60)[groups])):
        for split in ("random", "grouped"):
            strata = task.strata(y)
            folds = (
                random_folds(strata, 5, 0)
                if split == "random"
                else grouped_folds(strata, groups, 5, 0)
            )
            model = Bagging(n_estimators=10)
            parts = {
                fold: fit_fold(
                    model,
                    TrainingSet(noise, y, groups, Columns(np.arange(10)), task.name),
                    folds,
                    fold,
                    0,
                    [],
                )
                for fold in range(5)
            }
            output = assemble(parts, folds)[:, :-1]
            assert output.shape == (300, 2)
            found[name, split] = task.metrics(y, output, folds, [], np.ones(len(y)))["r2"]
    assert found["learned", "grouped"] > 0.9
    assert found["remembered", "random"] > 0.9
    assert found["remembered", "grouped"] < 0.1
