"""The search over parameters: what decides it, and what must not."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from exafscn_flows.config.loader import load_campaign_file
from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.evaluation.cross_validation import fit_fold
from exafscn_flows.features.columns import Columns
from exafscn_flows.hashing import content_hash
from exafscn_flows.models import GradientBoosting, RandomForest
from exafscn_flows.models import search as search_module
from exafscn_flows.models.search import N_FOLDS, best_candidate
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.splits import grouped_folds
from exafscn_flows.targets.base import TaskName

RNG = np.random.default_rng(0)
GROUPS = np.sort(RNG.integers(0, 60, 240)).astype(str)
COLUMNS = Columns(np.arange(6.0))
Y = RNG.choice([0, 1], 240)
X = RNG.normal(size=(240, 6)).astype(np.float32)
X[:, 2] += 4 * Y
TASKS: list[TaskName] = ["classes", "numbers"]

# A leaf of 200 sites leaves one tree that always says the same.
BAD, GOOD = 200, 2


class Fixed:
    """A candidate that always answers the same, and remembers what it was fitted on."""

    def __init__(self, answer: float) -> None:
        self.answer = answer
        self.fits: list[tuple[set[str], set[str]]] = []

    def fit(self, data: TrainingSet, seed: int) -> "Fixed":
        self.fits.append((set(data.groups), set()))
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        self.fits[-1][1].update(X[:, 0].astype(int).astype(str))
        return np.full(len(X), self.answer)


@pytest.mark.parametrize("values", [[BAD, GOOD], [GOOD, BAD], [BAD, GOOD, 150]])
@pytest.mark.parametrize("task", TASKS)
def test_the_better_candidate_is_taken_wherever_it_stands(
    values: list[int], task: TaskName
) -> None:
    model = RandomForest(n_estimators=10, search={"min_samples_leaf": values})
    chosen = model.chosen(TrainingSet(X, Y, GROUPS, COLUMNS, task), 0)
    assert chosen == RandomForest(n_estimators=10, min_samples_leaf=GOOD)
    predicted = model.fit(TrainingSet(X, Y, GROUPS, COLUMNS, task), 0).predict(X)
    assert (predicted == chosen.fit(TrainingSet(X, Y, GROUPS, COLUMNS, task), 0).predict(X)).all()


def test_the_first_of_equal_candidates_is_taken() -> None:
    common = int(np.bincount(Y).argmax())
    answers = [Fixed(1 - common), Fixed(common), Fixed(common)]
    for task in TASKS:
        assert best_candidate(answers, TrainingSet(X, Y, GROUPS, COLUMNS, task), 0) == 1
        assert (
            best_candidate(answers[2:] + answers[:2], TrainingSet(X, Y, GROUPS, COLUMNS, task), 0)
            == 0
        )


def test_numbers_are_compared_by_their_squared_errors() -> None:
    skewed = np.where(Y == 1, 10.0, RNG.normal(size=240))
    answers = [Fixed(0.0), Fixed(float(skewed.mean())), Fixed(float(np.median(skewed)))]
    assert best_candidate(answers, TrainingSet(X, skewed, GROUPS, COLUMNS, "numbers"), 0) == 1


def test_candidates_are_compared_on_formulas_that_they_did_not_learn() -> None:
    rows = GROUPS.astype(float)[:, None]
    candidate = Fixed(0)
    best_candidate(
        [candidate], TrainingSet(rows, Y, GROUPS, Columns(COLUMNS.axis[:1]), "classes"), 0
    )
    assert len(candidate.fits) == N_FOLDS
    for learned, asked in candidate.fits:
        assert asked
        assert not learned & asked
        assert learned | asked == set(GROUPS)


def test_held_out_rows_have_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stands in the held-out rows, the same candidate is taken on the same rows."""
    model = RandomForest(n_estimators=5, search={"min_samples_leaf": [BAD, GOOD]})
    folds = grouped_folds(Y, GROUPS, 4, 0)
    held_out = folds == 1
    garbage, labels = X.copy(), Y.copy()
    garbage[held_out] = 1e6 * RNG.normal(size=(held_out.sum(), 6))
    labels[held_out] = 1 - Y[held_out]
    seen: list[tuple[int, TrainingSet]] = []

    def recorded(candidates: Any, data: TrainingSet, seed: int) -> int:
        best = best_candidate(candidates, data, seed)
        seen.append((best, data))
        return best

    monkeypatch.setattr(search_module, "best_candidate", recorded)
    for rows, y in ((X, Y), (garbage, labels)):
        fit_fold(model, TrainingSet(rows, y, GROUPS, COLUMNS, "classes"), folds, 1, 0, [4, 6])
    (best, mine), (other, theirs) = seen
    assert best == other == 1
    for name in ("X", "y", "groups"):
        np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name))
    assert not set(mine.groups) & set(GROUPS[held_out])


