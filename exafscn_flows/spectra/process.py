"""Running one program with a time limit, at little cost."""

import functools
import os
import select
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

_LOG = "exafscn.log"

_LOG_LIMIT = 2**18
"""Bytes read at either end of a program's output; one that loops may print without end."""

_TICK = 0.5
"""Seconds between looks at a program that says nothing about its end."""


class Ended(NamedTuple):
    """How a program ended."""

    status: int
    """Exit status, or minus the signal that killed it."""
    log: str
    """What it printed, standard output and error together."""
    seconds: float
    """Processor seconds, user and system."""


class TimeLimitError(Exception):
    """A program that was killed because its time was over."""


def run_program(program: Path, folder: Path, env: Mapping[str, str], deadline: float) -> Ended:
    """Run a program in a folder and wait for it.

    It gets no input, and it is killed when this call ends for whatever reason, or when this
    process dies.

    Parameters
    ----------
    program
        Executable, started without arguments.
    folder
        Its working folder.
    env
        Its whole environment.
    deadline
        Value of ``time.monotonic()`` at which it is killed.

    Raises
    ------
    TimeLimitError
        If it was killed at the deadline.
    """
    # The program holds the writing end of a pipe and never writes: its end closes the pipe and
    # wakes us at once. Popen.wait would sleep up to 50 ms too long, and reading the output
    # through a pipe would wake us at every line.
    ours, theirs = os.pipe()
    try:
        with (folder / _LOG).open("wb") as log:
            process = subprocess.Popen(
                [*_dies_with_us(), str(program)],
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(theirs,),
            )
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    try:
        seconds = _wait(process, ours, deadline)
    finally:
        os.close(ours)
        if process.returncode is None:
            process.kill()
            process.wait()
    return Ended(process.returncode, _read(folder / _LOG), seconds)


def _wait(process: subprocess.Popen[bytes], pipe: int, deadline: float) -> float:
    """Wait for the end of a process; returns its processor seconds."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    while (left := deadline - time.monotonic()) > 0:
        is_closed = poll.poll(1000 * min(left, _TICK))
        # wait4 tells the time of this child and of nobody else's.
        pid, wait_status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(wait_status)
            return usage.ru_utime + usage.ru_stime
        if is_closed:
            # The pipe closes a moment before the process is gone.
            time.sleep(0.0001)
    raise TimeLimitError


def _read(path: Path) -> str:
    """Read a log, leaving out the middle of one that is too long."""
    with path.open("rb") as log:
        text = log.read(_LOG_LIMIT)
        if (size := path.stat().st_size) > 2 * _LOG_LIMIT:
            log.seek(size - _LOG_LIMIT)
        return (text + log.read(_LOG_LIMIT)).decode(errors="replace")


@functools.cache
def _dies_with_us() -> tuple[str, ...]:
    """Return a command prefix that has the kernel kill a program when its parent dies.

    util-linux's setpriv sets PR_SET_PDEATHSIG and becomes the program, for 0.7 ms. A preexec_fn
    could do so too, but it forks the whole process (5-10 ms for one of 500 MB) and is unsafe
    among threads. Where setpriv is missing or older than 2.33, an orphan ends by itself.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return ()
    prefix = (setpriv, "--pdeathsig", "KILL", "--")
    known = subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0
    return prefix if known else ()
