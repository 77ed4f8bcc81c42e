"""Work on sites: label, spectrum, features, whichever of them is missing."""

import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jobflow import job
from pymatgen.core import Structure

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import ExafscnError, ItemFailure
from exafscn_flows.features import FeatureSet
from exafscn_flows.iteration import batches
from exafscn_flows.jobs.context import spread, watcher
from exafscn_flows.jobs.states import SiteState, State, pending_counts, site_states
from exafscn_flows.settings import Settings
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.store.documents import (
    Document,
    FailureDoc,
    FeatureDoc,
    LabelDoc,
    SiteDoc,
    SpectrumDoc,
    StructureDoc,
)
from exafscn_flows.store.store import Store

SITES_PER_TASK = 4
"""Sites that a process takes at once: few, so that all cores end together."""

_FLUSH_SECONDS = 1.0
"""Longest time that a result waits to be written, so that a kill costs little."""

BLOCKED = "blocked"

Tally = dict[str, tuple[int, int]]
"""Done and failed, by stage."""


@job
def process_sites(campaign: str, first: str, last: str) -> dict[str, int]:
    """Compute what is missing for the sites in a range of keys.

    Parameters
    ----------
    campaign
        Name of the campaign; everything else is read from the store.
    first, last
        First and last site key, both included.

    Returns
    -------
    dict
        Counts, by ``"<stage> done"`` and ``"<stage> failed"``.
    """
    store = Store.open()
    config = store.config(campaign)
    todo: list[SiteDoc] = []
    expected: Counter[str] = Counter()
    for batch in batches(store.active_sites(campaign, first=first, last=last), 1000):
        states = [state for state in site_states(store, config, batch) if state.pending]
        todo += [state.site for state in states]
        expected += pending_counts(states)
    # The largest cells tend to take FEFF longest: started first, they do not hold up the end.
    todo.sort(key=lambda site: (-site.n_atoms, site.site))
    tasks = [(campaign, [site.site for site in chunk]) for chunk in batches(todo, SITES_PER_TASK)]
    counts: Counter[str] = Counter()
    for tally in _run(store, tasks):
        blocked, _ = tally.pop(BLOCKED, (0, 0))
        watcher().expect("features", -blocked)
        expected["features"] -= blocked
        for stage, (done, failed) in tally.items():
            expected[stage] -= done + failed
            watcher().advance(stage, done, failed)
            counts[f"{stage} done"] += done
            counts[f"{stage} failed"] += failed
    # What a worker has written that was killed before it could tell.
    for stage, count in (+expected).items():
        watcher().advance(stage, count, 0)
        counts[f"{stage} done"] += count
    return dict(counts)


def _run(store: Store, tasks: list[tuple[str, list[str]]]) -> Iterable[Tally]:
    again: list[tuple[str, list[str]]] = []
    for (campaign, keys), result in spread(process_chunk, tasks):
        if isinstance(result, ExafscnError):
            raise result
        if not isinstance(result, Exception):
            yield result
        elif len(keys) > 1:
            # A site that takes its process down must not take its neighbours along.
            again += [(campaign, [key]) for key in keys]
        else:
            yield _record_crash(store, campaign, keys[0], result)
    if again:
        yield from _run(store, again)


def _record_crash(store: Store, campaign: str, key: str, error: Exception) -> Tally:
    (site,) = store.read(SiteDoc, campaign, [key]).values()
    (state,) = site_states(store, store.config(campaign), [site])
    failure = ItemFailure.worker_died(error)
    results = _Results(store)
    # Nobody knows in which stage it was; the stages that it has finished are in the store.
    if state.label is State.PENDING:
        results.add("labels", _failure(state, "labels", key, state.wanted.label, failure))
    pending = [name for name, found in state.features.items() if found is State.PENDING]
    if state.spectrum is State.PENDING:
        results.add("spectra", _failure(state, "spectra", key, state.wanted.spectrum, failure))
        results.block(len(pending))
    else:
        for name in pending:
            wanted = state.wanted.features[name]
            doc = _failure(state, "features", f"{key}/{name}", wanted, failure)
            results.add("features", doc)
    results.flush()
    return results.tally


def process_chunk(campaign: str, keys: list[str]) -> Tally:
    """Compute and write what is missing for a few sites; runs in a worker process."""
    store = Store.open()
    config = store.config(campaign)
    sites = store.read(SiteDoc, campaign, keys)
    states = site_states(store, config, [sites[key] for key in keys if key in sites])
    materials = {state.site.material_id for state in states if state.pending}
    structures = {
        material: Structure.from_dict(doc.structure)
        for material, doc in store.read(StructureDoc, campaign, sorted(materials)).items()
    }
    stored = [s.site.site for s in states if s.spectrum is State.DONE and s.pending]
    spectra = store.read(SpectrumDoc, campaign, stored)
    results = _Results(store)
    scratch = Settings().SCRATCH_DIR
    try:
        for state in states:
            if state.pending:
                structure = structures[state.site.material_id]
                known = spectra.get(state.site.site)
                _process_site(config, state, structure, known, scratch, results)
    finally:
        # Where the campaign cannot go on, what is computed already is kept.
        results.flush()
    return results.tally


