"""One process that launches rockets, one after the other, and spreads each over its cores."""

import logging
import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, chdir, contextmanager, redirect_stderr
from typing import Any

from fireworks import FWorker, LaunchPad
from fireworks.core.rocket_launcher import launch_rocket

from exafscn_flows.jobs.context import Deadline, Silent, Watcher, surroundings
from exafscn_flows.settings import Settings
from exafscn_flows.spectra.scratch import sweep_scratch
from exafscn_flows.store.connection import translate_errors
from exafscn_flows.store.lock import campaign_lock
from exafscn_flows.store.store import Store
from launcher.cluster.interruption import Interruption, interruptible
from launcher.cluster.launchpad import (
    RUNNER,
    give_back,
    is_under_way,
    last_launch,
    open_launchpad,
)
from launcher.cluster.worker import CampaignWorker
from launcher.deadline import find_deadline
from launcher.workers import make_executor

_POLL_SECONDS = 2.0
"""Time between looks whether rockets of others have made new ones ready."""
_UPDATE_SECONDS = 0.5
"""FireWorks takes less to write which rockets became ready when one ended."""


def run_rockets(
    campaigns: list[str], worker: dict[str, Any], n_cores: int, watcher: Watcher | None = None
) -> None:
    """Launch rockets in this process until none is ready, and none will be, or time is over.

    Parameters
    ----------
    campaigns
        Names of the campaigns whose rockets it takes.
    worker
        FireWorks' worker, as a dictionary: its name, and the categories that it takes.
    n_cores
        Cores to keep busy.
    watcher
        Who watches the jobs; by default nobody.

    Raises
    ------
    CampaignError
        If `exafscn run` works on one of the campaigns, or the database went away.
    KeyboardInterrupt
        If the process is asked to end. Its rocket is ready again, for others or later.
    """
    settings = Settings()
    watcher = watcher or Silent()
    store = Store.open(settings)
    launchpad = open_launchpad(store, settings)
    runner = secrets.token_hex(8)
    fworker = CampaignWorker(launchpad, campaigns, worker, runner)
    deadline = find_deadline(settings)
    with ExitStack() as stack:
        interruption = stack.enter_context(interruptible())
        for campaign in campaigns:
            stack.enter_context(
                campaign_lock(store, campaign, shared_as=runner, news=watcher.forecast.news)
            )
        sweep_scratch(settings.SCRATCH_DIR)
        try:
            with (
                _own_folder(settings),
                make_executor(settings, n_cores) as executor,
                surroundings(executor, watcher, deadline),
                translate_errors(),
                interruption.heard(),
            ):
                _launch_all(launchpad, store, campaigns, fworker, interruption, deadline)
        except (KeyboardInterrupt, Exception) as error:
            # What an interruption breaks off may end in another error, such as the one that
            # FireWorks raises in place of whatever keeps it from refreshing a workflow.
            if not interruption.came:
                raise
            # Its tasks have ended: whoever takes the rocket now computes nothing twice.
            give_back(launchpad, runner)
            raise KeyboardInterrupt from error


def _launch_all(
    launchpad: LaunchPad,
    store: Store,
    campaigns: list[str],
    fworker: FWorker,
    interruption: Interruption,
    deadline: Deadline | None,
) -> None:
    looks = 0
    while looks < 2:
        if deadline is not None and (deadline.handed_back or not deadline.allows(0.0)):
            print("the time of this job is over; the rockets that are left are for others")
            return
        began = time.monotonic()
        if _launch(launchpad, fworker):
            if interruption.came:
                # FireWorks takes an interrupted job for one that failed, and would go on.
                raise KeyboardInterrupt
            seconds = time.monotonic() - began
            number, name, state = last_launch(launchpad, fworker.env[RUNNER])
            print(f"rocket {number} ({name}): {state}, {seconds:.0f} s", flush=True)
            looks = 0
        elif is_under_way(launchpad, store, campaigns, fworker):
            looks = 0
            time.sleep(_POLL_SECONDS)
        else:
            looks += 1
            time.sleep(_UPDATE_SECONDS)


def _launch(launchpad: LaunchPad, fworker: FWorker) -> bool:
    """Run a rocket, if one is ready; what its job raises is written to the LaunchPad."""
    logging.disable(logging.WARNING)
    try:
        with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):
            return bool(launch_rocket(launchpad, fworker, strm_lvl="CRITICAL", err_file=nowhere))
    finally:
        logging.disable(logging.NOTSET)


@contextmanager
def _own_folder(settings: Settings) -> Iterator[None]:
    """Work in a folder of its own: FireWorks writes every rocket into the current one."""
    os.environ["EXAFSCN_SCRATCH_DIR"] = str(settings.SCRATCH_DIR.absolute())
    with tempfile.TemporaryDirectory(prefix="exafscn-launch-") as folder, chdir(folder):
        yield
