"""A real Slurm of one node: workers of Dask in its jobs, and jobs that launch rockets."""

import os
import re
import time
import uuid
from operator import add
from pathlib import Path

import dask
import pytest
from campaigns import Workspace, make_workspace
from crystals import polymorphs
from pages import ROOT, blocks
from slurm import CORES, running_slurm, why_not
from waiting import wait_until

from exafscn_flows.errors import CampaignError, UsageError
from exafscn_flows.settings import Settings
from launcher import slurm_cluster
from launcher.workers import make_executor

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(bool(why_not()), reason=f"no Slurm here: {why_not()}"),
]

PAGE = ROOT / "docs" / "cluster.md"
ON_JOBS, ON_A_SCHEDULER = blocks(PAGE, "bash")

CHI = {"kind": "r_space", "input": "chi"}


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
def executor(slurm, monkeypatch, tmp_path):
    """What sends tasks to jobs of Slurm, of two cores each, and looks after them every second."""
    monkeypatch.setattr(slurm_cluster, "_LOOK_SECONDS", 1)
    monkeypatch.setattr(slurm_cluster, "_IDLE_LOOKS", 2)
    settings = {
        "EXAFSCN_DASK": "slurm",
        "EXAFSCN_DATA_DIR": str(tmp_path),
        "EXAFSCN_MONGODB_URI": "mongodb://user:password@here/exafscn",
        "DASK_JOBQUEUE__SLURM__CORES": str(CORES),
        "DASK_JOBQUEUE__SLURM__MEMORY": "4GB",
    }
    with monkeypatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        configure()
        with make_executor(Settings(), CORES) as executor:
            yield executor
    dask.config.refresh()


def configure(**settings):
    """Have Dask read its settings again, and change some of those of jobs."""
    dask.config.refresh()
    dask.config.set({f"jobqueue.slurm.{name}": value for name, value in settings.items()})


@pytest.fixture(scope="module")
def studied(server_uri):
    """A campaign with experiments, run on this machine."""
    workspace = make_workspace(
        server_uri,
        polymorphs("Ni"),
        campaign="my-oxides",
        features={"sets": [CHI]},
        study={"learning_curve": [0.5]},
    )
    workspace.cores = CORES
    workspace.run()
    (workspace.folder / "my-oxides.yaml").symlink_to(workspace.file)
    yield workspace
    workspace.remove()


@pytest.fixture
def workspace(studied):
    """The same campaign in a database of its own, not run yet."""
    base = studied.uri.rpartition("/")[0]
    workspace = Workspace(studied.folder, f"{base}/test-{uuid.uuid4().hex[:12]}", cores=CORES)
    yield workspace
    workspace.database.client.drop_database(workspace.database.name)


def adapted(block, changes):
    """Commands of the page, with what everybody has to change in them."""
    for theirs, ours in changes.items():
        assert theirs in block
        block = block.replace(theirs, ours)
    return block


def test_commands_of_the_page_end_in_predictions(slurm, workspace, studied, tmp_path, monkeypatch):
    """From settings to predictions, line by line."""
    monkeypatch.setenv("HOME", str(tmp_path))
    out = workspace.script("".join(blocks(PAGE, "sh")))
    assert "Campaign my-oxides is complete" in out
    assert "my-oxides--" in out  # FireWorks' table
    jobs = re.findall(r"job (\d+) is in the queue", out)
    assert len(jobs) == 4
    wait_until(lambda: not slurm.jobs(), 300)
    said = [file.read_text() for file in (tmp_path / "cluster" / "jobs").glob("*/job-*.out")]
    assert {slurm.state(job) for job in jobs} == {"COMPLETED"}, said
    assert workspace.results() == studied.results()
    assert workspace.documents("predictions")
    commands = adapted(ON_A_SCHEDULER, {"--nworkers 8": f"--nworkers {CORES}"})
    out = workspace.script(f"trap 'kill $(jobs -p)' EXIT\n{commands}")
    assert "Campaign my-oxides is complete" in out


def test_study_on_jobs_of_slurm_ends_as_on_this_machine(
    slurm, workspace, studied, tmp_path, monkeypatch
):
    """Its only job is taken away in the middle: another takes its place."""
    monkeypatch.setenv("EXAFSCN_DATA_DIR", str(tmp_path))
    changes = {"CORES=16": f"CORES={CORES}", "32GB": "4GB", "CORES=64": f"CORES={CORES}"}
    changes |= {"mongodb://user:password@host/exafscn": workspace.uri}
    commands = adapted(ON_JOBS, changes)
    with workspace.start_script(commands) as process:
        wait_until(workspace.database.spectra.find_one)
        (first,) = slurm.jobs()
        shown = slurm.command("scontrol", "show", "job", first)
        slurm.command("scancel", first)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert slurm.state(str(int(first) + 1))
    assert workspace.database.name not in shown
    assert not workspace.documents("failures")
    assert workspace.results() == studied.results()
    # Nothing is left: neither jobs nor keys.
    wait_until(lambda: not slurm.jobs())
    assert not list((tmp_path / "slurm").iterdir())


