"""What a job finds around it: processes to spread work on, and somebody who watches.

Launchers set both; a job that runs without a launcher works alone and in silence. Only the
interface of the standard library is used here, so any scheduler that offers an Executor will do.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, as_completed
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

R = TypeVar("R")
A = TypeVar("A")


class Watcher(Protocol):
    """Shows how work goes on."""

    def expect(self, stage: str, count: int) -> None:
        """Announce more work in a stage."""

    def advance(self, stage: str, done: int, failed: int) -> None:
        """Report finished work."""


class _Nobody:
    def expect(self, stage: str, count: int) -> None: ...

    def advance(self, stage: str, done: int, failed: int) -> None: ...


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


_executor: ContextVar[Executor] = ContextVar("executor")
_watcher: ContextVar[Watcher] = ContextVar("watcher")


@contextmanager
def surroundings(executor: Executor, watcher: Watcher) -> Iterator[None]:
    """Set where the jobs of this context spread their work, and who watches."""
    tokens = _executor.set(executor), _watcher.set(watcher)
    try:
        yield
    finally:
        _executor.reset(tokens[0])
        _watcher.reset(tokens[1])


def watcher() -> Watcher:
    """Who watches the jobs of this context."""
    return _watcher.get(_Nobody())


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