class _Results:
    """Documents on their way to the store, written together every second or so."""

    def __init__(self, store: Store) -> None:
        self.tally: Tally = {}
        self._store = store
        self._docs: list[Document] = []
        self._flushed = time.monotonic()

    def add(self, stage: str, doc: Document) -> None:
        done, failed = self.tally.get(stage, (0, 0))
        bad = isinstance(doc, FailureDoc)
        self.tally[stage] = (done + (not bad), failed + bad)
        self._docs.append(doc)
        if time.monotonic() - self._flushed > _FLUSH_SECONDS:
            self.flush()

    def block(self, count: int) -> None:
        """Take note of features that cannot be computed for want of a spectrum."""
        self.tally[BLOCKED] = (self.tally.get(BLOCKED, (0, 0))[0] + count, 0)

    def flush(self) -> None:
        self._store.write(self._docs)
        self._docs.clear()
        self._flushed = time.monotonic()


def _process_site(
    config: CampaignConfig,
    state: SiteState,
    structure: Structure,
    stored: SpectrumDoc | None,
    scratch: Path,
    results: _Results,
) -> None:
    key = state.site.site
    if state.label is State.PENDING:
        label = _attempt(state, "labels", key, state.wanted.label, _label, state, structure)
        results.add("labels", label)
    doc: Document | None = stored
    if state.spectrum is State.PENDING:
        wanted = state.wanted.spectrum
        doc = _attempt(state, "spectra", key, wanted, _spectrum, config, state, structure, scratch)
        results.add("spectra", doc)
    pending = [f for f in config.features.sets if state.features[f.name] is State.PENDING]
    if isinstance(doc, SpectrumDoc):
        for fset in pending:
            item, wanted = f"{key}/{fset.name}", state.wanted.features[fset.name]
            feature = _attempt(state, "features", item, wanted, _feature, config, state, fset, doc)
            results.add("features", feature)
    elif pending:
        results.block(len(pending))


def _attempt(
    state: SiteState, stage: str, item: str, wanted: str, compute: Any, *args: Any
) -> Document:
    """Compute a document, or the failure document that says why not."""
    try:
        doc: Document = compute(*args)
    except ItemFailure as error:
        return _failure(state, stage, item, wanted, error)
    except ExafscnError:
        raise
    except Exception as error:
        # Third-party code meets odd crystals; one of them must not end a campaign of thousands.
        line = " ".join(str(error).split())[:200]
        failure = ItemFailure("unexpected", f"{type(error).__name__}: {line}", "report it")
        return _failure(state, stage, item, wanted, failure)
    return doc


def _failure(
    state: SiteState, stage: str, item: str, wanted: str, failure: ItemFailure
) -> FailureDoc:
    return FailureDoc(
        campaign=state.site.campaign,
        hash=wanted,
        stage=stage,
        item=item,
        absorber=state.site.absorber,
        kind=failure.kind,
        message=failure.message,
        hint=failure.hint,
    )


def _head(state: SiteState, wanted: str) -> dict[str, Any]:
    site = state.site
    return {
        "campaign": site.campaign,
        "hash": wanted,
        "site": site.site,
        "absorber": site.absorber,
    }


def _label(state: SiteState, structure: Structure) -> LabelDoc:
    from exafscn_flows.labels.crystal_nn import label_site

    label = label_site(structure, state.site.site_index)
    return LabelDoc(**_head(state, state.wanted.label), **vars(label))


def _spectrum(
    config: CampaignConfig, state: SiteState, structure: Structure, scratch: Path
) -> SpectrumDoc:
    from exafscn_flows.spectra.feff import compute_spectrum

    spectrum = compute_spectrum(structure, state.site.site_index, config.spectra, scratch)
    return SpectrumDoc(**_head(state, state.wanted.spectrum), **vars(spectrum))


def _feature(
    config: CampaignConfig, state: SiteState, fset: FeatureSet, doc: SpectrumDoc
) -> FeatureDoc:
    fields = Spectrum.__dataclass_fields__
    spectrum = Spectrum(**{name: getattr(doc, name) for name in fields})
    vector = fset.transform(spectrum, config.features)
    head = _head(state, state.wanted.features[fset.name])
    return FeatureDoc(**head, feature_set=fset.name, vector=vector)
