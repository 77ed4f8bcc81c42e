"""From sources to sites: which structures are read, and which sites a campaign works on."""

import hashlib
from collections import Counter
from collections.abc import Iterator

from jobflow import job

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import CampaignError, ItemFailure
from exafscn_flows.hashing import content_hash
from exafscn_flows.iteration import batches
from exafscn_flows.jobs.catalog import Candidate, Fetcher, candidates
from exafscn_flows.jobs.context import watcher
from exafscn_flows.jobs.fits import wanted_experiments
from exafscn_flows.jobs.forecast import Work
from exafscn_flows.jobs.read_progress import ReadProgress
from exafscn_flows.jobs.reading import (
    failure_doc,
    known_result,
    known_structures,
    read_chunk,
    spread_reading,
    wanted_hash,
)
from exafscn_flows.jobs.sampling import Outcome, ReadResult, chosen_structures
from exafscn_flows.jobs.selection import Names, selected_sites
from exafscn_flows.jobs.states import (
    SiteState,
    drop_outdated_failures,
    pending_counts,
    site_states,
)
from exafscn_flows.jobs.work import (
    EXPERIMENTS,
    MODELS,
    expected_models,
    experiments_work,
    joined,
    models_work,
    site_work,
)
from exafscn_flows.keys import ALL
from exafscn_flows.settings import Settings
from exafscn_flows.store.documents import FailureDoc, SiteDoc
from exafscn_flows.store.store import Store

SITES_PER_JOB = 500
"""Sites with work left per job, at most: enough to keep a node busy for minutes."""

_SHARES = 32
"""Ranges that several machines share out hold at most this part of the sites in those before."""


@job
def plan_sites(campaign: str, sites_per_core: int | None = None) -> list[tuple[str, str]]:
    """Read the structures that the campaign needs and choose its sites.

    Does nothing if settings and sources are those of the last complete plan. Structures are
    worked through in waves; of each, some bytes are kept in memory (with several sources or remote
    ones about 200, with a sample about 500).

    Parameters
    ----------
    campaign
        Name of the campaign.
    sites_per_core
        For several machines, which share out the ranges: sites of the smallest for each core of
        this one. By default all but the last range are of `SITES_PER_JOB`.

    Returns
    -------
    list of tuple
        First and last site key of ranges with work left. Ranges, not keys, so that a plan stays
        small however large the campaign is.

    Raises
    ------
    CampaignError
        If no structure of any source holds an absorber, after filters, or a remote source does
        not answer.
    """
    store = Store.open()
    config = store.config(campaign)
    # What there is to do is known when the sites are.
    watcher().forecast.hold(True)
    with Fetcher(store, config) as fetcher:
        fetcher.list_sources()
        left_out: Counter[str] = Counter()
        plan_hash, size = _plan_hash(store, config, left_out)
        if store.campaign(campaign).plan_hash != plan_hash:
            # Until the plan is complete there is none: a killed planner starts again from here.
            store.set_plan(campaign, None)
            _choose(store, config, fetcher, size, left_out)
            store.set_plan(campaign, plan_hash, left_out["filters"])
    if not store.count(SiteDoc, {"campaign": campaign, "active": True}):
        raise CampaignError(
            f"campaign {campaign}: no structure of its sources holds "
            f"{', '.join(config.absorbers)} (after filters): see `exafscn status {campaign}`"
        )
    drop_outdated_failures(store, config)
    if not config.joint:
        # What is left of models of all absorbers that were killed in training.
        store.models.drop_unfinished(campaign, ALL)
        store.checkpoints.drop_outdated(campaign, ALL, keep=())
    if config.study is None:
        # Nothing after this job looks at experiments.
        for absorber in config.absorbers:
            store.models.drop_outdated_experiments(campaign, absorber, keep={})
    ranges = list(_ranges(store, config, sites_per_core))
    watcher().forecast.hold(False)
    return ranges


def _plan_hash(store: Store, config: CampaignConfig, left_out: Counter[str]) -> tuple[str, int]:
    """Hash all that decides which sites are chosen; also counts the candidates, and the others."""
    digest = hashlib.sha256()
    size = 0
    for candidate in candidates(store, config, left_out):
        size += 1
        wanted = wanted_hash(config, candidate)
        digest.update(f"{candidate.material_id}\0{wanted}\0".encode())
    plan_hash = content_hash(
        "plan",
        [source.model_dump(mode="json") for source in config.sources],
        [section.model_dump(mode="json") for section in (config.filters, config.sites)],
        config.sample.model_dump(mode="json") if config.sample else None,
        sorted(config.absorbers),
        digest.hexdigest(),
    )
    return plan_hash, size


def _choose(
    store: Store, config: CampaignConfig, fetcher: Fetcher, size: int, left_out: Counter[str]
) -> None:
    """Read structures, write the sites that are chosen, and put all others aside."""
    chosen, failed = Names(), Names()

    reading = ReadProgress(config, size)

    def read(wave: list[Candidate]) -> Iterator[ReadResult]:
        for result in _read_wave(store, config, fetcher, wave):
            reading.take(result)
            left_out["filters"] += result.outcome is Outcome.FILTERED
            if result.outcome in (Outcome.FAILED, Outcome.NO_ABSORBER):
                failed.add(result.material_id)
            yield result

    for wanted in chosen_structures(config, candidates(store, config), read):
        for material, absorbers in wanted.items():
            for absorber in absorbers:
                chosen.add(absorber, material)
        _write_sites(store, config, wanted)
    reading.close()
    _drop_outdated(store, config.campaign, failed)
    _put_aside(store, config, chosen)


