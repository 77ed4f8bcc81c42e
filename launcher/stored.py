"""`exafscn campaigns`: the campaigns of a database, listed and deleted."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from exafscn_flows.errors import UsageError
from exafscn_flows.store.lock import campaign_lock
from exafscn_flows.store.overview import drop_campaign, overviews
from exafscn_flows.store.store import Store
from launcher.console import console
from launcher.tables import print_whole


def show_campaigns(*, as_json: bool) -> None:
    """Print what campaigns there are."""
    found = overviews(Store.open())
    if as_json:
        rows = [asdict(one) | {"run_at": one.run_at.isoformat()} for one in found]
        print(json.dumps(rows, indent=2))
        return
    terminal = console()
    if not found:
        terminal.print("no campaign in this database yet: begin with `exafscn run CAMPAIGN.yaml`")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    # A name is there to be copied.
    table.add_column("campaign", no_wrap=True)
    table.add_column("absorbers", overflow="fold")
    for column in ("sites", "spectra", "predictions"):
        table.add_column(column, justify="right", overflow="fold")
    table.add_column("last run, UTC", overflow="fold")
    for one in found:
        counts = (one.n_sites, one.n_spectra, one.n_predictions)
        table.add_row(
            escape(one.campaign),
            ", ".join(one.absorbers),
            *map(str, counts),
            f"{one.run_at:%Y-%m-%d %H:%M}",
        )
    print_whole(terminal, table)


def drop_campaigns(names: Sequence[str], *, yes: bool) -> None:
    """Delete campaigns, each after a question.

    Parameters
    ----------
    names
        Of the campaigns.
    yes
        Whether the answers are known.

    Raises
    ------
    UsageError
        If there is no such campaign, the answer is no, or nobody is there to ask.
    CampaignError
        If somebody is running one.
    """
    store = Store.open()
    there = {one.campaign: one for one in overviews(store)}
    for name in names:
        store.campaign(name)
    can_ask = sys.stdin.isatty() and sys.stderr.isatty()
    for name in dict.fromkeys(names):
        one = there[name]
        what = f"{one.n_sites} sites, {one.n_spectra} spectra and {one.n_predictions} predictions"
        if not yes:
            if not can_ask:
                raise UsageError(
                    f"campaign {name} has {what}, and nobody is there to ask: --yes deletes them"
                )
            if not typer.confirm(f"Delete campaign {name}, with {what}?", err=True):
                raise UsageError(f"campaign {name} is left as it is")
        with campaign_lock(store, name):
            count = drop_campaign(store, name)
        print(f"campaign {name} is deleted: {count} documents")
