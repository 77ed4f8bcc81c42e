"""From sources to sites: which structures are read, and which sites a campaign works on."""

import hashlib
from array import array
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from jobflow import job

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import CampaignError, ExafscnError, ItemFailure
from exafscn_flows.hashing import content_hash, short_hash
from exafscn_flows.iteration import batches
from exafscn_flows.jobs.catalog import Candidate, Fetcher, candidates
from exafscn_flows.jobs.context import spread, watcher
from exafscn_flows.jobs.reading import (
    failure_doc,
    known_result,
    known_structures,
    read_chunk,
    wanted_hash,
)
from exafscn_flows.jobs.sampling import WAVE, Outcome, ReadResult, Sampler, in_order
from exafscn_flows.jobs.states import drop_outdated_failures, pending_counts, site_states
from exafscn_flows.settings import Settings
from exafscn_flows.store.documents import FailureDoc, SiteDoc, StructureDoc, site_key
from exafscn_flows.store.store import Store

SITES_PER_JOB = 500
"""Sites with work left per job, at most: enough to keep a node busy for minutes."""

_SHARES = 32
"""Ranges that several machines share out hold at most this part of the sites in those before."""

_STRUCTURES_PER_TASK = 16


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
    with Fetcher(store, config) as fetcher:
        fetcher.list_sources()
        plan_hash, size = _plan_hash(store, config)
        if store.campaign(campaign).plan_hash != plan_hash:
            # Until the plan is complete there is none: a killed planner starts again from here.
            store.set_plan(campaign, None)
            _choose(store, config, fetcher, size)
            store.set_plan(campaign, plan_hash)
    if not store.count(SiteDoc, {"campaign": campaign, "active": True}):
        raise CampaignError(
            f"campaign {campaign}: no structure of its sources holds "
            f"{', '.join(config.absorbers)} (after filters): see `exafscn status {campaign}`"
        )
    drop_outdated_failures(store, config)
    if config.study is None:
        # Nothing after this job looks at experiments.
        for absorber in config.absorbers:
            store.models.drop_outdated_experiments(campaign, absorber, keep={})
    return list(_ranges(store, config, sites_per_core))


def _plan_hash(store: Store, config: CampaignConfig) -> tuple[str, int]:
    """Hash all that decides which sites are chosen; also counts the candidates."""
    digest = hashlib.sha256()
    size = 0
    for candidate in candidates(store, config):
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


class _Names:
    """Remembers which names were seen, 8 bytes for each."""

    def __init__(self) -> None:
        self._hashes = array("Q")
        self._sorted = np.empty(0, dtype=np.uint64)

    def add(self, *parts: str) -> None:
        self._hashes.append(short_hash("\0".join(parts)))

    def __contains__(self, parts: tuple[str, ...]) -> bool:
        if len(self._sorted) != len(self._hashes):
            self._sorted = np.sort(np.array(self._hashes, dtype=np.uint64))
        wanted = np.uint64(short_hash("\0".join(parts)))
        place = int(np.searchsorted(self._sorted, wanted))
        return place < len(self._sorted) and bool(self._sorted[place] == wanted)


def _choose(store: Store, config: CampaignConfig, fetcher: Fetcher, size: int) -> None:
    """Read structures, write the sites that are chosen, and put all others aside."""
    chosen, failed = _Names(), _Names()
    if config.sample is None:
        watcher().expect("structures", size)
        for wave in batches(candidates(store, config), WAVE):
            selected = []
            for result in _read_wave(store, config, fetcher, wave):
                _note(result, failed)
                if result.outcome is Outcome.USABLE:
                    selected += [(a, result.material_id) for a in result.absorbers]
            _write_sites(store, config, _wanted(config, selected, chosen))
    else:
        sampler = Sampler(config, config.sample, in_order(candidates(store, config), config.sample))
        for wave in sampler.waves():
            watcher().expect("structures", len(wave))  # how many it will take is not known before
            for result in _read_wave(store, config, fetcher, wave):
                _note(result, failed)
                sampler.add(result)
        for selected in batches(sampler.chosen(), WAVE):
            _write_sites(store, config, _wanted(config, selected, chosen))
    _drop_outdated(store, config.campaign, failed)
    _put_aside(store, config, chosen)


def _note(result: ReadResult, failed: _Names) -> None:
    bad = result.outcome in (Outcome.FAILED, Outcome.NO_ABSORBER)
    watcher().advance("structures", not bad, bad)
    if bad:
        failed.add(result.material_id)


def _wanted(
    config: CampaignConfig, selected: Iterable[tuple[str, str]], chosen: _Names
) -> dict[str, set[str]]:
    """Collect absorbers by structure, and remember them."""
    wanted: dict[str, set[str]] = {}
    for absorber, material in selected:
        if absorber in config.absorbers:
            chosen.add(absorber, material)
            wanted.setdefault(material, set()).add(absorber)
    return wanted


