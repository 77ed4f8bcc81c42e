"""Tasks on workers of Dask, wherever these are."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet, ref

from exafscn_flows.errors import CampaignError

if TYPE_CHECKING:
    from distributed import Client

R = TypeVar("R")


class DaskExecutor(Executor, ABC):
    """Runs tasks on workers that are asked for with the first task: often there is none."""

    def __init__(self) -> None:
        self._client: Client | None = None
        self._executor: Executor | None = None
        self._unfinished: WeakSet[Future[Any]] = WeakSet()
        self._lock = Lock()

    def prepare(self) -> None:
        """Begin with what takes time before the first task; returns at once."""

    @abstractmethod
    def _connect(self) -> "Client":
        """Make the client, once there is a task.

        Raises
        ------
        UsageError, CampaignError
            If there is no way to workers.
        """

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        """Send a task to a worker."""
        if self._executor is None:
            self._client = self._connect()
            # Tasks write to the store under fixed names: running one again does no harm, so a
            # task is never taken for the same as an earlier one with equal arguments.
            self._executor = self._client.get_executor(pure=False)
        task = self._executor.submit(fn, *args, **kwargs)
        future: Future[R] = Future()
        with self._lock:
            self._unfinished.add(future)
        # As long as somebody holds the task, Dask keeps its result, and a worker for that.
        future.add_done_callback(partial(_cancel_too, ref(task)))
        task.add_done_callback(partial(_hand_over, future))
        return future

    def fail(self, why: str) -> None:
        """End all tasks with a CampaignError; they would wait for ever."""
        with self._lock:
            unfinished = [future for future in self._unfinished if not future.done()]
        for future in unfinished:
            future.set_exception(CampaignError(why))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Stop the workers that were started for this executor."""
        if self._client is not None:
            client, self._client, self._executor = self._client, None, None
            cluster = client.cluster
            client.close()
            if cluster is not None:
                cluster.close()


def _cancel_too(task: ref[Future[R]], future: Future[R]) -> None:
    if future.cancelled() and (found := task()) is not None:
        found.cancel()


def _hand_over(future: Future[R], task: Future[R]) -> None:
    if future.done() or not future.set_running_or_notify_cancel():
        return
    if task.cancelled():
        # Dask's client does so when it loses the scheduler.
        future.set_exception(
            CampaignError(
                "the connection to Dask's scheduler was lost: what was acknowledged is safe, run "
                "the same command to go on"
            )
        )
    elif (error := task.exception()) is not None:
        future.set_exception(error)
    else:
        future.set_result(task.result())
