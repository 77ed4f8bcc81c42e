"""Structures in a folder, a zip or a file: CIF, POSCAR and pymatgen JSON."""

import os
import re
import stat
import zipfile
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple

from pydantic import Field, ValidationInfo, field_validator
from pymatgen.core import Structure

from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.hashing import content_hash
from exafscn_flows.sources.base import Entry, SourceModel

MAX_BYTES = 20_000_000
"""Largest structure file; one crystal needs some kB, a list of thousands some MB."""

_POSCAR_NAMES = ("POSCAR", "CONTCAR")
_POSCAR_SUFFIXES = (".vasp", ".poscar")
_KNOWN = "*.cif, *.json, *.vasp, *.poscar, POSCAR or CONTCAR"


class FilesSource(SourceModel):
    """Structure files below a folder, in a zip, or a single one.

    A structure is named by its path without suffix, a POSCAR by its folder, a structure inside a
    JSON file by the file and its name or position there; what is not a letter, digit or one of
    ``._/-`` becomes ``_``. Where two would get one name, all of them keep their suffix (or
    POSCAR), and where that is not enough, they get a hash of their path: no structure takes
    another's place, whatever is added later. Hidden files are left out.
    """

    kind: Literal["files"]
    path: str = Field(min_length=1, description="Folder (with all below it), zip, or file.")

    @field_validator("path")
    @classmethod
    def _from_folder_of_campaign(cls, path: str, info: ValidationInfo) -> str:
        folder = (info.context or {}).get("folder")
        return path if folder is None else str(folder / Path(path).expanduser())

    def check(self) -> None:
        """Raise UsageError if the path is missing, unreadable or holds no structure file."""
        if not _scan(self.path):
            raise UsageError(f"source {self.path}: no structure file in it ({_KNOWN})")

    def entries(self) -> Iterator[Entry]:
        """List the structures by name; only JSON files are opened.

        Raises
        ------
        UsageError
            As `check` does.
        """
        _listing.cache_clear()
        for material_id, item in _listing(self.path).items():
            yield Entry(material_id, None, item.fingerprint)

    def load(self, material_id: str) -> Structure:
        """Read one structure.

        Raises
        ------
        ItemFailure
            ``unreadable``, ``too_large``, ``several_structures`` or ``unsafe_path``.
        """
        from exafscn_flows.sources import parsing

        item = self._item(material_id)
        if item.failure is not None:
            raise item.failure
        suffix = PurePosixPath(item.file).suffix.lower()
        if suffix == ".json":
            data = _read_json(self.path, item.file, item.file_fingerprint)
            if item.name not in data:
                raise parsing.unreadable(item.file, "it has changed since it was listed")
            label = item.file if item.name is None else f"{item.file}, structure {item.name}"
            return parsing.parse_structure_dict(data[item.name], label)
        parse = parsing.parse_cif if suffix == ".cif" else parsing.parse_poscar
        return parse(_read(self.path, item.file), item.file)

    def provenance(self, material_id: str) -> dict[str, Any]:
        """Give the path of the source and the file in it."""
        item = self._item(material_id)
        # File names may hold bytes that are no text, which a database would refuse.
        file = os.fsencode(item.file).decode(errors="replace")
        origin: dict[str, Any] = {"kind": self.kind, "path": self.path, "file": file}
        return origin if item.name is None else {**origin, "name": item.name}

    def _item(self, material_id: str) -> "_Item":
        try:
            return _listing(self.path)[material_id]
        except KeyError:
            message = f"{material_id} is no longer in {self.path}"
            raise ItemFailure("unreadable", message, "restore the file") from None


class _Item(NamedTuple):
    """One structure: its file in the source and, for JSON, its name in the file."""

    file: str
    name: str | None
    file_fingerprint: str
    fingerprint: str
    failure: ItemFailure | None


@lru_cache(maxsize=8)
def _listing(path: str) -> dict[str, _Item]:
    """Structures of a source by name, sorted by file."""
    items = []
    for file, fingerprint, failure in _scan(path):
        names: dict[str | None, str] = {None: fingerprint}
        if file.lower().endswith(".json") and failure is None:
            try:
                data = _read_json(path, file, fingerprint)
                names = {name: content_hash(item) for name, item in data.items()}
            except ItemFailure as error:
                failure = error
        items += [_Item(file, n, fingerprint, own, failure) for n, own in names.items()]
    home = _home(path)
    plain = [_material_id(item, home, with_suffix=False) for item in items]
    full = [_material_id(item, home, with_suffix=True) for item in items]
    count = Counter(plain)
    ids = [long if count[short] > 1 else short for short, long in zip(plain, full, strict=True)]
    count = Counter(ids)
    for index, item in enumerate(items):
        if count[ids[index]] > 1:
            ids[index] += f"-{content_hash(item.file, item.name)}"
    return dict(zip(ids, items, strict=True))


