"""Running FEFF: 8.5L, as xraylarch ships it, or the command of another one."""

import functools
import importlib.util
import os
import re
import time
from functools import partial
from pathlib import Path
from typing import NoReturn

from pymatgen.core import Structure

from exafscn_flows.errors import CampaignError, ItemFailure
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.spectra.feff_external import run_external
from exafscn_flows.spectra.feff_input import FEFF8L, UNLIMITED, feff_input
from exafscn_flows.spectra.feff_output import feff_spectrum, telling_line
from exafscn_flows.spectra.process import Ended, TimeLimitError, repeat_if_killed, run_program
from exafscn_flows.spectra.scratch import check_free, check_space, run_folder
from exafscn_flows.spectra.settings import FeffSettings

_PROGRAMS = {
    "rdinp": ("geom.json",),
    "pot": ("pot.pad",),
    "xsph": ("phase.pad", "xsect.json"),
    "pathfinder": ("paths.dat",),
    "genfmt": ("feff.pad", "list.dat"),
    "ff2x": ("chi.dat", "xmu.dat"),
}
"""FEFF's programs in the order in which they run, and what each must leave behind."""

_NOT_STARTED = (126, 127)
"""Exit statuses of setpriv and of the dynamic linker; FEFF itself has none but 0 and 2."""

_FINISHED = re.compile(r"Done with module|User must verify very large run")
"""What all but rdinp print at their end. With 1200 paths or more, pathfinder warns of the time that
genfmt will take and says that one may go on: the time limit takes care of that."""

_KMAX = 19.9
"""FEFF 8.5L writes chi(k) up to 20/Å at least, whatever the EXAFS card says."""

_SHORT_OF_KMAX = 1.0
"""So far before the EXAFS card's kmax the grid of an external FEFF may end, 1/Å."""

_HINT = "check the structure; if it is sound, exclude it"


def compute_spectrum(
    structure: Structure, site_index: int, settings: FeffSettings, scratch: Path
) -> Spectrum:
    """Compute the K-edge spectrum of one site.

    Parameters
    ----------
    structure
        Ordered crystal structure.
    site_index
        0-based index of the absorbing site.
    settings
        Which FEFF, its cards and the time limit.
    scratch
        Existing folder for temporary files, a memory file system if there is one. Nothing stays
        there.

    Returns
    -------
    Spectrum
        mu(E), and of EXAFS chi(k), as FEFF writes them, with provenance.

    Raises
    ------
    ItemFailure
        If FEFF cannot take this site, ran out of time, died, was killed time and again, or left no,
        half or bad output.
    CampaignError
        If no run can succeed: the programs are missing, or the scratch folder is full or missing.
    """
    limits = FEFF8L if settings.command is None else UNLIMITED
    text = feff_input(structure, site_index, settings.feff_cards(), limits)
    return repeat_if_killed(lambda: _compute(text, settings, scratch))


def _compute(text: str, settings: FeffSettings, scratch: Path) -> Spectrum:
    """Run FEFF once, in a folder of its own."""
    cards = settings.feff_cards()
    with run_folder(scratch) as folder:
        (folder / "feff.inp").write_text(text)
        try:
            if settings.command is None:
                seconds, kmax = _run(folder, settings.time_limit), _KMAX
            else:
                seconds = run_external(settings.command, folder, settings.time_limit, settings.name)
                kmax = float(cards.get("EXAFS", 0)) - _SHORT_OF_KMAX
            chi = folder / "chi.dat"
            return feff_spectrum(
                (folder / "xmu.dat").read_text(errors="replace"),
                chi.read_text(errors="replace") if chi.exists() else None,
                "XANES" if "XANES" in cards else "EXAFS",
                cards,
                kmax=kmax,
                seconds=seconds,
            )
        except ItemFailure:
            check_space(folder)
            raise


def _run(folder: Path, time_limit: float) -> float:
    """Run all programs in a folder that holds feff.inp; returns their processor seconds."""
    home = _home()
    # Nothing of the user's environment: GFORTRAN_* and LD_* change what Fortran programs do.
    env = {"LD_LIBRARY_PATH": str(home)}
    deadline = time.monotonic() + time_limit
    seconds = 0.0
    logs = {}
    for name, outputs in _PROGRAMS.items():
        try:
            program = [f"{home}/feff8l_{name}"]
            ended = run_program(program, folder, env, deadline, check=partial(check_free, folder))
        except TimeLimitError:
            raise ItemFailure(
                "feff_timeout",
                f"FEFF's {name} did not end within {time_limit:g} s for the whole run",
                "raise time_limit and run with --retry-failed, or lower RPATH or NLEG",
            ) from None
        if ended.status in _NOT_STARTED:
            line = telling_line(ended.log, folder)
            raise CampaignError(f"FEFF's {name} does not start on this machine: {line}")
        seconds += ended.seconds
        logs[name] = ended.log
        # The exit status is 0 whatever happens; only a signal tells something.
        if ended.status < 0 or not all(_is_filled(f"{folder}/{file}") for file in outputs):
            _fail(name, ended, folder)
        if name != "rdinp" and not _FINISHED.search(ended.log):
            _fail(name, ended, folder)
    _check_paths(logs["pathfinder"], logs["genfmt"])
    return seconds


def _is_filled(path: str) -> bool:
    try:
        return os.path.getsize(path) > 0
    except FileNotFoundError:
        return False


def _fail(name: str, ended: Ended, folder: Path) -> NoReturn:
    line = telling_line(ended.log, folder)
    if ended.status < 0:
        raise ItemFailure(
            "feff_died", f"FEFF's {name} was killed by signal {-ended.status}: {line}", _HINT
        )
    raise ItemFailure("feff_no_output", f"FEFF's {name} did not finish: {line}", _HINT)


def _check_paths(pathfinder_log: str, genfmt_log: str) -> None:
    """Check that genfmt saw every path: of a truncated list it reads what there is, in silence."""
    found = re.search(r"Unique paths\s+(\d+)", pathfinder_log)
    examined = re.search(r"paths kept,\s+(\d+)\s+examined", genfmt_log)
    if not found or not examined or found[1] != examined[1]:
        raise ItemFailure(
            "feff_incomplete",
            "FEFF's genfmt did not examine every path found",
            "run with --retry-failed",
        )


@functools.cache
def _home() -> Path:
    """Folder of the FEFF programs; found without importing larch, which takes seconds."""
    spec = importlib.util.find_spec("larch")
    if spec is None or spec.origin is None:
        raise CampaignError("xraylarch, which brings FEFF, is not installed: install it")
    home = Path(spec.origin).parent / "bin" / "linux64"
    for name in _PROGRAMS:
        program = home / f"feff8l_{name}"
        if not os.access(program, os.X_OK):
            raise CampaignError(f"FEFF program {program} is missing: reinstall xraylarch on Linux")
    return home
