"""Lists as Perl writes them, of which Athena's projects consist. Nothing is evaluated."""

import re
from collections.abc import Iterator

import numpy as np

Item = str | list["Item"] | None
"""A string or number, as text; a list or hash; undef."""

_STATEMENT = re.compile(r"^[$@%](\w+)[ \t]*=[ \t]*|^\[record\]|^1;", re.MULTILINE)
"""Begins a line: an assignment, the end of a record, the end of a project."""

_TOKEN = re.compile(
    r"""\s*(?:
        '(?P<single>[^'\\]*(?:\\.[^'\\]*)*)'
      | "(?P<double>[^"\\]*(?:\\.[^"\\]*)*)"
      | (?P<mark>=>|[][(){},;])
      | (?P<bare>[^\s,;'"\](){}[=]+)
    )""",
    re.VERBOSE | re.DOTALL,
)

_NUMBERS = re.compile(r"\(([^()]*)\)\s*;")

_MOST = 1_000_000
"""Numbers of a list, or characters of what is said about a record."""

_DEEPEST = 20
"""Lists within lists; Athena has two or three."""


class PerlError(ValueError):
    """A statement that is no list, or has no end."""


def statements(text: str) -> Iterator[tuple[str, str]]:
    """Yield the names of what is assigned, "[record]" and "1;", each with the text that follows.

    Parameters
    ----------
    text
        Of a project. A string may hold line ends, but none that a statement follows on.
    """
    found = list(_STATEMENT.finditer(text))
    for at, match in enumerate(found):
        end = found[at + 1].start() if at + 1 < len(found) else len(text)
        yield match[1] or match[0], text[match.end() : end]


def numbers(text: str) -> np.ndarray:
    """Return a list of numbers; shape (n,), NaN for undef and what is no number.

    Raises
    ------
    PerlError
        If it is no list, or has no end.
    """
    match = _NUMBERS.match(text)
    if not match:
        raise PerlError("a list of numbers has no end")
    if match[1].count(",") > _MOST:
        raise PerlError(f"a list has more than {_MOST} numbers")
    words = [word.strip().strip("'\"") for word in match[1].split(",")]
    return np.array([_number(word) for word in words if word])


def items(text: str) -> list[Item]:
    """Return a list, or the one string, that is assigned.

    Raises
    ------
    PerlError
        If it is no list, or has no end.
    """
    if len(text) > _MOST:
        raise PerlError(f"a list has more than {_MOST} characters")
    stack: list[list[Item]] = [[]]
    at = 0
    while match := _TOKEN.match(text, at):
        at = match.end()
        mark = match["mark"]
        if mark == ";" and len(stack) == 1:
            top = stack[0]
            return top[0] if len(top) == 1 and isinstance(top[0], list) else top
        if mark is None:
            stack[-1].append(_text(match))
        elif mark in "([{":
            if len(stack) > _DEEPEST:
                raise PerlError("lists within lists go too deep")
            inner: list[Item] = []
            stack[-1].append(inner)
            stack.append(inner)
        elif mark in ")]}":
            if len(stack) == 1:
                raise PerlError("a bracket is closed that is not open")
            stack.pop()
    raise PerlError("a list has no end")


def _text(match: re.Match[str]) -> str | None:
    if match["single"] is not None:
        return re.sub(r"\\(['\\])", r"\1", match["single"])
    if match["double"] is not None:
        # Letters beyond Latin-1 are written by their numbers.
        plain = re.sub(r"\\x\{([0-9a-fA-F]{1,6})\}", _letter, match["double"])
        return re.sub(r"\\(.)", r"\1", plain)
    return None if match["bare"] == "undef" else match["bare"]


def _letter(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return chr(code) if code < 0x110000 else "?"


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return np.nan
