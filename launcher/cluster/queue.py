"""`exafscn launch --queue`: jobs of a queue, each of which runs rockets."""

import logging
import shlex
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fireworks import FWorker, LaunchPad
from fireworks.queue.queue_adapter import QueueAdapterBase
from fireworks.queue.queue_launcher import launch_rocket_to_queue

from exafscn_flows.errors import CampaignError
from exafscn_flows.settings import Settings
from launcher.cluster.files import queue_adapter, use_folder
from launcher.cluster.launch import campaigns_to_launch
from launcher.cluster.launchpad import open_launchpad
from launcher.cluster.worker import CampaignWorker
from launcher.run import open_store

_LOOK_SECONDS = 30.0
"""Time between looks into the queue."""

_MARKS = ("----|vvv|----", "----|^^^|----")
"""Lines by which FireWorks frames what it logs."""


def launch_to_queue(
    campaign: str | None, *, n_jobs: int, folder: Path, categories: list[str], keep: bool = False
) -> None:
    """Send jobs to the queue; each runs rockets until none is ready, and none will be.

    Parameters
    ----------
    campaign
        Name of the only campaign to run; by default all that have rockets left.
    n_jobs
        Number of jobs.
    folder
        Folder of `exafscn cluster init`.
    categories
        Take rockets of these only; by default as the folder says.
    keep
        Whether to stay, and send more whenever fewer of this user's jobs are in the queue, until
        no rocket is left.

    Raises
    ------
    UsageError
        If the folder is not complete, or the campaign is not on the LaunchPad.
    CampaignError
        If the queue refuses a job, or, with `keep`, rockets are left that no job would take.
    """
    folder = folder.absolute()
    worker = use_folder(folder)
    settings = Settings()
    store = open_store(settings)
    launchpad = open_launchpad(store, settings)
    names = campaigns_to_launch(launchpad, store, campaign)
    if not names:
        print("nothing to launch: no campaign on the LaunchPad has rockets left")
        return
    adapter = queue_adapter(folder)
    more = [*([campaign] if campaign else [])]
    for category in categories:
        more += ["--category", category]
    if more:
        adapter["rocket_launch"] += f" {shlex.join(more)}"
    taker = worker.to_dict() | ({"category": categories} if categories else {})
    wanted = n_jobs
    while names:
        for _ in range(wanted):
            print(f"job {send(launchpad, worker, adapter, folder)} is in the queue", flush=True)
        if not keep:
            return
        time.sleep(_LOOK_SECONDS)
        names = campaigns_to_launch(launchpad, store, campaign)
        takes = CampaignWorker(launchpad, names, taker, "")
        wanted = _missing(launchpad, takes, adapter, n_jobs) if names else 0


def _missing(
    launchpad: LaunchPad, takes: CampaignWorker, adapter: QueueAdapterBase, n_jobs: int
) -> int:
    """Count the jobs to send, so that there are as many in the queue as are wanted.

    Raises
    ------
    CampaignError
        If the queue does not answer, or nothing is in it and nothing ready.
    """
    with _records(f"qadapter.{adapter.q_name}") as records:
        queued: int | None = adapter.get_njobs_in_queue()
    if queued is None:
        raise CampaignError(f"the queue does not say which jobs are in it: {_words(records)}")
    if launchpad.fireworks.find_one({**takes.query, "state": "READY"}, {"_id": 1}) is not None:
        return max(n_jobs - queued, 0)
    if not queued:
        raise CampaignError(
            "no job is in the queue, and no rocket is ready that one would take: `exafscn status` "
            "says which were lost or have failed, and --repair mends them"
        )
    return 0


def send(launchpad: LaunchPad, worker: FWorker, adapter: QueueAdapterBase, folder: Path) -> str:
    """Send one job to the queue, and return its number there.

    Its script and its output are in a folder of its own, under ``jobs``.

    Raises
    ------
    CampaignError
        If the queue refuses it, in the words of the queue.
    """
    command = adapter.q_commands[adapter.q_type]["submit_cmd"]
    if shutil.which(command) is None:
        raise CampaignError(f"there is no {command} on this machine: is it a login node?")
    jobs = folder / "jobs"
    jobs.mkdir(exist_ok=True)
    with _records("queue.launcher", f"qadapter.{adapter.q_name}") as records:
        number = launch_rocket_to_queue(
            launchpad,
            worker,
            adapter,
            launcher_dir=str(jobs),
            strm_lvl="CRITICAL",
            create_launcher_dir=True,
            fill_mode=True,
        )
    if not number:
        raise CampaignError(f"{command} refused the job: {_words(records)}")
    return str(number)


@contextmanager
def _records(*names: str) -> Iterator[list[str]]:
    """Collect the errors that FireWorks logs, and does not tell otherwise."""
    found: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    collector = Collector(logging.ERROR)
    loggers = [logging.getLogger(name) for name in names]
    for logger in loggers:
        logger.addHandler(collector)
    try:
        yield found
    finally:
        for logger in loggers:
            logger.removeHandler(collector)


def _words(records: list[str]) -> str:
    """Find what the queue itself said among what FireWorks logged."""
    said = next((text for text in records if "error response reads" in text), None)
    text = said or next((text for text in records if text not in _MARKS), "no reason is known")
    return " ".join(text.partition("reads: ")[2].split() or text.split())[:300]
