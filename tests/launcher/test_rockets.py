"""Campaigns on FireWorks, whose rockets share out the work, die and are repaired."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
from campaigns import Workspace

LPAD = str(Path(sys.executable).with_name("lpad"))


@pytest.fixture
def submitted(finished):
    """The campaign of `finished`, in a database of its own, on the LaunchPad."""
    base = finished.uri.rpartition("/")[0]
    workspace = Workspace(finished.folder, f"{base}/test-{uuid.uuid4().hex[:12]}", cores=2)
    workspace.exafscn("submit", str(workspace.file))
    yield workspace
    workspace.database.client.drop_database(workspace.database.name)


def rockets(workspace):
    return json.loads(workspace.exafscn("status", "--json"))["rockets"]


def states(workspace):
    """Number of rockets by state."""
    total = {}
    for found in rockets(workspace)["counts"].values():
        for state, count in found.items():
            total[state] = total.get(state, 0) + count
    return total


def wait_for_spectra(workspace, count):
    deadline = time.monotonic() + 120
    while workspace.database.spectra.count_documents({}) < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_rockets_make_what_a_run_makes(submitted, finished):
    assert rockets(submitted)["counts"] == {
        "fetch": {"READY": 1},
        "cpu": {"WAITING": 1},
        "train": {"WAITING": 1},
    }
    out = submitted.exafscn("launch", "-n", "2")
    # Each of two rockets at once has one core, so the eight sites are shared out by fours.
    assert out.count("test: sites ") == 2
    assert "Campaign test is complete" in out
    assert submitted.results() == finished.results()
    assert rockets(submitted)["state"] == "COMPLETED"
    assert "nothing to launch" in submitted.exafscn("launch")

    # A finished campaign may be submitted again, and is not computed again.
    before = submitted.written("spectra", "features", "models", "predictions")
    submitted.exafscn("submit", str(submitted.file))
    submitted.exafscn("launch", "test")
    assert submitted.written("spectra", "features", "models", "predictions") == before


def test_killed_rockets_are_found_and_rerun(submitted, finished):
    with submitted.start("launch") as process:
        wait_for_spectra(submitted, 2)
        message = submitted.exafscn("run", str(submitted.file), rc=1)
        assert message.splitlines() == [
            f"exafscn: campaign test is being run already, by process {process.pid} on "
            f"{os.uname().nodename}: wait for it, or stop it first"
        ]
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    acknowledged = submitted.written("spectra")
    assert 2 <= len(acknowledged) < 8

    (lost,) = rockets(submitted)["troubles"]
    assert lost["state"] == "lost"
    message = submitted.exafscn("launch", rc=1)
    assert f"rocket {lost['rocket']} " in message
    assert "--repair" in message
    assert submitted.written("spectra") == acknowledged

    assert f"Ready again: {lost['rocket']}." in submitted.exafscn("status", "--repair")
    assert not rockets(submitted)["troubles"]
    submitted.exafscn("launch")
    spectra = submitted.written("spectra")
    assert {key: spectra[key] for key in acknowledged} == acknowledged
    assert submitted.results() == finished.results()
    assert not list((submitted.folder / "scratch").iterdir())


def test_interrupted_rocket_is_ready_again(submitted):
    """Queues send SIGTERM before they kill."""
    with submitted.start("launch") as process:
        wait_for_spectra(submitted, 1)
        os.killpg(process.pid, signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    message = "exafscn: interrupted; the same command goes on where it stopped"
    assert (process.returncode, err.splitlines()[-1]) == (130, message)
    assert "Traceback" not in out + err
    assert states(submitted).get("READY") == 1
    assert not rockets(submitted)["troubles"]
    assert "lock" not in submitted.database.campaigns.find_one()


def test_campaign_is_submitted_once(submitted):
    message = submitted.exafscn("submit", str(submitted.file), rc=1)
    (line,) = message.splitlines()
    assert "campaign test is on the LaunchPad already (1 READY, 2 WAITING)" in line
    assert "`exafscn launch test`" in line
    assert "lpad archive_wflows" in line
    assert submitted.database.workflows.count_documents({}) == 1


def test_lpad_sees_the_campaign_and_can_take_it_off(submitted, tmp_path):
    submitted.exafscn("cluster", "init", str(tmp_path / "cluster"), "--scheduler", "slurm")
    lpad = [LPAD, "-l", str(tmp_path / "cluster" / "my_launchpad.yaml")]
    table = subprocess.run(
        [*lpad, "get_wflows", "-t"], capture_output=True, text=True, cwd=tmp_path
    )
    assert table.returncode == 0, table.stderr
    assert "test--" in table.stdout
    number = str(rockets(submitted)["workflow"])
    subprocess.run([*lpad, "archive_wflows", "-i", number], check=True, cwd=tmp_path)
    assert "nothing to launch" in submitted.exafscn("launch", "test")
    submitted.exafscn("submit", str(submitted.file))
    assert states(submitted) == {"READY": 1, "WAITING": 2}


def test_campaign_that_was_not_submitted_cannot_be_launched(finished):
    message = finished.exafscn("launch", "test", rc=2)
    assert "not on the LaunchPad" in message
    assert "no campaign 'other'" in finished.exafscn("launch", "other", rc=2)
    assert "not on the LaunchPad" in finished.exafscn("status", "--repair", rc=1)


def test_rocket_that_fails_says_why_and_can_be_repaired(workspace):
    workspace.write(absorbers=["Ti"])
    workspace.exafscn("submit", str(workspace.file))
    why = "no structure of its sources holds Ti"
    message = workspace.exafscn("launch", rc=1)
    assert why in message
    assert "--repair" in message
    (trouble,) = rockets(workspace)["troubles"]
    assert trouble["state"] == "FIZZLED"
    assert why in trouble["why"]
    workspace.exafscn("status", "--repair")
    assert states(workspace) == {"READY": 1, "WAITING": 2}


def test_rockets_of_other_categories_are_left(submitted):
    out = submitted.exafscn("launch", "--category", "fetch")
    assert "campaign test: 1 COMPLETED, 1 READY, 1 WAITING" in out
    assert submitted.database.sites.count_documents({}) == 8
    assert not submitted.documents("spectra")


def test_what_a_killed_process_left_half_written_is_repaired(submitted, finished):
    """FireWorks writes rockets first, and then the workflow that holds them."""
    (workflow,) = submitted.database.workflows.find()
    stray = submitted.database.fireworks.find_one({"state": "READY"}, {"_id": 0})
    submitted.exafscn("launch", "--category", "fetch")
    submitted.database.workflows.replace_one({"_id": workflow["_id"]}, workflow)
    submitted.database.fireworks.insert_one({**stray, "fw_id": 1000})
    assert rockets(submitted)["counts"]["fetch"] == {"COMPLETED": 1}

    submitted.exafscn("status", "--repair")
    out = submitted.exafscn("launch")
    assert "rocket 1000" not in out
    assert rockets(submitted)["state"] == "COMPLETED"
    assert submitted.results() == finished.results()


def test_rockets_carry_no_address(submitted):
    """FireWorks writes them into files that others can read."""
    for rocket in submitted.database.fireworks.find():
        assert submitted.uri.partition("?")[0] not in json.dumps(rocket, default=str)
