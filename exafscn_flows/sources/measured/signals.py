"""Which signal of a table is mu: counts in transmission or fluorescence, or mu itself."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.sources.measured.axes import in_order
from exafscn_flows.sources.measured.columns import EXAMPLE, Roles, listed
from exafscn_flows.sources.measured.edges import Step, find_step
from exafscn_flows.sources.measured.spectrum import ColumnTable, Mode, failure

_USABLE = 20.0
"""In transmission a step is usable if it is so many times the noise; otherwise fluorescence is
better, where it was measured, too."""

_AGREE = 0.05
"""Counts and mu agree if they differ, but for scale and offset, by so large a share of the scatter
of mu."""

_MAIN_PART = 0.2
"""The step of mu is so large a share of its range at least."""

_LEAST_FALL = 0.01
"""Counts of the transmitted beam fall by so large a share at an edge at least."""

_LARGEST_MU = 20.0
"""Values of mu are smaller; those of counts are not."""


@dataclass(frozen=True)
class Signal:
    """A choice of mu.

    Attributes
    ----------
    mode
        How it is made.
    mu
        Shape (n_rows,); NaN where there is none.
    is_normalized
        Whether its column says so.
    text
        What it is made of.
    """

    mode: Mode
    mu: np.ndarray
    is_normalized: bool
    text: str


def choose_signal(
    table: ColumnTable,
    energy: np.ndarray,
    roles: Roles,
    *,
    mode: Mode | None,
    near: float | None,
    is_named: bool,
) -> tuple[Signal, list[str]]:
    """Return the signal to take for mu, and why.

    Where counts in transmission fall across the edge, I0 and It are swapped: mu is of the other
    sign then, and so it is where a column that is called It holds mu.

    Parameters
    ----------
    table
        The table.
    energy
        Energy, eV; shape (n_rows,).
    roles
        Columns.
    mode
        What the user wants; None to choose.
    near
        Tabulated energy of the edge, eV, None if it is not known.
    is_named
        Whether the user has named the columns; then they are taken as they are.

    Raises
    ------
    ItemFailure
        ``no_mu`` if the columns do not tell what mu is.
    """
    signals = _signals(table, roles)
    if mode is not None:
        signals = [signal for signal in signals if signal.mode == mode]
    if not signals:
        raise _no_mu(table, mode)
    steps = {id(signal): _step(table, energy, signal.mu, near) for signal in signals}
    notes: list[str] = []
    counts: dict[Mode, Signal] = {signal.mode: signal for signal in signals if signal.mode != "mu"}
    given = [signal for signal in signals if signal.mode == "mu"]
    transmission = counts.get("transmission")
    if transmission is not None and not is_named:
        mended, note = _mended(table, energy, roles, transmission, near)
        if note:
            counts["transmission"] = mended
            steps[id(mended)] = _step(table, energy, mended.mu, near)
            notes.append(note)
    best, why = _best_counts(table, counts, steps)
    if given:
        chosen, more = _with_mu(given, best, steps)
    else:
        assert best is not None
        chosen, more = best, why
    notes += more
    step = steps[id(chosen)]
    if step is not None and step.falls:
        notes.append(f"{chosen.text} falls across the edge: are the columns what they are called?")
    return chosen, notes


def require(columns: Mapping[str, int | str], mode: Mode | None) -> None:
    """Raise UsageError if columns that a user names cannot give the mode that the user wants."""
    needed = {"transmission": {"i0", "it"}, "fluorescence": {"i0", "if"}, "mu": {"mu"}}
    if mode is not None and columns and not needed[mode] <= set(columns):
        raise UsageError(
            f"columns: mode {mode} needs {' and '.join(sorted(needed[mode]))}: {EXAMPLE}"
        )


def _signals(table: ColumnTable, roles: Roles) -> list[Signal]:
    found = []
    i0, it = (table.rows[:, roles[role][0]] if role in roles else None for role in ("i0", "it"))
    with np.errstate(all="ignore"):
        if i0 is not None and it is not None:
            text = f"ln({_label(table, roles['i0'][0])}/{_label(table, roles['it'][0])})"
            found.append(Signal("transmission", _log(i0 / it), False, text))
        if i0 is not None and "if" in roles:
            total = table.rows[:, list(roles["if"])].sum(axis=1)
            names = "+".join(_label(table, at) for at in roles["if"])
            mu = total / i0
            mu[~np.isfinite(mu) | (i0 == 0)] = np.nan
            text = f"({names})/{_label(table, roles['i0'][0])}" if "+" in names else ""
            text = text or f"{names}/{_label(table, roles['i0'][0])}"
            found.append(Signal("fluorescence", mu, False, text))
    for at in roles.get("mu", ()):
        is_normalized = table.kind == "normalized"
        found.append(Signal("mu", table.rows[:, at], is_normalized, _label(table, at)))
    for at in roles.get("norm", ()):
        found.append(Signal("mu", table.rows[:, at], True, _label(table, at)))
    return found


def _mended(
    table: ColumnTable, energy: np.ndarray, roles: Roles, signal: Signal, near: float | None
) -> tuple[Signal, str]:
    """Return a transmission whose columns have wrong names, and a note; "" if it is right."""
    i0, it = table.rows[:, roles["i0"][0]], table.rows[:, roles["it"][0]]
    i0_name, it_name = _label(table, roles["i0"][0]), _label(table, roles["it"][0])
    if _is_mu(table, energy, i0, it, near):
        note = f"the column {it_name} rises across the edge as mu does, so it is taken for mu"
        return Signal("mu", it, False, it_name), note
    step, steepest = (_step(table, energy, signal.mu, place) for place in (near, None))
    # Where the stated edge is not in the scan, there are oscillations of another edge, which fall.
    if step is None or steepest is None or not (step.falls and steepest.falls):
        return signal, ""
    note = (
        f"ln({i0_name}/{it_name}) falls across the edge, so {i0_name} and {it_name} are swapped: "
        f"mu is ln({it_name}/{i0_name})"
    )
    return Signal("transmission", -signal.mu, False, f"ln({it_name}/{i0_name})"), note


def _is_mu(
    table: ColumnTable, energy: np.ndarray, i0: np.ndarray, it: np.ndarray, near: float | None
) -> bool:
    """Whether a column that is called It holds mu: It falls, and I0 has no edge."""
    step, steepest = (_step(table, energy, it, place) for place in (near, None))
    if step is None or steepest is None or not (step.rises and steepest.rises):
        return False
    of_i0 = _step(table, energy, i0, step.energy)
    usable = it[np.isfinite(it)]
    level = float(np.median(np.abs(i0[np.isfinite(i0)])))
    return (
        not (of_i0 is not None and of_i0.falls and of_i0.height < -_LEAST_FALL * level)
        and float(np.median(np.abs(usable))) < _LARGEST_MU
        # What I0 does on its own is a small part of what it does over the whole scan.
        and step.height > _MAIN_PART * float(np.ptp(usable))
    )


def _best_counts(
    table: ColumnTable, counts: Mapping[Mode, Signal], steps: Mapping[int, Step | None]
) -> tuple[Signal | None, list[str]]:
    """Choose between transmission and fluorescence."""
    transmission, fluorescence = counts.get("transmission"), counts.get("fluorescence")
    if transmission is None or fluorescence is None:
        return transmission or fluorescence, []
    stated = table.stated.mode
    both = "both transmission and fluorescence were measured"
    if stated == "fluorescence" or stated == "transmission":
        named = fluorescence if stated == "fluorescence" else transmission
        return named, [f"{both}; the header names {stated}, which is taken"]
    step = steps[id(transmission)]
    if step is None:
        return transmission, [f"{both}; transmission is taken, as no edge step could be judged"]
    if step.quality >= _USABLE:
        return transmission, [f"{both}; transmission, whose edge step is clear, is taken"]
    reason = "transmission has no usable edge step"
    return fluorescence, [f"{both}; {reason}, so fluorescence is taken"]


def _with_mu(
    given: list[Signal], counts: Signal | None, steps: Mapping[int, Step | None]
) -> tuple[Signal, list[str]]:
    """Choose between columns of mu, and between these and counts."""
    rising = [signal for signal in given if (step := steps[id(signal)]) and step.rises]
    best = next(iter(rising or given))
    others = ", ".join(signal.text for signal in given if signal is not best)
    notes = [f"mu is the column {best.text}, not {others}"] if others else []
    if counts is None or best.is_normalized:
        return (counts, []) if counts is not None else (best, notes)
    if _agree(counts.mu, best.mu):
        return counts, [f"mu is {counts.text}, which agrees with the column {best.text}"]
    notes.append(f"{counts.text} and the column {best.text} disagree; the column is taken for mu")
    return best, notes


def _agree(counts: np.ndarray, mu: np.ndarray) -> bool:
    both = np.isfinite(counts) & np.isfinite(mu)
    a, b = counts[both], mu[both]
    if len(a) < 3 or not (np.ptp(a) > 0 and np.ptp(b) > 0):
        return False
    slope, offset = np.polyfit(a, b, 1)
    return bool(slope > 0 and np.std(b - slope * a - offset) < _AGREE * np.std(b))


def _step(
    table: ColumnTable, energy: np.ndarray, signal: np.ndarray, near: float | None
) -> Step | None:
    try:
        x, y, _ = in_order(energy, signal, (), table.name)
    except ItemFailure:  # too few points to judge; it is said where they are used
        return None
    return find_step(x, y, near)


def _log(ratio: np.ndarray) -> np.ndarray:
    usable = np.isfinite(ratio) & (ratio > 0)
    return np.where(usable, np.log(np.where(usable, ratio, 1.0)), np.nan)


def _label(table: ColumnTable, at: int) -> str:
    return table.labels[at] or f"column {at + 1}"


def _no_mu(table: ColumnTable, mode: Mode | None) -> ItemFailure:
    what = {
        "transmission": "I0 and It",
        "fluorescence": "I0 and If",
        "mu": "mu",
        None: "mu, or I0 and It or If",
    }[mode]
    cause = f"its columns do not tell which is {what}: {listed(table.labels)}"
    return failure("no_mu", table.name, cause, f"name them, such as {EXAMPLE}")
