"""How workers start: as forks of one process that has imported all they need.

Processes that start workers elsewhere than on this machine load this module by its name.
"""

from multiprocessing import forkserver
from typing import TYPE_CHECKING

from exafscn_flows.spectra.process import TRIM

if TYPE_CHECKING:
    from distributed import Nanny

SETTINGS = {
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
"""Dask's settings, for scheduler and workers."""

_PRELOAD = [
    "distributed",
    "exafscn_flows.jobs.reading",
    "exafscn_flows.jobs.sites",
    "exafscn_flows.sources.cif",
    "exafscn_flows.crystal",
    "exafscn_flows.targets.crystal_nn",
    "exafscn_flows.spectra.feff",
    "exafscn_flows.features.transformed",
]
"""What workers need. It takes 4 s, and longer from a disk that many nodes share."""


def set_preload() -> None:
    """Have the process of which workers are forks import all that they need."""
    forkserver.set_forkserver_preload(_PRELOAD)


def keep_preload() -> None:
    """Have Dask leave that list as it is: it would put in one of its own."""
    from distributed import utils

    utils._forkserver_preload_set = True


def dask_setup(nanny: "Nanny") -> None:
    """Prepare the process that starts workers; `dask worker --preload-nanny` calls this."""
    set_preload()
    keep_preload()
    for variables in (nanny.pre_spawn_env, nanny.env):
        variables.pop(TRIM, None)
