"""Late fusion: what its members learn from, what weighs them, and what it refuses."""

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exafscn_flows.config.loader import load_campaign_file
from exafscn_flows.errors import CampaignError, ItemFailure, UsageError
from exafscn_flows.features.columns import Columns
from exafscn_flows.models import ExtraTrees, GradientBoosting, LateFusion, RandomForest
from exafscn_flows.models.canonical_zip import write_zip
from exafscn_flows.models.late_fusion_fitted import FusionClassifier, FusionRegressor
from exafscn_flows.models.persistence import dump_model, load_model
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.tasks.numbers import spread

RNG = np.random.default_rng(0)
N = 240
X = RNG.normal(size=(N, 7)).astype(np.float32)
PARTS = (np.arange(4.0), 10 + np.arange(3.0))
COLUMNS = Columns(np.arange(7.0), PARTS)
GROUPS = np.repeat(np.arange(60), 4)
Y = np.digitize(X[:, 1] + X[:, 5], [-0.5, 0.5])
NUMBER = 2 + 0.1 * (X[:, 1] + X[:, 5]).astype(np.float64)
TREES = RandomForest(n_estimators=20)
FUSION = LateFusion(member=TREES)


def held_out() -> tuple[np.ndarray, np.ndarray]:
    rows = np.random.default_rng(1).normal(size=(400, 7)).astype(np.float32)
    return rows, np.digitize(rows[:, 1] + rows[:, 5], [-0.5, 0.5])


@pytest.fixture(scope="module")
def fitted() -> Any:
    return FUSION.fit(TrainingSet(X, Y, GROUPS, COLUMNS, "classes"), 3)


def load(data: bytes) -> Any:
    return load_model("late_fusion", data, hashlib.sha256(data).hexdigest())


def test_members_learn_one_part_each_from_all_sites(fitted: Any) -> None:
    alone: list[Any] = [
        TREES.fit(TrainingSet(rows, Y, GROUPS, Columns(axis), "classes"), 3)
        for rows, axis in zip((X[:, :4], X[:, 4:]), PARTS, strict=True)
    ]
    for one, other, rows in zip(fitted.members, alone, (X[:, :4], X[:, 4:]), strict=True):
        np.testing.assert_array_equal(one.predict_proba(rows), other.predict_proba(rows))
    assert fitted.n_features_in_ == 7
    assert (fitted.classes_[fitted.predict_proba(X).argmax(axis=1)] == fitted.predict(X)).all()


def test_the_two_know_more_than_each(fitted: Any) -> None:
    rows, truth = held_out()
    both = (fitted.predict(rows) == truth).mean()
    for one, own in zip(fitted.members, (rows[:, :4], rows[:, 4:]), strict=True):
        assert both > (one.predict(own) == truth).mean() + 0.08
    numbers: Any = FUSION.fit(TrainingSet(X, NUMBER, GROUPS, COLUMNS, "numbers"), 3)
    wanted = 2 + 0.1 * (rows[:, 1] + rows[:, 5])
    rmse = np.sqrt(((numbers.predict(rows) - wanted) ** 2).mean())
    for one, own in zip(numbers.members, (rows[:, :4], rows[:, 4:]), strict=True):
        assert rmse < 0.7 * np.sqrt(((one.predict(own) - wanted) ** 2).mean())


def test_a_part_that_knows_nothing_is_not_listened_to() -> None:
    number = 2 + 0.1 * X[:, 1].astype(np.float64)
    fitted: Any = FUSION.fit(TrainingSet(X, number, GROUPS, COLUMNS, "numbers"), 0)
    useful, useless = fitted.weights[:, 0]
    assert useful > 0.9
    assert abs(useless) < 0.15


def test_trust_comes_from_formulas_that_members_did_not_learn() -> None:
    """Of noise, trees remember every formula, and so seem to know all sites of the training."""
    y = np.repeat(RNG.choice(2, 60), 4)
    noise = np.repeat(RNG.normal(size=(60, 7)), 4, axis=0).astype(np.float32)
    member = ExtraTrees(n_estimators=20, max_features=1.0)
    fitted: Any = LateFusion(member=member).fit(
        TrainingSet(noise, y, GROUPS, COLUMNS, "classes"), 0
    )
    rows, _ = held_out()
    truth = RNG.choice(2, len(rows))
    proba = fitted.predict_proba(rows)
    loss = -np.log(proba[np.arange(len(rows)), truth]).mean()
    assert loss < 1.25 * np.log(2)


