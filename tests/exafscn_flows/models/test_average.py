"""Averages of models: what they are the mean of, and what they may be made of."""

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from exafscn_flows.config.loader import load_campaign_file
from exafscn_flows.errors import CampaignError, UsageError
from exafscn_flows.evaluation.importance import gini_importance
from exafscn_flows.features.columns import Columns
from exafscn_flows.models import Average, Mlp, RandomForest
from exafscn_flows.models.average_fitted import averaged
from exafscn_flows.models.canonical_zip import write_zip
from exafscn_flows.models.persistence import dump_model, load_model
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.targets.base import TaskName
from exafscn_flows.tasks import task_named
from exafscn_flows.tasks.numbers import spread

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
Y = (X[:, 1] > 0).astype(int)
ROWS = (np.repeat(np.arange(20), 3), Columns(np.arange(4.0)))
MEMBERS = [RandomForest(n_estimators=3), Mlp(max_epochs=1)]
AVERAGE = Average(members=MEMBERS)


@pytest.fixture(scope="module")
def data() -> bytes:
    return dump_model(AVERAGE, AVERAGE.fit(TrainingSet(X, Y, *ROWS, "classes"), 3))


def load(data: bytes) -> Any:
    return load_model("average", data, hashlib.sha256(data).hexdigest())


def test_it_is_the_mean_of_the_members_as_they_are_alone(data: bytes) -> None:
    fitted: Any = AVERAGE.fit(TrainingSet(X, Y, *ROWS, "classes"), 3)
    alone: Any = [one.fit(TrainingSet(X, Y, *ROWS, "classes"), 3) for one in MEMBERS]
    proba = (alone[0].predict_proba(X) + alone[1].predict_proba(X)) / 2
    np.testing.assert_array_equal(fitted.predict_proba(X), proba)
    assert (fitted.predict(X) == proba.argmax(axis=1)).all()
    assert (load(data).predict_proba(X) == proba).all()
    assert gini_importance(fitted) is None


def test_the_spread_of_numbers_is_that_of_all_parts() -> None:
    number = X[:, 1].astype(float)
    fitted: Any = AVERAGE.fit(TrainingSet(X, number, *ROWS, "numbers"), 3)
    forest, network = (one.fit(TrainingSet(X, number, *ROWS, "numbers"), 3) for one in MEMBERS)
    np.testing.assert_array_equal(fitted.predict(X), (forest.predict(X) + network.predict(X)) / 2)
    # Three trees and a network that counts as much as they do together.
    trees = [tree.predict(X) for tree in forest.estimators_]  # type: ignore[union-attr]
    parts = np.array([*trees, *3 * [network.predict(X)]])
    np.testing.assert_allclose(spread(fitted, X), parts.std(axis=0), rtol=1e-6)


def test_its_name_is_made_of_those_of_the_members_if_it_fits() -> None:
    plain = [{"kind": "random_forest"}, {"kind": "mlp", "name": "net"}]
    assert Average.model_validate({"members": plain}).name == "random_forest+net"
    assert AVERAGE.name == "random_forest+mlp"
    assert Average(members=[*MEMBERS, *MEMBERS, *MEMBERS]).name == "average"
    assert Average.model_validate({"members": plain, "name": "both"}).name == "both"


