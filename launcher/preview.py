"""What a run would do: shown by `exafscn run --dry-run`, asked before it takes a campaign over."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import UsageError
from exafscn_flows.jobs.context import surroundings
from exafscn_flows.settings import Settings
from exafscn_flows.store.store import Store
from launcher.console import console
from launcher.progress import watching
from launcher.tables import print_whole
from launcher.workers import make_executor

if TYPE_CHECKING:
    from exafscn_flows.jobs.durations import FeffTime
    from exafscn_flows.jobs.preview import Preview


def show_preview(store: Store, config: CampaignConfig, *, retry_failed: bool) -> None:
    """Print what a run would do."""
    found = _look(store, config, retry_failed=retry_failed)
    terminal = console()
    print_whole(terminal, _table(found))
    for line in [*_lines(found), *_times(found, config, Settings().CORES)]:
        terminal.print(line, highlight=False, soft_wrap=True)


def check_takeover(store: Store, config: CampaignConfig, file: Path | None, *, yes: bool) -> None:
    """Ask before a file takes over the campaign of another one.

    Nobody is asked who runs the file that the campaign was last run from, whatever has changed in
    it, nor where all that is selected and computed stays.

    Parameters
    ----------
    file
        Full path of the file; None where there is none.
    yes
        Whether the answer is known.

    Raises
    ------
    UsageError
        If the answer is no, or nobody is there to ask.
    """
    name = config.campaign
    if yes or name not in store.campaign_names():
        return
    stored = store.campaign(name)
    settings = config.model_dump(mode="json")
    if stored.config == settings or (file is not None and stored.file == str(file)):
        return
    terminal = console(stderr=True)
    can_ask = sys.stdin.isatty() and terminal.is_terminal
    # Where nobody looks, one line is all.
    found = _look(store, config, retry_failed=False, is_watched=can_ask)
    if not (found.go or found.outdated or (found.active and found.unlisted)):
        return
    origin = f" from {stored.file}" if stored.file else ""
    others = " by another `campaign` name, it would be a campaign of its own"
    if can_ask:
        terminal.print(f"There is a campaign {name} already, last run{origin}. With this file,")
        for line in _lines(found):
            terminal.print(f"- {line}", highlight=False)
        if typer.confirm(f"Go on (no:{others})?", err=True):
            return
        raise UsageError(f"campaign {name} is left as it is")
    raise UsageError(
        f"there is a campaign {name} already, last run{origin}; with this file, "
        f"{'; '.join(_lines(found))}: --yes goes on, and{others}"
    )


def _look(
    store: Store, config: CampaignConfig, *, retry_failed: bool, is_watched: bool = True
) -> "Preview":
    # A run has no use for it.
    from exafscn_flows.jobs.preview import preview

    settings = Settings()
    executor = make_executor(settings, settings.CORES)
    with (
        watching() if is_watched else nullcontext() as watcher,
        executor,
        surroundings(executor, watcher),
    ):
        return preview(store, config, retry_failed=retry_failed)


def _table(found: "Preview") -> Table:
    table = Table(title=f"campaign {found.campaign}: what a run would do")
    table.add_column("stage", no_wrap=True)
    table.add_column("absorber", overflow="fold")
    for column in ("to compute", "out of date", "done", "failed"):
        table.add_column(column, justify="right", overflow="fold")
    for work in found.work:
        counts = (work.missing, work.outdated, work.done, work.failed)
        table.add_row(work.stage, work.absorber or "", *map(str, counts))
    return table


def _lines(found: "Preview") -> list[str]:
    """Say what becomes of the sites, and of what was computed."""
    lines = []
    if found.unlisted:
        lines.append(f"{'; '.join(found.unlisted)}: not listed yet, so nothing of it counts here")
    if found.unfetched:
        lines.append(
            f"{found.unfetched} structures: not fetched yet, their sites do not count here"
        )
    if found.go:
        perhaps = ", unless they are in those lists" if found.unlisted else ""
        lines.append(f"{found.go} of {found.active} sites are put aside{perhaps}")
    if found.come:
        lines.append(f"{found.come} sites come")
    if found.outdated:
        again = ", ".join(f"{count} {stage}" for stage, count in _outdated(found).items() if count)
        lines.append(f"what is out of date is computed again ({again})")
    if found.known:
        lines.append(f"{found.known} spectra were computed before and are found, not computed")
    return lines or ["the sites stay as they are"]


def _outdated(found: "Preview") -> dict[str, int]:
    counts: dict[str, int] = {}
    for work in found.work:
        counts[work.stage] = counts.get(work.stage, 0) + work.outdated
    return counts


def _times(found: "Preview", config: CampaignConfig, n_cores: int) -> list[str]:
    """Say about how long a run would take."""
    if all(way.stored for way in config.spectra):
        return ["No spectrum is computed: the sources bring them."]
    if not found.feff and (found.unlisted or found.unfetched):
        return ["How long spectra would take is known when the structures are here."]
    if not found.come and found.active == found.go:
        absorbers = ", ".join(config.absorbers)
        return [
            f"No structure of its sources holds {absorbers} (after filters): a run would say so."
        ]
    if not found.feff:
        return ["No spectrum is to be computed that takes long."]
    lines = [_time(feff, n_cores) for feff in found.feff]
    return [*lines[:-1], f"{lines[-1]} Models come on top."]


def _time(feff: "FeffTime", n_cores: int) -> str:
    source = "by the rule for default settings"
    if feff.recorded:
        cards = "" if feff.same_cards else " with other cards"
        source = f"the mean of {feff.recorded} recorded{cards}"
    return (
        f"Spectrum {feff.spectrum}: about {_duration(feff.seconds)} on {n_cores} cores, for "
        f"{feff.runs} sites at {feff.seconds_per_run:.2g} s of a core ({source})."
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
