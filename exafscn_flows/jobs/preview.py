"""What a run of a campaign would do, found out without writing anything."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.iteration import batches
from exafscn_flows.jobs.catalog import Candidate, candidates, unfetched, unlisted
from exafscn_flows.jobs.durations import FeffTime, feff_times
from exafscn_flows.jobs.fits import model_keys, wanted_experiments, wanted_fits
from exafscn_flows.jobs.read_progress import ReadProgress
from exafscn_flows.jobs.reading import (
    known_result,
    known_structures,
    look_at_chunk,
    spread_reading,
)
from exafscn_flows.jobs.sampling import Outcome, ReadResult, chosen_structures
from exafscn_flows.jobs.selection import Names, selected_sites, sites_of
from exafscn_flows.jobs.states import STAGES, SiteState, State, site_states
from exafscn_flows.keys import failure_key, item_key
from exafscn_flows.store.documents import (
    FailureDoc,
    SiteDoc,
)
from exafscn_flows.store.results import ExperimentDoc, MetricsDoc, PromotionDoc
from exafscn_flows.store.store import Store


@dataclass
class Work:
    """Work of one stage for one absorber; absorber None stands for all together.

    Attributes
    ----------
    missing
        What is to be computed and was not before.
    outdated
        What is to be computed again, because something that it was made from has changed.
    done
        What stays as it is.
    failed
        What has failed, and what needs that: it is not tried again.
    """

    stage: str
    absorber: str | None
    missing: int = 0
    outdated: int = 0
    done: int = 0
    failed: int = 0


@dataclass
class Preview:
    """What a run would do.

    Attributes
    ----------
    work
        By stage and absorber.
    come, go
        Sites that the campaign did not select before, and those that it would no longer.
    active
        Sites that it selects now.
    unlisted
        Remote sources of which it is not known yet what they hold.
    unfetched
        Structures that remote sources would have to send; their sites are not counted.
    known
        Spectra that were computed before, for another campaign mostly, and would be found.
    feff
        How long FEFF would take, for each spectrum for which it would run.
    """

    campaign: str
    work: list[Work] = field(default_factory=list)
    come: int = 0
    go: int = 0
    active: int = 0
    unlisted: list[str] = field(default_factory=list)
    unfetched: int = 0
    known: int = 0
    feff: list[FeffTime] = field(default_factory=list)

    @property
    def outdated(self) -> int:
        """What would be computed again, in all stages."""
        return sum(work.outdated for work in self.work)


def preview(store: Store, config: CampaignConfig, *, retry_failed: bool = False) -> Preview:
    """Find out what a run of a campaign with these settings would do; writes nothing.

    Structures of which the store knows nothing that is current are read, and forgotten again. The
    network is not asked for anything.

    Parameters
    ----------
    config
        Settings, which need not be those in the store.
    retry_failed
        Whether what failed would be tried again.

    Raises
    ------
    UsageError
        If a source is gone or unreadable.
    """
    return _Look(store, config, retry_failed).preview()


class _Look:
    def __init__(self, store: Store, config: CampaignConfig, retry_failed: bool) -> None:
        self._store = store
        self._config = config
        self._retry_failed = retry_failed
        self._found = Preview(config.campaign)
        self._structures = Work("structures", None)
        self._read: dict[str, dict[str, Any]] = {}
        self._absent: set[str] = set()  # what remote sources would have to send
        self._chosen = Names()
        self._changed: set[str] = set()  # absorbers with other sites
        self._sites = {
            (stage, absorber): Work(stage, absorber)
            for absorber in config.absorbers
            for stage, _ in STAGES
        }
        self._runs: Counter[str] = Counter()  # by name of the spectrum

    def preview(self) -> Preview:
        store, config, found = self._store, self._config, self._found
        found.unlisted = unlisted(store, config)
        size = sum(1 for _ in candidates(store, config))
        self._reading = ReadProgress(config, size)
        chosen = chosen_structures(config, candidates(store, config), self._look_at)
        for batch in batches(self._site_docs(chosen), 1000):
            self._count(batch)
        self._reading.close()
        for site in store.active_sites(config.campaign):
            found.active += 1
            if (site.site,) not in self._chosen:
                found.go += 1
                self._changed.add(site.absorber)
        found.work.append(self._structures)
        for absorber in config.absorbers:
            stages = [self._sites[stage, absorber] for stage, _ in STAGES]
            found.work += stages
            changed = absorber in self._changed or any(w.missing + w.outdated for w in stages)
            found.work.append(self._models(absorber, changed))
            if config.study is not None:
                found.work.append(self._experiments(absorber, changed))
        found.feff = feff_times(store, config, self._runs)
        return found

    def _look_at(self, wave: list[Candidate]) -> Iterator[ReadResult]:
        """Give the results of one wave, reading what the store does not know."""
        for result in self._results(wave):
            self._reading.take(result)
            yield result

    def _results(self, wave: list[Candidate]) -> Iterator[ReadResult]:
        store, config, work = self._store, self._config, self._structures
        known = known_structures(store, config.campaign, [c.material_id for c in wave])
        if self._retry_failed:
            known = known._replace(failures={})
        unread = []
        for candidate in wave:
            found = known_result(config, candidate, known)
            if found is None:
                unread.append(candidate)
                continue
            bad = found[0].outcome is Outcome.FAILED
            work.failed += bad
            work.done += not bad
            yield found[0]
        again = sum(c.material_id in known.docs for c in unread)
        work.outdated += again
        work.missing += len(unread) - again
        absent = unfetched(store, config, unread)
        self._absent |= absent
        self._found.unfetched += len(absent)
        for candidate in unread:
            if candidate.material_id in absent:
                # Taken for good: a sample would otherwise go on to others in its place.
                elements = candidate.elements or frozenset(config.absorbers)
                yield ReadResult(candidate.material_id, Outcome.USABLE, elements)
        here = [c for c in unread if c.material_id not in absent]
        for chunk, looks in spread_reading(look_at_chunk, config, here):
            if isinstance(looks, Exception):
                yield from (ReadResult(c.material_id, Outcome.FAILED) for c in chunk)
                continue
            for result, fields in looks:
                if fields is not None:
                    self._read[result.material_id] = fields
                yield result

    def _site_docs(self, chosen: Iterator[dict[str, set[str]]]) -> Iterator[SiteDoc]:
        for wanted in chosen:
            for material in [name for name in wanted if name in self._read]:
                yield from sites_of(self._config, wanted.pop(material), self._read[material])
                if self._config.sample is None:
                    del self._read[material]
            known = {name: wanted[name] for name in wanted if name not in self._absent}
            yield from selected_sites(self._store, self._config, known).values()

    def _count(self, sites: list[SiteDoc]) -> None:
        """Count the work on some sites."""
        store, name = self._store, self._config.campaign
        stored = store.read(SiteDoc, name, [site.site for site in sites])
        for site in sites:
            self._chosen.add(site.site)
            before = stored.get(site.site)
            if before is None or not before.active:
                self._found.come += 1
                self._changed.add(site.absorber)
        states = site_states(store, self._config, sites)
        present = {
            stage: store.hashes(
                kind,
                name,
                [item_key(one.site.site, item) for one in states for item in getattr(one, stage)],
            )
            for stage, kind in STAGES
        }
        self._count_runs(states)
        for state in states:
            for stage, item, found in state.stages():
                work, key = self._sites[stage, state.site.absorber], item_key(state.site.site, item)
                if found is State.DONE:
                    work.done += 1
                elif found is not State.PENDING and not self._retry_failed:
                    work.failed += 1
                elif key in present[stage]:
                    work.outdated += 1
                else:
                    work.missing += 1

    def _count_runs(self, states: list[SiteState]) -> None:
        """Count for how many sites each spectrum is to be computed."""
        wanted = [
            (way, state.wanted.spectra[way.name])
            for state in states
            for way in self._config.spectra
            if not way.stored
            and (
                state.spectra[way.name] is State.PENDING
                or (self._retry_failed and state.spectra[way.name] is State.FAILED)
            )
        ]
        may_be = [hash_ for way, hash_ in wanted if way.found_by_content]
        known = self._store.known_spectra(may_be)
        self._found.known += sum(hash_ in known for hash_ in may_be)
        self._runs.update(
            way.name for way, hash_ in wanted if not (way.found_by_content and hash_ in known)
        )

    def _models(self, absorber: str, changed: bool) -> Work:
        store, config = self._store, self._config
        keys = [str(key) for key in model_keys(config, absorber)]
        present = set(store.hashes(PromotionDoc, config.campaign, keys))
        if changed or (config.joint and self._changed):
            return self._fitted("models", absorber, dict.fromkeys(keys), set(), present)
        # Their data are what the store holds.
        fits = wanted_fits(store, config, [absorber])
        made = store.hashes(MetricsDoc, config.campaign, [fit.version_key for fit in fits])
        done = {fit.key for fit in fits if fit.version_key in made}
        return self._fitted("models", absorber, {fit.key: fit.hash for fit in fits}, done, present)

    def _experiments(self, absorber: str, changed: bool) -> Work:
        store, config = self._store, self._config
        wanted = {one.key: one.hash for one in wanted_experiments(store, config, absorber)}
        present = store.hashes(ExperimentDoc, config.campaign, wanted)
        shared = config.joint_on(config.studied_set, config.studied_target)
        if changed or (shared and self._changed):
            return self._fitted("experiments", absorber, dict.fromkeys(wanted), set(), set(present))
        done = {key for key, hash_ in wanted.items() if present.get(key) == hash_}
        return self._fitted("experiments", absorber, dict(wanted), done, set(present))

    def _fitted(
        self,
        stage: str,
        absorber: str,
        wanted: Mapping[str, str | None],
        done: set[str],
        present: set[str],
    ) -> Work:
        """Count what is made from all sites: hashes that are wanted, as far as they are known."""
        items = [failure_key(stage, key) for key in wanted]
        failures = self._store.hashes(FailureDoc, self._config.campaign, items)
        work = Work(stage, absorber, done=len(done))
        for key in wanted.keys() - done:
            failed = (
                wanted[key] is not None and failures.get(failure_key(stage, key)) == wanted[key]
            )
            if failed and not self._retry_failed:
                work.failed += 1
            elif key in present:
                work.outdated += 1
            else:
                work.missing += 1
        return work
