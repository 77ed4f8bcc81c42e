"""Reading dropped files: each by a process whose time and memory are limited."""

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple, get_args

import numpy as np

from exafscn_flows.errors import CampaignError, ItemFailure, UsageError
from exafscn_flows.sources.measured import MeasuredSpectrum, Mode, Unreadable, parse_columns
from exafscn_flows.web.reading_process import ARRAYS
from exafscn_flows.web.uploads import Upload

_PASSED = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH")
"""Variables that the process gets; none of them says where the database is."""


class HowToRead(NamedTuple):
    """What a user says about a file, as text; empty for what the file is to tell itself."""

    absorber: str = ""
    columns: str = ""
    mode: str = ""


class Reader:
    """A process that reads files, from the first one on."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def read(self, upload: Upload, how: HowToRead) -> list[MeasuredSpectrum | Unreadable]:
        """Read all spectra of a dropped file.

        Raises
        ------
        ItemFailure
            One line that says why nothing of the file can be used; ``too_large`` if reading it
            takes more time or memory than it may.
        UsageError
            If columns, mode or absorber make no sense.
        CampaignError
            If no process can be started.
        """
        asked: dict[str, Any] = {"name": upload.name}
        if how.absorber:
            asked["absorber"] = how.absorber
        if how.columns:
            asked["columns"] = parse_columns(how.columns)
        if how.mode:
            if how.mode not in (known := get_args(Mode)):
                raise UsageError(f"mode: {how.mode!r} is none of {', '.join(known)}")
            asked["mode"] = how.mode
        answer = self._answer(asked, upload.content)
        if not answer:
            raise ItemFailure(
                "too_large",
                f"{upload.name}: reading it takes more time or memory than a page may use",
                "see what `exafscn predict` says of it",
            )
        with np.load(io.BytesIO(answer), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        said: dict[str, Any] = json.loads(str(arrays.pop("said")))
        if "usage" in said:
            raise UsageError(said["usage"])
        if "failure" in said:
            raise _failure(said["failure"])
        return [_spectrum(one, number, arrays) for number, one in enumerate(said["spectra"])]

    def start(self) -> None:
        """Start the process, so that the first file need not wait for it."""
        with self._lock:
            self._started()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _answer(self, asked: dict[str, Any], content: bytes) -> bytes:
        header = json.dumps({"asked": asked, "size": len(content)}).encode() + b"\n"
        # One file at a time: many at once would take the memory of the machine.
        with self._lock:
            for _ in range(2):
                process = self._started()
                assert process.stdin is not None
                assert process.stdout is not None
                try:
                    process.stdin.write(header + content)
                    process.stdin.flush()
                    size = process.stdout.read(8)
                    if len(size) == 8:
                        return process.stdout.read(int.from_bytes(size, "big"))
                except OSError:
                    pass
                # Somebody has ended it: another one takes its place.
                self._end()
        raise CampaignError("the process that reads files ends by itself: start the page again")

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._end()
        environment = {name: os.environ[name] for name in _PASSED if name in os.environ}
        # Threads of a library would each take address space, and would not be there after a fork.
        environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        # -P: what lies in the current folder is not imported.
        command = [sys.executable, "-P", "-m", "exafscn_flows.web.reading_process"]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
                # Ctrl-C is for the page; this process ends when nobody can ask it any more.
                start_new_session=True,
            )
        except OSError as error:
            raise CampaignError(f"no process can be started to read files: {error}") from error
        return self._process

    def _end(self) -> None:
        if self._process is None:
            return
        with self._process as process:
            process.kill()
        self._process = None


def _failure(said: Mapping[str, str]) -> ItemFailure:
    return ItemFailure(said["kind"], said["message"], said["hint"])


def _spectrum(
    said: dict[str, Any], number: int, arrays: Mapping[str, np.ndarray]
) -> MeasuredSpectrum | Unreadable:
    if "failure" in said:
        return Unreadable(said["group"], _failure(said["failure"]))
    values: dict[str, Any] = {name: arrays.get(f"{name}_{number}") for name in ARRAYS}
    return MeasuredSpectrum(**{**said, "notes": tuple(said["notes"])}, **values)
