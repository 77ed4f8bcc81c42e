"""Commands that run campaigns, and say how they are."""

from pathlib import Path
from typing import Annotated

import typer

from exafscn_flows.errors import UsageError
from launcher.commands.options import (
    AsJson,
    CampaignFile,
    CampaignName,
    ClusterFolder,
    LogTo,
    Set,
    Yes,
)
from launcher.console import begin
from launcher.logs import set_up_logs

campaigns = typer.Typer()


@campaigns.command()
def run(
    file: CampaignFile,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try again what failed in earlier runs.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done; change nothing.")
    ] = False,
    keep_runs: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Keep the folders of FEFF's runs there, by campaign, site and spectrum.",
        ),
    ] = None,
    yes: Yes = False,
    settings: Set = None,
    log_level: LogTo = None,
) -> None:
    """Run a campaign on this machine; what is done already is not computed again."""
    set_up_logs(log_level)
    begin(f"campaign file {file}")
    from launcher.run import keep_runs_in, run_campaign

    if keep_runs is not None:
        keep_runs_in(keep_runs)
    run_campaign(file, settings or (), retry_failed=retry_failed, dry_run=dry_run, yes=yes)


@campaigns.command()
def init(
    folder: Annotated[
        Path, typer.Argument(help="Folder that it is for, and is written into.")
    ] = Path("."),
) -> None:
    """Write a campaign file, with comments, for the structures or spectra of a folder."""
    from launcher.init import init_campaign

    init_campaign(folder)


@campaigns.command()
def submit(
    file: CampaignFile,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try again what failed before.")
    ] = False,
    yes: Yes = False,
    settings: Set = None,
) -> None:
    """Put a campaign on FireWorks' LaunchPad, for any number of processes and machines."""
    from launcher.cluster.submit import submit_campaign

    submit_campaign(file, settings or (), retry_failed=retry_failed, yes=yes)


@campaigns.command()
def launch(
    campaign: Annotated[
        str | None, typer.Argument(help="Only this campaign; by default all that were submitted.")
    ] = None,
    parallel: Annotated[
        int,
        typer.Option(
            "--parallel", "-n", min=1, help="Rockets at once, or with --queue jobs of the queue."
        ),
    ] = 1,
    queue: Annotated[
        bool, typer.Option("--queue", help="Send jobs to the queue that run rockets there.")
    ] = False,
    folder: ClusterFolder = None,
    category: Annotated[
        list[str] | None,
        typer.Option(help="Only rockets of this category, e.g. fetch; may be repeated."),
    ] = None,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep", help="Stay, and keep --parallel jobs in the queue until nothing is left."
        ),
    ] = False,
    log_level: LogTo = None,
) -> None:
    """Run submitted campaigns here, until nothing is ready and nothing will be."""
    set_up_logs(log_level)
    if keep and not queue:
        raise UsageError("--keep is about jobs of a queue: give --queue, too")
    if queue:
        from launcher.cluster.queue import launch_to_queue

        if folder is None:
            raise UsageError("--queue needs --cluster FOLDER, which `exafscn cluster init` writes")
        launch_to_queue(
            campaign, n_jobs=parallel, folder=folder, categories=category or [], keep=keep
        )
        return
    from launcher.cluster.launch import launch

    launch(campaign, parallel=parallel, folder=folder, categories=category or [])


@campaigns.command()
def status(
    campaign: CampaignName = None,
    as_json: AsJson = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Make rockets ready again that died or failed.")
    ] = False,
    failures: Annotated[
        bool, typer.Option("--failures", help="List everything that failed, with file names.")
    ] = False,
    stage: Annotated[
        str | None, typer.Option(help="Only failures of this stage, e.g. spectra.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="Only failures of this kind, e.g. feff_timeout.")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show it again and again, until all is done.")
    ] = False,
) -> None:
    """Show what is done, failed and pending, and why things failed."""
    if (stage or kind) and not failures:
        raise UsageError("--stage and --kind say which of the --failures: give that, too")
    if failures + watch + repair > 1 or (watch and as_json):
        raise UsageError("--failures, --watch, --repair and --json do not all go together")
    if failures:
        from launcher.show import show_failures

        show_failures(campaign, stage, kind, as_json=as_json)
        return
    if watch:
        from launcher.status_watch import watch_status

        watch_status(campaign)
        return
    from launcher.show import show_status

    show_status(campaign, as_json=as_json, repair=repair)


@campaigns.command()
def report(
    campaign: CampaignName = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="HTML file; by default NAME_report.html.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the same figures as JSON, too.")
    ] = None,
) -> None:
    """Write one HTML file with tables and figures, which opens without a network."""
    from launcher.show import write_report

    write_report(campaign, output, json_file)


@campaigns.command()
def schema() -> None:
    """Print the JSON schema of the campaign file, by which editors complete and check it."""
    import json

    from exafscn_flows.config.schema import campaign_schema

    print(json.dumps(campaign_schema(), indent=2))
