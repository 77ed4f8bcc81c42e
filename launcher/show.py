"""Tables for the terminal, and the same as JSON for other programs."""

import json
import shutil
import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import UsageError
from exafscn_flows.jobs.status import Status, campaign_status
from exafscn_flows.report.data import FailureGroup
from exafscn_flows.settings import Settings
from exafscn_flows.store.documents import STAGES
from exafscn_flows.store.store import Store
from exafscn_flows.store.versions import current_metrics
from launcher.console import console


def show_status(campaign: str | None, *, as_json: bool, repair: bool) -> None:
    """Print what is done, failed and pending.

    Parameters
    ----------
    repair
        Whether to make those of its rockets ready again first that died or failed.
    """
    settings = Settings()
    store = Store.open(settings)
    name = campaign or store.latest_campaign()
    status = campaign_status(store, name)
    rockets, repaired = None, []
    # Most campaigns were never submitted, and importing FireWorks takes a while.
    if repair or store.has_workflow(name):
        from launcher.cluster.status import print_rockets, repair_rockets, rockets_in

        repaired = repair_rockets(store, settings, name) if repair else []
        rockets = rockets_in(store, settings, name)
    if as_json:
        found = {"rockets": rockets.as_dict()} if rockets is not None else {}
        print(json.dumps(status.as_dict() | found, indent=2))
        return
    terminal = console()
    terminal.print(_stage_table(status))
    _print_failures(terminal, status.failures)
    if rockets is not None:
        print_rockets(terminal, rockets, repaired)
    if not status.planned:
        terminal.print("The choice of sites is not complete: run the campaign to go on.")


def _stage_table(status: Status) -> Table:
    table = Table(title=f"campaign {status.campaign}")
    table.add_column("stage")
    table.add_column("absorber")
    for column in ("done", "failed", "pending", "blocked"):
        table.add_column(column, justify="right")
    for count in sorted(status.counts, key=lambda count: STAGES.index(count.stage)):
        failed = f"[red]{count.failed}[/]" if count.failed else "0"
        table.add_row(
            count.stage,
            count.absorber or "",
            str(count.done),
            failed,
            str(count.pending),
            str(count.blocked),
        )
    return table


def _print_failures(terminal: Console, failures: list[FailureGroup]) -> None:
    if not failures:
        return
    table = Table(title="failures")
    table.add_column("stage")
    table.add_column("n", justify="right")
    table.add_column("example")
    table.add_column("why")
    table.add_column("what to do")
    for group in failures:
        # File names and messages are data: square brackets in them are not markup.
        cells = (group.item, group.message, group.hint)
        table.add_row(group.stage, str(group.count), *(escape(cell) for cell in cells))
    terminal.print(table)


def write_report(campaign: str | None, output: Path | None, json_file: Path | None) -> None:
    """Write the report of a campaign, and say where."""
    from exafscn_flows.jobs.report import collect_report
    from exafscn_flows.report.html import render
    from exafscn_flows.report.summary import to_json

    store = Store.open()
    name = campaign or store.latest_campaign()
    data = collect_report(store, name)
    path = output or Path(f"{name}_report.html")
    try:
        path.write_text(render(data), encoding="utf-8")
        if json_file is not None:
            json_file.write_text(json.dumps(to_json(data), indent=2), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {error.filename}: {error.strerror}") from None
    print(f"report of campaign {name}: {path.resolve()}")


def show_summary(store: Store, name: str, terminal: Console) -> None:
    """Print what a run ended with, and what to look at next."""
    status = campaign_status(store, name)
    config = store.config(name)
    table = _accuracy_table(store, config)
    if table.row_count:
        terminal.print(table)
        terminal.print(
            "grouped: one formula on one side of every split; majority: always the most\n"
            "frequent CN; F1: macro-averaged, grouped; ±: standard deviation over folds.",
            highlight=False,
        )
    _print_failures(terminal, status.failures)
    by_stage: dict[str, list[int]] = {}
    for count in status.counts:
        stage = by_stage.setdefault(count.stage, [0, 0])
        stage[0] += count.done
        stage[1] += count.failed
    parts = [
        f"{done} {stage}" + (f" ({failed} failed)" if failed else "")
        for stage, (done, failed) in by_stage.items()
    ]
    terminal.print(f"\nCampaign {name} is complete: {', '.join(parts)}.", highlight=False)
    predictions = {
        f"query -c {name} --absorber {config.absorbers[0]}": "predicted coordination numbers",
        f"query -c {name} --disagrees": "where prediction and label differ",
    }
    advice = {
        f"report {name}": "figures and tables in one HTML file",
        **(predictions if config.models else {}),
        f"status {name}": "what is done, what failed and why",
    }
    width = max(map(len, advice))
    # In an environment that is not activated, the bare name would not be found.
    program = "exafscn" if shutil.which("exafscn") else sys.argv[0]
    terminal.print("\nLook next at", highlight=False)
    for command, what in advice.items():
        line = f"  {program} {command:<{width}}  {what}"
        terminal.print(line, highlight=False, soft_wrap=True)


def _accuracy_table(store: Store, config: CampaignConfig) -> Table:
    several = len(config.models) > 1
    table = Table(title=f"campaign {config.campaign}: accuracy of coordination numbers, %")
    table.add_column("", no_wrap=True, min_width=2)
    for column in ("features", *(("model",) if several else ())):
        table.add_column(column, overflow="fold")
    for column in ("sites", "majority", "grouped", "random", "F1"):
        table.add_column(column, justify="right", no_wrap=True)
    for absorber in config.absorbers:
        for doc in current_metrics(store, config.campaign, absorber):
            grouped, random = doc.splits["grouped"], doc.splits["random"]
            table.add_row(
                absorber,
                doc.feature_set,
                *((doc.model,) if several else ()),
                str(doc.n_sites),
                f"{100 * grouped['majority']:.1f}",
                f"{100 * grouped['accuracy']:.1f} ± {100 * grouped['accuracy_std']:.1f}",
                f"{100 * random['accuracy']:.1f}",
                f"{100 * grouped['macro_f1']:.1f}",
            )
    return table
