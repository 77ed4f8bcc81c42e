"""Work on sites: label, spectrum, features, whichever of them is missing."""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from jobflow import Job, Response, job

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import LEFT_OUT, CampaignError, ExafscnError, ItemFailure
from exafscn_flows.iteration import batches
from exafscn_flows.jobs.catalog import readers
from exafscn_flows.jobs.context import Deadline, Stopwatch, deadline, spread, watcher
from exafscn_flows.jobs.forecast import Spent, Work
from exafscn_flows.jobs.stages import Crystal, Sources, failure_doc, process_site
from exafscn_flows.jobs.states import SiteState, State, pending_counts, site_states
from exafscn_flows.jobs.work import joined, site_work
from exafscn_flows.keys import item_key
from exafscn_flows.settings import Settings
from exafscn_flows.sources.base import Reader
from exafscn_flows.store.base import Document
from exafscn_flows.store.documents import FailureDoc, SiteDoc, SpectrumDoc, StructureDoc
from exafscn_flows.store.store import Store

_logger = logging.getLogger(__name__)

_MOST_PER_TASK = 8
"""Sites that a process takes at once while there are many left: each task costs some queries."""

_TASK_SECONDS = 2.0
"""A task that takes longer has fewer sites: what is done is seen when it ends."""

_SAMPLED = 24
"""Sites of all sizes that come first: from what they take it is told how long the others will."""

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


class Chunk(NamedTuple):
    """What came of a task: counts, and what each site took."""

    tally: Tally
    spent: dict[str, Spent]


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
    work: dict[str, Work] = {}
    expected: Counter[str] = Counter()
    for batch in batches(store.active_sites(campaign, first=first, last=last), 1000):
        states = [state for state in site_states(store, config, batch) if state.pending]
        todo += [state.site for state in states]
        work |= site_work(store, config, states)
        expected += pending_counts(states)
    for stage, count in expected.items():
        watcher().expect(stage, count, first)
    forecast = watcher().forecast
    forecast.plan(first, joined(list(work.values())))
    if until is not None and until.handed_back and todo:
        raise CampaignError(
            f"campaign {campaign}: the time of this job is over with {len(todo)} sites left here: "
            "run the same command in another one to go on"
        )
    _logger.info("sites %s to %s: %d have work left", first, last, len(todo))
    tasks = [(campaign, keys, until) for keys in _shrinking(_in_order(todo), work)]
    counts: Counter[str] = Counter(before)
    left = 0
    for tally, of_sites in _run(store, tasks):
        for key, spent in of_sites.items():
            _logger.debug("site %s: %.2f s of a processor, by %s", key, spent.seconds, spent.worker)
            forecast.done(first, work[key].kind, work[key].size, spent, sites=1)
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
    forecast.plan(first, ())  # nor those that could not tell
    return dict(counts)


def _in_order(todo: list[SiteDoc]) -> list[str]:
    """Return the keys of sites in the order of the work.

    The largest cells tend to take FEFF longest: started first, they do not hold up the end. A few
    of all sizes come before them.
    """
    todo.sort(key=lambda site: (-site.n_atoms, site.site))
    step = max(len(todo) // _SAMPLED, 1)
    # Of a few sites, or where they come to many of them, the order is as it is.
    sampled = set(range(step // 2, len(todo), step)) if step > 2 else set()
    first = [site.site for index, site in enumerate(todo) if index in sampled]
    return first + [site.site for index, site in enumerate(todo) if index not in sampled]


def _shrinking(todo: list[str], work: Mapping[str, Work]) -> Iterator[list[str]]:
    """Cut sites into tasks that become smaller towards the end."""
    start = 0
    while start < len(todo):
        seconds = work[todo[start]].guess.seconds
        most = min(_MOST_PER_TASK, int(_TASK_SECONDS / seconds))
        size = max(1, min(most, (len(todo) - start) // _LAST_TASKS))
        yield todo[start : start + size]
        start += size


def _run(store: Store, tasks: list[Task]) -> Iterable[Chunk]:
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
            yield Chunk(_record_crash(store, campaign, keys[0], result), {})
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


def process_chunk(campaign: str, keys: list[str], until: Deadline | None = None) -> Chunk:
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
    spent: dict[str, Spent] = {}
    try:
        for state in states:
            if state.pending and until is not None and not until.allows(_longest):
                results.leave()
            elif state.pending:
                watch = Stopwatch()
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
                spent[state.site.site] = watch.spent()
                _longest = max(_longest, spent[state.site.site].wall)
    finally:
        # Where the campaign cannot go on, what is computed already is kept.
        results.close()
    return Chunk(results.tally, spent)


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
        bad = isinstance(doc, FailureDoc) and doc.kind not in LEFT_OUT
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
