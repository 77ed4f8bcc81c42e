"""Experiments with a model: what it is given to learn from, and what comes back."""

from itertools import pairwise
from typing import Any, Self

import numpy as np
import pytest

from exafscn_flows.evaluation.cross_validation import fit_fold
from exafscn_flows.evaluation.experiments import FoldOutcome, bands, few_shot_fold, run_fold
from exafscn_flows.features.axes import DISTANCE, ENERGY, Quantity
from exafscn_flows.features.columns import Columns
from exafscn_flows.models import Mlp, RandomForest
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.splits import grouped_folds
from exafscn_flows.tasks import task_named

TASK = task_named("classes")
RNG = np.random.default_rng(0)
r = 0.5 + 0.25 * np.arange(12)
formulas = np.array([f"formula{g:02}" for g in np.sort(RNG.integers(0, 40, 200))])
cn = RNG.choice([4, 5, 6], 200)
X = (RNG.normal(size=(200, 12)) + cn[:, None]).astype(np.float32)
folds = grouped_folds(cn, formulas, 4, 0)
held_out = folds == 0
edges = bands(r, DISTANCE)


class Witness:
    """A model that remembers what it was given; it predicts nothing of use."""

    def __init__(self) -> None:
        self.rows: list[np.ndarray] = []
        self.groups: list[str] = []
        self.axis = np.empty(0)
        self.asked: list[np.ndarray] = []

    def fit(self, data: TrainingSet, seed: int) -> Self:
        self.rows, self.groups, self.axis = list(data.X), list(data.groups), data.columns.axis
        self.classes_ = np.unique(data.y)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        self.asked = list(X)
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


def outcome(
    model: Any,
    experiment: str,
    value: float | None,
    *,
    X: np.ndarray = X,
    cn: np.ndarray = cn,
    fold: int = 0,
    seed: int = 0,
) -> FoldOutcome:
    classes = TASK.classes(cn.tolist())
    y, test = TASK.encode(cn.tolist(), classes), folds == fold
    data = TrainingSet(X, y, formulas, Columns(r), TASK.name)
    return run_fold(model, data, edges, test, experiment, value, seed, classes)


def plain_fold(model: Any) -> np.ndarray:
    y = TASK.encode(cn.tolist(), [4, 5, 6])
    return fit_fold(
        model, TrainingSet(X, y, formulas, Columns(r), TASK.name), folds, 0, 0, [4, 5, 6]
    )[:, :-1]


@pytest.mark.parametrize("limit", [0.6, 1.0, 1.9, 9.0])
@pytest.mark.parametrize(("below", "above"), [("rmax", "rmin"), ("emax", "emin")])
def test_an_upper_limit_shows_what_lies_below_alone_and_a_lower_one_all_else(
    limit: float, below: str, above: str
) -> None:
    columns = np.tile(r, (200, 1))
    for experiment, seen in ((below, r[r < limit]), (above, r[r >= limit])):
        if not len(seen):
            continue
        witness = Witness()
        found = outcome(witness, experiment, limit, X=columns)
        assert len(witness.rows) == found.n_train == (~held_out).sum()
        assert len(witness.asked) == held_out.sum()
        for row in (*witness.rows, *witness.asked, witness.axis):
            np.testing.assert_array_equal(row, seen)


def test_learning_curves_take_nested_whole_formulas_and_none_that_is_asked_for() -> None:
    sizes = dict(zip(*np.unique(formulas[~held_out], return_counts=True), strict=True))
    total, before = int((~held_out).sum()), set[str]()
    for share in (0.05, 0.1, 0.3, 0.31, 0.7, 1.0):
        witness = Witness()
        found = outcome(witness, "learning_curve", share)
        seen, counts = np.unique(witness.groups, return_counts=True)
        assert not {*seen} & {*formulas[held_out]}
        assert dict(zip(seen, counts, strict=True)) == {name: sizes[name] for name in seen}
        assert before <= {*seen}
        assert found.n_train == len(witness.rows)
        # As much as was asked for, and at most one formula more.
        assert share * total <= found.n_train < share * total + max(sizes.values())
        before = {*seen}
    assert before == {*sizes}


def test_other_seeds_and_folds_begin_with_other_formulas() -> None:
    firsts = set()
    for fold, seed in ((0, 0), (0, 1), (1, 0)):
        witness = Witness()
        outcome(witness, "learning_curve", 0.1, fold=fold, seed=seed)
        firsts.add(frozenset(witness.groups))
    assert len(firsts) == 3


def test_without_a_limit_an_experiment_is_the_plain_fold() -> None:
    forest = RandomForest(n_estimators=10)
    plain = plain_fold(forest)
    for experiment, value in (
        ("learning_curve", 1.0),
        ("rmax", 99.0),
        ("rmin", 0.1),
        ("importance", None),
    ):
        found = outcome(forest, experiment, value)
        assert (found.output == plain).all(), experiment
        assert found.n_train == (~held_out).sum()
        assert (found.drop is not None) == (experiment == "importance")
        assert found.gradients is None