def test_it_needs_what_its_members_need() -> None:
    assert AVERAGE.libraries == ("scikit-learn", "skops", "torch", "numpy")
    assert AVERAGE.tasks == {"classes", "numbers", "curves"}
    assert [one["version"] for one in AVERAGE.parameters()["members"]] == [
        one.version for one in MEMBERS
    ]


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ("members: [{kind: mlp}]", "members: list should have at least 2 items"),
        ("members: [{kind: mlp}, {kind: average}]", "members[1]"),
        ("members: [{kind: mlp}, {kind: mlp, dropot: 1}]", "members[1].dropot"),
        ("members: [{kind: mlp}, {kind: mlp, per: campaign}]", "members[1].per: a member has no"),
        ("members: [{kind: mlp}, {kind: mlp, targets: [x]}]", "members[1].targets: a member"),
        ("members: [{kind: mlp}, {kind: mlp, feature_sets: [x]}]", "members[1].feature_sets: a"),
        (
            "members: [{kind: mlp}, {kind: mlp, search: {dropout: [0.1]}}]",
            "members[1].search: a member has no search of its own",
        ),
        ("members: [{kind: mlp}, {kind: bagging}], search: {members: [[]]}", "search"),
    ],
)
def test_what_members_may_not_be_is_said_in_one_line(
    models: str, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "c.yaml"
    head = "campaign: x\nabsorbers: [Ni]\nsources: [{kind: amcsd}]\n"
    file.write_text(f"{head}models: [{{kind: average, {models}}}]\n")
    with pytest.raises(UsageError) as error:
        load_campaign_file(file)
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"{file}:4: models[0].")
    assert words in line


@pytest.mark.parametrize(
    "change", ["version", "task", "kind", "average", "fewer", "one", "file", "span", "columns"]
)
def test_files_that_were_tampered_with_are_refused(data: bytes, change: str) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        header = json.loads(file.read("average.json"))
        files = {name: file.read(name) for name in ("0", "1")}
    assert dump_model(AVERAGE, load(write_zip("average.json", header, files))) == data
    if change == "version":
        header["version"] = 1
    elif change == "task":
        header["task"] = "numbers"
    elif change == "kind":
        header["members"][0] = "mlp"
    elif change == "average":
        header["members"][0], files["0"] = "average", data
    elif change == "fewer":
        header["members"].pop()
    elif change == "span":
        header["spans"][0] = [0, 2, 4, 4]  # columns that the member does not take
    elif change == "columns":
        header["spans"][0] = [0, 9, 4, 4]
    elif change == "one":
        header["members"].pop()
        del files["1"]
    else:
        files["1"] = files["0"]
    with pytest.raises(CampaignError):
        load(write_zip("average.json", header, files))


def test_members_that_do_not_belong_together_are_refused() -> None:
    one = RandomForest(n_estimators=1).fit(TrainingSet(X, Y, *ROWS, "classes"), 3)
    other = RandomForest(n_estimators=1).fit(TrainingSet(X[:, :3], Y, *ROWS, "classes"), 3)
    with pytest.raises(ValueError, match="different"):
        averaged(["random_forest"] * 2, [one, other], "classes")
    with pytest.raises(ValueError, match="not learned numbers"):
        averaged(["random_forest"] * 2, [one, one], "numbers")


def test_of_a_class_that_a_member_lacks_it_says_nothing() -> None:
    one = RandomForest(n_estimators=2).fit(TrainingSet(X, Y, *ROWS, "classes"), 3)
    other = RandomForest(n_estimators=2).fit(TrainingSet(X, Y + 1, *ROWS, "classes"), 3)
    both: Any = averaged(["random_forest"] * 2, [one, other], "classes")
    assert both.classes_.tolist() == sorted({*Y.tolist(), *(Y + 1).tolist()})
    proba = both.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_allclose(proba[:, 0], one.predict_proba(X)[:, 0] / 2)


PARTS = Columns(np.arange(4.0), (np.arange(3.0), np.arange(1.0)), ("left", "right"))


