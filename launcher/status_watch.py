"""`exafscn status --watch`: the table of a campaign that works, as it goes on."""

import time

from rich.console import Group
from rich.live import Live
from rich.text import Text

from exafscn_flows.jobs.status import campaign_status
from exafscn_flows.store.store import Store
from launcher.console import console
from launcher.show import pace_line, stage_table
from launcher.tables import fits

_SECONDS = 2.0
"""Time between looks."""
_SHARE = 10
"""A look may take this part of the time: a campaign of many sites is looked at less often."""


def watch_status(campaign: str | None) -> None:
    """Show how far a campaign is, until all is done or nobody works on it.

    Parameters
    ----------
    campaign
        Its name; by default that of the one run last.

    Raises
    ------
    UsageError
        If there is no such campaign.
    """
    store = Store.open()
    name = campaign or store.latest_campaign()
    terminal = console()
    with Live(console=terminal, auto_refresh=False) as live:
        while True:
            began = time.monotonic()
            status = campaign_status(store, name)
            ended = status.complete or not status.running
            line = "all is done" if status.complete else pace_line(status)
            if not status.running and not status.complete:
                line = "nobody works on it: `exafscn run` or `exafscn launch` goes on"
            table = stage_table(status)
            fits(terminal, table)
            live.update(Group(table, Text(line)), refresh=True)
            if ended:
                return
            time.sleep(max(_SECONDS, _SHARE * (time.monotonic() - began)))
