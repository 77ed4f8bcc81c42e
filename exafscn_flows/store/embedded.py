"""The server that exafscn starts for itself: one mongod per data folder, for one user."""

import fcntl
import hashlib
import os
import re
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from exafscn_flows.errors import CampaignError
from exafscn_flows.limits import largest_file, too_large
from exafscn_flows.store import mongod
from exafscn_flows.store.folders import is_locked, locked, make_private, size_on_disk

START_TIMEOUT = 120.0
"""Seconds; a start after a crash includes the recovery from the journal."""
STOP_TIMEOUT = 60.0
OWNER_TIMEOUT = 30.0
"""Seconds between the call of a mongod and its entry in the lock file, at most."""

_LEAST_FILE = 2**30
"""Bytes; mongod's journal alone has files of 100 MB."""


@dataclass(frozen=True)
class ServerStatus:
    """What is known of the embedded server.

    Attributes
    ----------
    running
        Whether the process is alive.
    pid, uptime_seconds
        None while it is stopped.
    version
        Version of MongoDB; None while it does not answer.
    folder
        Folder that holds data and log.
    size_bytes
        Space that the folder takes on disk.
    socket
        Where it listens, or would listen.
    """

    running: bool
    pid: int | None
    uptime_seconds: float | None
    version: str | None
    folder: Path
    size_bytes: int
    socket: Path


