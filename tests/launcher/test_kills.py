import contextlib
import os
import re
import signal
import time

import psutil
import pytest

TIMES = ("created_at", "run_at", "seconds")


def without_times(documents):
    return {
        key: {name: value for name, value in doc.items() if name not in TIMES}
        for key, doc in documents.items()
    }


def wait_for_spectra(workspace, count):
    deadline = time.monotonic() + 60
    while workspace.database.spectra.count_documents({}) < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_second_runner_is_turned_away(workspace):
    workspace.write()
    with workspace.start("run", str(workspace.file)) as first:
        wait_for_spectra(workspace, 1)
        message = workspace.exafscn("run", str(workspace.file), rc=1)
        assert "is being run already" in message
        assert str(first.pid) in message
        assert len(message.splitlines()) == 1
        first.communicate(timeout=300)
    assert first.returncode == 0
    assert len(workspace.documents("spectra")) == 8


@pytest.mark.engine
def test_killed_runs_end_up_as_an_undisturbed_one(workspace, finished):
    """Kill the whole process group, again and again; each rerun goes on."""
    workspace.cores = 2
    workspace.write()
    acknowledged = {}
    # Ten moments: while it starts, plans, computes (once so many spectra are there) and trains.
    for delay, count in (
        (1, 0),
        (2, 0),
        (0, 1),
        (0, 4),
        *((n / 2, 0) for n in (5, 6, 8, 10, 12, 14)),
    ):
        process = workspace.start_program("run", str(workspace.file))
        time.sleep(delay)
        wait_for_spectra(workspace, count)
        spectra = workspace.written("spectra")
        assert {key: spectra[key] for key in acknowledged} == acknowledged
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        acknowledged = workspace.written("spectra")
        if count:
            assert count <= len(acknowledged) < 8
    workspace.run()
    spectra = workspace.written("spectra")
    assert {key: spectra[key] for key in acknowledged} == acknowledged
    for collection in ("structures", "sites", "labels", "spectra", "features", "predictions"):
        mine = without_times(workspace.documents(collection))
        theirs = without_times(finished.documents(collection))
        for doc in (*mine.values(), *theirs.values()):
            doc.pop("hash")  # depends on when the crystal files were written
            for name in ("source", "source_hash"):  # name the folder
                doc.pop(name, None)
        assert {key: doc for key, doc in mine.items() if "Cu" not in key} == theirs
    mine, theirs = (
        {key: doc["sha256"] for key, doc in w.documents("models").items()}
        for w in (workspace, finished)
    )
    assert mine == theirs
    files = workspace.documents("model_files.files")
    chunks = workspace.database["model_files.chunks"].distinct("files_id")
    assert (
        set(chunks) == set(files) == {doc["file"] for doc in workspace.documents("models").values()}
    )
    assert not list((workspace.folder / "scratch").iterdir())


def fork_servers(process):
    """The process of which workers are forks; none if it was not started, or has ended."""
    found = []
    for child in psutil.Process(process.pid).children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if "forkserver" in " ".join(child.cmdline()):
                found.append(child)
    return found


def wait_for_fork_server(process):
    deadline = time.monotonic() + 60
    while not fork_servers(process):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("working", [False, True])
def test_interrupt_is_one_line_and_the_lock_is_released(workspace, working):
    """Ctrl-C: the terminal interrupts the whole process group, at work or while it gets ready."""
    workspace.cores = 2
    workspace.write()
    with workspace.start_program("run", str(workspace.file)) as process:
        wait_for_fork_server(process)
        if working:
            wait_for_spectra(workspace, 1)
        children = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    lines = [line for line in err.splitlines() if not re.match(r"\w+: \d+ of \d+", line)]
    assert lines == ["exafscn: interrupted; the same command goes on where it stopped"]
    assert not out
    assert "lock" not in workspace.database.campaigns.find_one()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive


def test_killed_worker_is_replaced_and_every_count_is_complete(workspace):
    workspace.cores = 2
    workspace.write(absorbers=["Ni", "Cu"])
    with workspace.start_program("run", str(workspace.file)) as process:
        wait_for_spectra(workspace, 1)
        (server,) = fork_servers(process)
        workers = server.children()
        assert len(workers) == 3
        workers[0].kill()
        children = psutil.Process(process.pid).children(recursive=True)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 0
    _, alive = psutil.wait_procs([server, *workers, *children], timeout=10)
    assert not alive
    assert not workspace.documents("failures")
    assert {"labels: 16 of 16", "spectra: 16 of 16", "features: 32 of 32"} <= set(err.splitlines())


def test_a_finished_campaign_starts_no_worker(workspace):
    workspace.run()
    with workspace.start_program("run", str(workspace.file)) as process:
        seen = 0
        while process.poll() is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                assert not fork_servers(process)
                seen += 1
            time.sleep(0.01)
    assert process.returncode == 0
    assert seen > 10