def _drop_outdated(store: Store, campaign: str, failed: Names) -> None:
    """Delete the failures of structures that are gone, or that the sample does not reach."""
    query = {"campaign": campaign, "stage": "structures"}
    for batch in batches(store.project(FailureDoc, query, ["item"]), 1000):
        store.drop_failures(raw["_id"] for raw in batch if (raw["item"],) not in failed)


def _read_wave(
    store: Store, config: CampaignConfig, fetcher: Fetcher, wave: list[Candidate]
) -> Iterator[ReadResult]:
    """Give the results of one wave, reading on all processes what the store does not know."""
    known = known_structures(store, config.campaign, [c.material_id for c in wave])
    unread, failures = [], []
    for candidate in wave:
        found = known_result(config, candidate, known)
        if found is None:
            unread.append(candidate)
            continue
        result, failure = found
        failures += [failure] if failure is not None else []
        yield result
    store.write(failures)
    fetcher.fetch(unread)
    for chunk, results in spread_reading(read_chunk, config.campaign, unread):
        if isinstance(results, Exception):
            (candidate,) = chunk
            wanted = wanted_hash(config, candidate)
            died = ItemFailure.worker_died(results)
            store.write([failure_doc(config, candidate.material_id, wanted, died)])
            results = [ReadResult(candidate.material_id, Outcome.FAILED)]
        yield from results


def _write_sites(store: Store, config: CampaignConfig, wanted: dict[str, set[str]]) -> None:
    """Write those sites of some structures that are new or have changed."""
    docs = selected_sites(store, config, wanted)
    stored = store.read(SiteDoc, config.campaign, docs)
    store.write(doc for doc in docs.values() if not _same(doc, stored.get(doc.site)))


def _put_aside(store: Store, config: CampaignConfig, chosen: Names) -> None:
    """Deselect the sites that are no longer chosen."""
    name = config.campaign
    count = 0
    for active in batches(store.active_sites(name), 500):
        wanted: dict[str, set[str]] = {}
        for site in active:
            if (site.absorber, site.material_id) in chosen:
                wanted.setdefault(site.material_id, set()).add(site.absorber)
        docs = selected_sites(store, config, wanted)
        aside = [site.site for site in active if site.site not in docs]
        store.put_aside(name, aside)
        count += len(aside)
    if count:
        watcher().say(
            f"{count} sites are put aside, which the campaign no longer selects; what was computed "
            "for them is kept"
        )
    for absorber in store.distinct(SiteDoc, "absorber", {"campaign": name}):
        if absorber not in config.absorbers:
            store.models.withdraw(name, absorber)
            store.checkpoints.drop_outdated(name, absorber, keep=())
            store.models.drop_outdated_failures(name, absorber, keep={})
            store.models.drop_outdated_experiments(name, absorber, keep={})


def _same(doc: SiteDoc, stored: SiteDoc | None) -> bool:
    return stored is not None and _identity(stored) == _identity(doc)


def _identity(doc: SiteDoc) -> tuple[str, str | None, bool]:
    return doc.hash, doc.stored, doc.active


def _ranges(
    store: Store, config: CampaignConfig, sites_per_core: int | None
) -> Iterator[tuple[str, str]]:
    """Cut the sites with work left into ranges, and announce that work.

    Where they are shared out, ranges begin small and grow: a few hundred sites make many of them,
    a million only some thousands, of which a workflow manager can still keep track.
    """
    smallest = SITES_PER_JOB if sites_per_core is None else sites_per_core * Settings().CORES
    # Of what several machines share out, each announces what it takes.
    is_own = sites_per_core is None
    pending: list[SiteState] = []
    work: dict[str, Work] = {}
    n_sites: Counter[str] = Counter()
    with_work: set[str] = set()
    cut = 0

    def announced(part: list[SiteState]) -> tuple[str, str]:
        """Announce the work of a range, which is then known by its first site."""
        first, last = part[0].site.site, part[-1].site.site
        if is_own:
            for stage, count in pending_counts(part).items():
                watcher().expect(stage, count, first)
            watcher().forecast.plan(first, joined([work.pop(state.site.site) for state in part]))
        return first, last

    for batch in batches(store.active_sites(config.campaign), 1000):
        states = site_states(store, config, batch)
        n_sites.update(state.site.absorber for state in states)
        with_work |= {state.site.absorber for state in states if state.pending}
        pending += [state for state in states if state.pending]
        work |= site_work(store, config, states) if is_own else {}
        while len(pending) >= (size := min(max(smallest, cut // _SHARES), SITES_PER_JOB)):
            yield announced(pending[:size])
            del pending[:size]
            cut += size
    if pending:
        yield announced(pending)
    if is_own:
        _announce_models(store, config, {absorber: n_sites[absorber] for absorber in with_work})


def _announce_models(store: Store, config: CampaignConfig, n_sites: dict[str, int]) -> None:
    """Announce the models, and experiments, of absorbers that have work left on sites."""
    n_all = store.count(SiteDoc, {"campaign": config.campaign, "active": True})
    for absorber, keys in expected_models(config, n_sites).items():
        n_learned = n_all if absorber == ALL else n_sites[absorber]
        # Of a model on all absorbers, each of them counts.
        count = len(keys) * (len(config.absorbers) if absorber == ALL else 1)
        watcher().expect(MODELS, count, absorber)
        watcher().forecast.plan(f"{MODELS} {absorber}", models_work(config, keys, n_learned))
    for absorber in n_sites if config.study is not None else ():
        wanted = wanted_experiments(store, config, absorber)
        watcher().expect(EXPERIMENTS, len(wanted), absorber)
        work = experiments_work(config, wanted, n_sites[absorber])
        watcher().forecast.plan(f"{EXPERIMENTS} {absorber}", work)
