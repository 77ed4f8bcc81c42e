"""What workers are told that do not inherit the environment of a run."""

import os
from importlib.metadata import version

from distributed import Client, Worker, WorkerPlugin

from exafscn_flows.errors import CampaignError
from exafscn_flows.settings import Settings
from exafscn_flows.spectra.scratch import sweep_scratch


class WorkerSetup(WorkerPlugin):
    """Sets the environment of every worker, and checks that it can do the work.

    Parameters
    ----------
    uri
        Address of the database, with its password: it goes the way of the tasks, where neither
        command lines nor job scripts show it.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._folders = {
            name: os.environ[name]
            for name in ("EXAFSCN_SCRATCH_DIR", "EXAFSCN_KEEP_RUNS")
            if name in os.environ
        }
        self._version = version("exafscn")

    def setup(self, worker: Worker) -> None:
        """Set the environment; folders that the worker has been given itself stay.

        Raises
        ------
        RuntimeError
            If the worker has another version, or runs several tasks at once.
        """
        if (found := version("exafscn")) != self._version:
            raise RuntimeError(f"they have exafscn {found}, this is {self._version}")
        if worker.state.nthreads > 1:
            raise RuntimeError("start them with --nthreads 1, and with --nworkers for more of them")
        os.environ["EXAFSCN_MONGODB_URI"] = self._uri
        for name, folder in self._folders.items():
            os.environ.setdefault(name, folder)
        # What a worker left behind that was killed on this machine.
        sweep_scratch(Settings().SCRATCH_DIR)


def set_up_workers(client: Client) -> None:
    """Set up all workers of a scheduler, also those that come later.

    Raises
    ------
    CampaignError
        If a worker that is there already cannot do the work.
    """
    try:
        # The name tells apart runs at the same scheduler.
        client.register_plugin(WorkerSetup(os.environ["EXAFSCN_MONGODB_URI"]), client.id)
    except Exception as error:
        line = " ".join(str(error).split())[:200]
        raise CampaignError(f"Dask's workers cannot work for this run: {line}") from error
