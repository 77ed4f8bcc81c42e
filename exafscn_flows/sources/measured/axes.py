"""The energies of a table in eV, and points in order without repetition."""

import numpy as np

from exafscn_flows.errors import ItemFailure
from exafscn_flows.sources.measured.columns import is_angle
from exafscn_flows.sources.measured.edges import edges_within
from exafscn_flows.sources.measured.spectrum import LEAST_POINTS, ColumnTable, failure

_HC = 12398.419843
"""Energy times wavelength of light, eV Å (CODATA 2018)."""

_LARGEST_KEV = 130.0
"""Where neither a unit nor the absorber is stated, energies below this are keV: in eV there are but
the edges of Li and Be, and no K edge that is measured lies beyond it in keV."""

_SAME = 1e-4
"""Energies that differ less, eV, are the same."""

_LARGEST = 1e30
"""No number of a spectrum is larger; programs write such for what they do not know."""

_OVERLAP = 0.5
"""A table that begins anew, so far within what it has covered, is a second scan."""

_REASON_FOR_NAMES = "name the columns, or correct the header"


def energies(table: ColumnTable, column: int, absorber: str | None) -> tuple[np.ndarray, list[str]]:
    """Return the energies of a table, and what there is to say about them.

    Parameters
    ----------
    table
        The table.
    column
        Column of the energy, or of the monochromator's angle.
    absorber
        Symbol, None if it is not known.

    Returns
    -------
    tuple of numpy.ndarray and list of str
        Energy, eV, shape (n_rows,), NaN where there is none.

    Raises
    ------
    ItemFailure
        ``no_d_spacing``, ``bad_energy`` or ``contradiction``.
    """
    values, unit = table.rows[:, column], table.units[column]
    if is_angle(table.labels[column], unit):
        return _of_angles(table, values, unit)
    finite = values[np.isfinite(values)]
    if len(finite) < LEAST_POINTS:
        raise too_few(table.name, len(finite))
    low, high = float(finite.min()), float(finite.max())
    if low < 0:
        cause = f"energies begin at {low:g}, so they are relative to an edge"
        raise failure("bad_energy", table.name, cause, "give energies in eV, not above E0")
    if high <= low:
        raise failure("bad_energy", table.name, "all energies are the same", _REASON_FOR_NAMES)
    if unit == "kev":
        return values * 1000, []
    if unit == "ev":
        return values, []
    in_ev = _covers(absorber, table.stated.edge, low, high)
    in_kev = _covers(absorber, table.stated.edge, low * 1000, high * 1000)
    is_kev = in_kev and not in_ev if absorber else high < _LARGEST_KEV
    if not is_kev:
        return values, []
    return values * 1000, [f"energies from {low:g} to {high:g} without a unit are taken for keV"]


def in_order(
    x: np.ndarray, y: np.ndarray, breaks: tuple[int, ...], name: str
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return points in ascending order without repetition, and what was done to them.

    Parameters
    ----------
    x, y
        Energy, eV, or wave number, and signal; shape (n,). Points that are not finite are left out,
        and the mean is taken of those at the same x.
    breaks
        Points before which the table is interrupted.
    name
        What to call it in errors.

    Raises
    ------
    ItemFailure
        ``too_short`` if fewer than 20 points are left; ``several_tables`` if the table begins anew.
    """
    _check_once(x, breaks, name)
    notes, n_given = [], len(x)
    is_finite = (np.abs(x) < _LARGEST) & (np.abs(y) < _LARGEST)
    if not is_finite.all():
        n_lost = int((~is_finite).sum())
        notes.append(f"points left out because they hold no usable number: {n_lost} of {len(x)}")
    x, y = x[is_finite], y[is_finite]
    if len(x) < LEAST_POINTS:
        raise too_few(name, len(x), n_given)
    if x[0] > x[-1]:
        x, y = x[::-1], y[::-1]
    if (np.diff(x) < 0).any():
        order = np.argsort(x, kind="stable")
        x, y = x[order], y[order]
        notes.append("the points were not in order, and have been sorted")
    first = np.append(True, np.diff(x) > _SAME)
    if not first.all():
        at = np.cumsum(first) - 1
        n_each = np.bincount(at)
        notes.append(f"repeated points, of which the mean is taken: {int((~first).sum())}")
        x, y = np.bincount(at, x) / n_each, np.bincount(at, y) / n_each
    if len(x) < LEAST_POINTS:
        raise too_few(name, len(x))
    return np.ascontiguousarray(x, dtype=float), np.ascontiguousarray(y, dtype=float), notes


def too_few(name: str, n_points: int, n_given: int = 0) -> ItemFailure:
    """Return the failure of a spectrum of too few points, of so many that the file has."""
    if n_given < LEAST_POINTS:
        cause = f"{n_points} usable points, and {LEAST_POINTS} are needed"
        return failure("too_short", name, cause, "give the whole scan")
    cause = f"{n_points} of {n_given} points hold usable numbers, and {LEAST_POINTS} are needed"
    return failure("too_short", name, cause, "look at the columns: ln(I0/It) needs counts above 0")


def _covers(absorber: str | None, edge: str | None, low: float, high: float) -> bool:
    return absorber is not None and bool(edges_within(absorber, edge, low, high))


def _of_angles(table: ColumnTable, values: np.ndarray, unit: str) -> tuple[np.ndarray, list[str]]:
    d_spacing = table.stated.d_spacing
    if d_spacing is None:
        cause = "it holds the monochromator's angle, and no d spacing to calculate energies from"
        hint = "state Mono.d_spacing (Å) in an XDI header, or give energies"
        raise failure("no_d_spacing", table.name, cause, hint)
    radians = values if unit.startswith("rad") else np.deg2rad(values)
    with np.errstate(all="ignore"):
        energy = _HC / (2 * d_spacing * np.sin(radians))
    if not ((energy > 0) | ~np.isfinite(values)).all():
        cause = "angles of a monochromator lie between 0 and 90 degrees, and some here do not"
        raise failure("bad_energy", table.name, cause, _REASON_FOR_NAMES)
    note = f"energies are calculated from the monochromator's angle and d = {d_spacing:g} Å"
    return energy, [note]


def _check_once(x: np.ndarray, breaks: tuple[int, ...], name: str) -> None:
    seen: tuple[float, float] | None = None
    for part in np.split(x, list(breaks)):
        part = part[np.isfinite(part)]
        if not len(part):
            continue
        low, high = float(part.min()), float(part.max())
        if seen is not None:
            shared = min(high, seen[1]) - max(low, seen[0])
            if len(part) >= LEAST_POINTS and shared > _OVERLAP * (high - low):
                cause = "the table begins anew, so it holds several scans"
                raise failure("several_tables", name, cause, "write one file for each scan")
            low, high = min(low, seen[0]), max(high, seen[1])
        seen = low, high
