"""Settings of FireWorks for a cluster, and the check that campaigns can run there."""

import json
import os
import stat
import subprocess

import pytest
from campaigns import EXAFSCN, Workspace
from fireworks import FWorker, LaunchPad
from fireworks.user_objects.queue_adapters.common_adapter import CommonAdapter
from pages import ROOT, blocks
from slurm import why_not

FLAGS = {
    "--queue": "long",
    "--account": "physics",
    "--cores": "24",
    "--memory": "60",
    "--walltime": "12:30:00",
}

# Slurm is asked; others cannot be.
DEADLINE = "export EXAFSCN_DEADLINE=$(( $(date +%s) + 45000 ))"


@pytest.fixture
def place(server_uri, tmp_path):
    """A workspace without a campaign, and a folder for the files of a cluster."""
    workspace = Workspace(tmp_path, f"{server_uri.partition('?')[0]}-cluster")
    return workspace, tmp_path / "cluster"


def init(place, *flags):
    workspace, folder = place
    return workspace.exafscn("cluster", "init", str(folder), *flags)


@pytest.mark.parametrize(
    ("scheduler", "lines"),
    [
        (
            "slurm",
            {
                "#SBATCH --partition=long",
                "#SBATCH --account=physics",
                "#SBATCH --cpus-per-task=24",
                "#SBATCH --mem=60G",
                "#SBATCH --time=12:30:00",
            },
        ),
        (
            "pbs",
            {
                "#PBS -q long",
                "#PBS -A physics",
                "#PBS -l nodes=1:ppn=24",
                "#PBS -l mem=60gb",
                DEADLINE,
            },
        ),
        (
            "sge",
            {
                "#$ -q long",
                "#$ -A physics",
                "#$ -pe smp 24",
                "#$ -l h_vmem=2560M",  # of each core
                "#$ -l h_rt=12:30:00",
                DEADLINE,
            },
        ),
    ],
)
def test_fireworks_reads_what_init_writes(place, scheduler, lines):
    workspace, folder = place
    init(place, "--scheduler", scheduler, *(part for flag in FLAGS.items() for part in flag))
    launchpad = LaunchPad.from_file(str(folder / "my_launchpad.yaml"))
    assert launchpad.db.name == workspace.database.name
    assert launchpad.get_wf_ids() == []
    write_concern = launchpad.connection.write_concern.document
    assert write_concern == {"w": "majority", "j": True}
    worker = FWorker.from_file(str(folder / "my_fworker.yaml"))
    assert worker.category == ["fetch", "cpu", "train", "gpu"]
    adapter = CommonAdapter.from_file(str(folder / "my_qadapter.yaml"))
    script = adapter.get_script_str("/some/where")
    found = script.splitlines()
    assert found[0] == "#!/bin/bash"
    assert lines <= set(found)
    assert "export EXAFSCN_CORES=24" in found
    assert "cd /some/where" in found
    assert found[-1].endswith(f"exafscn launch --cluster {folder}")
    assert "$$" not in script


def test_what_is_not_given_is_left_to_the_queue(place):
    _, folder = place
    init(place, "--scheduler", "slurm")
    script = (folder / "job.txt").read_text()
    assert "--partition" not in script
    assert "--account" not in script


def test_password_is_in_a_file_for_its_owner_only(place):
    workspace, folder = place
    workspace.database.command("createUser", "reader", pwd="sesame", roles=["readWrite"])
    head, separator, rest = workspace.uri.partition("://")
    workspace.uri = f"{head}{separator}reader:sesame@{rest}"
    try:
        out = init(place, "--scheduler", "slurm")
    finally:
        workspace.database.command("dropUser", "reader")
    assert "sesame" not in out
    assert "only you can read it" in out
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes.pop("my_launchpad.yaml") == 0o600
    for name in modes:
        assert "sesame" not in (folder / name).read_text()


@pytest.mark.parametrize(
    ("flag", "value", "hint"),
    [
        ("--queue", "long\nrm -rf /", "give a name"),
        ("--walltime", "tomorrow", "give HH:MM:SS"),
        ("--memory", "0", "--memory"),
        ("--scheduler", "lsf", "give slurm, pbs or sge"),
        ("--category", "cups", "there are fetch, cpu, train, gpu"),
    ],
)
def test_bad_answers_are_refused(place, flag, value, hint):
    workspace, folder = place
    message = workspace.exafscn("cluster", "init", str(folder), flag, value, rc=2)
    assert hint in message
    assert not folder.exists()


