"""Reading FEFF's output files."""

import re
from dataclasses import dataclass

import numpy as np

from exafscn_flows.errors import ItemFailure

_HBAR2_OVER_2M = 3.80998212
"""Energy of a free electron at k = 1/Å, eV (CODATA 2018)."""

_GAP = re.compile(r"\s{2,}")

_LEAST_KMAX = 19.9
"""FEFF 8.5L writes chi(k) up to 20/Å at least, whatever the EXAFS card says."""


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
        As the header states them, e.g. "Feff8L (EXAFS)" and "0.1".
    e0
        Energy where k = 0, eV.
    energy_rel, mu, mu0
        Energy above e0, eV; absorption; its embedded-atom background; shape (n_e,).
    """

    program: str
    version: str
    e0: float
    energy_rel: np.ndarray
    mu: np.ndarray
    mu0: np.ndarray


def parse_chi(text: str) -> Chi:
    """Read ``chi.dat``.

    Raises
    ------
    ItemFailure
        ``feff_not_finite`` for NaN, infinity or Fortran's asterisks; ``feff_incomplete`` for a
        file that ends early; ``feff_zero`` if chi is zero everywhere.
    """
    k, chi, *_ = _columns(text, "chi.dat", 4)
    _check_k(k, "chi.dat")
    if not chi.any():
        raise ItemFailure("feff_zero", "chi.dat: chi is zero at every k", "see CRITERIA")
    return Chi(k, chi)


def parse_xmu(text: str) -> Xmu:
    """Read ``xmu.dat``.

    Raises
    ------
    ItemFailure
        ``feff_not_finite`` or ``feff_incomplete``, as `parse_chi`.
    """
    energy, _, k, mu, mu0, _ = _columns(text, "xmu.dat", 6)
    _check_k(k, "xmu.dat")
    if k[0] <= 0:
        e0 = float(np.interp(0.0, k, energy))
    else:
        # The grid may start one step above k = 0, where the electron is free.
        e0 = float(energy[0] - _HBAR2_OVER_2M * k[0] ** 2)
    # The first line ends in the program and its version, set apart by many blanks.
    words = _GAP.split(text.split("\n", 1)[0].rstrip())
    if len(words) < 3:
        raise ItemFailure(
            "feff_incomplete", "xmu.dat: no version in its header", "run with --retry-failed"
        )
    return Xmu(words[-2], words[-1], e0, energy - e0, mu, mu0)


def _columns(text: str, name: str, n_columns: int) -> np.ndarray:
    """Return the table below the header; shape (n_columns, n_rows)."""
    rows = [line for line in text.splitlines() if line and not line.startswith("#")]
    words = " ".join(rows).split()
    if not words or len(words) != n_columns * len(rows):
        raise ItemFailure(
            "feff_incomplete",
            f"{name}: not a table of {n_columns} columns",
            "run with --retry-failed",
        )
    try:
        table = np.array(words, dtype=float).reshape(-1, n_columns).T
    except ValueError:
        table = None
    if table is None or not np.isfinite(table).all():
        raise ItemFailure(
            "feff_not_finite",
            f"{name}: holds NaN, infinity or numbers that overflowed",
            "check the structure for atoms too close together",
        )
    return table


def _check_k(k: np.ndarray, name: str) -> None:
    if not (np.diff(k) > 0).all():
        raise ItemFailure(
            "feff_incomplete", f"{name}: k does not increase", "run with --retry-failed"
        )
    if k[-1] < _LEAST_KMAX:
        raise ItemFailure(
            "feff_incomplete",
            f"{name}: ends at k = {k[-1]:g}/Å, not at 20/Å",
            "run with --retry-failed",
        )
