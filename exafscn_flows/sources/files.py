"""Structures in a folder, a zip or a file: CIF, POSCAR and pymatgen JSON."""

import json
import os
import posixpath
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

import numpy as np
from pydantic import Field

from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.hashing import content_hash, short_hash
from exafscn_flows.sources.base import Entry, LocalSource
from exafscn_flows.sources.formats import Format, other_format, stem, structure_format
from exafscn_flows.sources.names import safe_name
from exafscn_flows.sources.tree import fingerprint, home_name, read, scan
from exafscn_flows.strict import TreePath

if TYPE_CHECKING:
    from pymatgen.core import Structure

_KNOWN = "*.cif, *.mcif, *.json, *.vasp, *.poscar, POSCAR or CONTCAR, also as *.gz"


class FilesSource(LocalSource):
    """Structure files below a folder, in a zip, or a single one.

    A structure is named by its path without suffix, a POSCAR by its folder (POSCAR_1 by its own
    path), a structure inside a JSON file by the file and its name or position there; what is not
    a letter, digit or one of ``._/-`` becomes ``_``. Where two would get one name, all of them
    keep their suffix (or POSCAR), and where that is not enough, they get a hash of their path: no
    structure takes another's place, whatever is added later. Hidden files are left out.
    """

    kind: Literal["files"]
    path: TreePath = Field(description="Folder (with all below it), zip, or file.")

    def check(self) -> None:
        """Raise UsageError if the path is missing, unreadable or holds no structure file."""
        if next(scan(self.path, _is_structure, _KNOWN), None) is None:
            also = f"; there are {others}" if (others := self._others()) else ""
            raise UsageError(f"source {self.path}: no structure file in it ({_KNOWN}){also}")

    def left_out(self) -> str:
        others = self._others()
        return f"source {self.path}: not read: {others} (read are {_KNOWN})" if others else ""

    def _others(self) -> str:
        """Count the files that are not read and may hold structures, by their names."""
        place = Path(self.path).expanduser()
        if not place.is_dir() and place.suffix.lower() != ".zip":
            return ""
        files = scan(self.path, lambda name: other_format(name) is not None, _KNOWN)
        counts = Counter(other_format(file.rpartition("/")[2]) for file in files)
        return ", ".join(f"{count} {name}" for name, count in counts.most_common())

    def entries(self) -> Iterator[Entry]:
        """List the structures, folder by folder; only JSON files are opened.

        All names are gone through at first, since one that is there twice decides how both are
        called: 8 bytes of each are remembered.

        Raises
        ------
        UsageError
            As `check` does.
        """
        plain, full = _namers(self.path)
        twice = _repeated(plain(item) for item in _items(self.path))

        def longer(item: _Item) -> str:
            name = plain(item)
            return full(item) if short_hash(name) in twice else name

        still_twice = _repeated(map(longer, _items(self.path))) if twice else set()
        for item in _items(self.path):
            name = longer(item)
            if short_hash(name) in still_twice:
                name += f"-{content_hash(item.file, item.name)}"
            yield Entry(name, None, _fingerprint(self.path, item), item.locator)

    def load(self, locator: str) -> "Structure":
        """Read one structure, named by the locator of its entry.

        Raises
        ------
        ItemFailure
            ``unreadable``, ``too_large``, ``several_structures`` or ``unsafe_path``.
        """
        from exafscn_flows.sources.cif import parse_cif
        from exafscn_flows.sources.parsing import unreadable
        from exafscn_flows.sources.poscar import parse_poscar
        from exafscn_flows.sources.structure_json import parse_structure_dict

        file, name = _Item.of(locator)
        file_format = _format(file)
        if file_format is Format.JSON:
            data = _read_json(self.path, file, fingerprint(self.path, file))
            if name not in data:
                raise unreadable(file, "it has changed since it was listed")
            label = file if name is None else f"{file}, structure {name}"
            return parse_structure_dict(data[name], label)
        parse = parse_cif if file_format is Format.CIF else parse_poscar
        return parse(read(self.path, file), file)

    def provenance(self, locator: str) -> dict[str, Any]:
        """Give the path of the source and the file in it."""
        item = _Item.of(locator)
        # File names may hold bytes that are no text, which a database would refuse.
        file = os.fsencode(item.file).decode(errors="replace")
        origin: dict[str, Any] = {"kind": self.kind, "path": self.path, "file": file}
        return origin if item.name is None else {**origin, "name": item.name}


class _Item(NamedTuple):
    """One structure: its file in the source and, for JSON, its name in the file."""

    file: str
    name: str | None

    @property
    def locator(self) -> str:
        """File and name as plain text, whatever bytes are in them."""
        return json.dumps(self)

    @classmethod
    def of(cls, locator: str) -> Self:
        return cls(*json.loads(locator))


def _items(path: str) -> Iterator[_Item]:
    """Stream the structures of a source, in a fixed order."""
    for file in scan(path, _is_structure, _KNOWN):
        if _format(file) is Format.JSON:
            names = _json_fingerprints(path, file, fingerprint(path, file))
            yield from (_Item(file, name) for name in names)
        else:
            yield _Item(file, None)


def _fingerprint(path: str, item: _Item) -> str:
    own = fingerprint(path, item.file)
    if _format(item.file) is Format.JSON:
        # It may have been written meanwhile.
        return _json_fingerprints(path, item.file, own).get(item.name, own)
    return own


@lru_cache(maxsize=256)
def _json_fingerprints(path: str, file: str, fingerprint: str) -> dict[str | None, str]:
    """Hash every structure in a JSON file; of one that cannot be read, give the file's own."""
    try:
        data = _read_json(path, file, fingerprint)
    except ItemFailure:  # reading it later says why
        return {None: fingerprint}
    return {name: content_hash(item) for name, item in data.items()}


def _repeated(names: Iterable[str]) -> set[int]:
    """Hashes of the names that are there more than once."""
    hashes = np.array(array("Q", map(short_hash, names)), dtype=np.uint64)
    hashes.sort()
    return set(hashes[1:][hashes[1:] == hashes[:-1]].tolist())


def _namers(path: str) -> tuple[Callable[[_Item], str], Callable[[_Item], str]]:
    """Return two ways to name structures: without and with the suffix of the file."""
    home = home_name(path)
    return (
        lambda item: _material_id(item, home, with_suffix=False),
        lambda item: _material_id(item, home, with_suffix=True),
    )


def _material_id(item: _Item, home: str, *, with_suffix: bool) -> str:
    name = item.file
    if not with_suffix:
        folder, _, file = name.rpartition("/")
        name = posixpath.join(folder, stem(file)) if stem(file) else folder or home
    return safe_name(name if item.name is None else f"{name}/{item.name}")


def _format(file: str) -> Format | None:
    return structure_format(file.rpartition("/")[2])


def structure_files(path: str) -> Iterator[str]:
    """Stream the files of a folder or zip that are read, relative to it.

    Raises
    ------
    UsageError
        If it cannot be read.
    """
    return scan(path, _is_structure, _KNOWN)


def _is_structure(name: str) -> bool:
    return structure_format(name) is not None


@lru_cache(maxsize=1)
def _read_json(path: str, file: str, fingerprint: str) -> dict[str | None, dict[str, Any]]:
    from exafscn_flows.sources.structure_json import read_json

    return read_json(read(path, file), file)
