"""From sources to sites: which structures are read, and which sites a campaign works on."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from jobflow import job

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import CampaignError, ItemFailure
from exafscn_flows.hashing import content_hash
from exafscn_flows.iteration import batches
from exafscn_flows.jobs.context import spread, watcher
from exafscn_flows.jobs.reading import failure_doc, passes_elements, read_chunk, wanted_hash
from exafscn_flows.jobs.sampling import Candidate, Outcome, ReadResult, Sampler, in_order
from exafscn_flows.jobs.states import SiteState, State, site_states
from exafscn_flows.store.documents import SiteDoc, StructureDoc
from exafscn_flows.store.store import Store

SITES_PER_JOB = 500
"""Sites with work left per job: enough to keep a node busy for minutes."""

_STRUCTURES_PER_TASK = 16


@job
def plan_sites(campaign: str) -> list[tuple[str, str]]:
    """Read the structures that the campaign needs and choose its sites.

    Does nothing if settings and sources are those of the last complete plan.

    Parameters
    ----------
    campaign
        Name of the campaign.

    Returns
    -------
    list of tuple
        First and last site key of ranges with work left. Ranges, not keys, so that a plan stays
        small however large the campaign is.

    Raises
    ------
    CampaignError
        If no structure of any source holds an absorber, after filters.
    """
    store = Store.open()
    config = store.config(campaign)
    candidates = _candidates(config)
    plan_hash = content_hash(
        "plan",
        [source.model_dump(mode="json") for source in config.sources],
        [section.model_dump(mode="json") for section in (config.filters, config.sites)],
        config.sample.model_dump(mode="json") if config.sample else None,
        sorted(config.absorbers),
        _digest(candidates),
    )
    if store.campaign(campaign).plan_hash != plan_hash:
        # Until the plan is complete there is none: a killed planner starts again from here.
        store.set_plan(campaign, None)
        _write_sites(store, config, _choose(store, config, candidates))
        store.set_plan(campaign, plan_hash)
    if not store.count(SiteDoc, {"campaign": campaign, "active": True}):
        raise CampaignError(
            f"campaign {campaign}: no structure of its sources holds "
            f"{', '.join(config.absorbers)} (after filters): see `exafscn status {campaign}`"
        )
    return list(_ranges(store, config))


def _candidates(config: CampaignConfig) -> list[Candidate]:
    """List what the sources hold, in the order of the sample, less what filters rule out."""
    found = []
    seen: set[str] = set()
    for number, source in enumerate(config.sources):
        source.check()
        for entry in source.entries():
            name = entry.material_id
            if name in seen:
                # A second source may name its structures as the first does.
                name = f"{name}~{number}"
            seen.add(name)
            elements = entry.elements
            if elements is None or (
                passes_elements(config, elements) and not elements.isdisjoint(config.absorbers)
            ):
                found.append(
                    Candidate(number, entry.material_id, name, elements, entry.fingerprint)
                )
    return in_order(found, config.sample)


def _digest(candidates: Iterable[Candidate]) -> str:
    digest = hashlib.sha256()
    for candidate in candidates:
        digest.update(f"{candidate.material_id}\0{candidate.fingerprint}\0".encode())
    return digest.hexdigest()


def _choose(
    store: Store, config: CampaignConfig, candidates: list[Candidate]
) -> dict[str, set[str]]:
    """Read structures until the sample is known; returns it, by absorber."""
    sampler = Sampler(config, candidates)
    for wave in sampler.waves():
        watcher().expect("structures", len(wave))
        for result in _read_wave(store, config, wave):
            failed = result.outcome in (Outcome.FAILED, Outcome.NO_ABSORBER)
            watcher().advance("structures", not failed, failed)
            sampler.add(result)
    return sampler.chosen()


def _read_wave(store: Store, config: CampaignConfig, wave: list[Candidate]) -> Iterator[ReadResult]:
    """Read one wave on all processes."""
    chunks = batches(wave, _STRUCTURES_PER_TASK)
    again: list[Candidate] = []
    for (_, chunk), results in spread(read_chunk, ((config.campaign, c) for c in chunks)):
        if isinstance(results, CampaignError):
            raise results
        if isinstance(results, Exception):
            # One file that takes its process down must not take its neighbours along.
            again += chunk
        else:
            yield from results
    single = spread(read_chunk, ((config.campaign, [candidate]) for candidate in again))
    for (_, (candidate,)), results in single:
        if isinstance(results, Exception):
            wanted = wanted_hash(config, candidate)
            failure = ItemFailure("worker_died", f"worker died: {type(results).__name__}")
            store.write([failure_doc(config, candidate.material_id, wanted, failure)])
            results = [ReadResult(candidate.material_id, Outcome.FAILED)]
        yield from results


def _write_sites(store: Store, config: CampaignConfig, chosen: dict[str, set[str]]) -> None:
    """Write the sites of the chosen structures and put all others aside."""
    name = config.campaign
    materials = sorted(set().union(*chosen.values()))
    fields = [
        "material_id",
        "formula",
        "elements",
        "n_atoms",
        "structure_hash",
        "inequivalent_sites",
    ]
    for batch in batches(materials, 500):
        ids = {"_id": {"$in": [f"{name}/{material}" for material in batch]}}
        docs = [
            site
            for raw in store.project(StructureDoc, ids, fields)
            for site in _sites_of(config, chosen, raw)
        ]
        stored = store.read(SiteDoc, name, [doc.site for doc in docs])
        store.write(doc for doc in docs if not _same(doc, stored.get(doc.site)))

    def aside() -> Iterator[str]:
        for site in store.active_sites(name):
            if site.material_id not in chosen.get(site.absorber, ()):
                yield site.site

    store.set_active(name, aside(), active=False)
    for absorber in store.distinct(SiteDoc, "absorber", {"campaign": name}):
        if absorber not in config.absorbers:
            store.drop_predictions(name, absorber, keep=None)


def _same(doc: SiteDoc, stored: SiteDoc | None) -> bool:
    return stored is not None and (stored.hash, stored.active) == (doc.hash, doc.active)


def _sites_of(
    config: CampaignConfig, chosen: dict[str, set[str]], raw: dict[str, Any]
) -> Iterator[SiteDoc]:
    from exafscn_flows.crystal import site_key

    for absorber in config.absorbers:
        if raw["material_id"] not in chosen.get(absorber, ()):
            continue
        sites = raw["inequivalent_sites"][absorber][: config.sites.max_per_absorber]
        for index, multiplicity in sites:
            yield SiteDoc(
                campaign=config.campaign,
                hash=content_hash("site", raw["structure_hash"], index, multiplicity),
                site=site_key(raw["material_id"], absorber, index),
                material_id=raw["material_id"],
                absorber=absorber,
                site_index=index,
                multiplicity=multiplicity,
                formula=raw["formula"],
                elements=raw["elements"],
                n_atoms=raw["n_atoms"],
                active=True,
            )


def _ranges(store: Store, config: CampaignConfig) -> Iterator[tuple[str, str]]:
    """Cut the sites with work left into ranges, and announce that work."""
    pending: list[str] = []
    for batch in batches(store.active_sites(config.campaign), 1000):
        states = site_states(store, config, batch)
        for stage, count in _pending(states):
            watcher().expect(stage, count)
        pending += [state.site.site for state in states if state.pending]
        while len(pending) >= SITES_PER_JOB:
            yield pending[0], pending[SITES_PER_JOB - 1]
            del pending[:SITES_PER_JOB]
    if pending:
        yield pending[0], pending[-1]


def _pending(states: list[SiteState]) -> Iterator[tuple[str, int]]:
    yield "labels", sum(state.label is State.PENDING for state in states)
    yield "spectra", sum(state.spectrum is State.PENDING for state in states)
    yield (
        "features",
        sum(value is State.PENDING for state in states for value in state.features.values()),
    )
