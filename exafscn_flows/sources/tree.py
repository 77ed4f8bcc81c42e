"""Files below a folder, in a zip, or a single one: listed, fingerprinted and read.

Nothing is unpacked, no path in a zip leads out of it, and no more than MAX_BYTES of a file is read,
which of ``*.gz`` is what it holds. Hidden files are left out. Links to folders are followed. Names
in a zip may have backslashes, as some programs for Windows write them; here they have slashes.
"""

import gzip
import os
import re
import stat
import zipfile
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import IO

from exafscn_flows.errors import ItemFailure, UsageError

MAX_BYTES = 20_000_000
"""Largest file; one crystal needs some kB, a list of thousands some MB."""

_MAGIC = re.compile(r"[*?\[]")

_HIDDEN = re.compile(r"(?:^|/)(?:\.(?!\.?(?:/|$))|__MACOSX(?:/|$))")
"""A part of a path in a zip that is hidden, or that macOS adds."""


def scan(path: str, is_wanted: Callable[[str], bool], known: str, below: str = "") -> Iterator[str]:
    """Stream the files of a tree, relative to it, in a fixed order.

    Parameters
    ----------
    path
        Folder, zip or file; or a pattern of files and folders below a folder, with ``*``, ``?``,
        ``[...]`` and ``**``, whose files are relative to that folder.
    is_wanted
        Says of the name of a file, without its folder, whether to list it.
    known
        What is wanted, in words.
    below
        Only what lies in this folder of a folder, relative to it.

    Raises
    ------
    UsageError
        If the path is missing or cannot be read.
    ItemFailure
        ``unsafe_path``, if `below` is not in the folder.
    """
    root, pattern = _split(path)
    if pattern:
        found = False
        for file in scan(root, is_wanted, known, below):
            if _matches(tuple(file.split("/")), pattern):
                found = True
                yield file
        if not found and not below:
            raise UsageError(f"source {path}: no file matches this that is {known}")
        return
    place = Path(path).expanduser()
    _check_inside(below)
    try:
        mode = place.stat().st_mode
        if stat.S_ISDIR(mode):
            above = frozenset(_identity(place / part) for part in Path(below).parents)
            yield from _scan_folder(str(place / below), below, is_wanted, above)
        elif place.suffix.lower() == ".zip":
            yield from sorted(file for file in _zip_infos(path) if not _is_hidden(file, is_wanted))
        elif stat.S_ISREG(mode) and is_wanted(place.name):
            with place.open("rb"):
                yield place.name
        else:
            raise UsageError(f"source {path}: neither a folder, nor a zip, nor {known}")
    except FileNotFoundError:
        message = f"source {path}: there is no such file or folder; look at the path"
        raise UsageError(message) from None
    except zipfile.BadZipFile as error:
        raise UsageError(f"source {path}: not a zip file, or a damaged one ({error})") from error
    except OSError as error:
        raise UsageError(f"source {path}: {error.strerror or error}; look at the path") from error


def _split(path: str) -> tuple[str, tuple[str, ...]]:
    """Part a pattern into the folder that it is about, and the rest; of any other path, nothing."""
    if not _MAGIC.search(path) or os.path.lexists(os.path.expanduser(path)):
        return path, ()
    parts = Path(path).parts
    first = next(index for index, part in enumerate(parts) if _MAGIC.search(part))
    return str(Path(*parts[:first])), parts[first:]


