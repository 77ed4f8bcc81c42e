"""Running a FEFF that the user has: one command in the folder of ``feff.inp``."""

import os
import shlex
import shutil
import time
from functools import partial
from pathlib import Path

from exafscn_flows.errors import CampaignError, ItemFailure, UsageError
from exafscn_flows.spectra.feff_output import telling_line
from exafscn_flows.spectra.process import TimeLimitError, environment_without_keys, run_program
from exafscn_flows.spectra.scratch import check_free

_NOT_STARTED = (126, 127)
"""Exit statuses of a shell that cannot start a program."""


def check_command(command: str, spectrum: str) -> None:
    """Raise UsageError if the program of a command is not on this machine."""
    name, *_ = shlex.split(command)
    if shutil.which(name) is None:
        raise UsageError(f"command of spectrum {spectrum}: {_why_missing(name)}")


def run_external(command: str, folder: Path, time_limit: float, spectrum: str) -> float:
    """Run the command of a FEFF and wait for it.

    It gets the user's environment, since it may need paths and libraries that are set there, and
    no input. What it starts is killed with it, except for what has left its process group, as
    ``setsid`` and job schedulers do.

    Parameters
    ----------
    command
        Program and arguments, as in a shell, but no shell sees them.
    folder
        Folder that holds ``feff.inp``; ``xmu.dat`` is expected there.
    time_limit
        Seconds after which it is killed.
    spectrum
        Name of the spectrum, by which messages tell one command from others.

    Returns
    -------
    float
        Processor seconds of the command and of all that it started and waited for.

    Raises
    ------
    ItemFailure
        ``feff_timeout``; ``feff_died`` if it crashed; ``feff_no_output`` if it says that it
        failed (FEFF itself often does not), or leaves no ``xmu.dat``.
    KilledError
        If somebody else killed it.
    CampaignError
        If there is no such program, it is not executable, it does not start, or the scratch folder
        is full.
    """
    name, *arguments = shlex.split(command)
    program = shutil.which(name)
    if program is None:
        raise CampaignError(f"command of spectrum {spectrum}: {_why_missing(name)}")
    deadline = time.monotonic() + time_limit
    try:
        ended = run_program(
            [os.path.abspath(program), *arguments],
            folder,
            environment_without_keys(),
            deadline,
            check=partial(check_free, folder),
            with_offspring=True,
        )
    except TimeLimitError:
        raise ItemFailure(
            "feff_timeout",
            f"{name} did not end within {time_limit:g} s",
            "raise time_limit and run with --retry-failed, or lower FMS, SCF or RPATH",
        ) from None
    line = telling_line(ended.log, folder)
    if ended.status in _NOT_STARTED:
        message = f"{name} does not start on this machine: {line}"
        raise CampaignError(f"command of spectrum {spectrum}: {message}")
    hint = "run the command by hand on a site like this one"
    if ended.status < 0:
        raise ItemFailure("feff_died", f"{name} was killed by signal {-ended.status}: {line}", hint)
    if ended.status > 0:
        message = f"{name} ended with exit status {ended.status}: {line}"
        raise ItemFailure("feff_no_output", message, hint)
    xmu = folder / "xmu.dat"
    if not xmu.is_file() or not xmu.stat().st_size:
        raise ItemFailure("feff_no_output", f"{name} wrote no xmu.dat: {line}", hint)
    return ended.seconds


def _why_missing(name: str) -> str:
    found = shutil.which(name, mode=os.F_OK)
    if found:
        return f"{found} is not executable: run chmod +x {shlex.quote(found)}"
    if os.sep in name and os.path.isdir(name):
        return f"{name} is a folder: give the path of a program in it"
    return f"there is no program {name}: install it, or give its whole path"
