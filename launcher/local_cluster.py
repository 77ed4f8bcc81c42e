"""Dask's LocalCluster: single-threaded processes that keep the cores of this machine busy."""

import logging
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from multiprocessing import forkserver, resource_tracker
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from distributed import Client

R = TypeVar("R")

_SETTINGS = {
    "distributed.worker.daemon": True,
    "distributed.worker.multiprocessing-method": "forkserver",
    # With Dask's own settings, its looks at itself take 14 % of a core of a machine with two: it
    # samples the workers' stacks a hundred times a second, and their event loops tick fifty times.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.worker.memory.monitor-interval": "1s",
    # Results are counts; there is nothing to move between workers.
    "distributed.scheduler.active-memory-manager.start": False,
}

_PRELOAD = [
    "distributed",
    "exafscn_flows.jobs.reading",
    "exafscn_flows.jobs.sites",
    "exafscn_flows.sources.parsing",
    "pymatgen.io.cif",
    "exafscn_flows.crystal",
    "exafscn_flows.labels.crystal_nn",
    "exafscn_flows.spectra.feff",
    "exafscn_flows.features.transformed",
]
"""What every worker needs. Imported once, by the process of which workers are forks: it takes 4 s."""

_SINGLE_THREADED = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class LocalClusterExecutor(Executor):
    """Runs tasks on a LocalCluster that starts with the first task: often there is none.

    Parameters
    ----------
    n_cores
        Cores to keep busy. Of several cores, one process more than that, because now and then
        one waits: for the database, for a program of FEFF to start, for its next task.
    """

    def __init__(self, n_cores: int) -> None:
        self._n_workers = n_cores + (n_cores > 1)
        self._client: Client | None = None
        self._executor: Executor | None = None

    def prepare(self) -> None:
        """Begin to import what workers need, in a process of its own; returns at once."""
        before = {name: os.environ.get(name) for name in _SINGLE_THREADED}
        os.environ |= dict.fromkeys(_SINGLE_THREADED, "1")
        try:
            with _deaf_children():
                forkserver.set_forkserver_preload(_PRELOAD)
                forkserver.ensure_running()
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value

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
        # Ends the process of which workers were forks, and waits for it.
        forkserver._forkserver._stop()

    def _start(self) -> Executor:
        self.prepare()
        import dask
        from distributed import Client, LocalCluster, Security, utils

        # Dask would have the forks import another list.
        utils._forkserver_preload_set = True
        # Who reaches a scheduler can run code as its owner, and on a login node others can reach
        # our loopback: only who has this run's keys is listened to.
        security = Security.temporary()
        # A closing worker reports broken connections as errors; what matters reaches us as
        # exceptions of futures.
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        with dask.config.set(_SETTINGS), _deaf_children():
            cluster = LocalCluster(
                n_workers=self._n_workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                scheduler_kwargs={"dashboard": False},
                silence_logs=logging.CRITICAL,
                security=security,
            )
        self._client = Client(cluster, security=security)
        # Tasks write to the store under fixed names: running one again does no harm, so a task
        # is never taken for the same as an earlier one with equal arguments.
        executor: Executor = self._client.get_executor(pure=False)
        return executor


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Make processes that are started meanwhile deaf to Ctrl-C, which a terminal sends to all.

    Who started them stops them. The thread that starts new workers later inherits the mask, too.
    """
    # Where it does not run yet, multiprocessing starts it, and then unblocks the signal again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
