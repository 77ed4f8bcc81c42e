"""What is read of a measured spectrum, and of one that could not be read."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from exafscn_flows.errors import ItemFailure

Kind = Literal["mu", "normalized", "chi"]
"""mu(E) as measured; mu(E) with an edge step of 1; chi(k) alone."""

Mode = Literal["transmission", "fluorescence", "mu"]
"""How mu was made: ln(I0/It), If/I0, or by somebody else, who wrote mu (or chi) itself."""

LEAST_POINTS = 20
"""Fewer points are no spectrum."""


@dataclass(frozen=True)
class MeasuredSpectrum:
    """One measured spectrum.

    Attributes
    ----------
    group
        Its label in a file of several; otherwise the name of the file without its suffix.
    energy, mu
        Energy, eV, ascending, and absorption, in any unit; shape (n,). None of chi(k).
    k, chi
        Wave number, 1/Å, ascending, and chi(k); shape (n,). None of mu(E).
    kind
        What it holds.
    absorber, edge
        Symbol and edge, such as "K" or "L3", that the file states, or the user; None if nobody.
    e0
        E0 that the file states, eV, or None.
    mode
        How mu was made.
    format
        What the file is, in words.
    notes
        What was guessed or left out, a plain sentence each.
    formula
        Formula of the sample that the file states, as it is written; None without one.
    """

    group: str
    energy: np.ndarray | None
    mu: np.ndarray | None
    k: np.ndarray | None
    chi: np.ndarray | None
    kind: Kind
    absorber: str | None
    edge: str | None
    e0: float | None
    mode: Mode
    format: str
    notes: tuple[str, ...] = ()
    formula: str | None = None


@dataclass(frozen=True)
class Unreadable:
    """One spectrum of a file of several that cannot be used, and why."""

    group: str
    failure: ItemFailure


@dataclass(frozen=True)
class Stated:
    """What a file says about a spectrum; None where it says nothing.

    Attributes
    ----------
    absorber, edge
        Symbol, and edge such as "K" or "L3".
    e0
        E0, eV.
    d_spacing
        Of the monochromator's crystal, Å.
    mode
        How it was measured.
    formula
        Of the sample.
    """

    absorber: str | None = None
    edge: str | None = None
    e0: float | None = None
    d_spacing: float | None = None
    mode: Mode | None = None
    formula: str | None = None


@dataclass(frozen=True)
class ColumnTable:
    """Named columns, of which a spectrum is made.

    Attributes
    ----------
    name
        What to call it in errors: the file, and the group in a file of several.
    group, format
        As in `MeasuredSpectrum`.
    labels, units
        Names as they are written, empty where there is none, and units in lower case; n_columns
        each.
    rows
        Numbers, NaN where there is none; shape (n_rows, n_columns).
    stated
        What the file says.
    breaks
        Rows that follow on a line that interrupts the table.
    kind
        What the columns of mu hold if their names do not tell.
    is_guess
        Whether nothing but the numbers tells which column is what.
    notes
        What there is to say so far.
    """

    name: str
    group: str
    format: str
    labels: tuple[str, ...]
    units: tuple[str, ...]
    rows: np.ndarray
    stated: Stated
    breaks: tuple[int, ...] = ()
    kind: Literal["mu", "normalized"] = "mu"
    is_guess: bool = False
    notes: tuple[str, ...] = ()


def failure(kind: str, name: str, cause: str, hint: str) -> ItemFailure:
    """Return the failure of a file, or of a group in it, in one line."""
    line = " ".join(f"{name}: {cause}".split())
    return ItemFailure(kind, line if len(line) <= 300 else f"{line[:297]}...", hint)
