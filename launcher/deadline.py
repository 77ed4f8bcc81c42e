"""When the scheduler ends the job that this process is a part of."""

import os
import subprocess
from datetime import datetime

from exafscn_flows.jobs.context import Deadline
from exafscn_flows.settings import Settings

_ANSWER_SECONDS = 30.0


def find_deadline(settings: Settings) -> Deadline | None:
    """Find out until when this process has time; None if nothing ends it.

    Parameters
    ----------
    settings
        Settings of this machine and user. Their deadline comes first; in a job of Slurm without
        one, Slurm is asked.
    """
    if settings.DEADLINE is not None:
        return Deadline(settings.DEADLINE)
    if end := os.environ.get("SLURM_JOB_END_TIME"):  # since Slurm 23.02
        return Deadline(float(end))
    if job := os.environ.get("SLURM_JOB_ID"):
        return _ask_slurm(job)
    return None


def _ask_slurm(job: str) -> Deadline | None:
    try:
        answer = subprocess.run(
            ["squeue", "--noheader", f"--jobs={job}", "--format=%e"],
            env={**os.environ, "SLURM_TIME_FORMAT": "standard"},
            capture_output=True,
            text=True,
            timeout=_ANSWER_SECONDS,
        )
        # Local time; words such as NONE where a job may take as long as it likes.
        return Deadline(datetime.fromisoformat(answer.stdout.strip()).timestamp())
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None
