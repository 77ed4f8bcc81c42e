"""What is done, failed and pending: compares the hashes wanted now with those stored."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.hashing import content_hash
from exafscn_flows.store.documents import (
    FailureDoc,
    FeatureDoc,
    LabelDoc,
    SiteDoc,
    SpectrumDoc,
)
from exafscn_flows.store.store import Store


class State(StrEnum):
    """State of one stage of one site."""

    DONE = "done"
    FAILED = "failed"
    PENDING = "pending"
    BLOCKED = "blocked"
    """An earlier stage that it needs has failed."""


@dataclass(frozen=True)
class Wanted:
    """Hashes that a site's documents have when they are up to date."""

    label: str
    spectrum: str
    features: dict[str, str]


@dataclass(frozen=True)
class SiteState:
    """State of every stage of one site."""

    site: SiteDoc
    wanted: Wanted
    label: State
    spectrum: State
    features: dict[str, State]
    failures: frozenset[str]
    """Keys of failure documents that the site has, up to date or not."""

    @property
    def pending(self) -> bool:
        """Whether there is work left on the site."""
        return State.PENDING in (self.label, self.spectrum, *self.features.values())


def wanted_hashes(config: CampaignConfig, site: SiteDoc) -> Wanted:
    """Hashes that the settings ask for; each includes what the stage is computed from."""
    spectrum = content_hash("spectra", config.spectra.parameters(), site.hash)
    return Wanted(
        label=content_hash("labels", config.labels.parameters(), site.hash),
        spectrum=spectrum,
        features={
            fset.name: content_hash("features", fset.parameters(config.features), spectrum)
            for fset in config.features.sets
        },
    )


def site_states(store: Store, config: CampaignConfig, sites: Sequence[SiteDoc]) -> list[SiteState]:
    """Compare stored with wanted hashes, for a batch of sites.

    Four queries for the whole batch, which should hold some hundred to a thousand sites.
    """
    name = config.campaign
    keys = [site.site for site in sites]
    feature_keys = [f"{key}/{fset.name}" for key in keys for fset in config.features.sets]
    labels = store.hashes(LabelDoc, name, keys)
    spectra = store.hashes(SpectrumDoc, name, keys)
    features = store.hashes(FeatureDoc, name, feature_keys)
    failures = store.hashes(FailureDoc, name, _failure_keys(keys, feature_keys))

    def state(stage: str, key: str, stored: dict[str, str], wanted: str) -> State:
        if stored.get(key) == wanted:
            return State.DONE
        failed = failures.get(f"{stage}/{key}") == wanted
        return State.FAILED if failed else State.PENDING

    states = []
    for site in sites:
        wanted = wanted_hashes(config, site)
        spectrum = state("spectra", site.site, spectra, wanted.spectrum)
        site_features = {
            fset: state("features", f"{site.site}/{fset}", features, hash_)
            for fset, hash_ in wanted.features.items()
        }
        if spectrum is State.FAILED:
            site_features = dict.fromkeys(site_features, State.BLOCKED)
        label = state("labels", site.site, labels, wanted.label)
        items = [site.site, *(f"{site.site}/{fset}" for fset in site_features)]
        found = frozenset(_failure_keys([site.site], items[1:])) & failures.keys()
        states.append(SiteState(site, wanted, label, spectrum, site_features, found))
    return states


def _failure_keys(keys: Iterable[str], feature_keys: Iterable[str]) -> list[str]:
    sites = [f"{stage}/{key}" for key in keys for stage in ("labels", "spectra")]
    return sites + [f"features/{key}" for key in feature_keys]
