"""A real Slurm of one node: workers of Dask in its jobs."""

import os
import sys
import time
import uuid
from operator import add
from pathlib import Path

import dask
import pytest
from campaigns import Workspace, make_workspace
from crystals import polymorphs
from slurm import CORES, running_slurm, why_not
from waiting import wait_until

from exafscn_flows.errors import CampaignError, UsageError
from exafscn_flows.settings import Settings
from launcher import slurm_cluster
from launcher.workers import make_executor

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(bool(why_not()), reason=f"no Slurm here: {why_not()}"),
]


@pytest.fixture(scope="module")
def running():
    with running_slurm() as slurm:
        yield slurm


@pytest.fixture
def slurm(running, monkeypatch):
    """Slurm, as this process and those that it starts find it."""
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    yield running
    wait_until(lambda: not running.jobs())


@pytest.fixture
def workers(slurm, monkeypatch, tmp_path):
    """Settings that ask for workers in jobs of Slurm, of two cores each."""
    settings = {
        "EXAFSCN_DASK": "slurm",
        "EXAFSCN_DATA_DIR": str(tmp_path),
        "EXAFSCN_CORES": str(CORES),
        "DASK_JOBQUEUE__SLURM__CORES": str(CORES),
        "DASK_JOBQUEUE__SLURM__MEMORY": "4GB",
    }
    with monkeypatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        configure()
        yield
    dask.config.refresh()


def configure(**settings):
    """Have Dask read its settings again, and change some of those of jobs."""
    dask.config.refresh()
    dask.config.set({f"jobqueue.slurm.{name}": value for name, value in settings.items()})


@pytest.fixture
def executor(workers, monkeypatch):
    """What sends tasks to Slurm, and looks after its jobs every second."""
    monkeypatch.setattr(slurm_cluster, "_LOOK_SECONDS", 1)
    monkeypatch.setattr(slurm_cluster, "_IDLE_LOOKS", 2)
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", "mongodb://user:password@here/exafscn")
    with make_executor(Settings(), CORES) as executor:
        yield executor


@pytest.fixture(scope="module")
def studied(server_uri):
    """A campaign with experiments, run on this machine."""
    workspace = make_workspace(
        server_uri,
        polymorphs("Ni"),
        features={"sets": [{"kind": "r_space", "input": "chi"}]},
        study={"learning_curve": [0.5]},
    )
    workspace.cores = 2
    workspace.run()
    yield workspace
    workspace.remove()


@pytest.fixture
def workspace(studied):
    """The same campaign in a database of its own, not run yet."""
    base = studied.uri.rpartition("/")[0]
    workspace = Workspace(studied.folder, f"{base}/test-{uuid.uuid4().hex[:12]}")
    yield workspace
    workspace.database.client.drop_database(workspace.database.name)


def test_a_job_is_done(slurm, tmp_path):
    out = tmp_path / "out"
    job = slurm.command("sbatch", "--parsable", f"--output={out}", "--wrap=hostname").strip()
    wait_until(lambda: slurm.state(job) == "COMPLETED")
    assert out.read_text().strip() == os.uname().nodename


@pytest.mark.usefixtures("workers")
def test_campaign_on_slurm_ends_as_on_this_machine(slurm, workspace, studied):
    """Its only job is taken away in the middle: another takes its place."""
    with workspace.start("run", str(workspace.file)) as process:
        wait_until(lambda: workspace.database.spectra.count_documents({}))
        (first,) = slurm.jobs()
        commands = slurm.command("scontrol", "show", "job", first)
        slurm.command("scancel", first)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert int(slurm.command("squeue", "--noheader", "--states=all", "--format=%A").split()[0]) > 1
    assert workspace.uri.rpartition("/")[2] not in commands
    assert not workspace.documents("failures")
    assert workspace.results() == studied.results()
    # Nothing is left: neither jobs nor keys.
    wait_until(lambda: not slurm.jobs())
    data = Settings().DATA_DIR / "slurm"
    assert not list(data.iterdir())