def _matches(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Whether a file, or a folder above it, is meant."""
    if not pattern:
        return True
    if pattern[0] == "**":
        rest = pattern[1:]
        return any(_matches(parts[start:], rest) for start in range(len(parts)))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])


def _scan_folder(
    folder: str, inside: str, is_wanted: Callable[[str], bool], above: frozenset[tuple[int, int]]
) -> Iterator[str]:
    """Stream the files of a folder, then of those in it, but of none again that is above it."""
    own = _identity(folder)
    if own in above:  # a link leads back
        return
    prefix = f"{inside}/" if inside else ""
    folders, files = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if _is_folder(entry):
                folders.append(entry.name)
            elif is_wanted(entry.name):
                files.append(prefix + entry.name)
    yield from sorted(files)
    for name in sorted(folders):
        place = os.path.join(folder, name)
        yield from _scan_folder(place, prefix + name, is_wanted, above | {own})


def _is_folder(entry: os.DirEntry[str]) -> bool:
    # Of a link to itself, entry.is_dir() would raise an error.
    link = entry.is_symlink()
    return os.path.isdir(entry.path) if link else entry.is_dir()


def _identity(folder: str | Path) -> tuple[int, int]:
    info = os.stat(folder)
    return info.st_dev, info.st_ino


def _is_hidden(file: str, is_wanted: Callable[[str], bool]) -> bool:
    return bool(_HIDDEN.search(file)) or not is_wanted(file.rpartition("/")[2])


def _check_inside(file: str) -> None:
    """Raise ItemFailure if a path leads out of its folder: listed ones come back from a store."""
    if file.startswith("/") or ".." in file.split("/"):
        message = f"{file}: the path leads out of the folder"
        raise ItemFailure("unsafe_path", message, "run the campaign file again")


def _zip_info(path: str, file: str) -> zipfile.ZipInfo:
    from exafscn_flows.sources.parsing import unreadable

    parts = file.split("/")
    advice = "pack the zip again"
    if ".." in parts or parts[0] == "" or parts[0].endswith(":"):
        raise ItemFailure("unsafe_path", f"{file}: the path leads out of the zip", advice)
    infos = _zip_infos(path).get(file, [])
    if len(infos) > 1:
        message = f"{file}: {len(infos)} files of this name are in the zip"
        raise ItemFailure("unreadable", message, advice)
    if not infos:
        raise unreadable(file, "not in the zip")
    return infos[0]


def fingerprint(path: str, file: str) -> str:
    """Return what changes whenever the content of a file may have changed."""
    place = os.path.expanduser(_split(path)[0])
    if os.path.isdir(place):
        return _stamp(os.path.join(place, file))
    if place.lower().endswith(".zip"):
        info = _zip_infos(path)[file][-1]
        return f"{info.CRC:08x}-{info.file_size}"
    return _stamp(place)


def _stamp(file: str) -> str:
    try:
        info = os.stat(file)
    except OSError:  # a link to nowhere; reading it says so
        return "missing"
    return f"{info.st_size}-{info.st_mtime_ns}"


def _open_zip(path: str) -> zipfile.ZipFile:
    place = os.path.expanduser(path)
    return _opened_zip(place, _stamp(place), os.getpid())


def _zip_infos(path: str) -> dict[str, list[zipfile.ZipInfo]]:
    place = os.path.expanduser(path)
    return _infos_by_name(place, _stamp(place), os.getpid())


@lru_cache(maxsize=4)
def _infos_by_name(place: str, stamp: str, pid: int) -> dict[str, list[zipfile.ZipInfo]]:
    found: dict[str, list[zipfile.ZipInfo]] = {}
    for info in _opened_zip(place, stamp, pid).infolist():
        name = info.filename.replace("\\", "/")
        if not name.endswith("/"):
            found.setdefault(name, []).append(info)
    return found


@lru_cache(maxsize=4)
def _opened_zip(place: str, stamp: str, pid: int) -> zipfile.ZipFile:
    # Opened once per process: forked processes would share the position in the file.
    return zipfile.ZipFile(place)


def read(path: str, file: str, most: int = MAX_BYTES) -> bytes:
    """Read one file of a source, never more than `most` bytes of it; ``*.gz`` is unpacked."""
    from exafscn_flows.sources.parsing import unreadable

    place = Path(_split(path)[0]).expanduser()
    try:
        if place.suffix.lower() == ".zip" and place.is_file():
            with _open_zip(path).open(_zip_info(path, file)) as stream:
                content = _content(stream, file, most)
        else:
            if place.is_dir():
                _check_inside(file)
                place = place / file
            if not place.is_file():  # opening a pipe would wait for ever
                raise unreadable(file, "missing, or not a regular file")
            with place.open("rb") as stream:
                content = _content(stream, file, most)
    # Encrypted entries are RuntimeErrors, unknown compression NotImplementedErrors; damaged
    # streams have errors of their own.
    except ItemFailure:
        raise
    except Exception as error:
        raise unreadable(file, error) from error
    if len(content) > most:
        message = f"{file}: larger than {most // 1_000_000} MB"
        raise ItemFailure("too_large", message, "write one file for each structure")
    return content


def _content(stream: IO[bytes], file: str, most: int) -> bytes:
    if not file.lower().endswith(".gz"):
        return stream.read(most + 1)
    with gzip.GzipFile(fileobj=stream) as unpacked:
        return unpacked.read(most + 1)


def home_name(path: str) -> str:
    """Name for a POSCAR that is in no folder of the source."""
    place = Path(_split(path)[0]).expanduser().resolve()
    return (
        place.stem
        if place.suffix.lower() == ".zip"
        else (place.name if place.is_dir() else place.parent.name)
    )
