"""Work on sites: label, spectrum, features, whichever of them is missing."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from jobflow import Job, Response, job

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import CampaignError, ExafscnError, ItemFailure
from exafscn_flows.iteration import batches
from exafscn_flows.jobs.catalog import readers
from exafscn_flows.jobs.context import Deadline, deadline, spread, watcher
from exafscn_flows.jobs.stages import Crystal, Sources, failure_doc, process_site
from exafscn_flows.jobs.states import SiteState, State, pending_counts, site_states
from exafscn_flows.keys import item_key
from exafscn_flows.settings import Settings
from exafscn_flows.sources.base import Reader
from exafscn_flows.store.base import Document
from exafscn_flows.store.documents import FailureDoc, SiteDoc, SpectrumDoc, StructureDoc
from exafscn_flows.store.store import Store

_MOST_PER_TASK = 8
"""Sites that a process takes at once while there are many left: each task costs some queries."""

_LAST_TASKS = 32
"""About this many tasks of a site each come last, so that all cores end together."""

_FLUSH_SECONDS = 1.0
"""Time after which a further result has those before it written, so that a kill costs little."""

BLOCKED = "blocked"
LEFT = "left"
FOUND = "found"

Tally = dict[str, tuple[int, int]]
"""Done and failed, by stage."""

Task = tuple[str, list[str], Deadline | None]
"""Campaign, site keys, and until when."""


def sites_job(campaign: str, first: str, last: str, before: dict[str, int] | None = None) -> Job:
    """Make the job `process_sites`, with a name that says what it is about."""
    made: Job = process_sites(campaign, first, last, before)
    made.name = f"{campaign}: sites {first} to {last}"
    return made


@job
def process_sites(
    campaign: str, first: str, last: str, before: dict[str, int] | None = None
) -> dict[str, int] | Response[dict[str, int]]:
    """Compute what is missing for the sites in a range of keys.

    Near a deadline it starts no more sites, and another such job takes its place: a campaign goes
    on with that in a process that has time.

    Parameters
    ----------
    campaign
        Name of the campaign; everything else is read from the store.
    first, last
        First and last site key, both included.
    before
        Counts of the job whose place it takes.

    Returns
    -------
    dict
        Counts, by ``"<stage> done"`` and ``"<stage> failed"``; ``"spectra found"`` are those among
        them that had been computed before.

    Raises
    ------
    CampaignError
        If another job has ended in this process for want of time.
    """
    until = deadline()
    store = Store.open()
    config = store.config(campaign)
    todo: list[SiteDoc] = []
    expected: Counter[str] = Counter()
    for batch in batches(store.active_sites(campaign, first=first, last=last), 1000):
        states = [state for state in site_states(store, config, batch) if state.pending]
        todo += [state.site for state in states]
        expected += pending_counts(states)
    if until is not None and until.handed_back and todo:
        raise CampaignError(
            f"campaign {campaign}: the time of this job is over with {len(todo)} sites left here: "
            "run the same command in another one to go on"
        )
    # The largest cells tend to take FEFF longest: started first, they do not hold up the end.
    todo.sort(key=lambda site: (-site.n_atoms, site.site))
    tasks = [(campaign, [site.site for site in chunk], until) for chunk in _shrinking(todo)]
    counts: Counter[str] = Counter(before)
    left = 0
    for tally in _run(store, tasks):
        left += tally.pop(LEFT, (0, 0))[0]
        if FOUND in tally:
            counts["spectra found"] += tally.pop(FOUND)[0]
        blocked, _ = tally.pop(BLOCKED, (0, 0))
        watcher().expect("features", -blocked)
        expected["features"] -= blocked
        for stage, (done, failed) in tally.items():
            expected[stage] -= done + failed
            watcher().advance(stage, done, failed)
            counts[f"{stage} done"] += done
            counts[f"{stage} failed"] += failed
    if n_found := counts.get("spectra found", 0):
        watcher().say(f"{n_found} spectra had been computed before, and are not computed again")
    if until is not None and left:
        until.handed_back = True
        return Response(replace=sites_job(campaign, first, last, dict(counts)))
    # What a worker has written that was killed before it could tell.
    for stage, count in (+expected).items():
        watcher().advance(stage, count, 0)
        counts[f"{stage} done"] += count
    return dict(counts)


def _shrinking(todo: list[SiteDoc]) -> Iterator[list[SiteDoc]]:
    """Cut sites into tasks that become smaller towards the end."""
    start = 0
    while start < len(todo):
        size = max(1, min(_MOST_PER_TASK, (len(todo) - start) // _LAST_TASKS))
        yield todo[start : start + size]
        start += size


def _run(store: Store, tasks: list[Task]) -> Iterable[Tally]:
    again: list[Task] = []
    for (campaign, keys, until), result in spread(process_chunk, tasks):
        if isinstance(result, ExafscnError):
            raise result
        if not isinstance(result, Exception):
            yield result
        elif len(keys) > 1:
            # A site that takes its process down must not take its neighbours along.
            again += [(campaign, [key], until) for key in keys]
        else:
            yield _record_crash(store, campaign, keys[0], result)
    if again:
        yield from _run(store, again)


def _record_crash(store: Store, campaign: str, key: str, error: Exception) -> Tally:
    (site,) = store.read(SiteDoc, campaign, [key]).values()
    config = store.config(campaign)
    (state,) = site_states(store, config, [site])
    failure = ItemFailure.worker_died(error)
    results = _Results(store)
    # Nobody knows in which stage it was; the stages that it has finished are in the store.
    lost = {name for name, found in state.spectra.items() if found is State.PENDING}
    uses = {fset.name: fset.spectra for fset in config.features.sets}
    for stage, name, found in state.stages():
        if found is State.PENDING and stage == "features" and lost.intersection(uses[name]):
            results.block(1)
        elif found is State.PENDING:
            results.add(stage, failure_doc(state, stage, name, failure))
    results.close()
    return results.tally


_longest = 0.0
"""Seconds that a site has taken in this process at most."""


def process_chunk(campaign: str, keys: list[str], until: Deadline | None = None) -> Tally:
    """Compute and write what is missing for a few sites; runs in a worker process.

    Sites for which there is no time, as far as those before tell, are counted as left.
    """
    global _longest
    store = Store.open()
    config = store.config(campaign)
    sites = store.read(SiteDoc, campaign, keys)
    states = site_states(store, config, [sites[key] for key in keys if key in sites])
    materials = {state.site.material_id for state in states if state.pending}
    docs = store.read(StructureDoc, campaign, sorted(materials))
    crystals = {name: Crystal.of(doc) for name, doc in docs.items()}
    opened: Mapping[tuple[str, str], Reader] = {}
    if config.stored:
        opened = readers(store, config, [crystal.entry for crystal in crystals.values()])
    known = _known_spectra(store, config, states)
    computed = store.computed(_to_compute(config, states))
    results = _Results(store)
    settings = Settings()
    try:
        for state in states:
            if state.pending and until is not None and not until.allows(_longest):
                results.leave()
            elif state.pending:
                started = time.monotonic()
                crystal = crystals[state.site.material_id]
                reader = opened.get(crystal.entry)
                sources = Sources(
                    known[state.site.site],
                    computed,
                    reader,
                    settings.SCRATCH_DIR,
                    settings.KEEP_RUNS,
                )
                process_site(config, state, crystal, sources, results)
                _longest = max(_longest, time.monotonic() - started)
    finally:
        # Where the campaign cannot go on, what is computed already is kept.
        results.close()
    return results.tally


def _known_spectra(
    store: Store, config: CampaignConfig, states: list[SiteState]
) -> dict[str, dict[str, SpectrumDoc]]:
    """Read, by site and name, the spectra from which features are still to be made."""
    names: dict[str, set[str]] = {state.site.site: set() for state in states}
    for state in states:
        for fset in config.features.sets:
            if state.features[fset.name] is State.PENDING:
                names[state.site.site].update(
                    name for name in fset.spectra if name and state.spectra[name] is State.DONE
                )
    keys = [item_key(site, name) for site, wanted in names.items() for name in sorted(wanted)]
    docs = store.read(SpectrumDoc, config.campaign, keys)
    return {
        site: {name: docs[key] for name in wanted if (key := item_key(site, name)) in docs}
        for site, wanted in names.items()
    }


def _to_compute(config: CampaignConfig, states: list[SiteState]) -> list[str]:
    """List the hashes of the spectra that are to be computed, unless somebody has done so."""
    return [
        state.wanted.spectra[way.name]
        for state in states
        for way in config.spectra
        if way.found_by_content and state.spectra[way.name] is State.PENDING
    ]


class _Results:
    """Documents on their way to the store, written together every second or so.

    They are written by a thread, while FEFF works on the next site.
    """

    def __init__(self, store: Store) -> None:
        self.tally: Tally = {}
        self._store = store
        self._docs: list[Document] = []
        self._flushed = time.monotonic()
        self._writer = ThreadPoolExecutor(max_workers=1)
        self._writing: Future[None] | None = None

    def add(self, stage: str, doc: Document) -> None:
        done, failed = self.tally.get(stage, (0, 0))
        bad = isinstance(doc, FailureDoc)
        self.tally[stage] = (done + (not bad), failed + bad)
        if isinstance(doc, SpectrumDoc) and doc.found_in is not None:
            self.tally[FOUND] = (self.tally.get(FOUND, (0, 0))[0] + 1, 0)
        self._docs.append(doc)
        if time.monotonic() - self._flushed > _FLUSH_SECONDS:
            self._hand_over()

    def block(self, count: int) -> None:
        """Take note of features that cannot be computed for want of a spectrum."""
        self.tally[BLOCKED] = (self.tally.get(BLOCKED, (0, 0))[0] + count, 0)

    def leave(self) -> None:
        """Take note of a site for which there is no time."""
        self.tally[LEFT] = (self.tally.get(LEFT, (0, 0))[0] + 1, 0)

    def _hand_over(self) -> None:
        self._wait()
        self._writing = self._writer.submit(self._store.write, self._docs)
        self._docs = []
        self._flushed = time.monotonic()

    def _wait(self) -> None:
        if self._writing is not None:
            self._writing.result()

    def close(self) -> None:
        """Write what is left, and wait until all is written."""
        try:
            self._hand_over()
            self._wait()
        finally:
            self._writer.shutdown()
