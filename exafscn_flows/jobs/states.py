"""What is done, failed and pending: compares the hashes wanted now with those stored."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.iteration import batches
from exafscn_flows.keys import failure_key, item_key, site_of
from exafscn_flows.store.base import Document
from exafscn_flows.store.documents import FailureDoc, FeatureDoc, LabelDoc, SiteDoc, SpectrumDoc
from exafscn_flows.store.store import Store
from exafscn_flows.store.wanted import Wanted, wanted_hashes


class State(StrEnum):
    """State of one stage of one site."""

    DONE = "done"
    FAILED = "failed"
    PENDING = "pending"
    BLOCKED = "blocked"
    """An earlier stage that it needs has failed."""


STAGES: tuple[tuple[str, type[Document]], ...] = (
    ("labels", LabelDoc),
    ("spectra", SpectrumDoc),
    ("features", FeatureDoc),
)
"""What a site has several of, by the names of a campaign file, in the order of the work."""


@dataclass(frozen=True)
class SiteState:
    """State of every stage of one site, by name within the stage."""

    site: SiteDoc
    wanted: Wanted
    labels: dict[str, State]
    spectra: dict[str, State]
    features: dict[str, State]

    def stages(self) -> Iterator[tuple[str, str, State]]:
        """Yield stage, name and state of all that the site has."""
        for stage, _ in STAGES:
            for name, state in getattr(self, stage).items():
                yield stage, name, state

    @property
    def failures(self) -> set[str]:
        """Keys of the site's failure documents that are up to date."""
        return {
            failure_key(stage, item_key(self.site.site, name))
            for stage, name, state in self.stages()
            if state is State.FAILED
        }

    @property
    def pending(self) -> bool:
        """Whether there is work left on the site."""
        return any(state is State.PENDING for _, _, state in self.stages())


def site_states(store: Store, config: CampaignConfig, sites: Sequence[SiteDoc]) -> list[SiteState]:
    """Compare stored with wanted hashes, for a batch of sites.

    Four queries for the whole batch, which should hold some hundred to a thousand sites.
    """
    wanted = {site.site: wanted_hashes(config, site) for site in sites}
    keys = {
        stage: [item_key(key, name) for key, one in wanted.items() for name in getattr(one, stage)]
        for stage, _ in STAGES
    }
    stored = {stage: store.hashes(kind, config.campaign, keys[stage]) for stage, kind in STAGES}
    failure_keys = [failure_key(stage, key) for stage in keys for key in keys[stage]]
    failures = store.hashes(FailureDoc, config.campaign, failure_keys)

    def states(site: str, stage: str) -> dict[str, State]:
        found = {}
        for name, hash_ in getattr(wanted[site], stage).items():
            key = item_key(site, name)
            if stored[stage].get(key) == hash_:
                found[name] = State.DONE
            else:
                failed = failures.get(failure_key(stage, key)) == hash_
                found[name] = State.FAILED if failed else State.PENDING
        return found

    found = []
    for site in sites:
        spectra = states(site.site, "spectra")
        features = states(site.site, "features")
        for fset in config.features.sets:
            if any(spectra[name or ""] is State.FAILED for name in fset.spectra):
                features[fset.name] = State.BLOCKED
        labels = states(site.site, "labels")
        found.append(SiteState(site, wanted[site.site], labels, spectra, features))
    return found


def pending_counts(states: Sequence[SiteState]) -> Counter[str]:
    """Count the work that is left, by stage."""
    counts = Counter({stage: 0 for stage, _ in STAGES})
    counts.update(
        stage for one in states for stage, _, state in one.stages() if state is State.PENDING
    )
    return counts


def drop_outdated_failures(store: Store, config: CampaignConfig) -> None:
    """Delete the failures of sites that were put aside or have other settings now."""
    name = config.campaign
    query = {"campaign": name, "stage": {"$in": [stage for stage, _ in STAGES]}}
    for batch in batches(store.project(FailureDoc, query, ["stage", "item"]), 1000):
        found = {failure_key(raw["stage"], raw["item"]): site_of(raw["item"]) for raw in batch}
        sites = store.read(SiteDoc, name, sorted(set(found.values())))
        states = site_states(store, config, [site for site in sites.values() if site.active])
        current = {key for state in states for key in state.failures}
        store.drop_failures(f"{name}/{key}" for key in found if key not in current)
