"""How long FEFF will take, from what it took before."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.settings import Settings
from exafscn_flows.store.documents import SpectrumDoc
from exafscn_flows.store.store import Store

_LOOKED_AT = 200
"""Spectra of each campaign that are looked at: enough for a mean, and soon read."""


@dataclass(frozen=True)
class FeffTime:
    """How long FEFF will take for one spectrum of each site.

    Attributes
    ----------
    spectrum
        Name of the spectrum.
    runs
        Sites that it has to run for.
    seconds_per_run
        Processor seconds of each.
    recorded
        Spectra whose recorded times that is the mean of; 0 if it is the rule for default cards.
    same_cards
        Whether these were made with the same cards.
    seconds
        Time by the clock on the cores of the settings, s.
    """

    spectrum: str
    runs: int
    seconds_per_run: float
    recorded: int
    same_cards: bool
    seconds: float


def feff_times(store: Store, config: CampaignConfig, runs: Mapping[str, int]) -> list[FeffTime]:
    """Estimate how long FEFF will take.

    Of the spectra that are looked at, those with the same cards count, and only where there are
    none, those with others.

    Parameters
    ----------
    runs
        Sites that it has to run for, by name of the spectrum.

    Returns
    -------
    list of FeffTime
        Of the spectra for which it has to run.
    """
    recorded = [raw for name in store.campaign_names() for raw in _looked_at(store, name)]
    # What has no cards was computed by another program.
    recorded = [raw for raw in recorded if raw["seconds"] > 0 and raw["cards"]]
    found = []
    for way in config.spectra:
        if not way.seconds or not runs.get(way.name):
            continue
        same = [raw["seconds"] for raw in recorded if raw["cards"] == way.feff_cards()]
        known = same or [raw["seconds"] for raw in recorded]
        each = sum(known) / len(known) if known else way.seconds
        n_runs = runs[way.name]
        seconds = n_runs * each / Settings().CORES
        found.append(FeffTime(way.name, n_runs, each, len(known), bool(same), seconds))
    return found


def _looked_at(store: Store, campaign: str) -> list[dict[str, Any]]:
    of_campaign = {"_id": {"$gt": f"{campaign}/", "$lt": f"{campaign}0"}}
    return list(store.project(SpectrumDoc, of_campaign, ["seconds", "cards"], limit=_LOOKED_AT))
