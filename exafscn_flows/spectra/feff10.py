"""Running FEFF 10, as the package feff10-rs brings it along: XANES of one site.

Based on or developed using Distribution: FEFF10.0 Copyright (c) 2020 FEFF Project, University of
Washington and SLAC National Accelerator Laboratory. All rights reserved.
"""

import sys
import time
from collections.abc import Mapping
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pymatgen.core import Structure

from exafscn_flows.errors import CampaignError, ItemFailure, UsageError
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.spectra.edge_energy import e0_fault
from exafscn_flows.spectra.edge_step import edge_step_fault
from exafscn_flows.spectra.feff10_potentials import HINT, Fault, potentials_fault
from exafscn_flows.spectra.feff10_settings import Feff10Settings
from exafscn_flows.spectra.feff_input import UNLIMITED, feff_input
from exafscn_flows.spectra.feff_output import feff_spectrum
from exafscn_flows.spectra.process import (
    Ended,
    KilledError,
    TimeLimitError,
    environment_without_keys,
    repeat_if_killed,
    run_program,
)
from exafscn_flows.spectra.scratch import check_free, check_space, run_folder

PACKAGE_VERSION = "0.2.4"
"""Another one may hold another FEFF 10, or start it in another way."""

_PROGRAM = Path(__file__).with_name("feff10_stages.py")

_POTENTIALS = ("rdinp", "atomic", "pot")
_SPECTRUM = ("xsph", "fms", "mkgtr", "path", "genfmt", "ff2x")
"""There are no paths in XANES by full multiple scattering, but ff2x fails without their files."""