@pytest.mark.parametrize("task", ["classes", "numbers"])
def test_a_member_of_a_part_sees_that_part_and_the_absorber(task: TaskName) -> None:
    forest = RandomForest(n_estimators=3)
    average = Average(members=[forest, forest], parts=["left", None])
    rows = np.hstack([X, np.eye(2)[np.arange(60) % 2]])
    y = Y if task == "classes" else X[:, 0]
    data = TrainingSet(rows, y, ROWS[0], PARTS, task)
    fitted: Any = average.fit(data, 3)
    seen = np.hstack([rows[:, :3], rows[:, 4:]])
    left = forest.fit(TrainingSet(seen, y, ROWS[0], Columns(np.arange(3.0)), task), 3)
    whole = forest.fit(data, 3)
    output = task_named(task).output
    classes = [4, 5, 6][: len(np.unique(Y))] if task == "classes" else []
    own = np.mean([output(left, seen, classes), output(whole, rows, classes)], axis=0)
    np.testing.assert_allclose(output(fitted, rows, classes)[:, 0], own[:, 0])
    again = load(dump_model(average, fitted))
    np.testing.assert_array_equal(output(again, rows, classes), output(fitted, rows, classes))
    assert dump_model(average, again) == dump_model(average, fitted)
    with pytest.raises(ValueError, match="shape"):
        fitted.predict(rows[:, :5])


def test_every_member_has_its_part() -> None:
    with pytest.raises(ValidationError, match="parts names 1, and there are 2 members"):
        Average(members=MEMBERS, parts=["left"])


@pytest.mark.parametrize(
    ("sets", "model", "words"),
    [
        (
            "{kind: r_space}",
            "kind: average, parts: [k_space, null], members: [{kind: mlp}, {kind: bagging}]",
            "models[0].parts: feature set r_space has no part k_space",
        ),
        (
            "{kind: concatenation, name: both, parts: [{kind: k_space}, {kind: k_space, kmax: 9}]}",
            "kind: average, parts: [k_space, null], members: [{kind: mlp}, {kind: bagging}]",
            "models[0].parts: feature set both has several parts k_space: it has k_space, k_space",
        ),
        (
            "{kind: r_space, rmin: 1}",
            "kind: spectral_network",
            "models[0]: spectral_network takes features of kind k_space, and r_space is of kind",
        ),
        (
            "{kind: concatenation, name: both, parts: [{kind: r_space}, {kind: k_space}]}",
            "kind: average, parts: [r_space, null], feature_sets: [both], "
            "members: [{kind: spectral_network}, {kind: bagging}]",
            "feature_sets[0]: average takes features of kind k_space, and r_space is of kind r_sp",
        ),
        (
            "{kind: concatenation, name: both, parts: [{kind: r_space}, {kind: k_space}]}",
            "kind: late_fusion, member: {kind: spectral_network}",
            "late_fusion takes features of kind k_space, and r_space is of kind r_space",
        ),
        (
            "{kind: concatenation, parts: [{kind: r_space}, {kind: k_space}]}",
            "kind: spectral_network",
            "spectral_network takes features of kind k_space, and r_space is of kind r_space",
        ),
        (
            "{kind: k_space}",
            "kind: two_stage, first: atoms",
            "models[0]: feature set 'atoms' is not in this file, which has k_space",
        ),
        (
            "{kind: k_space}",
            "kind: two_stage, first: k_space",
            "k_space is of kind k_space: models predict running_coordination first",
        ),
    ],
    ids=[
        *("no concatenation", "twice", "no chi(k)", "another part", "every part"),
        *("another first part", "not there", "another kind"),
    ],
)
def test_members_find_what_they_take(sets: str, model: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    name = "" if "members" not in model else "name: average, "
    file.write_text(
        "campaign: x\nabsorbers: [Ni]\nsources: [{kind: amcsd}]\n"
        f"features: {{sets: [{sets}]}}\nmodels: [{{{name}{model}}}]\n"
    )
    with pytest.raises(UsageError) as error:
        load_campaign_file(file)
    (line,) = str(error.value).splitlines()
    assert words in line


def test_a_network_on_one_part_of_a_concatenation_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(
        "campaign: x\nabsorbers: [Ni]\nsources: [{kind: amcsd}]\n"
        "features: {sets: [{kind: concatenation, parts: [{kind: r_space}, {kind: k_space}]}]}\n"
        "models: [{kind: average, parts: [k_space, null],"
        " members: [{kind: spectral_network}, {kind: bagging}]}]\n"
    )
    assert load_campaign_file(file).models[0].kind == "average"