def test_a_class_that_one_formula_alone_has_is_learned_from_all_sites() -> None:
    y = Y.copy()
    y[GROUPS == 7] = 3
    fitted: Any = FUSION.fit(TrainingSet(X, y, GROUPS, COLUMNS, "classes"), 0)
    proba = fitted.predict_proba(X)
    assert fitted.classes_.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert np.isfinite(proba).all()
    # Numbers of classes need not begin at 0, as in a fold that lacks some.
    again: Any = FUSION.fit(TrainingSet(X, 2 * Y + 1, GROUPS, COLUMNS, "classes"), 0)
    assert again.classes_.tolist() == [1, 3, 5]
    assert (again.predict(X) == 2 * Y + 1).mean() > 0.9


@pytest.mark.parametrize("n_classes", [1, 2, 3])
def test_any_number_of_classes_is_weighed(n_classes: int) -> None:
    rows = n_classes > Y
    fitted: Any = FUSION.fit(TrainingSet(X[rows], Y[rows], GROUPS[rows], COLUMNS, "classes"), 0)
    proba = fitted.predict_proba(X[rows])
    assert proba.shape == (rows.sum(), n_classes)
    assert (proba.argmax(axis=1) == Y[rows]).mean() > 0.9
    again = load(dump_model(FUSION, fitted))
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))


def test_the_unit_of_numbers_does_not_matter() -> None:
    plain, scaled = (
        FUSION.fit(TrainingSet(X, factor * NUMBER, GROUPS, COLUMNS, "numbers"), 0)
        for factor in (1, 1024)
    )
    np.testing.assert_allclose(scaled.predict(X), 1024 * plain.predict(X), rtol=1e-6)
    np.testing.assert_allclose(spread(scaled, X), 1024 * spread(plain, X), rtol=1e-6)  # type: ignore[arg-type]
    constant = FUSION.fit(TrainingSet(X, np.full(N, 2.5), GROUPS, COLUMNS, "numbers"), 0)
    np.testing.assert_allclose(constant.predict(X), 2.5)


def test_every_member_is_told_the_absorber() -> None:
    absorber = np.repeat([0, 1], N // 2)
    joint = np.hstack([X, np.eye(2, dtype=np.float32)[absorber]])
    fitted: Any = FUSION.fit(TrainingSet(joint, absorber, GROUPS, COLUMNS, "classes"), 0)
    assert [one.n_features_in_ for one in fitted.members] == [4 + 2, 3 + 2]
    assert fitted.n_features_in_ == 9
    assert (fitted.predict(joint) == absorber).all()
    assert (load(dump_model(FUSION, fitted)).predict(joint) == absorber).all()
    with pytest.raises(ValueError, match=r"not \(n, 9\)"):
        fitted.predict(X)


def test_too_little_is_a_failure_that_says_where() -> None:
    few = GROUPS < 3
    with pytest.raises(ItemFailure, match="in the folds of late fusion, 3 formulas") as caught:
        FUSION.fit(TrainingSet(X[few], Y[few], GROUPS[few], COLUMNS, "classes"), 0)
    assert caught.value.kind == "too_few_sites"
    boosting = LateFusion(member=GradientBoosting(max_iter=2))
    with pytest.raises(ItemFailure, match="boosting needs two") as caught:
        boosting.fit(TrainingSet(X, 0 * Y, GROUPS, COLUMNS, "classes"), 0)
    assert caught.value.kind == "one_class"
    with pytest.raises(ValueError, match="takes the parts of a concatenation"):
        FUSION.fit(TrainingSet(X, Y, GROUPS, Columns(np.arange(7.0)), "classes"), 0)


SETS = """features:
  sets:
    - {kind: r_space}
    - {kind: concatenation, name: both, parts: [{kind: r_space}, {kind: k_space}]}
"""


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("feature_sets: [both], member: {kind: mlp, dropot: 1}", "member.dropot"),
        ("feature_sets: [both], member: {kind: average}", "member"),
        ("feature_sets: [both]", "member: required, but not given"),
        ("feature_sets: [both], member: {kind: mlp, per: campaign}", "member.per: a member has no"),
        (
            "feature_sets: [both], member: {kind: mlp, search: {dropout: [0.1]}}",
            "member.search: a member has no search of its own: give it to late fusion",
        ),
        ("feature_sets: [both], member: {kind: mlp}, search: {member: [1]}", "search"),
        ("member: {kind: mlp}", "takes concatenations, and feature set r_space is none"),
        (
            "feature_sets: [both, r_space], member: {kind: mlp}",
            "feature_sets[1]: late_fusion takes concatenations, and feature set r_space is none",
        ),
    ],
)
def test_what_cannot_be_fused_is_said_in_one_line(model: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    head = f"campaign: x\nabsorbers: [Ni]\nsources: [{{kind: amcsd}}]\n{SETS}"
    file.write_text(f"{head}models: [{{kind: late_fusion, {model}}}]\n")
    with pytest.raises(UsageError) as error:
        load_campaign_file(file)
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"{file}:8: models[0]")
    assert words in line


