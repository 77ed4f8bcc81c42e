"""Text of a CIF to its data blocks: values by data name, as strings."""

import codecs
import io
import math
import re
from typing import Any, NamedTuple

import gemmi

_BYTE_ORDERS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}

_PLAIN = {
    **dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013, 0x2212), "-"),  # hyphens, dashes, minus
    **dict.fromkeys((0x00A0, 0x2009, 0x202F), " "),
    **dict.fromkeys((n for n in range(32) if chr(n) not in "\t\n"), " "),
    127: " ",
}
"""What stands for characters that a CIF may not hold; a lost minus would move an atom."""

_ODD = re.compile(r"[^\t\n -~]")
_PAIR = re.compile(r"\s*(_\S+)\s+(\S.*?)\s*")
_ONE_VALUE = re.compile(
    r"""(?:'(?:[^']|'(?=\S))*'|"(?:[^"]|"(?=\S))*"|[^\s'"$\[\];#_]\S*)(?:\s+#.*)?"""
)

_NULL = ("", ".", "?")


class _Place(NamedTuple):
    """Where values stand: in a column of a loop, or alone."""

    loop: gemmi.cif.Loop | None
    column: int
    value: str

    def values(self) -> list[str]:
        if self.loop is None:
            return [_unquoted(self.value)]
        column = self.loop.values[self.column :: self.loop.width()]
        return [_unquoted(value) for value in column]


class Block:
    """One data block.

    Data names are lower case, with underscores for dots: ``atom_site_fract_x`` is
    ``_atom_site_fract_x`` of CIF 1, ``_atom_site.fract_x`` of CIF 2 and mmCIF, and
    ``_ATOM_SITE_FRACT_X``. So are those that are asked for.
    """

    def __init__(self, block: gemmi.cif.Block) -> None:
        self.name = block.name.strip()
        self._places: dict[str, list[_Place]] = {}
        for item in block:
            pair: Any = item.pair
            if pair is not None:
                self._add(pair[0], _Place(None, 0, pair[1]))
            elif item.loop is not None:
                for column, tag in enumerate(item.loop.tags):
                    self._add(tag, _Place(item.loop, column, ""))

    def _add(self, tag: str, place: "_Place") -> None:
        name = tag[1:].lower().replace(".", "_").rstrip("_")
        self._places.setdefault(name, []).append(place)

    def names(self) -> list[str]:
        """List the data names of the block."""
        return list(self._places)

    def column(self, name: str) -> list[str] | None:
        """Return the values of a data name, of which a loop may have many.

        Values without meaning (``.`` and ``?``) are as they are written.

        Raises
        ------
        ValueError
            If the name is there twice with different values.
        """
        found = self._places.get(name)
        if found is None:
            return None
        values = found[0].values()
        if any(other.values() != values for other in found[1:]):
            raise ValueError(f"_{name} is there twice, with different values")
        return values

    def text(self, *names: str) -> str | None:
        """Return the first value that is stated under one of some names."""
        for name in names:
            for value in self.column(name) or ():
                if value not in _NULL:
                    return value
        return None

    def number(self, *names: str) -> float | None:
        """Return the first number that is stated under one of some names."""
        text = self.text(*names)
        return None if text is None else to_number(text)


def is_null(value: str) -> bool:
    """Whether a value stands for none."""
    return value in _NULL


def to_number(text: str) -> float | None:
    """Read a number with or without its standard uncertainty; None if it is none."""
    number: float = gemmi.cif.as_number(text)
    return number if math.isfinite(number) else None


def blocks(content: bytes) -> list[Block]:
    """Split a CIF into its data blocks.

    Parameters
    ----------
    content
        The file.

    Returns
    -------
    list of Block

    Raises
    ------
    ValueError
        If it is no CIF, with line and cause.
    """
    text = _decoded(content)
    try:
        document = _document(text)
    except ValueError as error:
        try:
            document = _document(_repaired(text))
        except ValueError:
            raise ValueError(_line_and_cause(str(error))) from error
    return [Block(block) for block in document]


def _document(text: str) -> gemmi.cif.Document:
    # Level 0: what is there twice matters only where it is asked for.
    return gemmi.cif.read_string(text, check_level=0)


def _unquoted(value: str) -> str:
    if value[:1] not in ("'", '"', ";"):
        return value
    text = " ".join(gemmi.cif.as_string(value).split())
    if len(text) > 3 and text[:2] == text[-2:] in ("''", '""'):
        text = text[2:-2]  # CIF 2 has quotation marks by threes, of which gemmi knows one
    return text or "."


def _decoded(content: bytes) -> str:
    """Decode a file into ASCII without control characters."""
    start = content[:200]
    encodings = [_BYTE_ORDERS[mark] for mark in _BYTE_ORDERS if content.startswith(mark)]
    encoding = encodings[0] if encodings else "utf-8"
    if not encodings and start.count(0) > len(start) // 3:  # ASCII in UTF-16, without the mark
        encoding = "utf-16-be" if start[0] == 0 else "utf-16-le"
    text = io.StringIO(content.decode(encoding, errors="replace"), newline=None).read()
    if not _ODD.search(text):
        return text
    return text.translate(_PLAIN).encode("ascii", errors="replace").decode()


def _repaired(text: str) -> str:
    """Drop what stands before the first block, and quote values that hold blanks.

    So do many files that were written by hand: ``_symmetry_space_group_name_H-M P 21/c``.
    """
    start = re.search(r"^\s*data_", text, flags=re.MULTILINE | re.IGNORECASE)
    lines = []
    in_text = False
    for line in text[start.start() if start else 0 :].splitlines():
        pair = None if in_text or line.startswith(";") else _PAIR.fullmatch(line)
        in_text ^= line.startswith(";")
        if pair and not _ONE_VALUE.fullmatch(pair[2]) and " _" not in pair[2]:
            lines += [pair[1], f";{pair[2]}", ";"]
        else:
            lines.append(line)
    return "\n".join([*lines, ""])


def _line_and_cause(message: str) -> str:
    """Make a line of what gemmi says: ``string:3:8(25): parse error``."""
    found = re.fullmatch(r"string:(\d+):.*?: (.*)", message)
    return f"line {found[1]}: {found[2]}" if found else message
