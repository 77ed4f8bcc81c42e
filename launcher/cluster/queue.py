"""`exafscn launch --queue`: jobs of a queue, each of which runs rockets."""

import logging
import shlex
import shutil
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
from launcher.run import open_store

_MARKS = ("----|vvv|----", "----|^^^|----")
"""Lines by which FireWorks frames what it logs."""


def launch_to_queue(
    campaign: str | None, *, n_jobs: int, folder: Path, categories: list[str]
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

    Raises
    ------
    UsageError
        If the folder is not complete, or the campaign is not on the LaunchPad.
    CampaignError
        If the queue refuses a job.
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
    for _ in range(n_jobs):
        print(f"job {send(launchpad, worker, adapter, folder)} is in the queue")


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
