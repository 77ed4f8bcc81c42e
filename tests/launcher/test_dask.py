"""Workers of a Dask scheduler that somebody else has started."""

import json
import os
import time
import uuid
from importlib.metadata import version
from operator import add

import dask
import psutil
import pytest
from campaigns import Workspace
from distributed import LocalCluster
from forks import Command
from waiting import wait_until

from exafscn_flows.errors import CampaignError, UsageError
from exafscn_flows.settings import Settings
from launcher.dask_scheduler import SchedulerExecutor
from launcher.local_cluster import LocalClusterExecutor
from launcher.workers import make_executor


@pytest.fixture
def scheduler(tmp_path):
    """File of a scheduler with two workers, which are told nothing about exafscn, and these."""
    file = tmp_path / "scheduler.json"
    place = ["--host", "127.0.0.1", "--scheduler-file", str(file), "--no-dashboard"]
    single = ["--nworkers", "2", "--nthreads", "1", "--local-directory", str(tmp_path)]
    commands = [["scheduler", "--port", "0", *place], ["worker", *place, *single]]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("EXAFSCN_")}
    # Each worker would take seconds to import what these processes have imported.
    environment["DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD"] = "fork"
    scheduler, workers = (
        Command(command, program="dask", known=False, env=environment) for command in commands
    )
    yield file, workers
    for process in (workers, scheduler):
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture
def cluster(request, tmp_path):
    """A scheduler and its workers in this process."""
    options = {"n_workers": 1, "threads_per_worker": 1} | getattr(request, "param", {})
    with LocalCluster(
        **options,
        processes=False,
        protocol="tcp://",
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        scheduler_kwargs={"dashboard": False},
        local_directory=str(tmp_path),
    ) as cluster:
        yield cluster


def test_killed_worker_of_a_running_scheduler_changes_nothing(finished, scheduler, monkeypatch):
    scheduler_file, watching = scheduler
    monkeypatch.setenv("EXAFSCN_DASK", str(scheduler_file))
    base = finished.uri.rpartition("/")[0]
    workspace = Workspace(finished.folder, f"{base}/test-{uuid.uuid4().hex[:12]}")
    wait_until(scheduler_file.exists)
    with workspace.start("run", str(workspace.file)) as process:
        wait_until(lambda: workspace.database.spectra.count_documents({}))
        victim, *others = psutil.Process(watching.pid).children()
        victim.kill()
        _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert not workspace.documents("failures")
    assert workspace.results() == finished.results()
    # The workers are not the run's own.
    assert others
    assert all(worker.is_running() for worker in others)
    workspace.database.client.drop_database(workspace.database.name)


def test_settings_choose_where_tasks_run(monkeypatch, tmp_path):
    assert isinstance(make_executor(Settings(), 1), LocalClusterExecutor)
    monkeypatch.setenv("EXAFSCN_DASK", "tls://login.example:8786")
    assert isinstance(make_executor(Settings(), 1), SchedulerExecutor)


@pytest.mark.parametrize("place", ["slrum", "no/such/file.json"])
def test_mistyped_place_is_named(place):
    with pytest.raises(UsageError, match=f"EXAFSCN_DASK: {place}.*slurm"):
        SchedulerExecutor(place)


@pytest.mark.parametrize("address", ["tcp://192.0.2.1:8786", "tcp://login.example:8786"])
def test_scheduler_that_others_reach_needs_tls(address, tmp_path):
    file = tmp_path / "scheduler.json"
    file.write_text(json.dumps({"address": address}))
    for place in (address, str(file)):
        with pytest.raises(UsageError, match=r"TLS.*--host 127\.0\.0\.1"):
            SchedulerExecutor(place)
    with dask.config.set({"distributed.comm.require-encryption": False}):
        SchedulerExecutor(address)
    SchedulerExecutor(address.replace("tcp", "tls"))
    SchedulerExecutor("tcp://[::1]:8786")


def test_scheduler_that_is_not_there_is_one_line():
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "200ms"}),
        SchedulerExecutor("tcp://127.0.0.1:9") as executor,
        pytest.raises(CampaignError, match=r"no Dask scheduler at tcp://127\.0\.0\.1:9 .*unset"),
    ):
        executor.submit(add, 1, 2)


def test_workers_find_the_database_and_keep_their_own_scratch_folder(
    cluster, monkeypatch, tmp_path
):
    # Workers of this process share its environment, so what they are told can be looked at.
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", "mongodb://here/exafscn")
    monkeypatch.setenv("EXAFSCN_SCRATCH_DIR", str(tmp_path))
    with SchedulerExecutor(cluster.scheduler_address) as executor:
        assert (
            executor.submit(os.getenv, "EXAFSCN_MONGODB_URI").result() == "mongodb://here/exafscn"
        )
        assert executor.submit(add, 1, 2).result() == 3
        error = executor.submit(int, "x").exception()
        assert isinstance(error, ValueError)
        # Equal tasks are all run.
        first, second = executor.submit(time.monotonic), executor.submit(time.monotonic)
        assert first.result() != second.result()
    assert len(cluster.scheduler.workers) == 1


@pytest.mark.parametrize("cluster", [{"threads_per_worker": 2}], indirect=True)
def test_workers_of_several_threads_are_refused(cluster, monkeypatch):
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", "mongodb://here/exafscn")
    with (
        SchedulerExecutor(cluster.scheduler_address) as executor,
        pytest.raises(CampaignError, match="--nthreads 1"),
    ):
        executor.submit(add, 1, 2)


def test_workers_of_another_version_are_refused(cluster, monkeypatch):
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", "mongodb://here/exafscn")
    here = version("exafscn")
    found = iter(["9.9", here])
    monkeypatch.setattr("launcher.worker_setup.version", lambda name: next(found))
    with (
        SchedulerExecutor(cluster.scheduler_address) as executor,
        pytest.raises(CampaignError, match=rf"they have exafscn {here}, this is 9\.9"),
    ):
        executor.submit(add, 1, 2)


def test_lost_scheduler_ends_the_tasks_with_one_line(cluster, monkeypatch):
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", "mongodb://here/exafscn")
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "200ms"}),
        SchedulerExecutor(cluster.scheduler_address) as executor,
    ):
        future = executor.submit(time.sleep, 1)
        waiting = executor.submit(time.sleep, 1)
        cluster.close()
        for lost in (future, waiting):
            assert isinstance(lost.exception(timeout=10), CampaignError)


def test_tasks_can_be_ended_with_a_reason(cluster, monkeypatch):
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", "mongodb://here/exafscn")
    with SchedulerExecutor(cluster.scheduler_address) as executor:
        assert executor.submit(add, 1, 2).result() == 3
        future = executor.submit(time.sleep, 0.2)
        executor.fail("no more workers")
        with pytest.raises(CampaignError, match="no more workers"):
            future.result(timeout=5)
