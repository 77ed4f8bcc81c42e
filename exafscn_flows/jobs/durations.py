"""How long FEFF will take, from what it took before."""

from dataclasses import dataclass
from typing import Any

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.settings import Settings
from exafscn_flows.spectra.settings import FeffSettings
from exafscn_flows.store.documents import SpectrumDoc
from exafscn_flows.store.store import Store

SECONDS_PER_SITE = 1.0
"""With default cards, FEFF 8.5L takes about so long for a site, processor seconds."""

_LOOKED_AT = 200
"""Spectra of each campaign that are looked at: enough for a mean, and soon read."""


@dataclass(frozen=True)
class FeffTime:
    """How long FEFF will take.

    Attributes
    ----------
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

    runs: int
    seconds_per_run: float
    recorded: int
    same_cards: bool
    seconds: float


def feff_time(store: Store, config: CampaignConfig, runs: int) -> FeffTime | None:
    """Estimate how long FEFF will take; None if it will not run.

    Of the spectra that are looked at, those with the same cards count, and only where there are
    none, those with others.
    """
    if not isinstance(config.spectra, FeffSettings) or not runs:
        return None
    cards = config.spectra.feff_cards()
    same: list[float] = []
    others: list[float] = []
    for name in store.campaign_names():
        for raw in _looked_at(store, name):
            if raw["seconds"] > 0:
                (same if raw["cards"] == cards else others).append(raw["seconds"])
    known = same or others
    each = sum(known) / len(known) if known else SECONDS_PER_SITE
    return FeffTime(runs, each, len(known), bool(same), runs * each / Settings().CORES)


def _looked_at(store: Store, campaign: str) -> list[dict[str, Any]]:
    of_campaign = {"_id": {"$gt": f"{campaign}/", "$lt": f"{campaign}0"}}
    return list(store.project(SpectrumDoc, of_campaign, ["seconds", "cards"], limit=_LOOKED_AT))
