"""A folder into which spectra come while they are measured: each is answered as it comes."""

import os
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from exafscn_flows.errors import UsageError
from exafscn_flows.prediction.answer import Answer, Failed, ModelAnswer

Found = Answer | ModelAnswer | Failed

LONG = 10.0
"""Seconds after which a file that grows all the time is read again."""

_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Seen:
    """A file that was read.

    Attributes
    ----------
    path
        The file.
    written
        When it was written last, s since 1970.
    number
        The last number in its name, without the suffix, which mostly counts scans; None if there is
        none.
    found
        What was answered for its spectra.
    """

    path: Path
    written: float
    number: int | None
    found: tuple[Found, ...]


@dataclass
class _State:
    """What is known of a file: size and time of writing, as seen last and as read last."""

    seen: tuple[int, int]
    read: tuple[int, int] | None = None
    read_at: float = 0.0


class FolderWatch:
    """Looks at a folder again and again.

    Parameters
    ----------
    folder
        The folder; folders in it are left alone.
    answer
        Answers for a file.

    Raises
    ------
    UsageError
        If there is no such folder.
    """

    def __init__(self, folder: Path, answer: Callable[[Path], Sequence[Found]]) -> None:
        self.folder = folder
        self._answer = answer
        self._states: dict[Path, _State] = {}
        self.files: dict[Path, Seen] = {}
        if not folder.is_dir():
            raise UsageError(f"{folder}: there is no such folder; look at the path")

    def look(self) -> list[Seen]:
        """Read the files that are new, or have changed, since the last look; returns these.

        A file is read when nobody has written to it since the look before, or while it grows, every
        ten seconds; of a file that still grows, only what can be answered counts.

        Raises
        ------
        UsageError
            If the folder is not there any more, or cannot be read.
        """
        made = []
        for path, now in self._there():
            state = self._states.get(path)
            is_settled = state is not None and state.seen == now
            if state is None:
                state = self._states[path] = _State(now, read_at=time.monotonic())
            state.seen = now
            is_late = time.monotonic() - state.read_at > LONG
            if state.read == now or not (is_settled or is_late):
                continue
            state.read_at = time.monotonic()
            found = tuple(self._answer(path))
            if not is_settled and all(isinstance(one, Failed) for one in found):
                continue
            state.read = now
            seen = Seen(path, now[1] / 1e9, scan_number(path.name), found)
            self.files[path] = seen
            made.append(seen)
        return made

    def _there(self) -> list[tuple[Path, tuple[int, int]]]:
        """Return the files that there are, in the order in which they were written."""
        found = []
        try:
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    if entry.name.startswith(".") or not entry.is_file():
                        continue
                    with suppress(FileNotFoundError):  # it was moved away meanwhile
                        info = entry.stat()
                        found.append((Path(entry.path), (info.st_size, info.st_mtime_ns)))
        except OSError as error:
            raise UsageError(f"{self.folder}: {error.strerror or error}") from error
        return sorted(found, key=lambda one: (one[1][1], one[0].name))


def scan_number(name: str) -> int | None:
    """Return the last number in the name of a file, without its suffix; None if there is none.

    A suffix that is a number, as of ``sample.0012``, is the number.
    """
    stem, dot, suffix = name.rpartition(".")
    if not dot or suffix.isdecimal():
        stem = name
    numbers = _NUMBER.findall(stem)
    return int(numbers[-1]) if numbers and len(numbers[-1]) <= 9 else None


def mean_and_doubt(answer: Answer | ModelAnswer) -> tuple[float, float] | None:
    """Return what is expected of an answer, and its standard deviation; None of named classes.

    Of classes that are numbers, both are those of the probabilities; of numbers, the second is the
    expected error.
    """
    if isinstance(answer, ModelAnswer) and answer.probabilities is None:
        return float(answer.value), answer.expected_error
    mean = answer.expected_cn if isinstance(answer, Answer) else answer.expected_value
    if mean is None or answer.probabilities is None:
        return None
    classes = np.array([float(one) for one in answer.probabilities])
    shares = np.array([*answer.probabilities.values()])
    variance = float(shares @ (classes - mean) ** 2)
    return mean, float(np.sqrt(max(variance, 0.0)))
