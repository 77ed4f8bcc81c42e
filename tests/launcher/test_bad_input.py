import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.store.embedded import EmbeddedServer
from launcher.run import check_files


def one_line(message):
    (line,) = message.splitlines()
    assert line.startswith("exafscn: ")
    return line


def test_misspelt_key(workspace):
    workspace.write(absorberz=["Ni"])
    line = one_line(workspace.exafscn("run", str(workspace.file), rc=2))
    assert "campaign.yaml:" in line
    assert "did you mean `absorbers`?" in line


def test_missing_campaign_file(workspace):
    assert "no campaign file" in one_line(workspace.exafscn("run", "nothing.yaml", rc=2))


def test_missing_argument_is_a_usage_error(workspace):
    assert "Missing argument" in workspace.exafscn("run", rc=2)


@pytest.mark.parametrize("make", [lambda p: p.mkdir(), lambda p: p.write_bytes(b"no zip")])
def test_empty_or_unreadable_source(workspace, make):
    make(workspace.folder / "source.zip")
    workspace.write(sources=[{"kind": "files", "path": "source.zip"}])
    assert "source.zip" in one_line(workspace.exafscn("run", str(workspace.file), rc=2))


def test_files_that_are_not_read_are_counted_once(tmp_path, capsys):
    for name in ("a.cif", "b.xyz", "c.xyz", "d.cif.bz2"):
        (tmp_path / name).touch()
    source = {"kind": "files", "path": str(tmp_path)}
    check_files(CampaignConfig(campaign="x", absorbers=["Ni"], sources=[source]))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"source {tmp_path}: not read: 2 *.xyz, 1 *.cif.bz2 (")


def test_no_structure_with_the_absorber(workspace):
    workspace.write(absorbers=["Ti"])
    message = workspace.exafscn("run", str(workspace.file), rc=1)
    assert "no structure of its sources holds Ti" in message.splitlines()[-1]


def test_no_campaign_yet(workspace):
    assert "exafscn run" in one_line(workspace.exafscn("status", rc=2))


def test_mongodb_that_is_not_there(workspace):
    workspace.uri = "mongodb://user:sesame@127.0.0.1:9/exafscn"
    line = one_line(workspace.exafscn("run", str(workspace.file), rc=1))
    assert "no MongoDB at mongodb://user:***@127.0.0.1:9/exafscn" in line
    assert "sesame" not in line


def test_mongodb_address_that_is_none(workspace):
    workspace.uri = "postgres://user:sesame@127.0.0.1/exafscn"
    line = one_line(workspace.exafscn("status", rc=2))
    assert "sesame" not in line


def test_setting_of_the_machine_that_makes_no_sense(workspace, monkeypatch):
    monkeypatch.setenv("EXAFSCN_CORES", "0")
    line = one_line(workspace.exafscn("run", str(workspace.file), rc=2))
    assert "EXAFSCN_CORES: input should be greater than or equal to 1, not '0'" in line


def test_mongodb_that_disappears_in_the_middle(workspace):
    with tempfile.TemporaryDirectory(prefix="exafscn-test-") as folder:
        server = EmbeddedServer(Path(folder))
        workspace.uri = f"{server.start()}?serverSelectionTimeoutMS=2000"
        try:
            process = workspace.start("run", str(workspace.file))
            deadline = time.monotonic() + 60
            while not workspace.database.spectra.count_documents({}):
                assert time.monotonic() < deadline
                time.sleep(0.1)
            acknowledged = set(workspace.documents("spectra"))
            os.kill(server.status().pid, signal.SIGKILL)
            _, err = process.communicate(timeout=60)
            assert process.returncode == 1
            assert "went away" in err.splitlines()[-1]
            assert "Traceback" not in err
            server.start()
            assert acknowledged <= set(workspace.documents("spectra"))
            workspace.exafscn("run", str(workspace.file))
            assert len(workspace.documents("spectra")) == 8
        finally:
            server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system takes root")
def test_full_scratch_folder(workspace):
    scratch = workspace.folder / "scratch"
    scratch.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(scratch)], check=False
    )
    if mounted.returncode != 0:
        pytest.skip("this machine does not let us mount a file system")
    try:
        workspace.write()
        message = workspace.exafscn("run", str(workspace.file), rc=1, known=False)
        assert "is full" in message.splitlines()[-1]
        assert not workspace.documents("spectra")
        failures = workspace.documents("failures").values()
        assert {doc["kind"] for doc in failures} == {"no_absorber"}  # the copper compounds
        assert not list(scratch.iterdir())
    finally:
        subprocess.run(["umount", str(scratch)], check=True)
    workspace.exafscn("run", str(workspace.file))
    assert len(workspace.documents("spectra")) == 8


def test_report_into_a_folder_that_is_not_there(finished):
    line = one_line(finished.exafscn("report", "-o", "no/such/folder/r.html", rc=2))
    assert "no/such/folder/r.html" in line