def _material_id(item: _Item, home: str, *, with_suffix: bool) -> str:
    file = PurePosixPath(item.file)
    if with_suffix:
        name = str(file)
    elif file.name in _POSCAR_NAMES:
        name = home if file.parent == PurePosixPath() else str(file.parent)
    else:
        name = str(file.with_suffix(""))
    name = name if item.name is None else f"{name}/{item.name}"
    parts = [re.sub(r"[^A-Za-z0-9._-]+", "_", part) for part in re.split(r"[/\\]", name)]
    return "/".join(part for part in parts if part not in ("", ".", ".."))


def _home(path: str) -> str:
    """Name for a POSCAR that is in no folder of the source."""
    place = Path(path).expanduser().resolve()
    return (
        place.stem
        if place.suffix.lower() == ".zip"
        else (place.name if place.is_dir() else place.parent.name)
    )


_Found = tuple[str, str, ItemFailure | None]
"""File relative to the source, fingerprint, and why it cannot be read, if that is known."""


def _scan(path: str) -> list[_Found]:
    place = Path(path).expanduser()
    try:
        mode = place.stat().st_mode
        if stat.S_ISDIR(mode):
            found = _scan_folder(place)
        elif place.suffix.lower() == ".zip":
            found = _scan_zip(path)
        elif stat.S_ISREG(mode) and _is_structure(place.name):
            with place.open("rb"):
                found = [(place.name, _stamp(place), None)]
        else:
            raise UsageError(f"source {path}: neither a folder, nor a zip, nor {_KNOWN}")
    except FileNotFoundError:
        raise UsageError(f"source {path}: there is no such file or folder") from None
    except zipfile.BadZipFile as error:
        raise UsageError(f"source {path}: not a zip file, or a damaged one ({error})") from error
    except OSError as error:
        raise UsageError(f"source {path}: {error.strerror or error}") from error
    return sorted(found, key=lambda item: item[0])


def _scan_folder(folder: Path) -> list[_Found]:
    found: list[_Found] = []

    def stop(error: OSError) -> None:
        raise error

    for parent, folders, files in os.walk(folder, onerror=stop):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in filter(_is_structure, files):
            file = Path(parent, name)
            relative = file.relative_to(folder).as_posix()
            found.append((relative, _stamp(file), None))
    return found


def _scan_zip(path: str) -> list[_Found]:
    infos = [info for info in _open_zip(path).infolist() if not info.is_dir()]
    count = Counter(info.filename for info in infos)
    found: dict[str, _Found] = {}
    for info in infos:
        file = info.filename
        parts = re.split(r"[/\\]", file)
        hidden = any(re.match(r"\.(?!\.?$)|__MACOSX$", part) for part in parts)
        if hidden or not _is_structure(parts[-1]):
            continue
        failure = None
        if ".." in parts or parts[0] == "" or parts[0].endswith(":"):
            message = f"{file}: the path leads out of the zip"
            failure = ItemFailure("unsafe_path", message, "pack the zip again")
        elif count[file] > 1:
            message = f"{file}: {count[file]} files of this name are in the zip"
            failure = ItemFailure("unreadable", message, "pack the zip again")
        found[file] = file, f"{info.CRC:08x}-{info.file_size}", failure
    return list(found.values())


def _is_structure(name: str) -> bool:
    suffix = PurePosixPath(name).suffix.lower()
    known = suffix in (".cif", ".json", *_POSCAR_SUFFIXES) or name in _POSCAR_NAMES
    return known and not name.startswith(".")


def _stamp(file: Path) -> str:
    try:
        info = file.stat()
    except OSError:  # a link to nowhere; reading it says so
        return "missing"
    return f"{info.st_size}-{info.st_mtime_ns}"


def _open_zip(path: str) -> zipfile.ZipFile:
    place = Path(path).expanduser()
    return _opened_zip(place, _stamp(place), os.getpid())


@lru_cache(maxsize=4)
def _opened_zip(place: Path, stamp: str, pid: int) -> zipfile.ZipFile:
    # Opened once per process: forked processes would share the position in the file.
    return zipfile.ZipFile(place)


def _read(path: str, file: str) -> bytes:
    """Read one file of a source, never more than MAX_BYTES of it."""
    from exafscn_flows.sources.parsing import unreadable

    place = Path(path).expanduser()
    try:
        if place.suffix.lower() == ".zip" and place.is_file():
            with _open_zip(path).open(file) as stream:
                content = stream.read(MAX_BYTES + 1)
        else:
            place = place / file if place.is_dir() else place
            if not place.is_file():  # opening a pipe would wait for ever
                raise unreadable(file, "missing, or not a regular file")
            with place.open("rb") as stream:
                content = stream.read(MAX_BYTES + 1)
    # Encrypted entries are RuntimeErrors, unknown compression NotImplementedErrors; damaged
    # streams have errors of their own.
    except ItemFailure:
        raise
    except Exception as error:
        raise unreadable(file, error) from error
    if len(content) > MAX_BYTES:
        message = f"{file}: larger than {MAX_BYTES // 1_000_000} MB"
        raise ItemFailure("too_large", message, "write one file for each structure")
    return content


@lru_cache(maxsize=1)
def _read_json(path: str, file: str, fingerprint: str) -> dict[str | None, dict[str, Any]]:
    from exafscn_flows.sources.parsing import read_json

    return read_json(_read(path, file), file)
