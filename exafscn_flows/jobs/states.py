"""What is done, failed and pending: compares the hashes wanted now with those stored."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.hashing import content_hash
from exafscn_flows.iteration import batches
from exafscn_flows.store.documents import FailureDoc, FeatureDoc, LabelDoc, SiteDoc, SpectrumDoc
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

    @property
    def failures(self) -> set[str]:
        """Keys of the site's failure documents that are up to date."""
        key = self.site.site
        by_item = {f"labels/{key}": self.label, f"spectra/{key}": self.spectrum}
        by_item |= {f"features/{key}/{name}": state for name, state in self.features.items()}
        return {item for item, state in by_item.items() if state is State.FAILED}

    @property
    def pending(self) -> bool:
        """Whether there is work left on the site."""
        return State.PENDING in (self.label, self.spectrum, *self.features.values())


def wanted_hashes(config: CampaignConfig, site: SiteDoc) -> Wanted:
    """Hashes that the settings ask for; each includes what the stage is computed from."""
    spectrum = content_hash("spectra", config.spectra.parameters(), site.hash)
    return Wanted(
        label=content_hash("labels", config.labels.parameters(site.averaged), site.hash),
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
    failure_keys = [f"{stage}/{key}" for stage in ("labels", "spectra") for key in keys]
    failure_keys += [f"features/{key}" for key in feature_keys]
    failures = store.hashes(FailureDoc, name, failure_keys)

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
        states.append(SiteState(site, wanted, label, spectrum, site_features))
    return states


def pending_counts(states: Sequence[SiteState]) -> Counter[str]:
    """Count the work that is left, by stage."""
    return Counter(
        labels=sum(state.label is State.PENDING for state in states),
        spectra=sum(state.spectrum is State.PENDING for state in states),
        features=sum(list(state.features.values()).count(State.PENDING) for state in states),
    )


def drop_outdated_failures(store: Store, config: CampaignConfig) -> None:
    """Delete the failures of sites that were put aside or have other settings now."""
    name = config.campaign
    query = {"campaign": name, "stage": {"$in": ["labels", "spectra", "features"]}}
    for batch in batches(store.project(FailureDoc, query, ["stage", "item"]), 1000):
        found = {f"{raw['stage']}/{raw['item']}": _site_of(raw) for raw in batch}
        sites = store.read(SiteDoc, name, sorted(set(found.values())))
        states = site_states(store, config, [site for site in sites.values() if site.active])
        current = {key for state in states for key in state.failures}
        store.drop_failures(f"{name}/{key}" for key in found if key not in current)


def _site_of(failure: dict[str, Any]) -> str:
    item: str = failure["item"]
    return item.rpartition("/")[0] if failure["stage"] == "features" else item
