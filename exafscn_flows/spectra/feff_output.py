"""Reading what FEFF writes, from FEFF 6 to FEFF 10."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from exafscn_flows.errors import ItemFailure
from exafscn_flows.fortran import fortran_float
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.spectra.parts import SpectrumType

_HBAR2_OVER_2M = 3.80998212
"""Energy of a free electron at k = 1/Å, eV (CODATA 2018)."""

_LARGEST = 1e30
"""Spectra are stored in single precision."""

_FIRST_K = 1.0
"""chi(k) begins before this, 1/Å; FEFF's own grids begin at 0 or 0.05."""

_HEADER_END = "@#"
"""FEFF ends the line of column names with it; FEFF 6 marks header lines by nothing else."""

_VERSION = re.compile(
    r"(feff\S* \(\w+\)|feff)\s*(\d\S*)(?:\s+potph\s+\S+)?\s*$", re.IGNORECASE | re.MULTILINE
)
"""End of the first line, e.g. "Feff8L (EXAFS)   0.1", "FEFF 9.6", "Feff 6.01l  potph 4.12"."""

_UNTOLD = re.compile(r"#\d|Backtrace|Error termination|Note: |IEEE_|STOP|Could not print")
"""Log lines that say nothing, or something else in every run."""

_TELLING = re.compile(
    r"error|unexpected|fail|too many|not |signal|bad |must be|cannot", re.IGNORECASE
)


@dataclass(frozen=True)
class Chi:
    """Content of ``chi.dat``: wave number, 1/Å, and chi(k); shape (n_k,)."""

    k: np.ndarray
    chi: np.ndarray


@dataclass(frozen=True)
class Xmu:
    """Content of ``xmu.dat``.

    Attributes
    ----------
    program, version
        As the header states them, e.g. "Feff8L (EXAFS)" and "0.1", or "FEFF" and "unknown".
    e0
        Energy where k = 0, eV.
    k, energy_rel, mu, mu0, chi
        Wave number, 1/Å, negative below e0; energy above e0, eV; absorption; its embedded-atom
        background; chi; shape (n_e,).
    """

    program: str
    version: str
    e0: float
    k: np.ndarray
    energy_rel: np.ndarray
    mu: np.ndarray
    mu0: np.ndarray
    chi: np.ndarray


def feff_spectrum(
    xmu_text: str,
    chi_text: str | None,
    spectrum_type: SpectrumType,
    cards: Mapping[str, str],
    *,
    kmax: float,
    seconds: float = 0.0,
) -> Spectrum:
    """Make a spectrum of FEFF's output files.

    Parameters
    ----------
    xmu_text, chi_text
        Content of ``xmu.dat`` and ``chi.dat``. Without the latter, chi(k) of EXAFS is the last
        column of the former, which is chi(k) rounded to six digits (``ff2chi.f90``); in XANES
        that column is no chi(k).
    spectrum_type, cards
        What FEFF was asked for.
    kmax
        Both files have ended early if k ends before, 1/Å.
    seconds
        Processor seconds that the run took.

    Raises
    ------
    ItemFailure
        As `parse_chi` does.
    """
    is_exafs = spectrum_type == "EXAFS"
    xmu = parse_xmu(xmu_text, kmax)
    chi = Chi(np.empty(0), np.empty(0))
    if is_exafs and chi_text is not None:
        chi = parse_chi(chi_text, kmax)
    elif is_exafs:
        above = xmu.k >= 0
        chi = _check_chi(Chi(xmu.k[above], xmu.chi[above]), "xmu.dat")
    return Spectrum(
        edge="K",
        spectrum_type=spectrum_type,
        e0=xmu.e0,
        k=chi.k,
        chi=chi.chi,
        energy_rel=xmu.energy_rel,
        mu=xmu.mu,
        mu0=xmu.mu0,
        program=xmu.program,
        version=xmu.version,
        cards=dict(cards),
        seconds=seconds,
    )


