"""What a job finds around it: processes to spread work on, somebody who watches, a deadline.

Launchers set them; a job that runs without a launcher works alone, in silence, and as long as it
takes. Only the interface of the standard library is used here, so any scheduler that offers an
Executor will do.
"""

import os
import resource
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, as_completed
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from exafscn_flows.jobs.forecast import Forecast, Spent

R = TypeVar("R")
A = TypeVar("A")


class Watcher(Protocol):
    """Shows how work goes on."""

    @property
    def forecast(self) -> Forecast:
        """What work is left and done, and how long the rest will take."""

    def expect(self, stage: str, count: int, part: str | None = None) -> None:
        """Announce more work in a stage; of a named part, in place of what was said of it."""

    def advance(self, stage: str, done: int, failed: int) -> None:
        """Report finished work."""

    def say(self, line: str) -> None:
        """Tell what a user should know."""


class Silent:
    """Shows nothing, and keeps the forecast for those who ask."""

    def __init__(self) -> None:
        self.forecast = Forecast()

    def expect(self, stage: str, count: int, part: str | None = None) -> None:
        """Pass over it."""

    def advance(self, stage: str, done: int, failed: int) -> None:
        """Pass over it."""

    def say(self, line: str) -> None:
        """Pass over it."""


class SerialExecutor(Executor):
    """Runs every task at once in this process."""

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        """Run `fn` and return a finished future."""
        future: Future[R] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # handed to the caller by the future, as any executor does
            future.set_exception(error)
        return future


MARGIN_SECONDS = 30.0
"""Kept free before a deadline, to write what was computed and to say what is left."""


@dataclass
class Deadline:
    """When the time of this process is over, for example that of its job at a scheduler.

    Attributes
    ----------
    end
        Unix time, s.
    handed_back
        Whether a job has ended with work left, because there was no time for more of it.
    """

    end: float
    handed_back: bool = False

    def allows(self, seconds: float) -> bool:
        """Whether work that takes so long would be done in time."""
        return time.time() + seconds + MARGIN_SECONDS < self.end


_executor: ContextVar[Executor] = ContextVar("executor")
_watcher: ContextVar[Watcher] = ContextVar("watcher")
_deadline: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


@contextmanager
def surroundings(
    executor: Executor, watcher: Watcher | None = None, deadline: Deadline | None = None
) -> Iterator[None]:
    """Set where the jobs of this context spread their work, who watches, and until when."""
    tokens = _executor.set(executor), _watcher.set(watcher or Silent()), _deadline.set(deadline)
    try:
        yield
    finally:
        _executor.reset(tokens[0])
        _watcher.reset(tokens[1])
        _deadline.reset(tokens[2])


def watcher() -> Watcher:
    """Who watches the jobs of this context."""
    return _watcher.get(Silent())


def deadline() -> Deadline | None:
    """When the jobs of this context are ended, if that is known."""
    return _deadline.get()


def processor_seconds() -> float:
    """Processor time of this process, and of those that it started and waited for, s."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


class Stopwatch:
    """Measures what this process spends from when it is made on."""

    def __init__(self) -> None:
        self._before, self._began = processor_seconds(), time.monotonic()

    def spent(self) -> Spent:
        """Return what was spent, and by whom."""
        wall = time.monotonic() - self._began
        worker = f"{socket.gethostname()} {os.getpid()}"
        return Spent(processor_seconds() - self._before, wall, worker)


def measured(task: Callable[..., R], *args: Any) -> tuple[R, Spent]:
    """Run a task; returns its result, and what it took."""
    watch = Stopwatch()
    return task(*args), watch.spent()


def spread(
    task: Callable[..., R], arguments: Iterable[tuple[Any, ...]]
) -> Iterator[tuple[tuple[Any, ...], R | Exception]]:
    """Run a task for many arguments on the executor, yielding results as they come.

    Parameters
    ----------
    task
        Function of a module, so that other processes can import it.
    arguments
        One tuple of positional arguments per call.

    Yields
    ------
    tuple
        The arguments of the call, and its result, or the exception that ended it.
    """
    executor = _executor.get(SerialExecutor())
    futures = {executor.submit(task, *args): args for args in arguments}
    try:
        for future in as_completed(futures):
            error = future.exception()
            if error is not None and not isinstance(error, Exception):
                raise error
            yield futures[future], future.result() if error is None else error
    finally:
        for future in futures:
            future.cancel()
