"""The table of numbers in a text file, and the lines above it."""

import re
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from exafscn_flows.fortran import fortran_float, is_number
from exafscn_flows.sources.measured.columns import found_roles
from exafscn_flows.sources.measured.spectrum import LEAST_POINTS, failure

COMMENT = "#;%*!$"
"""Lines that begin with one of these are no rows."""

_LONGEST_ROW = 20_000
"""Characters; a longer line is no row of a table."""

_LOOKED_AT = 1_000
"""So many lines above a table may name its columns."""

_LONGEST_LINE = 1_000
"""So much of a line above a table is looked at."""

_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eEdD][+-]?\d+)?")
_INTEGER = re.compile(r"[+-]?\d+")
_PAIR = re.compile(r"[:=](\s|$)")
"""What is written as ``key: value`` names no columns."""

_COMMENT, _TEXT, _ODD = -1, -2, -3
"""Kinds of lines that are no rows."""

_GAP = 2
"""So many lines of text may be within a table, such as damaged rows."""

_SOME = 3
"""Fewer rows of numbers above or below a table belong to the header."""

_ODD_SHARE = 0.1
"""So large a share of the rows may have another number of columns: a scan that was stopped, or a
line that a transfer has damaged."""

_HINT = "give one table of numbers, with the same columns in every line"


@dataclass(frozen=True)
class TextTable:
    """A table of numbers.

    Attributes
    ----------
    header
        Lines above it, without comment signs.
    rows
        Shape (n_rows, n_columns); NaN where a word stands for no number.
    breaks
        Rows that follow on a comment within the table.
    notes
        What there is to say.
    """

    header: tuple[str, ...]
    rows: np.ndarray
    breaks: tuple[int, ...]
    notes: tuple[str, ...]


@dataclass
class _Run:
    """Rows of one width that no text interrupts, and how many lines were above the first."""

    n_above: int
    starts: list[int]
    breaks: list[int]
    n_odd: int = 0


def read_table(lines: Sequence[str], name: str) -> TextTable:
    """Read the table of a text.

    Parameters
    ----------
    lines
        Of the text. Columns may be separated by blanks, tabs, commas or semicolons; numbers may
        have decimal commas, where the columns are separated otherwise, and Fortran's exponents.
    name
        What to call it in errors.

    Raises
    ------
    ItemFailure
        ``no_table``, ``too_short``, ``several_tables`` or ``ragged``.
    """
    has_commas = _has_decimal_commas(lines)
    values, widths = array("d"), array("l")
    header: list[str] = []
    # A line is a row (its number), a comment, text, or what may have been a row.
    kinds = array("l")
    for line in lines:
        text = line.strip()
        if not text:
            continue
        is_comment = text[0] in COMMENT and not text.startswith("**")
        numbers = None if is_comment else _numbers(text, has_commas)
        if numbers is None:
            kinds.append(_COMMENT if is_comment else _ODD if _begins_as_row(text) else _TEXT)
            header.append((_without_sign(text) if is_comment else text)[:_LONGEST_LINE])
        else:
            kinds.append(len(widths))
            widths.append(len(numbers))
            values.extend(numbers)
    if not widths:
        cause = "there is no table of numbers in it"
        raise failure("no_table", name, cause, "is this a measured spectrum?")
    width = Counter(widths).most_common(1)[0][0]
    runs = _runs(kinds, widths, width)
    run = max(runs, key=lambda run: len(run.starts))
    n_rows = len(run.starts)
    if n_rows < LEAST_POINTS:
        cause = f"the table has {n_rows} lines of {width} numbers, and {LEAST_POINTS} are needed"
        raise failure("too_short", name, cause, _HINT)
    n_large = sum(len(other.starts) >= LEAST_POINTS for other in runs)
    if n_large > 1:
        cause = f"{n_large} tables follow on each other"
        raise failure("several_tables", name, cause, "write one file for each scan")
    if run.n_odd > _ODD_SHARE * n_rows:
        cause = f"lines that have not {width} numbers: {run.n_odd} of {n_rows + run.n_odd}"
        raise failure("ragged", name, cause, _HINT)
    ends = np.cumsum(np.frombuffer(widths, dtype=widths.typecode))
    firsts = ends[run.starts] - width
    rows = np.frombuffer(values)[firsts[:, None] + np.arange(width)]
    notes = []
    if has_commas:
        notes.append("the numbers have decimal commas")
    if run.n_odd:
        notes.append(f"lines left out because they have not {width} numbers: {run.n_odd}")
    n_others = sum(len(other.starts) for other in runs if len(other.starts) >= _SOME) - n_rows
    if n_others:
        notes.append(f"lines of numbers left out because they are apart from the table: {n_others}")
    return TextTable(tuple(header[: run.n_above]), rows, tuple(run.breaks), tuple(notes))