class EmbeddedServer:
    """The mongod of one data folder, shared by all processes of the user.

    Parameters
    ----------
    data_dir
        Data folder of exafscn; everything is kept in its subfolder ``mongodb``.
    """

    def __init__(self, data_dir: Path) -> None:
        self.folder = (data_dir.expanduser() / "mongodb").resolve()
        self.log = self.folder / "mongod.log"
        self._data = self.folder / "db"
        self._data_lock = self._data / "mongod.lock"
        self._start_lock = self.folder / "start.lock"
        self._lease = self.folder / "running.lock"

    @property
    def exists(self) -> bool:
        """Whether it was ever started; else there is nothing in it."""
        return self._data.is_dir()

    @property
    def uri(self) -> str:
        """URI of the server, whether it runs or not."""
        return mongod.uri_of(self._socket(self._process()))

    def start(self) -> str:
        """Start the server if it does not run, wait until it answers, and return its URI.

        Raises
        ------
        CampaignError
            If there is no mongod, the folder is not usable, the size of files is limited, or mongod
            does not start.
        """
        process = self._process()
        if process is not None and not self._log_is_long():
            socket = self._socket(process)
            if mongod.ping(socket):
                return mongod.uri_of(socket)
        make_private(self.folder, self._data)
        with locked(self._start_lock, START_TIMEOUT + STOP_TIMEOUT):
            process = self._owner()
            if process is not None and not self._reachable(process):
                self._terminate(process)
                process = None
            if self._log_is_long():
                mongod.rotate_log(self.log, self._socket(process) if process else None)
            socket = self._launch() if process is None else self._socket(process)
        return mongod.uri_of(socket)

    def stop(self) -> bool:
        """Shut the server down cleanly; return False if it did not run.

        Raises
        ------
        CampaignError
            If it does not stop in time.
        """
        if not os.path.exists(self._data_lock):
            return False
        with locked(self._start_lock, START_TIMEOUT + STOP_TIMEOUT):
            process = self._owner()
            if process is None:
                return False
            self._terminate(process)
        return True

    def status(self) -> ServerStatus:
        """Look at the server without starting it."""
        process = self._process()
        socket = self._socket(process)
        info = None if process is None else mongod.ping(socket)
        return ServerStatus(
            running=process is not None,
            pid=None if process is None else process.pid,
            uptime_seconds=None if process is None else time.time() - process.create_time(),
            version=None if info is None else info["version"],
            folder=self.folder,
            size_bytes=size_on_disk(self.folder),
            socket=socket,
        )

    def _process(self) -> psutil.Process | None:
        # The process id in mongod's lock file may be stale, and in use by something else by now:
        # it counts only if it is this user's mongod on this very folder. psutil compares the
        # creation time once more before it sends a signal.
        try:
            process = psutil.Process(int(self._data_lock.read_text()))
            command = process.cmdline()
            ours = (
                _alive(process)
                and process.uids().effective == os.geteuid()
                and Path(command[0]).name == "mongod"
                and mongod.option(command, "--dbpath") == str(self._data)
            )
        except (OSError, ValueError, IndexError, psutil.Error):
            return None
        return process if ours else None

    def _owner(self) -> psutil.Process | None:
        """Return the server that has the data open; None if nothing has."""
        deadline = time.monotonic() + OWNER_TIMEOUT
        while (process := self._process()) is None and self._data_in_use():
            # Somebody's start or stop that has just begun, or a mongod that cannot be seen. A
            # second mongod must not be tried: it takes the socket away before it gives up.
            if time.monotonic() > deadline:
                raise CampaignError(
                    f"{self._data} is in use by a mongod that exafscn did not start, or by one in "
                    "another container: stop it, or set EXAFSCN_DATA_DIR to another folder"
                )
            time.sleep(0.05)
        return process

    def _data_in_use(self) -> bool:
        # mongod itself locks the first file, once it is under way, and holds the second one for
        # us from the moment of its call, even if its caller is killed.
        return is_locked(self._data_lock) or is_locked(self._lease)

    def _reachable(self, process: psutil.Process) -> bool:
        """Wait for a running server's answer; False if it ended or its socket is gone."""
        socket = self._socket(process)
        deadline = time.monotonic() + START_TIMEOUT
        # The socket is made before the lock file is written: if it is not there, somebody has
        # removed it (cleaners of temporary folders do), and nobody can reach the server again.
        while _alive(process) and socket.exists():
            if mongod.ping(socket):
                return True
            if time.monotonic() > deadline:
                raise CampaignError(
                    f"mongod (process {process.pid}) does not answer on {socket}: look into "
                    f"{self.log}; `exafscn db stop` ends it"
                )
            time.sleep(0.05)
        return False

    def _launch(self) -> Path:
        if (limit := largest_file()) is not None and limit < _LEAST_FILE:
            # It would start, perhaps, and stop in the middle of its work.
            raise too_large("a database")
        socket = self._socket(None)
        if socket.parent != self.folder:
            make_private(socket.parent)
        command = mongod.command_line(mongod.find_mongod(), self._data, socket, self.log)
        log_start = self.log.stat().st_size if self.log.exists() else 0
        try:
            started = self._call(command)
        except subprocess.TimeoutExpired:
            raise CampaignError(
                f"mongod was not ready after {START_TIMEOUT:.0f} s: look into {self.log}"
            ) from None
        except OSError as error:
            raise CampaignError(f"{command[0]} cannot be run: {error.strerror}") from error
        if started.returncode != 0:
            reason = mongod.failure_reason(self.log, log_start, started.returncode, started.stdout)
            raise CampaignError(f"mongod does not start in {self.folder}: {reason}")
        return socket

    def _call(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        with self._lease.open("a") as lease:
            fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return subprocess.run(
                command,
                pass_fds=[lease.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                timeout=START_TIMEOUT,
                start_new_session=True,  # what kills our process group does not kill the server
                cwd=self.folder,
                env=mongod.environment(self.folder),
                check=False,
            )

    def _terminate(self, process: psutil.Process) -> None:
        socket = self._socket(process)
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_TIMEOUT
        while _alive(process) or self._data_in_use():  # a dead one's threads close files later
            if time.monotonic() > deadline:
                raise CampaignError(
                    f"mongod (process {process.pid}) has not stopped within {STOP_TIMEOUT:.0f} s: "
                    f"look into {self.log}; `kill -9 {process.pid}` loses nothing acknowledged"
                )
            time.sleep(0.02)
        if socket.parent != self.folder:
            with suppress(OSError):
                socket.parent.rmdir()

    def _socket(self, process: psutil.Process | None) -> Path:
        """Return the socket of a running server, or the one that the next start will make."""
        with suppress(psutil.Error):
            if process is not None and (found := mongod.option(process.cmdline(), "--bind_ip")):
                return Path(found)
        socket = self.folder / "mongod.sock"
        if _usable(socket):
            return socket
        name = f"exafscn-{os.geteuid()}-{hashlib.sha256(bytes(self.folder)).hexdigest()[:16]}"
        for parent in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir()):
            if parent and os.access(parent, os.W_OK) and _usable(Path(parent, name, socket.name)):
                return Path(parent, name, socket.name)
        return Path("/tmp", name, socket.name)

    def _log_is_long(self) -> bool:
        return self.log.exists() and self.log.stat().st_size > mongod.LOG_LIMIT


def _alive(process: psutil.Process) -> bool:
    # A stopped server stays a zombie for a while, or for good in a container without an init.
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _usable(socket: Path) -> bool:
    # 107 bytes is the longest socket path on Linux; mongod splits its list of addresses at
    # commas, and drivers read some characters in a URI's host as something else.
    return len(bytes(socket)) <= 107 and bool(re.fullmatch(r"[\w./+-]+", str(socket), re.ASCII))
