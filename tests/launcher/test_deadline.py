"""Rockets that hand back what they have no time for."""

import json
import time
import uuid

import pytest
from campaigns import Workspace
from fireworks import FWorker
from fireworks.core.rocket_launcher import launch_rocket

from exafscn_flows.jobs.context import MARGIN_SECONDS, Deadline, SerialExecutor, surroundings
from exafscn_flows.settings import Settings
from exafscn_flows.store.store import Store
from launcher.cluster.launchpad import open_launchpad
from launcher.cluster.submit import submit_campaign
from launcher.deadline import find_deadline


@pytest.fixture
def workspace(finished):
    """The campaign of `finished`, in a database of its own."""
    base = finished.uri.rpartition("/")[0]
    workspace = Workspace(finished.folder, f"{base}/test-{uuid.uuid4().hex[:12]}", cores=2)
    yield workspace
    workspace.database.client.drop_database(workspace.database.name)


class Few(Deadline):
    """Time for a few sites."""

    sites = 3

    def allows(self, seconds):
        self.sites -= 1
        return self.sites >= 0


def test_rocket_hands_back_what_it_has_no_time_for(workspace, finished, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # FireWorks writes rockets into the current folder
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", workspace.uri)
    submit_campaign(workspace.file, retry_failed=False)
    launchpad = open_launchpad(Store.open(), Settings())
    deadline = Few(end=0)
    while not deadline.handed_back:
        with surroundings(SerialExecutor(), None, deadline):
            assert launch_rocket(launchpad, FWorker(), strm_lvl="CRITICAL")
    assert len(workspace.documents("spectra")) == 3
    before = workspace.written("spectra")
    # The rocket is complete, and another of its kind is ready.
    query = {"name": {"$regex": "sites .* to "}}
    done, left = (
        launchpad.get_fw_ids({**query, "state": state}) for state in ("COMPLETED", "READY")
    )
    assert len(done) == len(left) == 1
    specs = [launchpad.get_fw_by_id(number).spec for number in (*done, *left)]
    assert len({(spec["campaign"], spec["_category"]) for spec in specs}) == 1
    # A job whose time is over leaves it to others.
    late = {"EXAFSCN_DEADLINE": str(time.time() + MARGIN_SECONDS - 1)}
    with monkeypatch.context() as patch:
        for name, value in late.items():
            patch.setenv(name, value)
        assert "time of this job is over" in workspace.exafscn("launch")
    assert launchpad.get_fw_ids({**query, "state": "READY"}) == left
    workspace.exafscn("launch")
    assert workspace.results() == finished.results()
    spectra = workspace.written("spectra")
    assert {key: spectra[key] for key in before} == before
    states = json.loads(workspace.exafscn("status", "--json"))["rockets"]
    assert states["state"] == "COMPLETED"


def test_deadline_of_the_settings_comes_before_that_of_slurm(monkeypatch):
    for name in ("SLURM_JOB_ID", "SLURM_JOB_END_TIME", "EXAFSCN_DEADLINE"):
        monkeypatch.delenv(name, raising=False)
    assert find_deadline(Settings()) is None
    # A job of a Slurm that cannot be asked.
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    assert find_deadline(Settings()) is None
    monkeypatch.setenv("SLURM_JOB_END_TIME", "2000000000")
    assert find_deadline(Settings()).end == 2e9
    monkeypatch.setenv("EXAFSCN_DEADLINE", "1900000000")
    assert find_deadline(Settings()).end == 1.9e9
