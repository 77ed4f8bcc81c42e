"""How far a campaign is: done, failed and pending by stage and absorber."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.iteration import batches
from exafscn_flows.jobs.fits import Fit, wanted_experiments, wanted_fits
from exafscn_flows.jobs.states import STAGES, State, site_states
from exafscn_flows.keys import failure_key
from exafscn_flows.report.data import FailureGroup, StageCount
from exafscn_flows.store.documents import FailureDoc, StructureDoc
from exafscn_flows.store.results import ExperimentDoc, MetricsDoc
from exafscn_flows.store.store import Store


@dataclass(frozen=True)
class Status:
    """State of a campaign.

    Attributes
    ----------
    complete
        Whether nothing is pending, and the sites were chosen for the settings as they are stored.
    failures
        Failures counted by stage and kind, each with an example and a hint.
    """

    campaign: str
    planned: bool
    complete: bool
    counts: list[StageCount]
    failures: list[FailureGroup]

    def as_dict(self) -> dict[str, Any]:
        """Return plain dictionaries, for JSON."""
        return asdict(self)


def campaign_status(store: Store, name: str) -> Status:
    """Count what is done, failed and pending; reads hashes only, in batches."""
    config = store.config(name)
    counts = [_structures(store, name)]
    fits = wanted_fits(store, config, config.absorbers)
    for absorber in config.absorbers:
        counts += _sites(store, config, absorber)
        of_absorber = [fit for fit in fits if fit.absorber == absorber]
        counts.append(_models(store, config, absorber, of_absorber))
        if config.study is not None:
            counts.append(_experiments(store, config, absorber))
    planned = store.campaign(name).plan_hash is not None
    failures = [FailureGroup(**group.pop("_id"), **group) for group in store.failure_groups(name)]
    complete = planned and not any(count.pending for count in counts)
    return Status(name, planned, complete, counts, failures)


def _structures(store: Store, name: str) -> StageCount:
    done = store.count(StructureDoc, {"campaign": name})
    failed = store.count(FailureDoc, {"campaign": name, "stage": "structures"})
    return StageCount("structures", None, done, failed, 0)


def _sites(store: Store, config: CampaignConfig, absorber: str) -> list[StageCount]:
    found: dict[str, Counter[State]] = {stage: Counter() for stage, _ in STAGES}
    for batch in batches(store.active_sites(config.campaign, absorber), 1000):
        for site in site_states(store, config, batch):
            for stage, _, state in site.stages():
                found[stage][state] += 1
    return [
        StageCount(
            stage,
            absorber,
            states[State.DONE],
            states[State.FAILED],
            states[State.PENDING],
            states[State.BLOCKED],
        )
        for stage, states in found.items()
    ]


def _models(store: Store, config: CampaignConfig, absorber: str, fits: list[Fit]) -> StageCount:
    done = store.hashes(MetricsDoc, config.campaign, [fit.version_key for fit in fits])
    wanted = {fit.key: fit.hash for fit in fits}
    return _counted(store, config, "models", absorber, wanted, len(done))


def _experiments(store: Store, config: CampaignConfig, absorber: str) -> StageCount:
    wanted = {one.key: one.hash for one in wanted_experiments(store, config, absorber)}
    done = store.hashes(ExperimentDoc, config.campaign, wanted)
    n_done = sum(done.get(key) == hash_ for key, hash_ in wanted.items())
    return _counted(store, config, "experiments", absorber, wanted, n_done)


def _counted(
    store: Store,
    config: CampaignConfig,
    stage: str,
    absorber: str,
    wanted: dict[str, str],
    n_done: int,
) -> StageCount:
    keys = {key: failure_key(stage, key) for key in wanted}
    failed = store.hashes(FailureDoc, config.campaign, keys.values())
    n_failed = sum(failed.get(keys[key]) == hash_ for key, hash_ in wanted.items())
    return StageCount(stage, absorber, n_done, n_failed, len(wanted) - n_done - n_failed)