def test_less_to_learn_from_gives_other_predictions() -> None:
    forest = RandomForest(n_estimators=10)
    plain = plain_fold(forest)
    for experiment, value in (("learning_curve", 0.3), ("rmax", 1.0), ("rmin", 1.0)):
        assert (outcome(forest, experiment, value).output != plain).any()


def test_a_class_that_a_small_share_lacks_has_probability_zero() -> None:
    lacking = formulas == formulas[~held_out][0]
    rare = np.where(lacking, 9, cn)
    found = outcome(RandomForest(n_estimators=5), "learning_curve", 0.05, cn=rare)
    assert found.output.shape == (held_out.sum(), 4)
    np.testing.assert_allclose(found.output.sum(axis=1), 1)
    assert (found.output[:, 3] == 0).all()


ELEMENT = np.arange(200) % 3
"""Of three elements, spread over all formulas."""


def few(n: int, others: bool, seed: int = 0, fold: int = 0) -> tuple[Witness, FoldOutcome]:
    """Ask about element 2, whose rows, like all, are told apart by their first feature."""
    rows = np.column_stack([np.arange(200.0), X])
    data = TrainingSet(rows, TASK.encode(cn.tolist(), [4, 5, 6]), formulas, Columns(r), TASK.name)
    witness: Any = Witness()
    new, test = ELEMENT == 2, folds == fold
    found = few_shot_fold(witness, data, new, test, n, others, seed, [4, 5, 6])
    assert {row[0] for row in witness.asked} == set(np.flatnonzero(new & test))
    assert found.output.shape == ((new & test).sum(), 3)
    return witness, found


def test_a_new_element_is_learned_from_few_sites_beside_all_others() -> None:
    for others in (True, False):
        for n in (0, 3, 10, 30) if others else (3, 10, 30):
            witness, found = few(n, others)
            seen = np.array([int(row[0]) for row in witness.rows])
            assert not {*formulas[seen]} & {*formulas[held_out]}
            assert (ELEMENT[seen] == 2).sum() == found.n_train == n
            rest = set(np.flatnonzero((ELEMENT != 2) & ~held_out)) if others else set()
            assert set(seen[ELEMENT[seen] != 2]) == rest


def test_few_sites_are_nested_of_few_formulas_and_of_others_with_another_seed() -> None:
    def own(n: int, seed: int = 0) -> list[int]:
        return [int(row[0]) for row in few(n, False, seed)[0].rows]

    assert set(own(4)) < set(own(10)) < set(own(30))
    sizes = np.unique(formulas[(ELEMENT == 2) & ~held_out], return_counts=True)[1]
    assert len({*formulas[own(10)]}) <= np.ceil(10 / sizes.mean()) + 3
    assert set(own(10)) != set(own(10, seed=1))
    # More than there are is all.
    assert len(own(1000)) == few(1000, False)[1].n_train == ((ELEMENT == 2) & ~held_out).sum()


def test_importance_of_a_network_has_bands_and_gradients() -> None:
    found = outcome(Mlp(learning_rate=1e-3, max_epochs=3), "importance", None)
    assert found.drop is not None
    assert found.gradients is not None
    assert found.drop.shape == (len(edges) - 1,)
    assert found.gradients.shape == r.shape
    assert found.gradients.sum() == pytest.approx(1)


def test_importance_of_numbers_is_the_growth_of_their_error() -> None:
    values = RNG.normal(size=200)
    rows = RNG.normal(size=(200, 12)).astype(np.float32)
    rows[:, 6] = values  # at 2 Å
    for model in (RandomForest(n_estimators=20), Mlp(learning_rate=1e-3, max_epochs=20)):
        data = TrainingSet(rows, values, formulas, Columns(r), "numbers")
        found = run_fold(model, data, edges, held_out, "importance", None, 0, [])
        assert found.drop is not None
        assert edges[found.drop.argmax()] == 2.0
        assert found.drop.max() > 0.2
        assert np.sort(found.drop)[-2] < 0.5 * found.drop.max()
        error = found.output[:, 0] - values[held_out]
        assert np.sqrt((error**2).mean()) < values.std()
    assert found.gradients is not None
    assert found.gradients.argmax() == 6


@pytest.mark.parametrize(
    ("axis", "quantity"),
    [
        (np.linspace(0, 9.97, 326), DISTANCE),
        (np.tile(1 + 0.5 * np.arange(11), 2), DISTANCE),
        (-13 + 0.5 * np.arange(63), ENERGY),
        (np.linspace(3, 12, 181), None),
        (np.arange(12.0), None),
    ],
)
def test_every_feature_is_in_one_band(axis: np.ndarray, quantity: Quantity | None) -> None:
    limits = bands(axis, quantity)
    assert (np.diff(limits) > 0).all()
    inside = [((axis >= low) & (axis < high)) for low, high in pairwise(limits)]
    assert (np.sum(inside, axis=0) == 1).all()
    if quantity is not None:
        # Round numbers, so that bands of sets with other ranges are the same.
        width = {"Å": 0.5, "eV": 2.0}[quantity.unit]
        np.testing.assert_array_equal(limits % width, 0)
        np.testing.assert_allclose(np.diff(limits), width)
        assert limits[0] <= axis.min() < limits[1]
        assert limits[-2] <= axis.max() < limits[-1]
    else:
        assert len(limits) == 21
