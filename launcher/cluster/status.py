"""Rockets of a campaign in the output of `exafscn status`."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from exafscn_flows.settings import Settings
from exafscn_flows.store.store import Store
from launcher.cluster.launchpad import CATEGORIES, Rockets, open_launchpad, repair, rockets_of

_STATES = ("WAITING", "READY", "RESERVED", "RUNNING", "COMPLETED", "FIZZLED")
_MOST_TROUBLES = 10


def rockets_in(store: Store, settings: Settings, campaign: str) -> Rockets | None:
    """Look at the rockets of a campaign; None if it was never submitted."""
    return rockets_of(open_launchpad(store, settings), store, campaign)


def repair_rockets(store: Store, settings: Settings, campaign: str) -> list[int]:
    """Make rockets ready again that died or failed; returns their numbers.

    Raises
    ------
    CampaignError
        If the campaign is not on the LaunchPad.
    """
    return repair(open_launchpad(store, settings), store, campaign)


def print_rockets(terminal: Console, rockets: Rockets, repaired: list[int]) -> None:
    """Print the states of rockets, and what is wrong with some."""
    table = Table(title=f"rockets (workflow {rockets.workflow}, {rockets.state})")
    table.add_column("category")
    states = list(_STATES)
    states += sorted({state for found in rockets.counts.values() for state in found} - {*_STATES})
    for state in states:
        table.add_column(state, justify="right")
    known = [category for category in CATEGORIES if category in rockets.counts]
    for category in [*known, *sorted(rockets.counts.keys() - {*CATEGORIES})]:
        found = rockets.counts[category]
        table.add_row(category, *(str(found.get(state, 0)) for state in states))
    terminal.print(table)
    for trouble in rockets.troubles[:_MOST_TROUBLES]:
        line = f"rocket {trouble.rocket} ({trouble.name}) {trouble.state}: {trouble.why}"
        terminal.print(escape(line), highlight=False)
    if len(rockets.troubles) > _MOST_TROUBLES:
        terminal.print(f"and {len(rockets.troubles) - _MOST_TROUBLES} more", highlight=False)
    if rockets.troubles:
        terminal.print("--repair makes them ready again.", highlight=False)
    if repaired:
        numbers = ", ".join(map(str, repaired))
        terminal.print(f"Ready again: {numbers}. `exafscn launch` runs them.", highlight=False)
