"""`exafscn submit`: put a campaign on the LaunchPad."""

from collections.abc import Sequence
from pathlib import Path

from jobflow import Flow, JobStore
from jobflow.managers.fireworks import flow_to_workflow

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.config.loader import load_campaign_file
from exafscn_flows.errors import CampaignError
from exafscn_flows.jobs.answers import answer_measured
from exafscn_flows.jobs.experiments import experiments
from exafscn_flows.jobs.plan import plan_sites
from exafscn_flows.jobs.train import train
from exafscn_flows.settings import Settings
from exafscn_flows.store.connection import translate_errors
from exafscn_flows.store.lock import campaign_lock
from launcher.cluster.launchpad import open_launchpad, prepare_launchpad, rockets_of
from launcher.cluster.outputs import OutputStore
from launcher.preview import check_takeover
from launcher.run import check_files, make_flow, open_store
from workflows.campaign import fan_out

SITES_PER_CORE = 4
"""Of the smallest rockets. With fewer, a core would wait for another at the end of each; with more,
a small campaign would not spread over several machines."""

_CATEGORIES = {
    plan_sites: "fetch",
    fan_out: "cpu",
    train: "train",
    experiments: "train",
    answer_measured: "train",
}


def submit_campaign(
    file: Path, settings: Sequence[str] = (), *, retry_failed: bool, yes: bool = False
) -> None:
    """Put the campaign of a file on the LaunchPad of its database.

    Parameters
    ----------
    file
        Campaign file.
    settings
        As of `load_campaign_file`.
    retry_failed
        Whether to try again what failed before.
    yes
        As of `check_takeover`.

    Raises
    ------
    UsageError
        If the campaign file, a source or a program is wrong, or the campaign is that of another
        file.
    CampaignError
        If there is no database, or the campaign is on the LaunchPad already and not finished.
    """
    config = load_campaign_file(file, settings)
    check_files(config)
    machine = Settings()
    store = open_store(machine)
    check_takeover(store, config, file.resolve(), yes=yes)
    store.prepare()
    launchpad = open_launchpad(store, machine)
    prepare_launchpad(launchpad)
    name = config.campaign
    with campaign_lock(store, name), translate_errors():
        rockets = rockets_of(launchpad, store, name)
        if rockets is not None and not rockets.finished:
            raise CampaignError(
                f"campaign {name} is on the LaunchPad already ({rockets.summary()}): "
                f"`exafscn launch {name}` goes on with it, "
                f"`lpad archive_wflows -i {rockets.workflow}` takes it off"
            )
        store.save_config(config, file.resolve())
        if retry_failed:
            store.forget_failures(name)
        outputs = JobStore(OutputStore())
        outputs.connect()
        outputs.ensure_index("uuid")
        # Those of an earlier, finished workflow.
        outputs.remove_docs({"metadata.campaign": name})
        workflow = flow_to_workflow(
            _flow(config), store=outputs, metadata={"campaign": name}, name=name
        )
        launchpad.add_wf(workflow)
    print(f"campaign {name} is on the LaunchPad: `exafscn launch {name}` runs it")


def _flow(config: CampaignConfig) -> Flow:
    flow = make_flow(config, SITES_PER_CORE)
    # Jobs inherit both from the job that they replace.
    flow.update_metadata({"campaign": config.campaign})
    for function, category in _CATEGORIES.items():
        flow.update_config(
            {"manager_config": {"_category": category}}, function_filter=function, dynamic=False
        )
    return flow