def label_words(table: TextTable, name: str) -> tuple[str, ...]:
    """Return the names of the columns, as a line above the table gives them.

    It is the last line with as many words as there are columns that name an axis and a signal, or
    else an axis. Prose may have as many words, too.

    Parameters
    ----------
    table
        The table.
    name
        What to call it in errors.

    Returns
    -------
    tuple of str
        Empty if there is no such line.

    Raises
    ------
    ItemFailure
        ``ambiguous`` if commas seem to be both in numbers and between columns.
    """
    width = table.rows.shape[1]
    is_whole = bool((table.rows == np.round(table.rows)).all())
    axis_only: tuple[str, ...] = ()
    for line in reversed(table.header[-_LOOKED_AT:]):
        if _PAIR.search(line):
            continue
        for words in _splits(line):
            if len(words) == width + 1 and _INTEGER.fullmatch(words[0]):
                words = words[1:]  # the number of points comes first
            roles = found_roles(words)
            if not roles.keys() & {"energy", "angle", "k"}:
                continue
            if len(words) == width:
                if len(roles) > 1:
                    return tuple(words)
                axis_only = axis_only or tuple(words)
            elif is_whole and 2 * len(words) == width and len(roles) > 1:
                cause = "commas seem to be both in the numbers and between the columns"
                raise failure("ambiguous", name, cause, "write decimal points")
    return axis_only


def _splits(line: str) -> list[list[str]]:
    """Return the ways to split a line into names, which may hold blanks or units in brackets."""
    joined = re.sub(r"\s+(?=[(\[])", "", line.strip())
    return [
        words
        for pattern in (r"\t+", r"\s*[,;]\s*", r"\s{2,}|\t+", r"[\s,;]+", r"\s*\*\s*")
        if len(words := [word.strip("\"' ") for word in re.split(pattern, joined) if word]) > 1
    ]


def _without_sign(text: str) -> str:
    body = text.lstrip(COMMENT + " ")
    # SPEC marks the line of names so.
    return body[2:] if text.startswith("#L ") else body


def _has_decimal_commas(lines: Sequence[str]) -> bool:
    """Whether most lines with commas have them in numbers, and something else between these."""
    n_within = n_between = 0
    for line in lines:
        text = line.strip()
        if (
            "," not in text
            or len(text) > _LONGEST_ROW
            or text[0] in COMMENT
            or re.search(r"[A-Za-z]{2}", text)
        ):
            continue
        words = [word for word in re.split(r"[\s;]+", text) if word]
        with_comma = [word for word in words if "," in word]
        within = len(words) > 1 and all(map(_DECIMAL_COMMA.fullmatch, with_comma))
        n_within += within and "." not in text
        n_between += not (within and "." not in text)
    return n_within > n_between


def _numbers(text: str, has_commas: bool) -> list[float] | None:
    """Return the numbers of a line, None if it holds anything else, or one number only."""
    if len(text) > _LONGEST_ROW:
        return None
    text = text.replace(";", " ").replace('"', " ")
    text = text.replace(",", "." if has_commas else " ")
    words = text.split()
    if len(words) < 2:
        return None
    numbers = []
    for word in words:
        try:
            numbers.append(float(word) if "_" not in word else fortran_float(word))
        except ValueError:
            try:
                numbers.append(fortran_float(word))
            except ValueError:
                if word.strip("*"):
                    return None
                numbers.append(np.nan)  # Fortran's sign of a number that has no room
    return numbers


def _begins_as_row(text: str) -> bool:
    word = text.split(None, 1)[0].rstrip(",;")
    return is_number(word.replace(",", "."))


def _runs(kinds: Sequence[int], widths: Sequence[int], width: int) -> list[_Run]:
    """Return the rows of one width, together where no more than a line or two is between them."""
    runs: list[_Run] = []
    n_above = n_text = n_odd = 0
    was_comment = False
    for kind in kinds:
        if kind < 0:
            n_above += 1
            n_text += kind == _TEXT
            n_odd += kind != _COMMENT
            was_comment = was_comment or kind == _COMMENT
            continue
        if widths[kind] != width:
            n_odd += 1
            continue
        run = runs[-1] if runs else None
        # A short run may be numbers in a header.
        is_new = run is None or n_text > _GAP or (n_text and len(run.starts) < LEAST_POINTS)
        if run is None or is_new:
            run = _Run(n_above, [], [])
            runs.append(run)
        else:
            run.n_odd += n_odd
            if n_text or was_comment:
                run.breaks.append(len(run.starts))
        run.starts.append(kind)
        n_text, n_odd, was_comment = 0, 0, False
    if runs and n_text <= _GAP:
        runs[-1].n_odd += n_odd
    return runs
