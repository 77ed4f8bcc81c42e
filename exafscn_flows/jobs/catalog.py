"""What the sources of a campaign hold: streamed from local ones, kept in the store of remote ones.

A remote source is listed once, by absorber, page by page, and its records are fetched when the
plan first needs them. Both are kept, so that a broken fetch goes on where it stopped, an added
absorber fetches only what is new, and a finished campaign asks nothing of the network.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import count
from typing import NamedTuple, Self

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import ItemFailure
from exafscn_flows.hashing import content_hash, short_hash
from exafscn_flows.jobs.context import watcher
from exafscn_flows.sources.base import (
    Entry,
    LocalSource,
    Reader,
    Record,
    RemoteSource,
    Session,
    SourceModel,
)
from exafscn_flows.store.documents import FetchedDoc, ListingDoc
from exafscn_flows.store.store import Store

_WRITE = 100
"""Records that are written together; a kill loses those that came since."""


class Candidate(NamedTuple):
    """A structure that a campaign may use."""

    source: int
    """Position of its source in the campaign file."""
    source_hash: str
    entry: str
    """What the source's reader takes."""
    material_id: str
    """Its name in the campaign."""
    elements: frozenset[str] | None
    """None where only reading tells."""
    fingerprint: str
    """Changes with the content of the structure."""


def source_hash(source: SourceModel) -> str:
    """Hash of what decides the content of a source's entries, whichever of them it chooses."""
    return content_hash("source", source.content())


def _listing_hash(source: SourceModel) -> str:
    return content_hash("listing", source.model_dump(mode="json"))


def candidates(
    store: Store, config: CampaignConfig, left_out: Counter[str] | None = None
) -> Iterator[Candidate]:
    """Stream what the sources hold, less what filters and absorbers rule out.

    Remote sources must have been listed.

    Parameters
    ----------
    left_out
        Counts, as ``"filters"``, what holds an absorber and is ruled out by the filters.
    """
    seen: set[int] = set()
    # A second source, or listing, may name its structures as the first does.
    unique = len(config.sources) == 1 and isinstance(config.sources[0], LocalSource)
    for number, source in enumerate(config.sources):
        hash_ = source_hash(source)
        entries = (
            source.entries() if isinstance(source, LocalSource) else _listed(store, config, source)
        )
        for entry in entries:
            if not _may_take_part(config, entry.elements):
                if left_out is not None and _holds_absorber(config, entry.elements):
                    left_out["filters"] += 1
                continue
            name = entry.material_id
            if not unique:
                own = short_hash(f"{hash_}\0{name}")
                if own in seen:
                    continue
                if short_hash(name) in seen:
                    name = f"{name}~{number}"
                seen |= {own, short_hash(name)}
            locator = entry.locator or entry.material_id
            yield Candidate(number, hash_, locator, name, entry.elements, entry.fingerprint)


def passes_elements(config: CampaignConfig, elements: frozenset[str] | None) -> bool:
    """Whether a structure of these elements passes the filters; None if nobody knows them."""
    filters = config.filters
    if elements is None:
        return not filters.required and not filters.excluded
    return elements.issuperset(filters.required) and elements.isdisjoint(filters.excluded)


def _may_take_part(config: CampaignConfig, elements: frozenset[str] | None) -> bool:
    return elements is None or (
        passes_elements(config, elements) and _holds_absorber(config, elements)
    )


def _holds_absorber(config: CampaignConfig, elements: frozenset[str] | None) -> bool:
    return elements is not None and not elements.isdisjoint(config.absorbers)


def _listed(store: Store, config: CampaignConfig, source: SourceModel) -> Iterator[Entry]:
    # An entry that is listed for several absorbers counts as it was listed first: the database
    # may have been updated before an absorber was added.
    began = {absorber: _began(store, config, source, absorber) for absorber in config.absorbers}
    for absorber in sorted(config.absorbers, key=lambda absorber: (began[absorber], absorber)):
        for page in _pages(store, config, source, absorber):
            for name, elements, fingerprint in page.entries:
                known = None if elements is None else frozenset(elements)
                yield Entry(name, known, fingerprint)


def _pages(
    store: Store, config: CampaignConfig, source: SourceModel, absorber: str
) -> Iterator[ListingDoc]:
    query = {"campaign": config.campaign, "hash": _listing_hash(source), "absorber": absorber}
    return store.find(ListingDoc, query, sort=[("page", 1)])


def unlisted(store: Store, config: CampaignConfig) -> list[str]:
    """Name the remote sources, with absorbers, of which it is not known yet what they hold."""
    found = []
    for number, source in enumerate(config.sources):
        if isinstance(source, RemoteSource):
            missing = [a for a in config.absorbers if not _is_listed(store, config, source, a)]
            if missing:
                found.append(f"sources[{number}] ({source.kind}) for {', '.join(missing)}")
    return found


def _is_listed(store: Store, config: CampaignConfig, source: SourceModel, absorber: str) -> bool:
    last = max(_pages(store, config, source, absorber), key=_number, default=None)
    return last is not None and not last.more


