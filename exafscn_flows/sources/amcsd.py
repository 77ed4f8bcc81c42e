"""Minerals of the American Mineralogist Crystal Structure Database, as larixite ships it."""

import contextlib
import io
import re
import sqlite3
import warnings
from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.sources.base import Entry, LocalSource

if TYPE_CHECKING:
    from pymatgen.core import Structure

_ENTRIES = """
SELECT cif.id, group_concat(e.element)
FROM cif JOIN cif_elements AS e ON e.cif_id = CAST(cif.id AS TEXT)
WHERE cif.atoms_occupancy = ?
GROUP BY cif.id ORDER BY cif.id
"""

_REFERENCE = """
SELECT minerals.name, p.journalname, p.volume, p.year, p.page_first,
    (SELECT group_concat(name, ', ') FROM (
        SELECT authors.name FROM publication_authors AS link
        JOIN authors ON authors.id = link.author_id
        WHERE link.publication_id = p.id ORDER BY link.rowid))
FROM cif JOIN minerals ON minerals.id = cif.mineral_id
JOIN publications AS p ON p.id = cif.publication_id
WHERE cif.id = ?
"""

_NO_OCCUPANCY_COLUMN = "0"


class AmcsdSource(LocalSource):
    """Experimental structures of minerals whose sites are all fully occupied.

    Downs and Hall-Wallace, American Mineralogist 88 (2003) 247. No network is used.
    """

    kind: Literal["amcsd"]

    def check(self) -> None:
        """Raise UsageError if larixite does not hold the database."""
        try:
            next(self.entries())
        except (sqlite3.Error, StopIteration) as error:
            message = (
                f"the mineral database of larixite is unreadable ({error}); reinstall larixite"
            )
            raise UsageError(message) from error

    def entries(self) -> Iterator[Entry]:
        """List all fully occupied minerals, by number.

        Loading fails for a few of them (7 of 2346 with Ti..Zn): two atoms are written at one
        place, a label names a group of atoms, or the cell or the formula is another crystal's.
        """
        # The database does not change within a version of larixite.
        fingerprint = f"larixite {version('larixite')}"
        for number, symbols in _query(_ENTRIES, _NO_OCCUPANCY_COLUMN):
            elements = frozenset("H" if s == "D" else s for s in symbols.split(","))
            yield Entry(f"amcsd-{number}", elements, fingerprint)

    def load(self, material_id: str) -> "Structure":
        """Read one mineral, its cell as published.

        Raises
        ------
        ItemFailure
            ``unreadable``, if there is no such mineral or its atoms make no sense, or
            ``unknown_symmetry``, if its operators do not fit its cell.
        """
        from exafscn_flows.sources.cif import parse_cif
        from exafscn_flows.sources.parsing import unreadable

        number = _number(material_id)
        # larixite prints what it cannot decode.
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                mineral = _database().get_cif(number)
                text = "" if mineral is None else mineral.ciftext
            except Exception as error:
                raise unreadable(material_id, f"larixite cannot read it: {error}") from error
        if mineral is None:
            raise _unknown(material_id)
        try:
            return parse_cif(text.encode(), material_id)
        except ItemFailure as failure:
            hint = "the published record is at fault; there is nothing to do"
            raise ItemFailure(failure.kind, failure.message, hint) from failure

    def provenance(self, material_id: str) -> dict[str, Any]:
        """Give number, mineral and reference."""
        number = _number(material_id)
        row = next(_query(_REFERENCE, number), None)
        if row is None:
            raise _unknown(material_id)
        mineral, journal, volume, year, page, authors = row
        return {
            "kind": self.kind,
            "id": number,
            "mineral": None if mineral == "<missing>" else mineral,
            "reference": f"{authors}, {journal} {volume} ({year}) {page}",
        }


def _number(material_id: str) -> int:
    match = re.fullmatch(r"amcsd-([0-9]{1,9})", material_id)
    if match is None:
        raise _unknown(material_id)
    return int(match[1])


def _unknown(material_id: str) -> ItemFailure:
    message = f"{material_id} is not in the mineral database of larixite"
    return ItemFailure("unreadable", message, "was it made with another version of larixite?")


def _path() -> Path:
    # Found without importing larixite, which takes a second.
    spec = find_spec("larixite")
    if spec is None or spec.origin is None:
        raise UsageError("larixite is not installed; the source amcsd needs it")
    return Path(spec.origin).with_name("amcsd_cif1.db")


def _query(sql: str, *parameters: Any) -> Iterator[Any]:
    uri = f"{_path().as_uri()}?mode=ro&immutable=1"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
        yield from connection.execute(sql, parameters)


@lru_cache(maxsize=1)
def _database() -> Any:
    """Open the database by larixite, which knows how its coordinates are coded.

    Read-only: otherwise larixite alters the tables of its own installation. By its path:
    otherwise larixite would download a larger database.
    """
    with warnings.catch_warnings():
        # The import changes the warning filters of the process.
        from larixite.amcsd import AMCSD

        return AMCSD(str(_path()), read_only=True)
