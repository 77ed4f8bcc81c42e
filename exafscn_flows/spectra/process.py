"""Running one program with a time limit, at little cost."""

import functools
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from exafscn_flows.errors import ItemFailure
from exafscn_flows.limits import too_large

_Result = TypeVar("_Result")

_LOG = "exafscn.log"

_LOG_LIMIT = 2**18
"""Bytes read at either end of a program's output; one that loops may print without end."""

_TICK = 0.5
"""Seconds between looks at a program that says nothing about its end."""

_FROM_OTHERS = {signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGKILL}
"""Signals that no program meets by its own fault. For want of memory, the kernel sends the last."""

_SHELL_OFFSET = 128
"""Added by a shell to the signal that killed its program, to make an exit status of it."""

_OURS = ("EXAFSCN_", "MP_API_", "PMG_", "MAPI_KEY")
"""Variables that may hold keys and passwords; FEFF has no use for them. pymatgen takes its key also
from the last."""

TRIM = "MALLOC_TRIM_THRESHOLD_"
"""By this, Dask has its workers give memory back at every turn. What takes and frees arrays all the
time, as FEFF 10 does, then spends more than half of its time on that."""

_TRIES = 4
"""Runs of FEFF for one site, where somebody kills it."""

_KILLED_HINT = (
    "see who kills it, mostly the kernel for want of memory: fewer processes (EXAFSCN_CORES), and "
    "run with --retry-failed"
)


class Ended(NamedTuple):
    """How a program ended."""

    status: int
    """Exit status, or minus the signal that killed it."""
    log: str
    """What it printed, standard output and error together."""
    seconds: float
    """Processor seconds, user and system, also of the programs that it started and waited for."""


class TimeLimitError(Exception):
    """A program that was killed because its time was over."""


class KilledError(Exception):
    """A program that somebody else has killed."""


def environment_without_keys() -> dict[str, str]:
    """Return the user's environment, but for what no program of others should see, or obey."""
    left_out = (*_OURS, TRIM)
    return {name: value for name, value in os.environ.items() if not name.startswith(left_out)}


def repeat_if_killed(run: Callable[[], _Result]) -> _Result:
    """Run something again that somebody else has killed: the site may have nothing to do with it.

    Raises
    ------
    ItemFailure
        ``feff_killed``, if it is killed time and again.
    """
    tries = 0
    while True:
        tries += 1
        try:
            return run()
        except KilledError as killed:
            if tries == _TRIES:
                message = f"{killed} in {tries} runs"
                raise ItemFailure("feff_killed", message, _KILLED_HINT) from None


def run_program(
    command: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    deadline: float,
    *,
    check: Callable[[], None] = lambda: None,
    with_offspring: bool = False,
) -> Ended:
    """Run a program in a folder and wait for it.

    It gets no input, and it is killed when this call ends for whatever reason, or when this
    process dies.

    Parameters
    ----------
    command
        Executable and its arguments.
    folder
        Its working folder.
    env
        Its whole environment.
    deadline
        Value of ``time.monotonic()`` at which it is killed.
    check
        Called now and then, and at its end; what that raises ends it.
    with_offspring
        Whether it may start programs itself, as a script does; they are killed with it.

    Raises
    ------
    TimeLimitError
        If it was killed at the deadline.
    KilledError
        If somebody else killed it, or a program that it ran as a shell does.
    CampaignError
        If it wrote a file that was larger than the user's limit: no other program could do more.
    """
    log = os.open(folder / _LOG, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        status, seconds = _run(command, folder, env, deadline, check, log, with_offspring)
        for number in (-status, status - _SHELL_OFFSET):
            if number in _FROM_OTHERS:
                raise KilledError(f"{Path(command[0]).name} was killed by signal {number}")
            if number == signal.SIGXFSZ:
                raise too_large("a run")
        return Ended(status, _read(log), seconds)
    finally:
        os.close(log)


def _run(
    command: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    deadline: float,
    check: Callable[[], None],
    log: int,
    with_offspring: bool,
) -> tuple[int, float]:
    # The program holds the writing end of a pipe and never writes: its end closes the pipe and
    # wakes us at once. Popen.wait would sleep up to 50 ms too long, and reading the output
    # through a pipe would wake us at every line.
    ours, theirs = os.pipe()
    try:
        process = subprocess.Popen(
            [*_dies_with_us(), *command],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(theirs,),
            start_new_session=with_offspring,
        )
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    try:
        with _group_dies_with_us(process.pid) if with_offspring else nullcontext():
            seconds = _wait(process, ours, deadline, check)
    finally:
        os.close(ours)
        if with_offspring:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        if process.returncode is None:
            process.kill()
            process.wait()
    return process.returncode, seconds


def _wait(
    process: subprocess.Popen[bytes], pipe: int, deadline: float, check: Callable[[], None]
) -> float:
    """Wait for the end of a process; returns its processor seconds and its children's."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    while (left := deadline - time.monotonic()) > 0:
        is_closed = poll.poll(1000 * min(left, _TICK))
        check()
        # wait4 tells the time of this child and of nobody else's.
        pid, wait_status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(wait_status)
            return usage.ru_utime + usage.ru_stime
        if is_closed:
            # The pipe closes a moment before the process is gone.
            time.sleep(0.0001)
    raise TimeLimitError


def _read(log: int) -> str:
    """Read a log, leaving out the middle of one that is too long."""
    text = os.pread(log, _LOG_LIMIT, 0)
    rest = max(_LOG_LIMIT, os.fstat(log).st_size - _LOG_LIMIT)
    return (text + os.pread(log, _LOG_LIMIT, rest)).decode(errors="replace")


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


@contextmanager
def _group_dies_with_us(group: int) -> Iterator[None]:
    """Have a process group killed when this process dies.

    What a script starts does not inherit the wish of `_dies_with_us`. So a shell of its own waits
    for the end of a pipe whose other end only this process holds.
    """
    theirs, ours = os.pipe()
    try:
        guard = subprocess.Popen(
            ["/bin/sh", "-c", 'read -r _; kill -s KILL -- "-$0"', str(group)],
            cwd="/",
            stdin=theirs,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    try:
        yield
    finally:
        guard.kill()
        guard.wait()
        os.close(ours)