def parse_chi(text: str, kmax: float) -> Chi:
    """Read ``chi.dat``, which has ended early if k ends before kmax, 1/Å.

    Raises
    ------
    ItemFailure
        ``feff_not_finite`` for NaN, infinity or Fortran's asterisks; ``feff_incomplete`` for a
        file that begins late or ends early; ``feff_zero`` if chi is zero everywhere.
    """
    _, (k, chi) = _columns(text, "chi.dat", (4, 6), (0, 1))
    _check_k(k, k, kmax, "chi.dat")
    return _check_chi(Chi(k, chi), "chi.dat")


def parse_xmu(text: str, kmax: float) -> Xmu:
    """Read ``xmu.dat``, which has ended early if k ends before kmax, 1/Å.

    Raises
    ------
    ItemFailure
        ``feff_not_finite`` or ``feff_incomplete``, as `parse_chi`.
    """
    header, (energy, k, mu, mu0, chi) = _columns(text, "xmu.dat", (6,), (0, 2, 3, 4, 5))
    # Of the rounded k, two may be equal where a XANES grid is fine.
    _check_k(energy, k, kmax, "xmu.dat")
    if k[0] <= 0:
        e0 = float(np.interp(0.0, k, energy))
    else:
        # The grid may start one step above k = 0, where the electron is free.
        e0 = float(energy[0] - _HBAR2_OVER_2M * k[0] ** 2)
    found = _VERSION.search(header)
    program, version = found.groups() if found else ("FEFF", "unknown")
    return Xmu(program, version, e0, k, energy - e0, mu, mu0, chi)


def telling_line(log: str, folder: Path) -> str:
    """Return the line of a log that says most, the same for every run of the same input.

    Parameters
    ----------
    log
        What the program printed.
    folder
        Folder of the run, whose name is left out.
    """
    lines = [" ".join(line.split()) for line in log.replace(str(folder), ".").splitlines()]
    lines = [line for line in lines if line and not _UNTOLD.match(line)]
    telling = [line for line in lines if _TELLING.search(line)]
    return (telling[:1] or lines[-1:] or ["it printed nothing"])[0][:160]


def _columns(
    text: str, name: str, widths: tuple[int, ...], used: tuple[int, ...]
) -> tuple[str, list[np.ndarray]]:
    """Return the header, and some columns of the table below it, each of shape (n_rows,)."""
    header, end, rest = text.rpartition(_HEADER_END)
    lines = [line.rstrip() for line in rest.partition("\n")[2].rstrip().split("\n")]
    width = len(lines[0].split())
    words = [word for line in lines for word in line.split()]
    # An editor may have taken the last end of line away, but FEFF's rows are equally long.
    is_whole = rest.endswith("\n") or len(lines[-1]) == len(lines[-2:][0])
    is_table = len(lines) >= 2 and width in widths and len(words) == width * len(lines)
    if not (end and is_table and is_whole):
        raise ItemFailure(
            "feff_incomplete",
            f"{name}: not a whole table of {widths[0]} columns",
            "run with --retry-failed",
        )
    try:
        columns = [np.array(list(map(fortran_float, words[i::width]))) for i in used]
    except ValueError:
        columns = []
    if not columns or not all((np.abs(column) < _LARGEST).all() for column in columns):
        raise ItemFailure(
            "feff_not_finite",
            f"{name}: holds NaN, infinity or numbers that overflowed",
            "check the structure for atoms too close together",
        )
    return header, columns


def _check_k(grid: np.ndarray, k: np.ndarray, kmax: float, name: str) -> None:
    if not (np.diff(grid) > 0).all() or not (np.diff(k) >= 0).all():
        raise ItemFailure(
            "feff_incomplete", f"{name}: k does not increase", "run with --retry-failed"
        )
    if k[-1] < kmax:
        raise ItemFailure(
            "feff_incomplete",
            f"{name}: ends at k = {k[-1]:g}/Å, not at {kmax:g}/Å",
            "run with --retry-failed",
        )


def _check_chi(chi: Chi, name: str) -> Chi:
    if chi.k[:1] > _FIRST_K:
        raise ItemFailure(
            "feff_incomplete", f"{name}: begins at k = {chi.k[0]:g}/Å", "run with --retry-failed"
        )
    if not chi.chi.any():
        raise ItemFailure("feff_zero", f"{name}: chi is zero at every k", "see CRITERIA")
    return chi
