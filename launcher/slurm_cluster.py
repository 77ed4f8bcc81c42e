"""Workers in jobs of Slurm, which come and go with the work."""

import logging
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exafscn_flows.errors import CampaignError, UsageError
from exafscn_flows.settings import Settings
from exafscn_flows.store.folders import make_private
from launcher import worker_forks
from launcher.dask_executor import DaskExecutor
from launcher.worker_forks import SETTINGS

if TYPE_CHECKING:
    from dask_jobqueue.slurm import SLURMCluster
    from distributed import Client, Security

_LOOK_SECONDS = 10
"""Time between looks whether there should be more jobs, or fewer."""
_IDLE_LOOKS = 6
"""Looks at which a job has had nothing to do when it is given back: stages follow one another."""

_START_SECONDS = 300.0
"""Time that workers have to start, with all that they import from a disk that many nodes share."""

_HTTP = "127.0.0.1:0"
"""Where Dask's pages on a scheduler or worker are served, which nobody is asked to log in to."""


class SlurmExecutor(DaskExecutor):
    """Runs tasks in jobs of Slurm, with a worker process for each of their cores.

    What a job takes (cores, memory, partition, account, walltime) is said where dask-jobqueue
    looks for it: in Dask's configuration files, or as ``DASK_JOBQUEUE__SLURM__CORES`` and so on.

    Parameters
    ----------
    settings
        Settings of this machine and user.
    n_cores
        Most cores that all jobs together have.

    Raises
    ------
    UsageError
        If there is no Slurm or dask-jobqueue, no database that nodes reach, or if the size of a
        job is not known.
    """

    def __init__(self, settings: Settings, n_cores: int) -> None:
        super().__init__()
        try:
            import dask_jobqueue  # noqa: F401 (brings the defaults of its settings)
        except ImportError:
            raise UsageError(
                "EXAFSCN_DASK=slurm needs dask-jobqueue: pip install 'exafscn[slurm]'"
            ) from None
        if shutil.which("sbatch") is None:
            raise UsageError(
                "EXAFSCN_DASK=slurm: there is no sbatch here; run exafscn where jobs are submitted"
            )
        if settings.MONGODB_URI is None:
            raise UsageError(
                "EXAFSCN_DASK=slurm: the nodes do not reach the database that exafscn runs for "
                "itself; set EXAFSCN_MONGODB_URI to one that they reach"
            )
        config = _config()
        if not config["cores"] or not config["memory"]:
            raise UsageError(
                "EXAFSCN_DASK=slurm: say what a job takes, for example "
                "DASK_JOBQUEUE__SLURM__CORES=16 DASK_JOBQUEUE__SLURM__MEMORY=32GB"
            )
        self._cores = int(config["cores"])
        self._jobs = max(1, n_cores // self._cores)
        self._data_dir = settings.DATA_DIR.absolute()
        self._folder: Path | None = None

    def _connect(self) -> "Client":
        from distributed import Client

        from launcher.slurm_jobs import WholeJobs
        from launcher.worker_setup import set_up_workers

        # What matters reaches us as exceptions of futures.
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        cluster = self._start_cluster()
        try:
            _check_script(cluster)
            client = Client(cluster, security=cluster.security)
            set_up_workers(client)
        except BaseException:
            cluster.close()
            raise
        # There is a task: the first job is asked for at once.
        cluster.scale(jobs=1)
        cluster.adapt(
            Adaptive=WholeJobs,
            maximum_jobs=self._jobs,
            interval=_LOOK_SECONDS,
            wait_count=_IDLE_LOOKS,
            failed=self._fail,
        )
        return client

    def _start_cluster(self) -> "SLURMCluster":
        import dask
        from dask.utils import parse_timedelta

        from launcher.slurm_jobs import JobsCluster

        config = _config()
        patience = parse_timedelta(config["death-timeout"] or 0)
        folder = self._data_dir / "slurm"
        make_private(self._data_dir, folder)
        self._folder = Path(tempfile.mkdtemp(prefix="run-", dir=folder))
        with dask.config.set(SETTINGS):
            return JobsCluster(
                processes=self._cores,
                security=_new_keys(self._folder),
                death_timeout=max(_START_SECONDS, patience),
                log_directory=config["log-directory"] or str(self._folder),
                job_script_prologue=[*_exports(SETTINGS), *config["job-script-prologue"]],
                scheduler_options=config["scheduler-options"]
                | {"dashboard": False, "dashboard_address": _HTTP},
                worker_extra_args=[
                    *config["worker-extra-args"],
                    *("--no-dashboard", "--dashboard-address", _HTTP),
                    *("--preload-nanny", worker_forks.__name__),
                ],
                silence_logs=logging.CRITICAL,
            )

    def _fail(self, why: str) -> None:
        logs = _config()["log-directory"] or self._folder
        self._folder = None  # its files say why
        self.fail(f"{why}: look at {logs}")

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Cancel the jobs."""
        super().shutdown(wait, cancel_futures=cancel_futures)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _new_keys(folder: Path) -> "Security":
    """Make keys for one run: workers are on other machines, and nobody else is listened to.

    Parameters
    ----------
    folder
        Where nodes find them; only this user can open it.
    """
    from distributed import Security

    made = Security.temporary()
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    certificate.write_text(made.tls_ca_file)
    key.touch(mode=0o600)
    key.write_text(made.tls_worker_key)
    roles = ("client", "scheduler", "worker")
    return Security(
        require_encryption=True,
        tls_ca_file=str(certificate),
        **{f"tls_{role}_cert": str(certificate) for role in roles},
        **{f"tls_{role}_key": str(key) for role in roles},
    )


def _exports(settings: dict[str, Any]) -> list[str]:
    """Lines of a script that give Dask settings to what it starts."""
    names = {key: key.upper().replace(".", "__").replace("-", "_") for key in settings}
    return [f"export DASK_{names[key]}={value}" for key, value in settings.items()]


def _config() -> dict[str, Any]:
    """Read what dask-jobqueue is configured to do with Slurm."""
    import dask

    config: dict[str, Any] = dask.config.get("jobqueue.slurm")
    return config


def _check_script(cluster: Any) -> None:
    """Have Slurm look at the script of a job before the first one is submitted."""
    with tempfile.NamedTemporaryFile("w", suffix=".sh") as file:
        file.write(cluster.job_script())
        file.flush()
        command = ["sbatch", "--test-only", file.name]
        outcome = subprocess.run(command, capture_output=True, text=True)
    if outcome.returncode:
        line = " ".join(outcome.stderr.split())
        raise CampaignError(
            f"Slurm refuses the jobs that workers would run in ({line}): change what they take, "
            "DASK_JOBQUEUE__SLURM__QUEUE, __ACCOUNT, __WALLTIME, __CORES or __MEMORY"
        )
