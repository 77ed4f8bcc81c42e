"""Commands as forks of one process that has imported what they import, which takes 10 s.

What runs is the command itself: its arguments, environment, folder, output and exit code. It is a
process of its own, whose workers are forks in turn. Only the time that Python takes to load
libraries is saved, and, where FEFF is not the subject of a test, the runs of FEFF that an earlier
command of these tests has made already.

One such process serves all tests of a session. It ends with the process that began the session.
"""

import contextlib
import fcntl
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SESSION = "EXAFSCN_TEST_SESSION"
"""Variable with the folder of the session."""

FEFF = "feff"
"""Folder in it for what FEFF has computed."""

_SERVER = Path(__file__).with_name("fork_server.py")

_SINGLE_THREADED = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Workers of a run are told so before they load what counts its threads then."""


class Command(subprocess.Popen[str]):
    """A command that was started as a fork; like any process that was started here.

    Parameters
    ----------
    arguments
        What follows the name of the program.
    program
        "exafscn", "dask", or "python" for a script that finds the libraries loaded, but no module
        of ours.
    known
        Whether runs of FEFF that were made already need not be made again.
    options
        ``cwd`` and ``env``.
    """

    def __init__(
        self, arguments: Sequence[str], *, program: str = "exafscn", known: bool, **options: Any
    ) -> None:
        self._known = known
        super().__init__(
            [str(Path(sys.executable).with_name(program)), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def _execute_child(self, args: Any, *given: Any) -> None:  # type: ignore[override]
        (_, _, _, _, cwd, env, _, _, _, read_in, _, _, write_out, _, write_err, *_) = given
        self._channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel.connect(str(_running() / "socket"))
        request = {
            "arguments": list(args),
            "folder": str(cwd or Path.cwd()),
            "environment": dict(os.environ if env is None else env),
            "known": self._known,
        }
        asked = (read_in, write_out, write_err)
        ends = [number if end == -1 else end for number, end in enumerate(asked)]
        socket.send_fds(self._channel, [json.dumps(request).encode()], ends)
        for end in {*asked} - {-1}:
            os.close(end)
        self.pid = int(self._channel.recv(64))
        self._child_created = True

    def _try_wait(self, flags: int) -> tuple[int, int]:
        if flags & os.WNOHANG and not select.select([self._channel], [], [], 0)[0]:
            return 0, 0
        status = self._channel.recv(64)
        assert status, "the process that forks commands has died"
        self._channel.close()
        return self.pid, int(status)

    def _internal_poll(self, *_: Any, **__: Any) -> int | None:
        with self._waitpid_lock:  # type: ignore[attr-defined]
            if self.returncode is None:
                pid, status = self._try_wait(os.WNOHANG)
                if pid:
                    self._handle_exitstatus(status)  # type: ignore[attr-defined]
        return self.returncode


@contextlib.contextmanager
def session() -> Any:
    """Folder for what the processes of one session of tests share; sets it in the environment."""
    with tempfile.TemporaryDirectory(prefix="exafscn-forks-") as folder:
        os.mkfifo(f"{folder}/alive")
        (Path(folder) / FEFF).mkdir()
        # As long as somebody holds it open for writing, the session lasts.
        alive = os.open(f"{folder}/alive", os.O_RDWR | os.O_CLOEXEC)
        os.environ[SESSION] = folder
        try:
            yield
        finally:
            del os.environ[SESSION]
            os.close(alive)


def _running() -> Path:
    """Folder of the session, whose process is started if it is the first time."""
    folder = Path(os.environ[SESSION])
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "socket").exists():
            _start(folder)
    return folder


def _start(folder: Path) -> None:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MP_", "EXAFSCN_"))
    }
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, str(_SERVER), str(folder)],
            cwd="/",
            env=environment | dict.fromkeys(_SINGLE_THREADED, "1"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
        assert process.stdout is not None
        assert process.stdout.read(), (folder / "log").read_text()
        process.stdout.close()