def unfetched(store: Store, config: CampaignConfig, wanted: Iterable[Candidate]) -> set[str]:
    """Name the structures among some that a remote source would have to send first."""
    remote = [c for c in wanted if isinstance(config.sources[c.source], RemoteSource)]
    keys = [f"{candidate.source_hash}/{candidate.entry}" for candidate in remote]
    kept = store.hashes(FetchedDoc, config.campaign, keys)
    return {c.material_id for c, key in zip(remote, keys, strict=True) if key not in kept}


def _began(store: Store, config: CampaignConfig, source: SourceModel, absorber: str) -> str:
    page = next(_pages(store, config, source, absorber), None)
    return "" if page is None else page.created_at.isoformat()


def _number(page: ListingDoc) -> int:
    return page.page


def readers(
    store: Store, config: CampaignConfig, wanted: Iterable[tuple[str, str]]
) -> Mapping[tuple[str, str], Reader]:
    """Open what is needed to read some entries, given as source hash and entry.

    Returns
    -------
    dict
        Reader of each entry. That of an entry which a remote source did not send fails for it.
    """
    sources = {source_hash(source): source for source in config.sources}
    found: dict[tuple[str, str], Reader] = {}
    by_source: dict[str, list[str]] = {}
    for hash_, entry in wanted:
        by_source.setdefault(hash_, []).append(entry)
    for hash_, entries in by_source.items():
        source = sources[hash_]
        reader: Reader
        if isinstance(source, LocalSource):
            reader = source
        else:
            assert isinstance(source, RemoteSource)
            reader = source.reader(_records(store, config.campaign, hash_, entries))
        found |= {(hash_, entry): reader for entry in entries}
    return found


class _Records(dict[str, Record]):
    """Records by entry; those that never came say so."""

    def __missing__(self, entry: str) -> Record:
        message = f"the server has no {entry}, or did not send it"
        raise ItemFailure("not_sent", message, "check the name; --retry-failed asks again")


def _records(store: Store, campaign: str, hash_: str, entries: Sequence[str]) -> _Records:
    docs = store.read(FetchedDoc, campaign, [f"{hash_}/{entry}" for entry in entries])
    return _Records({doc.entry: json.loads(doc.record) for doc in docs.values()})


class Fetcher:
    """Asks remote sources for what the store does not hold yet; connects at the first question."""

    def __init__(self, store: Store, config: CampaignConfig) -> None:
        self._store = store
        self._config = config
        self._stack = ExitStack()
        self._sessions: dict[int, Session] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def list_sources(self) -> None:
        """Complete the listings of all absorbers."""
        for number, source in enumerate(self._config.sources):
            source.check()
            if isinstance(source, RemoteSource):
                for absorber in self._config.absorbers:
                    self._list(number, source, absorber)

    def _list(self, number: int, source: RemoteSource, absorber: str) -> None:
        store, name = self._store, self._config.campaign
        last = max(_pages(store, self._config, source, absorber), key=_number, default=None)
        if last is not None and not last.more:
            return
        session = self._session(number, source)
        if last is not None and last.version != session.version:
            # Pages of two versions of a database do not fit together.
            store.drop_listing(name, _listing_hash(source), absorber)
            last = None
        watcher().expect("listing", 1)
        for number_of_page in count(0 if last is None else last.page + 1):
            page = session.list_page(absorber, number_of_page)
            entries = [
                (e.material_id, None if e.elements is None else sorted(e.elements), e.fingerprint)
                for e in page.entries
            ]
            doc = ListingDoc(
                campaign=name,
                hash=_listing_hash(source),
                absorber=absorber,
                page=number_of_page,
                version=session.version,
                entries=entries,
                total=page.total,
                more=page.more,
            )
            store.write([doc])
            if not page.more:
                break
        watcher().advance("listing", 1, 0)

    def fetch(self, wanted: Iterable[Candidate]) -> None:
        """Fetch those entries of remote sources that the store does not hold yet."""
        by_source: dict[int, list[str]] = {}
        for candidate in wanted:
            by_source.setdefault(candidate.source, []).append(candidate.entry)
        for number, entries in by_source.items():
            source = self._config.sources[number]
            if isinstance(source, RemoteSource):
                self._fetch(number, source, entries)

    def _fetch(self, number: int, source: RemoteSource, entries: list[str]) -> None:
        name, hash_ = self._config.campaign, source_hash(source)
        kept = self._store.hashes(FetchedDoc, name, [f"{hash_}/{entry}" for entry in entries])
        missing = [entry for entry in entries if f"{hash_}/{entry}" not in kept]
        if not missing:
            return
        watcher().expect("fetched", len(missing))
        docs: list[FetchedDoc] = []
        came = 0
        try:
            for entry, record in self._session(number, source).fetch(missing):
                text = json.dumps(record, default=str)
                docs.append(FetchedDoc(campaign=name, hash=hash_, entry=entry, record=text))
                came += 1
                if len(docs) == _WRITE:
                    self._write(docs)
        finally:
            # Also what came before the server failed.
            self._write(docs)
        watcher().advance("fetched", 0, len(missing) - came)

    def _write(self, docs: list[FetchedDoc]) -> None:
        self._store.write(docs)
        watcher().advance("fetched", len(docs), 0)
        docs.clear()

    def _session(self, number: int, source: RemoteSource) -> Session:
        if number not in self._sessions:
            self._sessions[number] = self._stack.enter_context(source.connect())
        return self._sessions[number]