def test_jobs_come_with_the_work_and_go_without(slurm, executor):
    """One task is enough for a job of two workers, which is not taken back in the queue."""
    assert not slurm.jobs()
    blocker = slurm.command(
        "sbatch", "--parsable", "--exclusive", "--output=/dev/null", "--wrap=sleep 60"
    ).strip()
    wait_until(lambda: slurm.jobs() == {blocker: "RUNNING"})
    future = executor.submit(os.getenv, "EXAFSCN_MONGODB_URI")
    wait_until(lambda: len(slurm.jobs()) == 2)
    (ours,) = set(slurm.jobs()) - {blocker}
    time.sleep(5)
    assert slurm.jobs() == {blocker: "RUNNING", ours: "PENDING"}
    slurm.command("scancel", blocker)
    assert future.result(timeout=300) == "mongodb://user:password@here/exafscn"
    assert "password" not in slurm.command("scontrol", "show", "job", ours)
    wait_until(lambda: not slurm.jobs())
    assert executor.submit(add, 1, 2).result(timeout=300) == 3


def test_job_that_ends_is_replaced(slurm, executor):
    tasks = [executor.submit(time.sleep, 5) for _ in range(3)]
    wait_until(lambda: "RUNNING" in slurm.jobs().values())
    (first,) = slurm.jobs()
    slurm.command("scancel", first)
    assert [task.result(timeout=300) for task in tasks] == [None] * 3
    assert first not in slurm.jobs()


def test_jobs_that_cannot_work_end_the_run_with_a_place_to_look_at(executor):
    configure(python="/no/such/python")
    with pytest.raises(CampaignError, match="3 jobs of Slurm ended before") as caught:
        executor.submit(add, 1, 2).result(timeout=300)
    logs = Path(str(caught.value).rpartition("look at ")[2])
    assert any("/no/such/python" in log.read_text() for log in logs.glob("*.err"))


def test_jobs_that_slurm_refuses_are_one_line(executor):
    configure(queue="nonesuch")
    with pytest.raises(CampaignError, match=r"(?i)slurm refuses the jobs .*partition.*QUEUE"):
        executor.submit(add, 1, 2)


@pytest.mark.usefixtures("workers")
def test_what_is_missing_is_said_before_anything_starts(monkeypatch):
    with pytest.raises(UsageError, match="set EXAFSCN_MONGODB_URI to one that they reach"):
        make_executor(Settings(MONGODB_URI=None), 2)
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", "mongodb://here/exafscn")
    configure(memory=None)
    with pytest.raises(UsageError, match="DASK_JOBQUEUE__SLURM__MEMORY"):
        make_executor(Settings(), 2)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", "")
        with pytest.raises(UsageError, match="no sbatch"):
            make_executor(Settings(), 2)


def test_end_of_a_job_is_known_inside_it(slurm, tmp_path):
    code = (
        "from exafscn_flows.settings import Settings; from launcher.deadline import find_deadline; "
        "import time; print(find_deadline(Settings()).end - time.time())"
    )
    out = tmp_path / "out"
    (tmp_path / "code.py").write_text(code)
    wrapped = f"--wrap={sys.executable} {tmp_path / 'code.py'}"
    job = slurm.command("sbatch", "--parsable", "--time=5", f"--output={out}", wrapped).strip()
    wait_until(lambda: slurm.state(job) == "COMPLETED")
    assert 120 < float(out.read_text()) <= 300


def test_campaign_through_the_queue_ends_as_on_this_machine(slurm, workspace, studied, tmp_path):
    cluster = str(tmp_path / "cluster")
    flags = ("--scheduler", "slurm", "--queue", "", "--account", "")
    size = ("--cores", str(CORES), "--walltime", "00:20:00")
    workspace.exafscn("cluster", "init", cluster, *flags, *size)
    workspace.exafscn("submit", str(workspace.file))
    out = workspace.exafscn("launch", "--cluster", cluster, "--queue")
    (job,) = slurm.jobs()
    assert f"job {job} is in the queue" in out
    wait_until(lambda: not slurm.jobs(), 300)
    said = [file.read_text() for file in (tmp_path / "cluster").rglob("*.out")]
    assert slurm.state(job) == "COMPLETED", said
    assert workspace.results() == studied.results()
    assert workspace.documents("predictions")