def test_jobs_come_with_the_work_and_go_without(slurm, executor):
    """One task is enough for a job of two workers, which is not taken back in the queue."""
    assert not slurm.jobs()
    blocker = slurm.command(
        "sbatch", "--parsable", "--exclusive", "--output=/dev/null", "--wrap=sleep 600"
    ).strip()
    wait_until(lambda: slurm.jobs() == {blocker: "RUNNING"})
    future = executor.submit(os.getenv, "EXAFSCN_MONGODB_URI")
    wait_until(lambda: len(slurm.jobs()) == 2)
    (ours,) = set(slurm.jobs()) - {blocker}
    time.sleep(4)  # for several looks
    assert slurm.jobs() == {blocker: "RUNNING", ours: "PENDING"}
    slurm.command("scancel", blocker)
    assert future.result(timeout=300) == "mongodb://user:password@here/exafscn"
    assert "password" not in slurm.command("scontrol", "show", "job", ours)
    wait_until(lambda: not slurm.jobs())
    assert executor.submit(add, 1, 2).result(timeout=300) == 3


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


@pytest.mark.usefixtures("executor")
def test_what_is_missing_is_said_before_anything_starts(monkeypatch):
    with pytest.raises(UsageError, match="set EXAFSCN_MONGODB_URI to one that they reach"):
        make_executor(Settings(MONGODB_URI=None), 2)
    configure(memory=None)
    with pytest.raises(UsageError, match="DASK_JOBQUEUE__SLURM__MEMORY"):
        make_executor(Settings(), 2)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", "")
        with pytest.raises(UsageError, match="no sbatch"):
            make_executor(Settings(), 2)


@pytest.fixture
def long_campaign(server_uri):
    """16 sites that take about 40 s on one core."""
    workspace = make_workspace(
        server_uri,
        polymorphs("Ni") | polymorphs("Cu"),
        absorbers=["Ni", "Cu"],
        spectra={"kind": "feff", "cards": {"RPATH": 10, "NLEG": 5}, "time_limit": 600},
        features={"sets": [CHI]},
    )
    workspace.cores = CORES
    yield workspace
    workspace.remove()


def test_job_hands_back_what_it_has_no_time_for(slurm, long_campaign, tmp_path):
    """Jobs that FireWorks sends; the first is ended by Slurm before it could be done."""
    workspace = long_campaign
    cluster = tmp_path / "cluster"
    workspace.exafscn("cluster", "init", str(cluster), "--walltime", "00:20:00")
    workspace.exafscn("submit", str(workspace.file))
    script = cluster / "job.txt"
    whole = script.read_text()
    place = f"-l {cluster}/my_launchpad.yaml -w {cluster}/my_fworker.yaml --launch_dir {tmp_path}"

    def launch():
        """Send a job to the queue and wait for its end; returns its state and what it printed."""
        workspace.script(f"qlaunch {place} -q {cluster}/my_qadapter.yaml singleshot")
        (job,) = slurm.jobs()
        wait_until(lambda: not slurm.jobs(), 300)
        return slurm.state(job), (tmp_path / f"job-{job}.out").read_text()

    # Longer for a machine that takes so long to start, or to plan.
    for seconds in (45, 60, 90, 150):
        end = f"scontrol update JobId=$SLURM_JOB_ID EndTime=now+{seconds}"
        script.write_text(whole.replace("cd $$", f"{end}\ncd $$"))
        state, output = launch()
        first = workspace.written("spectra")
        if state == "COMPLETED" and first:
            break
    assert "the time of this job is over" in output
    assert 0 < len(first) < 16
    script.write_text(whole)
    state, output = launch()
    assert state == "COMPLETED"
    assert "Campaign test is complete" in output
    spectra = workspace.written("spectra")
    assert len(spectra) == 16
    assert {key: spectra[key] for key in first} == first
    operations = workspace.database.client.admin.command("top")["totals"]
    assert operations[f"{workspace.database.name}.spectra"]["update"]["count"] == 0
    assert len(workspace.documents("predictions")) == 16
