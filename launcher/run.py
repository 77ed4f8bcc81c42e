"""`exafscn run`: one campaign on this machine, from its file to a summary."""

import logging
import os
import warnings
from pathlib import Path

from exafscn_flows.config.loader import load_campaign_file
from exafscn_flows.jobs.context import surroundings
from exafscn_flows.settings import Settings
from exafscn_flows.spectra.scratch import sweep_scratch
from exafscn_flows.store.embedded import EmbeddedServer
from exafscn_flows.store.lock import campaign_lock
from exafscn_flows.store.store import Store
from launcher.console import console
from launcher.local_cluster import LocalClusterExecutor
from launcher.progress import watching


def run_campaign(file: Path, *, retry_failed: bool) -> None:
    """Run a campaign and print what came out.

    Parameters
    ----------
    file
        Campaign file.
    retry_failed
        Whether to try again what failed in earlier runs.

    Raises
    ------
    UsageError
        If the campaign file or a source is wrong.
    CampaignError
        If the campaign cannot go on: no database, no scratch space, another runner.
    """
    config = load_campaign_file(file)
    for source in config.sources:
        source.check()
    settings = Settings()
    sweep_scratch(settings.SCRATCH_DIR)
    store = Store.open(settings)
    store.prepare()
    if settings.MONGODB_URI is None:
        # Worker processes use the same server, and never start one.
        os.environ["EXAFSCN_MONGODB_URI"] = EmbeddedServer(settings.DATA_DIR).uri
    with campaign_lock(store, config.campaign):
        store.save_config(config)
        if retry_failed:
            store.forget_failures(config.campaign)
        is_new = store.campaign(config.campaign).plan_hash is None
        _run(config.campaign, config.absorbers, settings.CORES, is_new=is_new)
        sweep_scratch(settings.SCRATCH_DIR)
    from launcher.show import show_summary

    show_summary(store, config.campaign, console())


def _run(campaign: str, absorbers: list[str], n_cores: int, *, is_new: bool) -> None:
    executor = LocalClusterExecutor(n_cores)
    if is_new:
        # There will be work. It gets ready while this process imports what it needs itself.
        executor.prepare()
    from jobflow import JobStore, run_locally
    from maggma.stores import MemoryStore

    from workflows.campaign import CampaignMaker

    # jobflow logs every job at INFO; failures of jobs reach us as exceptions.
    logging.getLogger("jobflow").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", "cd is deprecated", FutureWarning, "jobflow")
    flow = CampaignMaker().make(campaign, absorbers)
    with watching() as watcher, executor, surroundings(executor, watcher):
        run_locally(
            flow,
            log=False,
            store=JobStore(MemoryStore()),
            create_folders=False,
            ensure_success=True,
            raise_immediately=True,
        )