def _drop_outdated(store: Store, campaign: str, failed: _Names) -> None:
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
    chunks = batches(unread, _STRUCTURES_PER_TASK)
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
            died = ItemFailure.worker_died(results)
            store.write([failure_doc(config, candidate.material_id, wanted, died)])
            results = [ReadResult(candidate.material_id, Outcome.FAILED)]
        yield from results


def _write_sites(store: Store, config: CampaignConfig, wanted: dict[str, set[str]]) -> None:
    """Write those sites of some structures that are new or have changed."""
    docs = _selected(store, config, wanted)
    stored = store.read(SiteDoc, config.campaign, docs)
    store.write(doc for doc in docs.values() if not _same(doc, stored.get(doc.site)))


def _put_aside(store: Store, config: CampaignConfig, chosen: _Names) -> None:
    """Deselect the sites that are no longer chosen."""
    name = config.campaign
    for active in batches(store.active_sites(name), 500):
        wanted: dict[str, set[str]] = {}
        for site in active:
            if (site.absorber, site.material_id) in chosen:
                wanted.setdefault(site.material_id, set()).add(site.absorber)
        docs = _selected(store, config, wanted)
        store.put_aside(name, [site.site for site in active if site.site not in docs])
    for absorber in store.distinct(SiteDoc, "absorber", {"campaign": name}):
        if absorber not in config.absorbers:
            store.models.withdraw(name, absorber)
            store.models.drop_outdated_failures(name, absorber, keep={})
            store.models.drop_outdated_experiments(name, absorber, keep={})


def _same(doc: SiteDoc, stored: SiteDoc | None) -> bool:
    return stored is not None and (stored.hash, stored.active) == (doc.hash, doc.active)


def _selected(
    store: Store, config: CampaignConfig, wanted: dict[str, set[str]]
) -> dict[str, SiteDoc]:
    """Build the sites of some absorbers, given by structure, by key."""
    ids = {"_id": {"$in": [f"{config.campaign}/{material}" for material in wanted]}}
    fields = ["hash", "material_id", "formula", "elements", "n_atoms"]
    fields += ["structure_hash", "inequivalent_sites", "averaged"]
    found = store.project(StructureDoc, ids, fields)
    return {site.site: site for raw in found for site in _sites_of(config, wanted, raw)}


def _sites_of(
    config: CampaignConfig, wanted: dict[str, set[str]], raw: dict[str, Any]
) -> Iterator[SiteDoc]:
    # A stored spectrum may change where the structure does not.
    stored = raw["hash"] if config.spectra.kind == "stored" else None
    for absorber in wanted[raw["material_id"]]:
        averaged = absorber in raw["averaged"]
        sites = raw["inequivalent_sites"][absorber][: config.sites.max_per_absorber]
        for index, multiplicity in sites:
            yield SiteDoc(
                campaign=config.campaign,
                hash=site_hash(raw["structure_hash"], index, multiplicity, stored),
                site=site_key(raw["material_id"], absorber, "all" if averaged else index),
                material_id=raw["material_id"],
                absorber=absorber,
                site_index=index,
                multiplicity=multiplicity,
                averaged=averaged,
                formula=raw["formula"],
                elements=raw["elements"],
                n_atoms=raw["n_atoms"],
                active=True,
            )


def site_hash(structure_hash: str, index: int, multiplicity: int, stored: str | None) -> str:
    """Hash what the documents of a site depend on; `stored` is that of a stored spectrum."""
    parts = [structure_hash, index, multiplicity]
    return content_hash("site", *parts, *([stored] if stored else []))


def _ranges(
    store: Store, config: CampaignConfig, sites_per_core: int | None
) -> Iterator[tuple[str, str]]:
    """Cut the sites with work left into ranges, and announce that work.

    Where they are shared out, ranges begin small and grow: a few hundred sites make many of them,
    a million only some thousands, of which a workflow manager can still keep track.
    """
    smallest = SITES_PER_JOB if sites_per_core is None else sites_per_core * Settings().CORES
    pending: list[str] = []
    cut = 0
    for batch in batches(store.active_sites(config.campaign), 1000):
        states = site_states(store, config, batch)
        for stage, count in pending_counts(states).items():
            watcher().expect(stage, count)
        pending += [state.site.site for state in states if state.pending]
        while len(pending) >= (size := min(max(smallest, cut // _SHARES), SITES_PER_JOB)):
            yield pending[0], pending[size - 1]
            del pending[:size]
            cut += size
    if pending:
        yield pending[0], pending[-1]
