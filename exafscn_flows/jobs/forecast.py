"""How long the work that is left will take: told by the work that is done.

The bar of a run, the lines of a log and `exafscn status` all ask here. Work is of kinds, such as
sites whose spectrum is computed, or folds of a model, and an item of a kind has a size: atoms in
the cell, or sites to learn from. What an item takes is a power of its size, near sizes that are
done what these took; how fast all goes on is what workers, lately, had of their processors.
"""

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, Self

import numpy as np

_PRIOR_ITEMS = 2.0
"""Items as whose measurement a first guess counts."""
_PRIOR_POWER = 4.0
"""Sum of squares of log(size) over as many items as a first guess of a power counts for."""
_NEAR = 0.35
"""Sizes whose logarithms differ by so much count for each other."""
_LATELY = 120.0
"""Seconds of which the pace is a mean, or half of what has passed if that is longer."""
_GONE = 600.0
"""Seconds after which a worker that was not heard of is gone."""
_KNOWN_SHARE = 0.08
"""Part of the work that must be done before something is said of the rest."""
_MOST_MARKS = 2000


class Guess(NamedTuple):
    """What an item takes as far as nothing is measured.

    Attributes
    ----------
    seconds
        At `size`, growing by `power`.
    start
        Seconds on top, whatever the size.
    """

    seconds: float
    size: float = 1.0
    power: float = 1.0
    start: float = 0.0

    def at(self, sizes: np.ndarray) -> np.ndarray:
        """Processor seconds that an item of each size takes."""
        found: np.ndarray = self.start + self.seconds * (sizes / self.size) ** self.power
        return found

    def power_at(self, size: float) -> float:
        """As what power of its size that grows near a size."""
        total = float(self.at(np.array(size)))
        return self.power * (total - self.start) / total


class Work(NamedTuple):
    """Items of one kind and size that are to be done."""

    kind: str
    size: int
    number: int
    guess: Guess


@dataclass
class _Kind:
    """What is known of one kind."""

    guess: Guess
    done: dict[int, tuple[int, float, float]] = field(default_factory=dict)
    """By size: number of items, sum of processor seconds, sum of their logarithms."""

    def add(self, size: int, seconds: float) -> None:
        count, total, logs = self.done.get(size, (0, 0.0, 0.0))
        self.done[size] = count + 1, total + seconds, logs + math.log(max(seconds, 1e-4))

    def seconds(self, sizes: np.ndarray) -> np.ndarray:
        """Processor seconds that an item of each size will take."""
        guess = self.guess
        if not self.done:
            return guess.at(sizes)
        known = np.array(list(self.done), dtype=float)
        counts, totals, logs = np.array(list(self.done.values()), dtype=float).T
        power = self._power(np.log(known), counts, logs)
        # Every item counts as much: the few that take longest would draw up all others.
        factors = totals / known**power
        typical = np.exp(np.sum(counts * np.log(known)) / counts.sum())
        guessed = guess.at(typical) / typical**power
        overall = (factors.sum() + guessed * _PRIOR_ITEMS) / (counts.sum() + _PRIOR_ITEMS)
        # Near the size itself, what was measured there counts, not the line through all.
        near = np.exp(-0.5 * ((np.log(sizes)[:, None] - np.log(known)) / _NEAR) ** 2)
        local = (near @ factors + overall * _PRIOR_ITEMS) / (near @ counts + _PRIOR_ITEMS)
        found: np.ndarray = local * sizes**power
        return found

    def _power(self, x: np.ndarray, counts: np.ndarray, logs: np.ndarray) -> float:
        centre = np.sum(counts * x) / counts.sum()
        x = x - centre
        guessed = self.guess.power_at(float(np.exp(centre)))
        slope = np.sum(x * logs) + _PRIOR_POWER * guessed
        return float(slope / (np.sum(counts * x**2) + _PRIOR_POWER))


class Spent(NamedTuple):
    """What a worker spent on an item: processor seconds, seconds by the clock, and who it is."""

    seconds: float
    wall: float
    worker: str


class _Mark(NamedTuple):
    """An item that ended."""

    time: float
    spent: Spent
    sites: int


