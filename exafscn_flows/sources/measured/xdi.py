"""XDI, the XAS Data Interchange format, as beamlines and programs write it."""

import re

import numpy as np

from exafscn_flows.sources.measured.columns import found_roles, unit_of
from exafscn_flows.sources.measured.header import pairs, stated
from exafscn_flows.sources.measured.spectrum import ColumnTable
from exafscn_flows.sources.measured.text_table import TextTable, label_words, read_table

FORMAT = "XDI"

_FIRST = re.compile(r"\s*[#;%*]?\s*XDI/\d", re.IGNORECASE)
_COLUMN = re.compile(r"column[. _](\d{1,4})")


def is_xdi(text: str) -> bool:
    """Whether a text says so in its first line."""
    return bool(_FIRST.match(text))


def xdi_table(text: str, name: str, group: str) -> ColumnTable:
    """Read XDI.

    Names and units of columns are those of ``Column.N``; of columns that have none there, those in
    the line above the table. What follows on ``||`` names a channel, and is left out.

    Parameters
    ----------
    text
        Of the file.
    name, group
        What to call it in errors, and in the spectrum.

    Raises
    ------
    ItemFailure
        If there is no table.
    """
    table = read_table(text.split("\n"), name)
    return labelled(table, name, group, FORMAT)


def labelled(table: TextTable, name: str, group: str, file_format: str) -> ColumnTable:
    """Return a table with the names that its header gives to its columns.

    Raises
    ------
    ItemFailure
        ``ambiguous``, as `label_words` does.
    """
    width = table.rows.shape[1]
    header = pairs(table.header)
    words = label_words(table, name)
    above = words or ("",) * width
    labels, units = list(above), [unit_of(word) for word in above]
    notes = list(table.notes)
    named = {}
    for key, value in header.items():
        match = _COLUMN.fullmatch(key)
        if match and value and 1 <= int(match[1]) <= width:
            named[int(match[1]) - 1] = value
    for at, value in named.items():
        first, _, rest = value.partition(" ")
        unit = rest.strip().strip("()[]").lower().partition(" ")[0]
        labels[at], units[at] = first.rstrip(","), unit or unit_of(value)
        if "(" in value and not rest.startswith("("):
            labels[at] = value
    if named and words and found_roles(words) != found_roles(labels) and found_roles(words):
        notes.append(
            "the header and the line above the table give the columns different names; those of "
            "the header are taken"
        )
    return ColumnTable(
        name=name,
        group=group,
        format=file_format,
        labels=tuple(labels),
        units=tuple(units),
        rows=np.ascontiguousarray(table.rows),
        stated=stated(header, table.header),
        breaks=table.breaks,
        notes=tuple(notes),
    )
