"""`exafscn export`: structures with predictions, for other programs."""

from pathlib import Path

from exafscn_flows.errors import UsageError
from exafscn_flows.store.optimade import write_optimade
from exafscn_flows.store.store import Store


def export_structures(campaign: str | None, optimade: Path | None) -> None:
    """Write the structures of a campaign with what is predicted for their sites, and say where.

    Raises
    ------
    UsageError
        If no file is named, there is no such campaign, or there can be no such file.
    """
    if optimade is None:
        raise UsageError("export: name a file with --optimade FILE")
    store = Store.open()
    written = write_optimade(store, campaign or store.latest_campaign(), optimade)
    print(f"{written.structures} structures: {optimade.resolve()}")
    if written.left_out:
        print(f"{written.left_out} without a crystal are left out")
