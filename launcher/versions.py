"""`exafscn models`: versions of models, promoted and dropped, and the model of the package."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from exafscn_flows.errors import UsageError
from exafscn_flows.jobs.context import SerialExecutor, surroundings
from exafscn_flows.jobs.versions import Version, drop, list_versions, old_versions, promote
from exafscn_flows.pretrained import card_sha256, general_card
from exafscn_flows.settings import Settings
from exafscn_flows.store.embedded import EmbeddedServer
from exafscn_flows.store.lock import campaign_lock
from exafscn_flows.store.store import Store
from exafscn_flows.whole_file import whole_file
from launcher.console import console
from launcher.progress import watching
from launcher.tables import print_whole


def show_versions(campaign: str | None, *, as_json: bool) -> None:
    """Print the versions of all models of a campaign, and the model that comes with the package."""
    name, versions = _stored(campaign)
    shipped = [_shipped(), _simulating()]
    if as_json:
        rows: list[dict[str, Any]] = [
            asdict(one) | {"created_at": one.created_at.isoformat(), "shipped": False}
            for one in versions
        ]
        print(json.dumps([*rows, *shipped], indent=2))
        return
    terminal = console()
    for target, own in groupby(versions, key=lambda one: one.target):
        print_whole(terminal, _table(f"campaign {name}: versions of models of {target}", own))
    if name and not versions:
        terminal.print(f"campaign {name} has no models yet")
    table = _new_table("comes with exafscn: of `predict` and kind pretrained, of `simulate`")
    for one in shipped:
        is_share = one["score_name"] == "accuracy"
        table.add_row(
            one["model"],
            one["version"] + "  ",
            one["created_at"],
            str(one["n_sites"]),
            f"{100 * one['score']:.1f} %" if is_share else f"{one['score']:.3g}",
        )
    print_whole(terminal, table)
    terminal.print(
        "* what queries use; grouped: accuracy, or RMSE with its unit, one formula on one side of "
        "every split"
    )


def _stored(campaign: str | None) -> tuple[str | None, list[Version]]:
    """Return the campaign that is meant and its versions; no server is started for nothing."""
    settings = Settings()
    new = settings.MONGODB_URI is None and not EmbeddedServer(settings.DATA_DIR).exists
    if campaign is None and new:
        return None, []
    store = Store.open(settings)
    if campaign is None and not store.campaign_names():
        return None, []
    config = store.config(campaign or store.latest_campaign())
    return config.campaign, list_versions(store, config)


def _shipped() -> dict[str, Any]:
    """Return what is said of the model of the package, as of a version."""
    card = general_card()
    return {
        "target": "coordination_number",
        "absorber": None,
        "absorbers": card["absorbers"],
        "feature_set": None,
        "model": card["name"],
        "version": card_sha256(card)[:16],
        "created_at": card["date"],
        "current": False,
        "wanted": False,
        "n_sites": sum(card["sites"].values()),
        "score": card["figures"]["computed"]["accuracy"],
        "score_name": "accuracy",
        "unit": "",
        "predictions": 0,
        "shipped": True,
    }


def _simulating() -> dict[str, Any]:
    """Return the same of the model that simulates spectra."""
    from exafscn_flows.simulation.shipped import shipped_card

    card = shipped_card()
    return {
        "target": "spectrum",
        "absorber": None,
        "absorbers": list(card.absorbers),
        "feature_set": None,
        "model": card.name,
        "version": card.version,
        "created_at": card.about["date"],
        "current": False,
        "wanted": False,
        "n_sites": card.about["sites"],
        "score": card.about["figures"]["all"]["rmse"],
        "score_name": "rmse",
        "unit": "",
        "predictions": 0,
        "shipped": True,
    }


def _table(title: str, versions: Iterable[Version]) -> Table:
    table = _new_table(title)
    for one in versions:
        _, *names = one.model_key
        table.add_row(
            "/".join(names),
            one.version + (" *" if one.current else "  "),
            f"{one.created_at:%Y-%m-%d %H:%M}",
            str(one.n_sites),
            _score(one),
        )
    return table


def _new_table(title: str) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD)
    table.add_column("model", no_wrap=True)
    # A version is there to be copied.
    for column in ("version", "trained, UTC"):
        table.add_column(column, no_wrap=True, min_width=16)
    for column in ("sites", "grouped"):
        table.add_column(column, justify="right", no_wrap=True, min_width=5)
    return table


def _score(one: Version) -> str:
    if one.score_name == "accuracy":
        return f"{100 * one.score:.1f} %"
    return f"{one.score:.3g} {one.unit}"


def promote_version(campaign: str | None, version: str) -> None:
    """Let queries use a version; see `exafscn_flows.jobs.versions.promote`."""
    store = Store.open()
    config = store.config(campaign or store.latest_campaign())
    with (
        campaign_lock(store, config.campaign),
        watching() as watcher,
        surroundings(SerialExecutor(), watcher),
    ):
        n_new = promote(store, config, version)
    more = f", which has predicted {n_new} more sites" if n_new else ""
    print(f"queries of campaign {config.campaign} mean version {version}{more}")


def drop_versions(campaign: str | None, versions: list[str] | None) -> None:
    """Delete versions; None for all that neither queries nor the campaign file use."""
    store = Store.open()
    config = store.config(campaign or store.latest_campaign())
    with campaign_lock(store, config.campaign):
        if versions is None:
            versions = [one.version for one in old_versions(list_versions(store, config))]
        for version in versions:
            drop(store, config, version)
    print(f"{len(versions)} versions of models of campaign {config.campaign} are deleted")


def export_model(name: str, path: Path) -> None:
    """Write a model of curves to a file.

    Raises
    ------
    UsageError
        If there is no such model, it predicts no curve, or there can be no such file.
    """
    from exafscn_flows.store.simulators import simulator_file

    if path.suffix.lower() != ".zip":
        raise UsageError(f"{path}: its name has to end in .zip")
    data = simulator_file(Store.open(), name)
    with whole_file(path) as file:
        file.write(data)
    print(f"model: {path.resolve()}")
