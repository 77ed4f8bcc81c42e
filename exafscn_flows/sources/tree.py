"""Files below a folder, in a zip, or a single one: listed, fingerprinted and read.

Nothing is unpacked, no path in a zip leads out of it, and no more than MAX_BYTES of a file is read.
Hidden files are left out.
"""

import os
import re
import stat
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

from exafscn_flows.errors import ItemFailure, UsageError

MAX_BYTES = 20_000_000
"""Largest file; one crystal needs some kB, a list of thousands some MB."""

_HIDDEN = re.compile(r"(?:^|[/\\])(?:\.(?!\.?(?:[/\\]|$))|__MACOSX(?:[/\\]|$))")
"""A part of a path in a zip that is hidden, or that macOS adds."""


def scan(path: str, is_wanted: Callable[[str], bool], known: str) -> Iterator[str]:
    """Stream the files of a tree, relative to it, in a fixed order.

    Parameters
    ----------
    path
        Folder, zip or file.
    is_wanted
        Says of the name of a file, without its folder, whether to list it.
    known
        What is wanted, in words.

    Raises
    ------
    UsageError
        If the path is missing or cannot be read.
    """
    place = Path(path).expanduser()
    try:
        mode = place.stat().st_mode
        if stat.S_ISDIR(mode):
            yield from _scan_folder(str(place), is_wanted)
        elif place.suffix.lower() == ".zip":
            yield from sorted(file for file in _zip_names(path) if not _is_hidden(file, is_wanted))
        elif stat.S_ISREG(mode) and is_wanted(place.name):
            with place.open("rb"):
                yield place.name
        else:
            raise UsageError(f"source {path}: neither a folder, nor a zip, nor {known}")
    except FileNotFoundError:
        raise UsageError(f"source {path}: there is no such file or folder") from None
    except zipfile.BadZipFile as error:
        raise UsageError(f"source {path}: not a zip file, or a damaged one ({error})") from error
    except OSError as error:
        raise UsageError(f"source {path}: {error.strerror or error}") from error


def _scan_folder(folder: str, is_wanted: Callable[[str], bool]) -> Iterator[str]:
    def stop(error: OSError) -> None:
        raise error

    for parent, folders, files in os.walk(folder, onerror=stop):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        inside = os.path.relpath(parent, folder)
        prefix = "" if inside == "." else f"{inside}/"
        for name in sorted(name for name in files if is_wanted(name) and not name.startswith(".")):
            yield prefix + name


def _is_hidden(file: str, is_wanted: Callable[[str], bool]) -> bool:
    return bool(_HIDDEN.search(file)) or not is_wanted(re.split(r"[/\\]", file)[-1])


def _check_zip_name(path: str, file: str) -> None:
    parts = re.split(r"[/\\]", file)
    advice = "pack the zip again"
    if ".." in parts or parts[0] == "" or parts[0].endswith(":"):
        raise ItemFailure("unsafe_path", f"{file}: the path leads out of the zip", advice)
    if (count := _zip_names(path)[file]) > 1:
        message = f"{file}: {count} files of this name are in the zip"
        raise ItemFailure("unreadable", message, advice)


def fingerprint(path: str, file: str) -> str:
    """Return what changes whenever the content of a file may have changed."""
    place = os.path.expanduser(path)
    if os.path.isdir(place):
        return _stamp(os.path.join(place, file))
    if place.lower().endswith(".zip"):
        info = _open_zip(path).getinfo(file)
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


def _zip_names(path: str) -> Counter[str]:
    place = os.path.expanduser(path)
    return _counted_names(place, _stamp(place), os.getpid())


@lru_cache(maxsize=4)
def _counted_names(place: str, stamp: str, pid: int) -> Counter[str]:
    infos = _opened_zip(place, stamp, pid).infolist()
    return Counter(info.filename for info in infos if not info.is_dir())


@lru_cache(maxsize=4)
def _opened_zip(place: str, stamp: str, pid: int) -> zipfile.ZipFile:
    # Opened once per process: forked processes would share the position in the file.
    return zipfile.ZipFile(place)


def read(path: str, file: str) -> bytes:
    """Read one file of a source, never more than MAX_BYTES of it."""
    from exafscn_flows.sources.parsing import unreadable

    place = Path(path).expanduser()
    try:
        if place.suffix.lower() == ".zip" and place.is_file():
            _check_zip_name(path, file)
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


def home_name(path: str) -> str:
    """Name for a POSCAR that is in no folder of the source."""
    place = Path(path).expanduser().resolve()
    return (
        place.stem
        if place.suffix.lower() == ".zip"
        else (place.name if place.is_dir() else place.parent.name)
    )
