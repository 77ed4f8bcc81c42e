"""A campaign with several spectra, targets and models: complete, asked, reported, and killed."""

import json
import os
import signal
import time
import uuid
from collections.abc import Iterator

import pytest
from campaigns import Workspace, make_workspace
from crystals import polymorphs

from exafscn_flows.spectra import feff

TARGETS = ["coordination_number", "environment", "oxidation_state", "bond_length"]
NEAR_EDGE = {"kind": "xanes", "spectrum": "other"}
SIX = "for p in rdinp pot xsph pathfinder genfmt ff2x; do {home}/feff8l_$p || exit 1; done"
SETTINGS = {
    "absorbers": ["Ni", "Cu"],
    "targets": TARGETS,
    "spectra": [
        {"kind": "feff", "cards": {"RPATH": 5, "NLEG": 2}},
        {"kind": "feff", "name": "other", "command": "./other_feff", "cards": {"RPATH": 4}},
    ],
    "features": {
        "sets": [
            {"kind": "r_space", "input": "chi"},
            NEAR_EDGE,
            {
                "kind": "concatenation",
                "name": "both",
                "parts": [{"kind": "r_space", "input": "chi"}, NEAR_EDGE],
            },
        ]
    },
    "models": [
        {"kind": "random_forest", "n_estimators": 10},
        {"kind": "gradient_boosting", "max_iter": 5, "feature_sets": ["both"]},
        {"kind": "extra_trees", "n_estimators": 10, "per": "campaign", "name": "all_metals"},
    ],
    "evaluation": {"n_folds": 2},
}


@pytest.fixture(scope="module")
def complete(server_uri: str) -> Iterator[Workspace]:
    """EXAFS by FEFF as it comes along, and by a command that runs it; finished, not to change."""
    workspace = make_workspace(server_uri, polymorphs("Ni") | polymorphs("Cu"), **SETTINGS)
    home = feff._home()
    command = workspace.folder / "other_feff"
    command.write_text(f"#!/bin/sh\nexport LD_LIBRARY_PATH={home}\n{SIX.format(home=home)}\n")
    command.chmod(0o755)
    workspace.cores = 2
    workspace.exafscn("run", str(workspace.file))
    yield workspace
    workspace.remove()


def test_everything_is_there(complete):
    n = 16
    failures = list(complete.documents("failures").values())
    # Some labels of such crystals on paper are one for all, and oxidation states may be unknown.
    kinds = {"one_class", "no_oxidation_state", "too_few_sites"}
    assert {doc["kind"] for doc in failures} <= kinds
    skipped = [doc["item"] for doc in failures if doc["stage"] == "models"]
    assert all(item.startswith("oxidation_state/") for item in skipped)
    unlabelled = sum(doc["stage"] == "labels" for doc in failures)
    assert len(complete.documents("labels")) + unlabelled == 4 * n
    assert len(complete.documents("spectra")) == 2 * n
    assert len(complete.documents("features")) == 3 * n
    # At each of two absorbers a forest and a joint model on three sets, boosting on one.
    assert len(complete.documents("models")) + len(skipped) == 4 * 2 * 7
    assert json.loads(complete.exafscn("status", "--json"))["complete"]


def test_each_target_can_be_asked_for(complete):
    def rows(*arguments):
        return json.loads(complete.exafscn("query", "--json", *arguments))

    six = rows("--cn", "6")
    assert six == rows("--target", "coordination_number", "--value", "6")
    assert {row["value"] for row in six} == {6}
    octahedra = rows("--target", "environment", "--value", "octahedron")
    assert {row["value"] for row in octahedra} == {"octahedron"}
    limits = ("--target", "bond_length", "--min-value", "2.1", "--sort", "value")
    lengths = [row["value"] for row in rows(*limits)]
    assert lengths == sorted(lengths)
    assert all(2.1 <= value < 3 for value in lengths)
    some = rows("--target", "bond_length")
    assert all(row["probability"] is None and row["expected_error"] > 0 for row in some)
    joint = rows("--model", "all_metals", "--absorber", "Cu")
    assert {row["absorber"] for row in joint} == {"Cu"}
    assert len(joint) == 8


def test_the_report_shows_every_target(complete):
    file = complete.folder / "report.json"
    complete.exafscn("report", "--json", str(file))
    assert list(json.loads(file.read_text())["targets"]) == TARGETS
    page = complete.folder / "report.html"
    complete.exafscn("report", "--output", str(page))
    text = page.read_text()
    for words in ("coordination number", "environment", "oxidation state", "bond length", "RMSE"):
        assert words in text


@pytest.mark.engine
def test_killed_and_resumed_it_ends_as_an_undisturbed_one(complete):
    """In a database of its own, from the same files."""
    base = complete.uri.rpartition("/")[0]
    killed = Workspace(complete.folder, f"{base}/test-{uuid.uuid4().hex[:12]}", cores=2)
    for delay in (2, 4, 6, 7, 8):
        process = killed.start_program("run", str(killed.file))
        time.sleep(delay)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    killed.exafscn("run", str(killed.file))
    mine, theirs = killed.results(), complete.results()
    for collection in theirs:
        assert mine[collection].keys() == theirs[collection].keys(), collection
        assert mine[collection] == theirs[collection], collection
    killed.database.client.drop_database(killed.database.name)
