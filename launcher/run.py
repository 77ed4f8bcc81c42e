"""`exafscn run`: one campaign on this machine, from its file to a summary."""

import logging
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.config.loader import load_campaign_file
from exafscn_flows.errors import UsageError
from exafscn_flows.jobs.context import Deadline, Watcher, surroundings
from exafscn_flows.settings import Settings
from exafscn_flows.spectra.scratch import sweep_scratch
from exafscn_flows.store.embedded import EmbeddedServer
from exafscn_flows.store.lock import campaign_lock
from exafscn_flows.store.store import Store
from launcher.console import console
from launcher.dask_executor import DaskExecutor
from launcher.deadline import find_deadline
from launcher.preview import check_takeover, show_preview
from launcher.progress import watching
from launcher.workers import make_executor

if TYPE_CHECKING:
    from jobflow import Flow


def run_campaign(
    file: Path, settings: Sequence[str] = (), *, retry_failed: bool, dry_run: bool, yes: bool
) -> None:
    """Run the campaign of a file; as `run_config`.

    Parameters
    ----------
    file
        Campaign file.
    settings
        As of `load_campaign_file`.
    retry_failed
        Whether to try again what failed in earlier runs.
    dry_run
        Whether only to print what would be done.
    yes
        As of `check_takeover`.

    Raises
    ------
    UsageError
        If the campaign file or a source is wrong.
    CampaignError
        As `run_config`.
    """
    config = load_campaign_file(file, settings)
    if not dry_run:
        run_config(config, file.resolve(), retry_failed=retry_failed, yes=yes)
        return
    check_files(config)
    show_preview(open_store(Settings()), config, retry_failed=retry_failed)


def run_config(
    config: CampaignConfig, file: Path | None = None, *, retry_failed: bool, yes: bool = False
) -> None:
    """Run a campaign and print what came out.

    Parameters
    ----------
    config
        Its settings.
    file
        Full path of the file that they are from.
    retry_failed
        Whether to try again what failed in earlier runs.
    yes
        As of `check_takeover`.

    Raises
    ------
    UsageError
        If a source or a program is wrong, or the campaign is that of another file.
    CampaignError
        If the campaign cannot go on: no database, no scratch space, another runner.
    """
    check_files(config)
    settings = Settings()
    executor = make_executor(settings, settings.CORES)
    sweep_scratch(settings.SCRATCH_DIR)
    store = open_store(settings)
    check_takeover(store, config, file, yes=yes)
    store.prepare()
    with (
        watching("all work") as watcher,
        campaign_lock(store, config.campaign, news=watcher.forecast.news),
    ):
        store.save_config(config, file)
        if retry_failed:
            store.forget_failures(config.campaign)
        is_new = store.campaign(config.campaign).plan_hash is None
        _run(config, executor, watcher, find_deadline(settings), is_new=is_new)
        sweep_scratch(settings.SCRATCH_DIR)
    from launcher.show import show_summary

    show_summary(store, config.campaign, console())


def keep_runs_in(folder: Path) -> None:
    """Have the folders of runs kept, also by processes that are started from here.

    Raises
    ------
    UsageError
        If there can be no such folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"--keep-runs: {folder} cannot be made: {error.strerror}; name a folder"
        ) from None
    os.environ["EXAFSCN_KEEP_RUNS"] = str(folder.resolve())


def check_files(config: CampaignConfig) -> None:
    """Raise UsageError if a source or a program of a campaign is not there.

    What sources leave out, and what spectra are to be warned of, is said on standard error.
    """
    terminal = console(stderr=True)
    for source in config.sources:
        source.check()
        if line := source.left_out():
            terminal.print(line, markup=False, highlight=False, soft_wrap=True)
    for way in config.spectra:
        way.check()
        if line := way.advice():
            terminal.print(f"warning: {line}", markup=False, highlight=False, soft_wrap=True)


def open_store(settings: Settings) -> Store:
    """Open the store, at an address that other processes find in the environment."""
    store = Store.open(settings)
    if settings.MONGODB_URI is None:
        # Worker processes use the same server, and never start one.
        os.environ["EXAFSCN_MONGODB_URI"] = EmbeddedServer(settings.DATA_DIR).uri
    return store


def make_flow(config: CampaignConfig, sites_per_core: int | None = None) -> "Flow":
    """Make the flow of a campaign whose settings are in the store.

    Parameters
    ----------
    config
        Its settings.
    sites_per_core
        As of `plan_sites`: given where several machines share out the sites.
    """
    from workflows.campaign import CampaignMaker
    from workflows.study import StudyMaker

    maker = CampaignMaker if config.study is None else StudyMaker
    made = maker(sites_per_core=sites_per_core, joint=config.joint, measured=config.measured)
    return made.make(config.campaign, config.absorbers)


def _run(
    config: CampaignConfig,
    executor: DaskExecutor,
    watcher: Watcher,
    deadline: Deadline | None,
    *,
    is_new: bool,
) -> None:
    if is_new:
        # There will be work. It gets ready while this process imports what it needs itself.
        executor.prepare()
    from jobflow import JobStore, run_locally
    from maggma.stores import MemoryStore

    # jobflow logs every job at INFO; failures of jobs reach us as exceptions.
    if not logging.getLogger("jobflow").level:  # nobody has asked for it
        logging.getLogger("jobflow").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", "cd is deprecated", FutureWarning, "jobflow")
    flow = make_flow(config)
    with executor, surroundings(executor, watcher, deadline):
        run_locally(
            flow,
            log=False,
            store=JobStore(MemoryStore()),
            create_folders=False,
            ensure_success=True,
            raise_immediately=True,
        )
