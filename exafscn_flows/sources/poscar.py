"""POSCAR and CONTCAR, read as VASP reads them, with one-line errors.

pymatgen's reader takes one scale factor without anything behind it, misplaces Cartesian coordinates
where that is a volume, and leaves out names and coordinates that the counts do not ask for.
"""

import re
from typing import NamedTuple

import numpy as np
from pymatgen.core import Element, Lattice, Structure

from exafscn_flows.fortran import fortran_float
from exafscn_flows.sources.parsing import unreadable

_NAME = re.compile(r"([A-Z][a-z]?)(?:_\w*)?(?:/\w*)?")
"""An element with what VASP 6 writes behind it: that of the POTCAR and its hash, Ni_pv/f474ac0d."""

_LABEL = re.compile(r"([A-Z][a-z]?)(?:[0-9+-].*)?")
"""An element behind the coordinates of an atom, perhaps with a number or a charge."""

_COUNT = re.compile(r"[0-9]{1,9}")

# A number that fills its columns touches the next one, which must be negative then.
_TOUCHING = re.compile(r"[+-]?[0-9.]+(?:[eEdD][+-]?[0-9]{1,3}|[+-][0-9]{3}(?![0-9.]))?")

_FLAGS = {"T", "F", ".TRUE.", ".FALSE."}


class _Line(NamedTuple):
    """A line of numbers: those it begins with, and the words behind them."""

    numbers: list[float]
    rest: list[str]


class _Sites(NamedTuple):
    """Coordinates in the order of the file, shape (n_sites, 3), and the label behind each."""

    coords: np.ndarray
    labels: list[str | None]
    cartesian: bool


def parse_poscar(content: bytes, name: str) -> Structure:
    """Read a VASP structure file that names its elements.

    Parameters
    ----------
    content
        The file.
    name
        What to call the file in errors.

    Returns
    -------
    Structure

    Raises
    ------
    ItemFailure
        ``unreadable``, also if names, counts and coordinates do not fit together.
    """
    text = content.decode("utf-8", errors="replace")
    try:
        return _structure(re.split(r"\r\n|\r|\n", text.rstrip()))
    except ValueError as error:
        raise unreadable(name, f"not a POSCAR: {error}") from error


def _structure(lines: list[str]) -> Structure:
    if len(lines) < 8:
        raise ValueError(f"it has {len(lines)} lines")
    scale, matrix = _cell(lines)
    names, counts, place = _kinds(lines)
    sites = _sites(lines, place, sum(counts))
    symbols = _symbols(names, counts, sites.labels)
    coords = sites.coords * scale if sites.cartesian else sites.coords
    return Structure(Lattice(matrix), symbols, coords, coords_are_cartesian=sites.cartesian)