def test_concatenations_are_taken(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    model = "{kind: late_fusion, feature_sets: [both], member: {kind: extra_trees}}"
    file.write_text(
        f"campaign: x\nabsorbers: [Ni]\nsources: [{{kind: amcsd}}]\n{SETS}models: [{model}]\n"
    )
    (found,) = load_campaign_file(file).models
    assert found.name == "late_fusion"
    assert found.libraries == ("scikit-learn", "skops", "numpy")


CHANGES: dict[str, Any] = {
    "version": lambda header, _: header.update(version=2),
    "task": lambda header, _: header.update(task="numbers"),
    "no task": lambda header, _: header.update(task="weights"),
    "kind": lambda header, _: header.update(member="mlp"),
    "fusion": lambda header, _: header.update(member="late_fusion"),
    "fewer": lambda header, _: header["sizes"].pop(),
    "one": lambda header, files: (header["sizes"].pop(), files.pop("1")),
    "size": lambda header, _: header.update(sizes=[3, 4]),
    "fraction": lambda header, _: header.update(sizes=[4.0, 3.0]),
    "negative": lambda header, _: header.update(sizes=[5, 4], others=-1),
    "swapped": lambda _, files: files.update({"0": files["1"]}),
    "weights": lambda header, _: header["weights"].pop(),
    "ragged": lambda header, _: header["weights"][0].pop(),
    "nan": lambda header, _: header["bias"].__setitem__(0, float("nan")),
    "huge": lambda header, _: header["bias"].__setitem__(0, 10**400),
    "text": lambda header, _: header["bias"].__setitem__(0, "a"),
    "more": lambda _, files: files.update({"2": files["1"]}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_files_that_were_tampered_with_are_refused(fitted: Any, change: str) -> None:
    data = dump_model(FUSION, fitted)
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        header = json.loads(file.read("late_fusion.json"))
        files = {name: file.read(name) for name in ("0", "1")}
    assert dump_model(FUSION, load(write_zip("late_fusion.json", header, files))) == data
    CHANGES[change](header, files)
    with pytest.raises(CampaignError):
        load(write_zip("late_fusion.json", header, files))


def test_members_of_other_classes_or_tasks_are_refused(fitted: Any) -> None:
    first, second = fitted.members
    other = TREES.fit(TrainingSet(X[:, 4:], Y + 1, GROUPS, COLUMNS, "classes"), 0)
    rest = ((4, 3), 0, fitted.weights, fitted.bias)
    with pytest.raises(ValueError, match="different classes"):
        FusionClassifier("random_forest", (first, other), *rest)
    with pytest.raises(ValueError, match="not learned numbers"):
        FusionRegressor("random_forest", (first, second), (4, 3), 0, np.ones((2, 1)), np.ones(1))
    with pytest.raises(TypeError, match="no late fusion"):
        dump_model(FUSION, first)