_ONE_CORE = {"MKL_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

_LMAX = 2
"""Largest angular momentum in SCF and FMS, of every potential."""

_SLOW_MIXING = "0.05"
"""Share of the new density in an iteration of SCF with which hard cases come to an end."""

_QUICK_MIXING = ("0.2", "1")
"""FEFF's own mixing, from the first iteration on. It fails more often than the other two, but finds
sound potentials of some sites where they do not."""

_CORE_VALENCE = "-60"
"""Lowest energy, eV, at which core and valence states may be parted, where -70, which is FEFF's,
leads into a band: of two metals, such as Mn and V, the 3p states of one lie near the 3s states of
the other."""

_SHORT_OF_KMAX = 0.6
"""So far before the XANES card's kmax the grid may end, 1/Å."""

_SIGNAL = 128
"""Added to the signal that killed a stage, to make an exit status of it."""


def check_installed() -> None:
    """Raise UsageError if FEFF 10 is not installed."""
    if why := _why_missing():
        raise UsageError(why)


def compute_spectrum(
    structure: Structure, site_index: int, settings: Feff10Settings, scratch: Path
) -> Spectrum:
    """Compute the K-edge XANES of one site.

    Parameters
    ----------
    structure
        Ordered crystal structure.
    site_index
        0-based index of the absorbing site.
    settings
        Cards, radius and time limit.
    scratch
        Existing folder for temporary files, a memory file system if there is one. Nothing stays
        there.

    Returns
    -------
    Spectrum
        mu(E) and mu0(E) as FEFF writes them, without chi(k), with the cards of the run that
        succeeded.

    Raises
    ------
    ItemFailure
        If FEFF cannot take this site, found no self-consistent potentials, ran out of time, died,
        was killed time and again, or left no, half or bad output.
    CampaignError
        If no run can succeed: FEFF is missing, or the scratch folder is full or missing.
    """
    if why := _why_missing():
        raise CampaignError(why)
    return repeat_if_killed(lambda: _compute(structure, site_index, settings, scratch))


def _why_missing() -> str:
    need = f"spectra of kind feff10 need the package feff10-rs {PACKAGE_VERSION}"
    try:
        found = version("feff10-rs")
    except PackageNotFoundError:
        return f"{need}: install exafscn[feff10]"
    return "" if found == PACKAGE_VERSION else f"{need}, not {found}: install exafscn[feff10]"


def _compute(
    structure: Structure, site_index: int, settings: Feff10Settings, scratch: Path
) -> Spectrum:
    """Run FEFF, and again with other cards while its potentials are not to be trusted."""
    deadline = time.monotonic() + settings.time_limit
    seconds = 0.0
    faults: list[str] = []
    bad_counts = False
    given = settings.feff_cards()
    for cards in _attempts(given):
        if cards.get("CORVAL") != given.get("CORVAL") and not bad_counts:
            break
        text = feff_input(
            structure, site_index, cards, UNLIMITED, reach=settings.radius, lmax=_LMAX
        )
        with run_folder(scratch) as folder:
            (folder / "feff.inp").write_text(text)
            run = partial(_run, folder, deadline=deadline, time_limit=settings.time_limit)
            try:
                ended = run(_POTENTIALS)
                seconds += ended.seconds
                if fault := _scf_fault(folder, ended):
                    check_space(folder)
                    faults.append(f"with SCF {cards['SCF']}{_corval(cards)}, {fault.text}")
                    bad_counts |= fault.bad_counts
                    continue
                ended = run(_stages(cards))
                seconds += ended.seconds
                _check(ended)
                return _spectrum(folder, cards, structure[site_index].specie.symbol, seconds)
            except ItemFailure:
                check_space(folder)
                raise
    raise ItemFailure(
        "feff_no_convergence",
        f"FEFF 10 found no self-consistent potentials: {'; '.join(faults)}",
        "try SCF with a larger radius or more iterations, another CORVAL, or exclude the site",
    )


def _corval(cards: Mapping[str, str]) -> str:
    return f" and CORVAL {cards['CORVAL']}" if "CORVAL" in cards else ""


def _attempts(cards: Mapping[str, str]) -> list[dict[str, str]]:
    """Cards as they are, with slower and with quicker mixing; then with another core.

    Electrons that are lost late are kept by slower mixing, those lost at once where core and
    valence are parted elsewhere, which is tried with the first two.
    """
    defaults = ("0", "30", "0.2", "1")
    radius, *rest = cards["SCF"].split()
    words = [*rest, *defaults[len(rest) :]]
    attempts = [dict(cards)]
    if float(words[2]) > float(_SLOW_MIXING):
        shown = [*rest, *defaults[len(rest) : 3]]
        shown[2] = _SLOW_MIXING
        attempts.append({**cards, "SCF": " ".join([radius, *shown])})
    parted = [] if "CORVAL" in cards else [{**one, "CORVAL": _CORE_VALENCE} for one in attempts]
    if (float(words[2]), int(words[3])) != (float(_QUICK_MIXING[0]), int(_QUICK_MIXING[1])):
        attempts.append(
            {**cards, "SCF": " ".join([radius, *words[:2], *_QUICK_MIXING, *words[4:]])}
        )
    return attempts + parted


def _stages(cards: Mapping[str, str]) -> tuple[str, ...]:
    return ("screen", *_SPECTRUM) if cards.get("COREHOLE") == "RPA" else _SPECTRUM


def _run(folder: Path, stages: tuple[str, ...], *, deadline: float, time_limit: float) -> Ended:
    """Run stages in a folder that holds what they read."""
    try:
        return run_program(
            # Its own folder must not be searched for modules: feff10.py would be found there.
            [sys.executable, "-P", str(_PROGRAM), *stages],
            folder,
            {**environment_without_keys(), **_ONE_CORE},
            deadline,
            check=partial(check_free, folder),
            with_offspring=True,
        )
    except KilledError as killed:
        raise KilledError(f"FEFF 10: {killed}") from None
    except TimeLimitError:
        raise ItemFailure(
            "feff_timeout",
            f"FEFF 10 did not end within {time_limit:g} s",
            "raise time_limit and run with --retry-failed, or lower FMS or SCF",
        ) from None


def _check(ended: Ended) -> None:
    """Raise ItemFailure if a stage failed."""
    if not ended.status:
        return
    line = ([line.strip() for line in ended.log.splitlines() if line.strip()] or [""])[-1][:160]
    if signal := _signal(ended):
        raise ItemFailure("feff_died", f"FEFF 10 was killed by signal {signal}: {line}", HINT)
    raise ItemFailure("feff_no_output", f"FEFF 10: {line or 'it printed nothing'}", HINT)


def _signal(ended: Ended) -> int:
    """Return the signal that killed a stage, or those who started it; 0 if none did."""
    return -ended.status if ended.status < 0 else max(0, ended.status - _SIGNAL)


def _scf_fault(folder: Path, ended: Ended) -> Fault | None:
    """Say why potentials are not to be trusted; None if they are."""
    if _signal(ended):
        _check(ended)
    try:
        return potentials_fault(folder, ended.log, ended.status)
    except (OSError, ValueError, IndexError):
        _check(ended)
        message = "FEFF 10: pot wrote no list of iterations"
        raise ItemFailure("feff_no_output", message, HINT) from None


def _spectrum(folder: Path, cards: Mapping[str, str], absorber: str, seconds: float) -> Spectrum:
    xmu = folder / "xmu.dat"
    if not xmu.is_file() or not xmu.stat().st_size:
        raise ItemFailure("feff_no_output", "FEFF 10 wrote no xmu.dat", HINT)
    kmax = float(cards["XANES"].split()[0]) - _SHORT_OF_KMAX
    text = xmu.read_text(errors="replace")
    spectrum = feff_spectrum(text, None, "XANES", cards, kmax=kmax, seconds=seconds)
    fault = e0_fault(absorber, spectrum.e0) or edge_step_fault(spectrum.energy_rel, spectrum.mu)
    if fault:
        raise ItemFailure("bad_spectrum", f"xmu.dat: {fault}", HINT)
    return spectrum
