"""Where tasks run: the one place that chooses between the processes of this machine and others."""

from exafscn_flows.settings import Settings
from launcher.dask_executor import DaskExecutor
from launcher.dask_scheduler import SchedulerExecutor
from launcher.local_cluster import LocalClusterExecutor
from launcher.slurm_cluster import SlurmExecutor


def make_executor(settings: Settings, n_cores: int) -> DaskExecutor:
    """Make the executor that ``EXAFSCN_DASK`` asks for.

    Parameters
    ----------
    settings
        Settings of this machine and user.
    n_cores
        Cores to keep busy, of this machine or of Slurm's. At a running scheduler, all are.

    Raises
    ------
    UsageError
        If the settings are not enough, or wrong.
    """
    if not settings.DASK:
        return LocalClusterExecutor(n_cores, settings.DASHBOARD)
    if settings.DASK == "slurm":
        return SlurmExecutor(settings, n_cores)
    return SchedulerExecutor(settings.DASK)
