"""`exafscn launch`: run the rockets of campaigns on this machine."""

import multiprocessing
import os
import secrets
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from fireworks import FWorker, LaunchPad

from exafscn_flows.errors import CampaignError, UsageError
from exafscn_flows.settings import Settings
from exafscn_flows.store.lock import campaign_lock
from exafscn_flows.store.store import Store
from launcher.cluster.files import use_folder
from launcher.cluster.interruption import interruptible
from launcher.cluster.launchpad import open_launchpad, rockets_of, unfinished_campaigns
from launcher.cluster.runner import run_rockets
from launcher.console import console
from launcher.errors import guarded
from launcher.progress import watching
from launcher.run import open_store
from launcher.show import show_summary

_INTERRUPTED = 130


def launch(
    campaign: str | None, *, parallel: int, folder: Path | None, categories: list[str]
) -> None:
    """Run rockets until none is ready, and none will be.

    Parameters
    ----------
    campaign
        Name of the only campaign to run; by default all that have rockets left.
    parallel
        Rockets that run at once. They share the cores of this machine.
    folder
        Folder of `exafscn cluster init`, for the database and the worker's name and categories;
        by default the database of the settings, and all rockets.
    categories
        Take rockets of these only; by default as the folder says.

    Raises
    ------
    UsageError
        If there is no such campaign, or it is not on the LaunchPad.
    CampaignError
        If rockets failed or were lost, or `exafscn run` works on a campaign.
    """
    worker = FWorker() if folder is None else use_folder(folder)
    worker.category = categories or worker.category
    settings = Settings()
    store = open_store(settings)
    launchpad = open_launchpad(store, settings)
    names = campaigns_to_launch(launchpad, store, campaign)
    if not names and campaign is not None:
        # Jobs of the queue may have been faster.
        rockets = rockets_of(launchpad, store, campaign)
        if rockets is not None and rockets.state == "COMPLETED":
            show_summary(store, campaign, console())
            return
    if not names:
        print("nothing to launch: no campaign on the LaunchPad has rockets left")
        return
    n_cores = max(1, settings.CORES // parallel)
    if parallel == 1:
        with watching("all work") as watcher:
            run_rockets(names, worker.to_dict(), n_cores, watcher)
    else:
        _run_processes(store, parallel, names, worker.to_dict(), n_cores)
    _report(launchpad, store, names)


def campaigns_to_launch(launchpad: LaunchPad, store: Store, campaign: str | None) -> list[str]:
    """Names of the campaigns that have rockets left: all, or the one that is asked for.

    Raises
    ------
    UsageError
        If there is no such campaign, or it is not on the LaunchPad.
    """
    if campaign is None:
        return unfinished_campaigns(launchpad)
    store.campaign(campaign)
    rockets = rockets_of(launchpad, store, campaign)
    if rockets is None:
        raise UsageError(f"campaign {campaign} is not on the LaunchPad: `exafscn submit` its file")
    return [] if rockets.finished else [campaign]


def _run_processes(
    store: Store, n_processes: int, names: list[str], worker: dict[str, Any], n_cores: int
) -> None:
    # A process with threads must not be forked.
    context = multiprocessing.get_context("spawn")
    arguments = (names, worker, n_cores)
    processes = [context.Process(target=_process, args=arguments) for _ in range(n_processes)]
    with ExitStack() as stack:
        interruption = stack.enter_context(interruptible())
        token = secrets.token_hex(8)
        for name in names:
            # Who is in the way is found out once, and here.
            stack.enter_context(campaign_lock(store, name, shared_as=token))
        for process in processes:
            process.start()
        try:
            with interruption.heard():
                for process in processes:
                    process.join()
        except KeyboardInterrupt:
            for process in processes:
                process.terminate()
            for process in processes:
                process.join()
            raise
    failed = [process.exitcode for process in processes if process.exitcode]
    if failed and min(failed) > 0:
        sys.exit(max(failed))


def _process(names: list[str], worker: dict[str, Any], n_cores: int) -> None:
    os.environ["EXAFSCN_CORES"] = str(n_cores)
    try:
        guarded(run_rockets, names, worker, n_cores)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


def _report(launchpad: LaunchPad, store: Store, names: list[str]) -> None:
    """Print what came out.

    Raises
    ------
    CampaignError
        If there are rockets to be repaired.
    """
    complaints = []
    for name in names:
        rockets = rockets_of(launchpad, store, name)
        if rockets is None:
            continue
        if rockets.state == "COMPLETED":
            show_summary(store, name, console())
            continue
        print(f"campaign {name}: {rockets.summary()}")
        complaints += [
            f"campaign {name}: rocket {trouble.rocket} ({trouble.name}): {trouble.why}"
            for trouble in rockets.troubles
        ]
        if rockets.troubles:
            complaints.append(f"`exafscn status {name} --repair` makes them ready again")
    if complaints:
        raise CampaignError("\n".join(complaints))
