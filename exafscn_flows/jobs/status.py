"""How far a campaign is: done, failed and pending by stage and absorber."""

from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import Any

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import LEFT_OUT
from exafscn_flows.iteration import batches
from exafscn_flows.jobs.failures import failure_groups
from exafscn_flows.jobs.fits import Fit, wanted_experiments, wanted_fits
from exafscn_flows.jobs.forecast import Forecast, Pace
from exafscn_flows.jobs.states import STAGES, State, site_states
from exafscn_flows.jobs.work import (
    EXPERIMENTS,
    MODELS,
    expected_models,
    experiments_work,
    joined,
    models_work,
    site_work,
)
from exafscn_flows.keys import ALL, failure_key
from exafscn_flows.report.data import FailureGroup, StageCount
from exafscn_flows.store.documents import FailureDoc, SiteDoc, StructureDoc
from exafscn_flows.store.lock import runners_news
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
        Failures counted by cause, each with an example and a hint.
    left_out
        What the campaign file leaves out, and has not failed: number by reason, ``filters`` or one
        of :data:`exafscn_flows.errors.LEFT_OUT`.
    running
        Whether a process works on it.
    seconds_left
        Seconds by the clock that the rest will take; None while it is not known, or nobody works.
    sites_per_minute
        Sites that became complete in a minute, lately; 0 while nobody works.
    """

    campaign: str
    planned: bool
    complete: bool
    counts: list[StageCount]
    failures: list[FailureGroup]
    left_out: dict[str, int]
    running: bool = False
    seconds_left: float | None = None
    sites_per_minute: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return plain dictionaries, for JSON."""
        return asdict(self)


def campaign_status(store: Store, name: str) -> Status:
    """Count what is done, failed and pending; reads hashes only, in batches."""
    config = store.config(name)
    news = runners_news(store, name)
    forecast = Forecast()
    counts = [_structures(store, name)]
    fits = wanted_fits(store, config, config.absorbers)
    for absorber in config.absorbers:
        counts += _sites(store, config, absorber, forecast if news else None)
        of_absorber = [fit for fit in fits if fit.absorber == absorber]
        counts.append(_models(store, config, absorber, of_absorber))
        if config.study is not None:
            counts.append(_experiments(store, config, absorber))
    campaign = store.campaign(name)
    planned = campaign.plan_hash is not None
    failures = failure_groups(store, name)
    left_out = {"filters": campaign.filtered, **dict.fromkeys(LEFT_OUT, 0)}
    for one in store.failures_left_out(name):
        left_out[one["kind"]] += one["count"]
        counts = [_without(count, one) for count in counts]
    counts[0] = replace(counts[0], left_out=counts[0].left_out + campaign.filtered)
    left_out = {reason: count for reason, count in left_out.items() if count}
    complete = planned and not any(count.pending for count in counts)
    if not news or complete:
        return Status(name, planned, complete, counts, failures, left_out, running=bool(news))
    _plan_models(store, config, counts, forecast)
    paces = [Pace.of(one) for one in news if one]
    for pace in paces:
        forecast.hear(pace)
    left = forecast.seconds_left() if planned else None
    per_minute = sum(pace.per_minute for pace in paces)
    return Status(name, planned, complete, counts, failures, left_out, True, left, per_minute)


def _without(count: StageCount, left_out: dict[str, Any]) -> StageCount:
    """Take what is left out of a stage, for an absorber, out of what failed there."""
    if (count.stage, count.absorber) != (left_out["stage"], left_out["absorber"]):
        return count
    number = min(left_out["count"], count.failed)
    return replace(count, failed=count.failed - number, left_out=count.left_out + number)


def _plan_models(
    store: Store, config: CampaignConfig, counts: list[StageCount], forecast: Forecast
) -> None:
    """Tell the forecast of models and experiments that are pending, as shares of all there are."""
    n_sites = {
        absorber: store.count(
            SiteDoc, {"campaign": config.campaign, "active": True, "absorber": absorber}
        )
        for absorber in config.absorbers
    }
    pending = {(count.stage, count.absorber or ""): count.pending for count in counts}
    for absorber, keys in expected_models(config, n_sites).items():
        joint = absorber == ALL
        open_ = pending[MODELS, config.absorbers[0] if joint else absorber]
        n_learned = sum(n_sites.values()) if joint else n_sites[absorber]
        work = models_work(config, keys[len(keys) - min(open_, len(keys)) :], n_learned)
        forecast.plan(f"{MODELS} {absorber}", work)
    for absorber in config.absorbers if config.study is not None else ():
        wanted = wanted_experiments(store, config, absorber)
        open_ = pending[EXPERIMENTS, absorber]
        work = experiments_work(config, wanted[len(wanted) - open_ :], n_sites[absorber])
        forecast.plan(f"{EXPERIMENTS} {absorber}", work)


def _structures(store: Store, name: str) -> StageCount:
    done = store.count(StructureDoc, {"campaign": name})
    failed = store.count(FailureDoc, {"campaign": name, "stage": "structures"})
    return StageCount("structures", None, done, failed, 0)


def _sites(
    store: Store, config: CampaignConfig, absorber: str, forecast: Forecast | None
) -> list[StageCount]:
    found: dict[str, Counter[State]] = {stage: Counter() for stage, _ in STAGES}
    for batch in batches(store.active_sites(config.campaign, absorber), 1000):
        states = site_states(store, config, batch)
        if forecast is not None:
            work = site_work(store, config, states)
            forecast.plan(batch[0].site, joined(list(work.values())))
        for site in states:
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