def test_nothing_is_written_over(place):
    workspace, folder = place
    init(place, "--scheduler", "slurm")
    before = (folder / "job.txt").stat()
    message = workspace.exafscn("cluster", "init", str(folder), rc=2)
    assert "my_launchpad.yaml exists" in message
    assert (folder / "job.txt").stat() == before


def check(place, *flags, rc=0):
    """Run the check; returns what was found, by place and thing, and whether it is right."""
    workspace, _ = place
    with workspace.start("cluster", "check", "--json", *flags) as process:
        out, err = process.communicate(timeout=300)
    assert process.returncode == rc, err
    assert "Traceback" not in err
    return {(one["where"], one["what"]): (one["ok"], one["found"]) for one in json.loads(out)}


def test_check_of_a_sound_machine(place):
    found = check(place)
    assert {what for _, what in found} == {"versions", "database", "scratch folder", "FEFF"}
    assert all(ok for ok, _ in found.values())
    assert "exafscn" in found["here", "versions"][1]
    assert "FireWorks" in found["here", "versions"][1]


def test_check_finds_a_broken_scratch_folder_and_no_database(place):
    workspace, _ = place
    uri = "mongodb://user:sesame@127.0.0.1:9/exafscn"
    environment = {**workspace.environment, "EXAFSCN_SCRATCH_DIR": "/nowhere", "COLUMNS": "300"}
    done = subprocess.run(
        [EXAFSCN, "cluster", "check"],
        env={**environment, "EXAFSCN_MONGODB_URI": uri},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["exafscn: 3 of 4 checks failed"]
    assert "no MongoDB at mongodb://user:***@127.0.0.1:9/exafscn" in done.stdout
    assert "scratch folder /nowhere cannot be used" in done.stdout
    assert "sesame" not in done.stdout


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """Stand-in for sbatch that runs every job at once; returns its file, to be changed."""
    programs = tmp_path / "bin"
    programs.mkdir()
    sbatch = programs / "sbatch"
    sbatch.write_text(
        "#!/bin/sh\n"
        # Jobs find the database in the files of the cluster alone.
        'env -u EXAFSCN_MONGODB_URI setsid bash "$1" > job-7.out 2>&1 &\n'
        'echo "Submitted batch job 7"\n'
    )
    sbatch.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return sbatch


def test_canary_reports_back_through_the_database(place, queue):
    workspace, folder = place
    init(place, "--scheduler", "slurm", "--cores", "1")
    found = check(place, "--cluster", str(folder), "--queue")
    assert {where for where, _ in found} == {"here", "queue"}
    assert all(ok for ok, _ in found.values())
    assert found["queue", "versions"] == found["here", "versions"]
    assert "job 7 answered" in found["queue", "job"][1]
    assert workspace.database.fireworks.count_documents({}) == 0


def test_queue_that_refuses_is_quoted(place, queue):
    _, folder = place
    init(place, "--scheduler", "slurm")
    queue.write_text("#!/bin/sh\necho 'sbatch: error: invalid partition: long' >&2\nexit 1\n")
    found = check(place, "--cluster", str(folder), "--queue", rc=1)
    ok, words = found["queue", "job"]
    assert not ok
    assert "invalid partition: long" in words


def test_job_that_does_not_answer_in_time(place, queue):
    _, folder = place
    init(place, "--scheduler", "slurm")
    queue.write_text("#!/bin/sh\necho 'Submitted batch job 8'\n")
    found = check(place, "--cluster", str(folder), "--queue", "--time-limit", "1", rc=1)
    assert not found["queue", "job"][0]
    assert "job 8 did not answer within 1 s" in found["queue", "job"][1]


@pytest.mark.skipif(not why_not(), reason="test_slurm.py runs them on a real Slurm")
def test_commands_of_the_page_on_clusters(workspace, queue, tmp_path, monkeypatch):
    """From settings to predictions, line by line; jobs of the queue run beside."""
    monkeypatch.setenv("HOME", str(tmp_path))
    workspace.cores = 2
    workspace.write(campaign="my-oxides")
    workspace.file.rename(workspace.folder / "my-oxides.yaml")
    out = workspace.script("".join(blocks(ROOT / "docs" / "cluster.md", "sh")))
    assert out.count("job 7 is in the queue") == 4
    assert "Campaign my-oxides is complete" in out
    assert "my-oxides--" in out  # FireWorks' table
    assert len(workspace.documents("predictions")) == 16
    outputs = (tmp_path / "cluster" / "jobs").glob("*/job-7.out")
    assert "(my-oxides: " in "".join(output.read_text() for output in outputs)