@dataclass(frozen=True)
class Pace:
    """What one process tells of its work, for others that look at the campaign.

    Attributes
    ----------
    cores
        Processor seconds that its workers spent on work in a second; 0 where it is not known yet.
    per_minute
        Sites that became complete in a minute.
    measured
        By kind of work and size: number of items, sum of seconds, sum of logarithms of seconds.
    """

    cores: float
    per_minute: float
    measured: dict[str, dict[str, tuple[int, float, float]]]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for a document."""
        return asdict(self)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """Read it from a document."""
        return cls(stored["cores"], stored["per_minute"], stored["measured"])


class Forecast:
    """Work that is left and done; any thread may ask.

    Parameters
    ----------
    clock
        Seconds, as `time.monotonic`.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._left: dict[str, Counter[tuple[str, int]]] = {}
        self._kinds: dict[str, _Kind] = {}
        self._spent = 0.0
        self._marks: deque[_Mark] = deque(maxlen=_MOST_MARKS)
        self._others = 0.0  # cores of processes that were heard of
        self._held = False

    def hold(self, held: bool) -> None:
        """Say nothing of the time that is left, or again something: what there is to do is open."""
        self._held = held

    def plan(self, part: str, work: Iterable[Work]) -> None:
        """Say what there is to do in a part of the campaign; replaces what was said of it."""
        with self._lock:
            left: Counter[tuple[str, int]] = Counter()
            for kind, size, number, guess in work:
                self._kinds.setdefault(kind, _Kind(guess))
                left[kind, max(size, 1)] += number
            self._left[part] = left

    def done(self, part: str, kind: str, size: int, spent: Spent, *, sites: int = 0) -> None:
        """Take note of an item that is done, and of the sites that it completed."""
        size, seconds = max(size, 1), spent.seconds
        with self._lock:
            self._kinds.setdefault(kind, _Kind(Guess(seconds, size))).add(size, seconds)
            left = self._left.get(part, Counter())
            if left[kind, size] > 0:
                left[kind, size] -= 1
            self._spent += seconds
            self._marks.append(_Mark(self._clock(), spent, sites))

    def hear(self, pace: Pace) -> None:
        """Take over what another process has measured."""
        with self._lock:
            self._others += pace.cores
            for name, sizes in pace.measured.items():
                if name not in self._kinds:
                    continue
                known = self._kinds[name].done
                for size, (count, total, logs) in sizes.items():
                    before = known.get(int(size), (0, 0.0, 0.0))
                    known[int(size)] = before[0] + count, before[1] + total, before[2] + logs

    def pace(self) -> Pace:
        """Return what others may hear."""
        with self._lock:
            cores, per_second = self._lately()
            measured = {
                name: {str(size): values for size, values in kind.done.items()}
                for name, kind in self._kinds.items()
                if kind.done
            }
        return Pace(cores, 60.0 * per_second, measured)

    def news(self) -> dict[str, Any]:
        """Return the pace as plain values, for a document that others read."""
        return self.pace().as_dict()

    def share(self) -> float | None:
        """Part of the work that is done, 0-1; None where there is none yet."""
        with self._lock:
            return self._share(self._to_do())

    def seconds_left(self) -> float | None:
        """Seconds by the clock that the work which is left will take; None: not known yet."""
        with self._lock:
            if self._held:
                return None
            to_do = self._to_do()
            if self._others:
                return to_do / self._others
            share, (cores, _) = self._share(to_do), self._lately()
            if share is None or share < _KNOWN_SHARE or not cores:
                return None
            return to_do / cores - self._under_way(to_do / cores)

    def _to_do(self) -> float:
        total: Counter[tuple[str, int]] = Counter()
        for left in self._left.values():
            total += left
        seconds = 0.0
        for name, kind in self._kinds.items():
            counts = {size: n for (of, size), n in total.items() if of == name}
            if counts:
                sizes = np.array(list(counts), dtype=float)
                seconds += float(kind.seconds(sizes) @ np.array(list(counts.values())))
        return seconds

    def _share(self, to_do: float) -> float | None:
        return self._spent / (self._spent + to_do) if self._spent else None

    def _recent(self, least: float) -> list[_Mark]:
        """Return what has ended in so many seconds, or half of the time that has passed."""
        if not self._marks:
            return []
        now = self._marks[-1].time
        span = max(least, (now - self._marks[0].time) / 2)
        return [mark for mark in self._marks if mark.time >= now - span]

    def _workers(self) -> dict[str, float]:
        """When each worker was heard of; one that is busy for minutes is still there."""
        return {mark.spent.worker: mark.time for mark in self._recent(_GONE)}

    def _lately(self) -> tuple[float, float]:
        """Processor seconds that all workers have in a second, and sites that they complete."""
        marks = self._recent(_LATELY)
        wall = sum(mark.spent.wall for mark in marks)
        if not wall:
            return 0.0, 0.0
        # What is under way counts like what has ended: with items of a minute, it is much.
        cores = len(self._workers()) * sum(mark.spent.seconds for mark in marks) / wall
        span = marks[-1].time - marks[0].time
        sites = sum(mark.sites for mark in marks[1:])
        return cores, sites / span if span else 0.0

    def _under_way(self, most: float) -> float:
        """Seconds by the clock that workers have spent, on the mean, on what has not ended."""
        now, workers = self._clock(), self._workers()
        return min(sum(now - time for time in workers.values()) / len(workers), most / 2)


def time_text(seconds: float | None) -> str:
    """Write a time that is left."""
    if seconds is None:
        return "not known yet"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d}"
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