def _cell(lines: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the scale along x, y and z, shape (3,), and the scaled cell, Å, shape (3, 3)."""
    factors = _finite(_line(lines[1]).numbers, 2)
    rows = [_finite(_line(line).numbers, 3 + i) for i, line in enumerate(lines[2:5])]
    for number, row in enumerate(rows, start=3):
        if len(row) != 3:
            raise ValueError(f"line {number} holds {len(row)} numbers, not a vector of the cell")
    matrix = np.array(rows)
    volume = abs(np.linalg.det(matrix))
    if not volume > 0:
        raise ValueError("the vectors of its cell lie in a plane")
    if len(factors) not in (1, 3) or 0 in factors or (len(factors) == 3 and min(factors) < 0):
        raise ValueError("line 2 holds neither a scale factor, nor a volume below 0, nor 3 factors")
    if factors[0] < 0:
        factors = [(-factors[0] / volume) ** (1 / 3)]
    scale = np.broadcast_to(np.array(factors), 3)
    return scale, matrix * scale


def _kinds(lines: list[str]) -> tuple[list[str], list[int], int]:
    """Return elements, none in the format of VASP 4, their counts, and the next line's index.

    VASP goes on in further lines where there are many.
    """
    place = 5
    names: list[str] = []
    while place < len(lines) and (words := _words(lines[place])) and not _COUNT.match(words[0]):
        for word in words:
            element = _element(word, _NAME)
            if element is None:
                raise ValueError(f"line {place + 1}: {word[:20]} is neither an element nor a count")
            names.append(element)
        place += 1
    counts: list[int] = []
    while place < len(lines) and (not counts or len(counts) < len(names)):
        found = _counts(lines[place])
        if not found:
            break
        counts += found
        place += 1
    if not counts or (names and len(names) != len(counts)):
        raise ValueError(f"it names {len(names)} elements and has {len(counts)} counts")
    return names, counts, place


def _sites(lines: list[str], place: int, n_sites: int) -> _Sites:
    """Read the coordinates below the counts; velocities and what else follows are left."""
    mode = "".join(lines[place : place + 1]).strip().lower()
    if mode.startswith("s"):  # selective dynamics
        place += 1
        mode = "".join(lines[place : place + 1]).strip().lower()
    if not mode.startswith(("c", "k", "d", "f")):
        raise ValueError(f"line {place + 1} says neither Direct nor Cartesian")
    place += 1
    if not 0 < n_sites <= len(lines) - place:
        raise ValueError(f"it counts {n_sites} atoms and has {len(lines) - place} lines for them")
    rows = [_line(line) for line in lines[place : place + n_sites]]
    for number, row in enumerate(rows, start=place + 1):
        if len(row.numbers) < 3:
            raise ValueError(f"line {number} holds {len(row.numbers)} numbers, not coordinates")
        _finite(row.numbers[:3], number)
    if len(_line("".join(lines[place + n_sites : place + n_sites + 1])).numbers) >= 3:
        raise ValueError(f"it counts {n_sites} atoms and has coordinates of more")
    coords = np.array([row.numbers[:3] for row in rows])
    return _Sites(coords, [_label(row.rest) for row in rows], mode.startswith(("c", "k")))


def _symbols(names: list[str], counts: list[int], labels: list[str | None]) -> list[str]:
    """Give each site its element: by name and count, or by its label in the format of VASP 4."""
    groups = np.repeat(np.arange(len(counts)), counts).tolist()
    if names:
        symbols = [names[group] for group in groups]
    else:
        symbols = [label for label in labels if label is not None]
        if len(symbols) < len(labels):
            raise ValueError("it does not name its elements (VASP 4 format)")
        first = dict(zip(reversed(groups), reversed(symbols), strict=True))
        symbols = [first[group] for group in groups]
    for number, (symbol, label) in enumerate(zip(symbols, labels, strict=True), start=1):
        if label is not None and Element(label).Z != Element(symbol).Z:
            raise ValueError(f"atom {number} is {symbol} by its counts and {label} in its line")
    return symbols


def _words(line: str) -> list[str]:
    """Split a line as Fortran does, without the comment at its end."""
    return re.split(r"[!#]", line, maxsplit=1)[0].replace(",", " ").split()


def _line(line: str) -> _Line:
    words = _words(line)
    numbers: list[float] = []
    for place, word in enumerate(words):
        parts = _TOUCHING.findall(word)
        if "".join(parts) != word or not all(part[0] in "+-" for part in parts[1:]):
            return _Line(numbers, words[place:])
        numbers += map(fortran_float, parts)
    return _Line(numbers, [])


def _counts(line: str) -> list[int]:
    found = []
    for word in _words(line):
        if not _COUNT.fullmatch(word):
            break
        found.append(int(word))
    return found


def _label(words: list[str]) -> str | None:
    """Element behind coordinates and, of selective dynamics, three flags."""
    if len(words) >= 3 and _FLAGS.issuperset(words[:3]):
        words = words[3:]
    return _element(words[0], _LABEL) if words else None


def _element(word: str, pattern: re.Pattern[str]) -> str | None:
    match = pattern.fullmatch(word)
    return match[1] if match and Element.is_valid_symbol(match[1]) else None


def _finite(numbers: list[float], line: int) -> list[float]:
    if not np.isfinite(numbers).all():
        raise ValueError(f"line {line} holds a number that is too large")
    return numbers
