"""From sources to sites: which structures are read, and which sites a campaign works on."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from jobflow import job

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import CampaignError, ExafscnError, ItemFailure
from exafscn_flows.hashing import content_hash
from exafscn_flows.iteration import batches
from exafscn_flows.jobs.context import spread, watcher
from exafscn_flows.jobs.reading import failure_doc, passes_elements, read_chunk, wanted_hash
from exafscn_flows.jobs.sampling import Candidate, Outcome, ReadResult, Sampler, in_order
from exafscn_flows.jobs.states import drop_outdated_failures, pending_counts, site_states
from exafscn_flows.store.documents import FailureDoc, SiteDoc, StructureDoc
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
        _digest(config, candidates),
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
    drop_outdated_failures(store, config)
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


def _digest(config: CampaignConfig, candidates: Iterable[Candidate]) -> str:
    digest = hashlib.sha256()
    for candidate in candidates:
        wanted = wanted_hash(config, candidate)
        digest.update(f"{candidate.material_id}\0{wanted}\0".encode())
    return digest.hexdigest()


def _choose(
    store: Store, config: CampaignConfig, candidates: list[Candidate]
) -> dict[str, set[str]]:
    """Read structures until the sample is known; returns it, by absorber."""
    sampler = Sampler(config, candidates)
    if config.sample is None:
        watcher().expect("structures", len(candidates))
    for wave in sampler.waves():
        if config.sample is not None:  # how many it will take is not known before
            watcher().expect("structures", len(wave))
        for result in _read_wave(store, config, wave):
            failed = result.outcome in (Outcome.FAILED, Outcome.NO_ABSORBER)
            watcher().advance("structures", not failed, failed)
            sampler.add(result)
    _drop_outdated(store, config.campaign, sampler.failed())
    return sampler.chosen()


def _drop_outdated(store: Store, campaign: str, failed: set[str]) -> None:
    """Delete the failures of structures that are gone, or that the sample does not reach."""
    query = {"campaign": campaign, "stage": "structures"}
    for batch in batches(store.project(FailureDoc, query, ["item"]), 1000):
        store.drop_failures(raw["_id"] for raw in batch if raw["item"] not in failed)


def _read_wave(store: Store, config: CampaignConfig, wave: list[Candidate]) -> Iterator[ReadResult]:
    """Read one wave on all processes."""
    chunks = batches(wave, _STRUCTURES_PER_TASK)
    again: list[Candidate] = []
    for (_, chunk), results in spread(read_chunk, ((config.campaign, c) for c in chunks)):
        if isinstance(results, ExafscnError):
            raise results
        if isinstance(results, Exception):
            # One file that takes its process down must not take its neighbours along.
            again += chunk
        else:
            yield from results
    single = spread(read_chunk, ((config.campaign, [candidate]) for candidate in again))
    for (_, (candidate,)), results in single:
        if isinstance(results, ExafscnError):
            raise results
        if isinstance(results, Exception):
            wanted = wanted_hash(config, candidate)
            failure = ItemFailure.worker_died(results)
            store.write([failure_doc(config, candidate.material_id, wanted, failure)])
            results = [ReadResult(candidate.material_id, Outcome.FAILED)]
        yield from results


def _write_sites(store: Store, config: CampaignConfig, chosen: dict[str, set[str]]) -> None:
    """Write the sites of the chosen structures and put all others aside."""
    name = config.campaign
    for materials in batches(sorted(set().union(*chosen.values())), 500):
        docs = _selected(store, config, chosen, materials)
        stored = store.read(SiteDoc, name, docs)
        store.write(doc for doc in docs.values() if not _same(doc, stored.get(doc.site)))
    for active in batches(store.active_sites(name), 500):
        docs = _selected(store, config, chosen, sorted({site.material_id for site in active}))
        store.put_aside(name, [site.site for site in active if site.site not in docs])
    for absorber in store.distinct(SiteDoc, "absorber", {"campaign": name}):
        if absorber not in config.absorbers:
            store.models.drop_outdated(name, absorber, keep={})


def _same(doc: SiteDoc, stored: SiteDoc | None) -> bool:
    return stored is not None and (stored.hash, stored.active) == (doc.hash, doc.active)


def _selected(
    store: Store, config: CampaignConfig, chosen: dict[str, set[str]], materials: list[str]
) -> dict[str, SiteDoc]:
    """Build the sites that the campaign selects in some structures, by key."""
    ids = {"_id": {"$in": [f"{config.campaign}/{material}" for material in materials]}}
    fields = ["material_id", "formula", "elements", "n_atoms"]
    fields += ["structure_hash", "inequivalent_sites"]
    found = store.project(StructureDoc, ids, fields)
    return {site.site: site for raw in found for site in _sites_of(config, chosen, raw)}


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
        for stage, count in pending_counts(states).items():
            watcher().expect(stage, count)
        pending += [state.site.site for state in states if state.pending]
        while len(pending) >= SITES_PER_JOB:
            yield pending[0], pending[SITES_PER_JOB - 1]
            del pending[:SITES_PER_JOB]
    if pending:
        yield pending[0], pending[-1]