def test_the_order_of_the_keys_means_nothing() -> None:
    """YAML mappings have no order, and equal hashes must mean equal models."""
    values = {"min_samples_leaf": [3, 1], "max_features": ["sqrt", 0.5]}
    one = RandomForest(search=values)
    other = RandomForest(search=dict(reversed(values.items())))
    assert one.candidates() == other.candidates()
    assert content_hash(one.parameters()) == content_hash(other.parameters())
    expected = [("sqrt", 3), ("sqrt", 1), (0.5, 3), (0.5, 1)]
    assert [(c.max_features, c.min_samples_leaf) for c in one.candidates()] == expected
    assert all(candidate.search is None for candidate in one.candidates())


def test_what_is_searched_for_is_in_the_hash_and_what_it_replaces_is_not() -> None:
    plain = RandomForest()
    assert "search" not in plain.parameters()
    model = RandomForest(search={"n_estimators": [10, 20]})
    assert model.parameters()["search"] == {"n_estimators": [10, 20]}
    assert model.parameters() != plain.parameters()
    for other in ([10], [20, 10], [10, 30]):
        assert RandomForest(search={"n_estimators": other}).parameters() != model.parameters()
    again = RandomForest(n_estimators=7, search={"n_estimators": [10, 20]})
    assert again.parameters() == model.parameters()
    assert again.candidates() == model.candidates()


def test_too_little_to_search_on_is_a_failure_that_says_so() -> None:
    few = np.repeat(["NiO", "NiS"], 6)
    with pytest.raises(ItemFailure, match="in the search over parameters, 2 formulas") as error:
        RandomForest(search={"n_estimators": [1, 2]}).fit(
            TrainingSet(X[:12], Y[:12], few, COLUMNS, "classes"), 0
        )
    assert error.value.kind == "too_few_sites"
    assert "no search" in error.value.hint
    y = np.array([0] * 9 + [1] * 3)
    groups = np.array(["a", "b", "c"] * 3 + ["d"] * 3)
    with pytest.raises(ItemFailure, match="in the search") as error:
        GradientBoosting(search={"max_iter": [1, 2]}).fit(
            TrainingSet(X[:12], y, groups, COLUMNS, "classes"), 0
        )
    assert error.value.kind == "one_class"
    pairs = np.repeat([0, 1, 2], 2)
    with pytest.raises(ItemFailure, match="over parameters, no label has as many sites") as error:
        RandomForest(search={"n_estimators": [1, 2]}).fit(
            TrainingSet(X[:6], pairs, np.arange(6), COLUMNS, "classes"), 0
        )
    assert error.value.kind == "too_few_sites"


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ({"trees": [1]}, "search.trees: trees is not a parameter of random_forest"),
        ({"name": ["a", "b"]}, "search.name: name is not a parameter"),
        ({"search": [1]}, "search.search: search is not a parameter"),
        ({"learning_rate": [0.1]}, "learning_rate is not a parameter of random_forest"),
        ({"n_estimators": [10, 0]}, "search.n_estimators[1]: input should be greater than"),
        ({"n_estimators": [True]}, "search.n_estimators[0]: input should be a valid integer"),
        ({"n_estimators": [[1]]}, "not [1]"),
        ({"n_estimators": [10**20]}, "makes no sense here"),
        ({"max_features": [2.5]}, "search.max_features[0]: input should be 'sqrt' or "),
        ({"max_features": ["log"]}, "not 'log'"),
        ({"class_weight": [None, "even"]}, "search.class_weight[1]: input should be 'balanced'"),
        ({"n_estimators": 5}, "n_estimators: input should be a valid list, such as [...], not 5"),
        ({"n_estimators": []}, "n_estimators: list should have at least 1 item"),
        ({}, "search: dictionary should have at least 1 item"),
    ],
)
def test_wrong_searches_are_one_line_with_its_number(
    tmp_path: Path, search: dict[str, Any], words: str
) -> None:
    file = tmp_path / "campaign.yaml"
    base = {"campaign": "x", "absorbers": ["Ni"], "sources": [{"kind": "amcsd"}]}
    models = [{"kind": "bagging"}, {"kind": "random_forest", "search": search}]
    YAML(typ="safe", pure=True).dump({**base, "models": models}, file)
    with pytest.raises(UsageError) as error:
        load_campaign_file(file)
    (line,) = str(error.value).splitlines()
    written = file.read_text().splitlines()
    number = int(line.removeprefix(f"{file}:").partition(":")[0])
    assert words in line
    assert "models[1]" in line
    begin = [line.startswith("  search:") for line in written].index(True) + 1
    assert number >= begin
