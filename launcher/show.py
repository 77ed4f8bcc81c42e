"""Tables for the terminal, and the same as JSON for other programs."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import LEFT_OUT, UsageError
from exafscn_flows.jobs.failures import list_failures
from exafscn_flows.jobs.forecast import time_text
from exafscn_flows.jobs.status import Status, campaign_status
from exafscn_flows.report.views import view_of
from exafscn_flows.settings import Settings
from exafscn_flows.store.documents import STAGES
from exafscn_flows.store.store import Store
from exafscn_flows.store.versions import current_metrics
from launcher.console import console
from launcher.tables import print_whole

_REASONS = {"filters": "are ruled out by `filters`", **LEFT_OUT}


def show_failures(
    campaign: str | None, stage: str | None, kind: str | None, *, as_json: bool
) -> None:
    """Print everything that failed, with file names; see `list_failures`."""
    store = Store.open()
    name = campaign or store.latest_campaign()
    rows = list_failures(store, name, stage, kind)
    if as_json:
        print(json.dumps(list(rows), indent=2))
        return
    terminal, count = console(), 0
    for row in rows:
        count += 1
        called = f" ({row['name']})" if row["name"] else ""
        line = f"{row['stage']}  {row['item']}{called}  {row['kind']}: {row['message']}"
        # Not wrapped: lines are there to be searched, and keys to be copied.
        terminal.print(escape(line), highlight=False, soft_wrap=True)
    if not count:
        terminal.print(f"campaign {name}: nothing has failed")


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
    print_whole(terminal, stage_table(status))
    _print_left_out(terminal, status)
    _print_failures(terminal, status)
    if status.running and not status.complete:
        terminal.print(pace_line(status), highlight=False)
    if rockets is not None:
        print_rockets(terminal, rockets, repaired)
    if not status.planned:
        terminal.print("The choice of sites is not complete: run the campaign to go on.")


def stage_table(status: Status) -> Table:
    """Count what is done, failed, pending and blocked, by stage and absorber."""
    table = Table(title=f"campaign {status.campaign}")
    table.add_column("stage", no_wrap=True)
    table.add_column("absorber", overflow="fold")
    shows_left_out = any(count.left_out for count in status.counts)
    more = ["left out"] if shows_left_out else []
    for column in ("done", "failed", "pending", "blocked", *more):
        table.add_column(column, justify="right", overflow="fold")
    for count in sorted(status.counts, key=lambda count: STAGES.index(count.stage)):
        failed = f"[red]{count.failed}[/]" if count.failed else "0"
        table.add_row(
            count.stage,
            count.absorber or "",
            str(count.done),
            failed,
            str(count.pending),
            str(count.blocked),
            *([str(count.left_out)] if shows_left_out else []),
        )
    return table


def pace_line(status: Status) -> str:
    """Say how fast a campaign goes on, and how long the rest will take."""
    pace = f"{status.sites_per_minute:.3g} sites a minute, " if status.sites_per_minute else ""
    return f"{pace}time left: {time_text(status.seconds_left)}"


def _print_left_out(terminal: Console, status: Status) -> None:
    for reason, count in status.left_out.items():
        what = "structures" if reason in ("filters", "no_absorber") else "sites"
        line = f"Left out, {what} that {_REASONS[reason]}: {count}"
        terminal.print(line, highlight=False)


def _print_failures(terminal: Console, status: Status) -> None:
    if not status.failures:
        return
    terminal.print("Failures, by cause, with an example each:", highlight=False)
    for group in status.failures:
        # File names and messages are data: square brackets in them are not markup.
        head = f"{group.stage}: [red]{group.count}[/] {group.kind}, such as "
        # The key is whole, to be copied, however narrow the terminal.
        terminal.print(head + escape(group.item), highlight=False, soft_wrap=True)
        for text in (group.message, f"→ {group.hint}" if group.hint else ""):
            if text:
                terminal.print(Padding(escape(text), (0, 0, 0, 4)), highlight=False)
    terminal.print(f"All of them: exafscn status {status.campaign} --failures", highlight=False)


def write_report(campaign: str | None, output: Path | None, json_file: Path | None) -> None:
    """Write the report of a campaign, and say where."""
    for file, suffixes in ((output, (".html", ".htm")), (json_file, (".json",))):
        if file is not None and file.suffix.lower() not in suffixes:
            raise UsageError(
                f"{file}: its name has to end in {suffixes[0]}; a browser prints the page as PDF"
                if suffixes[0] == ".html"
                else f"{file}: its name has to end in {suffixes[0]}"
            )
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
        raise UsageError(
            f"cannot write {error.filename}: {error.strerror}; name a folder that is there"
        ) from None
    print(f"report of campaign {name}: {path.resolve()}")


def show_summary(store: Store, name: str, terminal: Console) -> None:
    """Print what a run ended with, and what to look at next."""
    status = campaign_status(store, name)
    config = store.config(name)
    for table, legend in _score_tables(store, config):
        terminal.print(table)
        terminal.print(legend, highlight=False)
    _print_left_out(terminal, status)
    _print_failures(terminal, status)
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
    first = config.targets[0]
    predictions = {f"query -c {name} --absorber {config.absorbers[0]}": f"predicted {first.title}"}
    if config.models:
        predictions[f"query -c {name} --disagrees"] = "where prediction and label differ"
    has_predictions = config.measured or any(
        count.stage == "models" and count.done for count in status.counts
    )
    if config.models and not has_predictions:
        terminal.print("No model could be trained, so there is nothing to query.")
    failures = {f"status {name} --failures": "everything that failed, with file names"}
    advice = {
        f"report {name}": "figures and tables in one HTML file",
        **(predictions if has_predictions else {}),
        f"status {name}": "what is done, what failed and why",
        **(failures if status.failures else {}),
    }
    width = max(map(len, advice))
    # In an environment that is not activated, the bare name would not be found.
    program = "exafscn" if shutil.which("exafscn") else sys.argv[0]
    terminal.print("\nLook next at", highlight=False)
    for command, what in advice.items():
        line = f"  {program} {command:<{width}}  {what}"
        terminal.print(line, highlight=False, soft_wrap=True)


def _score_tables(store: Store, config: CampaignConfig) -> Iterator[tuple[Table, str]]:
    """Yield, for each target with models, a table that fits on a terminal, and what it shows."""
    several = len(config.models) > 1
    order = config.absorbers.index
    found = sorted(current_metrics(store, config.campaign), key=lambda doc: order(doc.absorber))
    for target in config.targets:
        docs = [doc for doc in found if doc.target == target.name]
        if not docs:
            continue
        view = view_of(target.task)
        score, further = view.score, view.terminal
        unit = score.unit(target.unit)
        title = f"campaign {config.campaign}: {score.name} of {target.title}"
        table = Table(
            title=f"{title}, {unit}" if unit else title,
            box=box.SIMPLE_HEAD,
            pad_edge=False,
            collapse_padding=True,
        )
        table.add_column("", no_wrap=True, min_width=2)
        for column in ("features", *(("model",) if several else ())):
            table.add_column(column, overflow="fold")
        for column in ("sites", view.terminal_baseline, "grouped", "random", further.title):
            table.add_column(column, justify="right", no_wrap=True)
        for doc in docs:
            grouped, random = doc.splits["grouped"], doc.splits["random"]
            table.add_row(
                doc.absorber,
                doc.feature_set,
                *((doc.model,) if several else ()),
                str(doc.n_sites),
                score.text(view.baseline.of(grouped)),
                " ± ".join(score.with_spread(grouped[score.key], grouped[view.spread])),
                score.text(score.of(random)),
                further.text(further.of(grouped)),
            )
        legend = [
            "grouped: one formula on one side of every split; ±: s.d. over folds;",
            f"{view.terminal_text}.",
        ]
        together = [one.name for one in config.models_for(target.name) if one.per == "campaign"]
        if together and len(config.absorbers) > 1:
            legend.append(f"Fitted on all absorbers together: {', '.join(together)}.")
        if n_seen := sum(doc.n_seen for doc in docs):
            seen = f"Left out, their formulas learned before by models that come trained: {n_seen}"
            legend.append(f"{seen} sites.")
        yield table, "\n".join(legend)
