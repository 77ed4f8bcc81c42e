"""Columns of text as beamlines write them, and chi(k) or mu(E) that programs have written."""

import re
from collections.abc import Iterator
from dataclasses import replace

from exafscn_flows.sources.measured.spectrum import ColumnTable
from exafscn_flows.sources.measured.text_table import read_table
from exafscn_flows.sources.measured.xdi import labelled

FORMAT = "columns of text"

_SCAN = re.compile(r"#S\s+(\d+)")
"""Begins a scan in files of SPEC."""

_SHARED = 1_000
"""So many lines before the first scan say something about all."""

_DATA = re.compile(r"data\s*:", re.IGNORECASE)
"""Names of the columns follow, one in a line, in files of SSRL."""

_LEGEND = re.compile(r"(?:column|col)?[\s.#]*(\d{1,3})\s*[):=]\s*(\S.*)", re.IGNORECASE)
"""A column in a legend, such as ``2) I0`` or ``Column 2: I0``."""

_CHANNEL = re.compile(r"\w+\s*=\s*\{(.*?)\}\s*-->.*")
"""A column in a legend of EPICS scans, such as ``P1={Energy} --> {13IDA:E.VAL}``."""

_FIRST_K, _LAST_K = 1.0, 40.0
"""Of two columns without names, the first is k if it begins and ends so low, 1/Å."""


def scans(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the scans of a text with their numbers, "" of the only one."""
    lines = text.split("\n")
    begins = [at for at, line in enumerate(lines) if _SCAN.match(line)]
    if not begins:
        yield "", lines
        return
    for first, last in zip(begins, [*begins[1:], len(lines)], strict=True):
        match = _SCAN.match(lines[first])
        number = match[1] if match and len(begins) > 1 else ""
        yield number, lines[max(0, begins[0] - _SHARED) : begins[0]] + lines[first:last]


def column_table(lines: list[str], name: str, group: str) -> ColumnTable:
    """Read columns of text.

    Parameters
    ----------
    lines
        Of the file, or of one scan in it.
    name, group
        What to call it in errors, and in the spectrum.

    Raises
    ------
    ItemFailure
        If there is no table.
    """
    text = read_table(lines, name)
    table = labelled(text, name, group, FORMAT)
    width = len(table.labels)
    if not any(table.labels):
        labels = _legend(text.header, width) or _after_data(text.header, width)
        if labels:
            return replace(table, labels=labels)
        if width == 2:
            return _unnamed(table)
    return table


def _unnamed(table: ColumnTable) -> ColumnTable:
    first = table.rows[:, 0]
    is_k = min(first[0], first[-1]) <= _FIRST_K and max(first[0], first[-1]) <= _LAST_K
    names = ("k", "chi") if is_k else ("energy", "mu")
    note = f"the columns have no names, and are taken for {names[0]} and {names[1]}"
    return replace(table, labels=names, is_guess=True, notes=(*table.notes, note))


def _legend(header: tuple[str, ...], width: int) -> tuple[str, ...]:
    found: dict[int, str] = {}
    for line in header:
        match = _LEGEND.fullmatch(line.strip())
        if match and 1 <= int(match[1]) <= width:
            found[int(match[1])] = match[2].strip()
    if len(found) == width:
        return tuple(found[at] for at in range(1, width + 1))
    channels = tuple(match[1] for line in header if (match := _CHANNEL.fullmatch(line.strip())))
    return channels if len(channels) == width else ()


def _after_data(header: tuple[str, ...], width: int) -> tuple[str, ...]:
    begins = [at for at, line in enumerate(header) if _DATA.fullmatch(line.strip())]
    names = tuple(line.strip() for line in header[begins[-1] + 1 :]) if begins else ()
    return names if len(names) == width else ()
