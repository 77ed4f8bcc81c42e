"""Reads dropped files, each in a process of its own, whose time and memory are limited.

This process has loaded what readers need, and forks for each file. Standard input has for each a
line of JSON, with what is asked and the size of the file, and then its bytes. Standard output gets
for each the size of an answer, eight bytes, and the answer: a NumPy archive with arrays, and a JSON
text that says what they are. An answer of no size: it took too long or too much.
"""

import io
import json
import os
import resource
import select
import signal
import sys
import time
from typing import Any, BinaryIO

import numpy as np

from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.sources.measured import MeasuredSpectrum, Unreadable
from exafscn_flows.sources.measured.reading import read_content

SECONDS = 20
"""That reading a file may take."""

MEMORY = 3 * 1024**3
"""Address space, bytes; libraries take about a third of it."""

ARRAYS = ("energy", "mu", "k", "chi")
WORDS = ("group", "kind", "absorber", "edge", "e0", "mode", "format", "notes")

_MOST = 400_000_000
"""Bytes of an answer: more are not passed on."""


def main() -> None:
    """Read files until there are no more."""
    _warm_up()
    asked, answers = sys.stdin.buffer, sys.stdout.buffer
    while line := asked.readline():
        header = json.loads(line)
        answer = _read_apart(header["asked"], asked.read(header["size"]))
        answers.write(len(answer).to_bytes(8, "big"))
        answers.write(answer)
        answers.flush()


def _warm_up() -> None:
    """Load what readers load with their first file, such as tables of edges: forks have it then."""
    rows = (f"{7000 + 5 * row} {1 + (row > 20)}" for row in range(60))
    read_content("\n".join(["# energy mu", *rows]).encode(), "scan.dat")


def _read_apart(asked: dict[str, Any], content: bytes) -> bytes:
    """Have a file read by a process of its own; empty if it took too long or too much."""
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiving)
        _read_and_end(asked, content, os.fdopen(sending, "wb"))
    os.close(sending)
    parts: list[bytes] = []
    size, end = 0, time.monotonic() + SECONDS
    with os.fdopen(receiving, "rb", buffering=0) as pipe:
        while select.select([pipe], [], [], max(0.0, end - time.monotonic()))[0]:
            part = pipe.read(1 << 20)
            size += len(part)
            if not part or size > _MOST:
                break
            parts.append(part)
        else:
            size = _MOST + 1
    if size > _MOST:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return b"".join(parts) if status == 0 and size <= _MOST else b""


def _read_and_end(asked: dict[str, Any], content: bytes, pipe: BinaryIO) -> None:
    status = 1
    try:
        for limit, most in (
            (resource.RLIMIT_CPU, SECONDS),
            (resource.RLIMIT_AS, MEMORY),
            (resource.RLIMIT_FSIZE, 0),  # nothing is to be written
            (resource.RLIMIT_CORE, 0),
        ):
            resource.setrlimit(limit, (most, most))
        said, arrays = _answer(asked, content)
        archive = io.BytesIO()
        np.savez(archive, said=np.array(json.dumps(said)), **arrays)  # type: ignore[arg-type]
        pipe.write(archive.getvalue())
        pipe.close()
        status = 0
    finally:
        # Nothing of what the parent has begun is to be ended twice.
        os._exit(status)


def _answer(asked: dict[str, Any], content: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    arrays: dict[str, np.ndarray] = {}
    try:
        found = read_content(content, **asked)
    except ItemFailure as error:
        return {"failure": _failed(error)}, arrays
    except UsageError as error:
        return {"usage": str(error)}, arrays
    spectra: list[dict[str, Any]] = []
    for number, one in enumerate(found):
        if isinstance(one, Unreadable):
            spectra.append({"group": one.group, "failure": _failed(one.failure)})
            continue
        assert isinstance(one, MeasuredSpectrum)
        spectra.append({name: getattr(one, name) for name in WORDS})
        for name in ARRAYS:
            if (values := getattr(one, name)) is not None:
                arrays[f"{name}_{number}"] = values
    return {"spectra": spectra}, arrays


def _failed(error: ItemFailure) -> dict[str, str]:
    return {"kind": error.kind, "message": error.message, "hint": error.hint}


if __name__ == "__main__":
    main()
