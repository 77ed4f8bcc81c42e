"""A real Slurm of one node on this machine: its own key, ports, folders, and nothing left behind.

Needs root, and Debian's packages slurmctld, slurmd, slurm-client and munge.
"""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from waiting import wait_until

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel")
CORES = 2

_CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
SchedulerParameters=batch_sched_delay=0
SlurmdParameters=config_overrides
PropagatePrioProcess=1
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory=8000
PartitionName=short Nodes={host} Default=YES DefaultTime=10 MaxTime=1440 State=UP
"""


def why_not() -> str:
    """Say why there can be no Slurm here; empty if there can."""
    # Debian keeps daemons where not every user looks for programs.
    path = f"{os.environ['PATH']}:/usr/sbin"
    missing = [name for name in PROGRAMS if shutil.which(name, path=path) is None]
    if missing:
        return f"no {', '.join(missing)} (packages slurmctld slurmd slurm-client munge)"
    if os.geteuid() != 0:
        return "Slurm starts its daemons as root only"
    return ""


@dataclass(frozen=True)
class Slurm:
    """A running Slurm.

    Attributes
    ----------
    environment
        What its commands, and programs that call them, need in their environment.
    """

    folder: Path
    environment: dict[str, str]

    def command(self, *arguments: str) -> str:
        """Run one of Slurm's commands and return what it prints."""
        done = subprocess.run(
            arguments, env=os.environ | self.environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return done.stdout

    def jobs(self) -> dict[str, str]:
        """State of the jobs in the queue, by number."""
        lines = self.command("squeue", "--noheader", "--format=%A %T").splitlines()
        return dict(line.split() for line in lines)

    def state(self, job: str) -> str:
        """State of a job, also of one that ended a moment ago."""
        shown = self.command("scontrol", "--oneliner", "show", "job", job)
        return shown.partition("JobState=")[2].split()[0]


@contextmanager
def running_slurm() -> Iterator[Slurm]:
    """Start a Slurm; afterwards its jobs are cancelled and its daemons stopped."""
    # Not pytest's tmp_path: munge wants every parent folder closed to other writers.
    with tempfile.TemporaryDirectory(prefix="exafscn-slurm-") as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "state").mkdir()
        (folder / "spool").mkdir()
        slurm = Slurm(folder, {"SLURM_CONF": str(folder / "slurm.conf")})
        (folder / "slurm.conf").write_text(
            _CONFIGURATION.format(
                host=socket.gethostname().partition(".")[0],
                controller_port=_free_port(),
                node_port=_free_port(),
                folder=folder,
                cores=CORES,
            )
        )
        (folder / "munge.key").write_bytes(secrets.token_bytes(128))
        (folder / "munge.key").chmod(0o400)
        stack.callback(_kill_leftovers, slurm)
        files = {"key-file": "munge.key", "socket": "munge.socket", "pid-file": "munge.pid"}
        files |= {"log-file": "munge.log", "seed-file": "munge.seed"}
        munged = [f"--{option}={folder / file}" for option, file in files.items()]
        _start(stack, "munged", "--foreground", "--num-threads=2", *munged)
        wait_until((folder / "munge.socket").exists)
        for daemon in ("slurmctld", "slurmd"):
            _start(stack, daemon, "-D", "-f", str(folder / "slurm.conf"))
        wait_until(lambda: _node_state(slurm) == "idle")
        stack.callback(_cancel_jobs, slurm)
        yield slurm


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _start(stack: ExitStack, program: str, *arguments: str) -> None:
    path = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
    assert path is not None
    process = subprocess.Popen(
        [path, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    stack.callback(_stop, process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _node_state(slurm: Slurm) -> str:
    done = subprocess.run(
        ["sinfo", "--noheader", "--format=%t"],
        env=os.environ | slurm.environment,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def _cancel_jobs(slurm: Slurm) -> None:
    if jobs := slurm.jobs():
        slurm.command("scancel", *jobs)
        wait_until(lambda: not slurm.jobs())


def _kill_leftovers(slurm: Slurm) -> None:
    """Kill what its jobs have left: they have its configuration in their environment."""
    for process in psutil.process_iter():
        try:
            if process.environ().get("SLURM_CONF") == slurm.environment["SLURM_CONF"]:
                process.kill()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
