"""Dask's LocalCluster: one single-threaded process per core of this machine."""

import logging
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from distributed import Client

R = TypeVar("R")


class LocalClusterExecutor(Executor):
    """Runs tasks on a LocalCluster that starts with the first task: often there is none.

    Parameters
    ----------
    n_workers
        Number of processes.
    """

    def __init__(self, n_workers: int) -> None:
        self._n_workers = n_workers
        self._client: Client | None = None
        self._executor: Executor | None = None

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        """Send a task to a worker."""
        if self._executor is None:
            self._executor = self._start()
        return self._executor.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Stop the workers."""
        if self._client is not None:
            self._client.close()
            if self._client.cluster is not None:
                self._client.cluster.close()
            self._client = self._executor = None

    def _start(self) -> Executor:
        import dask
        from distributed import Client, LocalCluster

        # A closing worker reports broken connections as errors; what matters reaches us as
        # exceptions of futures.
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        with dask.config.set({"distributed.worker.daemon": True}):
            cluster = LocalCluster(
                n_workers=self._n_workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
            )
        self._client = Client(cluster)
        # Tasks write to the store under fixed names: running one again does no harm, so a task
        # is never taken for the same as an earlier one with equal arguments.
        executor: Executor = self._client.get_executor(pure=False)
        return executor
