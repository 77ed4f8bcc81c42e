"""Dask's LocalCluster: single-threaded processes that keep the cores of this machine busy."""

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from multiprocessing import Lock, forkserver, resource_tracker
from typing import TYPE_CHECKING

from exafscn_flows.errors import CampaignError, UsageError
from launcher.dask_executor import DaskExecutor
from launcher.worker_forks import SETTINGS, keep_preload, set_preload

if TYPE_CHECKING:
    from distributed import Client

_SINGLE_THREADED = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class LocalClusterExecutor(DaskExecutor):
    """Runs tasks on processes of this machine.

    Parameters
    ----------
    n_cores
        Cores to keep busy. Of several cores, one process more than that, because now and then
        one waits: for the database, for a program of FEFF to start, for its next task.
    dashboard
        Port where Dask shows what they do; 0 takes a free one, None shows nothing.

    Raises
    ------
    UsageError
        If that is asked for, and what draws it is not installed.
    """

    def __init__(self, n_cores: int, dashboard: int | None = None) -> None:
        super().__init__()
        self._n_workers = n_cores + (n_cores > 1)
        self._dashboard = dashboard
        if dashboard is not None and find_spec("bokeh") is None:
            raise UsageError("EXAFSCN_DASHBOARD needs bokeh: pip install 'exafscn[dashboard]'")

    def prepare(self) -> None:
        """Begin to import what workers need, in a process of its own; returns at once."""
        before = {name: os.environ.get(name) for name in _SINGLE_THREADED}
        os.environ |= dict.fromkeys(_SINGLE_THREADED, "1")
        try:
            with _deaf_children():
                set_preload()
                forkserver.ensure_running()
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Stop the workers."""
        super().shutdown(wait, cancel_futures=cancel_futures)
        # Ends the process of which workers were forks, and waits for it.
        forkserver._forkserver._stop()  # type: ignore[attr-defined]

    def _connect(self) -> "Client":
        _check_semaphores()
        self.prepare()
        import dask
        from distributed import Client, LocalCluster, Security

        keep_preload()
        # Who reaches a scheduler can run code as its owner, and on a login node others can reach
        # our loopback: only who has this run's keys is listened to.
        security = Security.temporary()
        # A closing worker reports broken connections as errors; what matters reaches us as
        # exceptions of futures.
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        with dask.config.set(SETTINGS), _deaf_children():
            cluster = LocalCluster(
                n_workers=self._n_workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address=f"127.0.0.1:{self._dashboard or 0}",
                scheduler_kwargs={"dashboard": self._dashboard is not None},
                silence_logs=logging.CRITICAL,
                security=security,
            )
        if self._dashboard is not None:
            print(f"Dask's dashboard: {cluster.dashboard_link}", file=sys.stderr, flush=True)
        return Client(cluster, security=security)


def _check_semaphores() -> None:
    """Find out whether processes can be started that talk to each other.

    Raises
    ------
    CampaignError
        If not: Dask would say only that one did not start.
    """
    try:
        Lock()
    except OSError as error:
        raise CampaignError(
            "no processes can be started for the work: /dev/shm, where they have semaphores, "
            f"cannot be used ({error.strerror}): make it writable"
        ) from error


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
