"""What a campaign asks of the Materials Project: pages of entries, and records by name."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from exafscn_flows.hashing import content_hash
from exafscn_flows.iteration import batches
from exafscn_flows.sources.base import Entry, ListingPage, Record
from exafscn_flows.sources.materials_project_client import MaterialsProjectClient, material_id
from exafscn_flows.spectra.parts import SpectrumType

_LISTED_IDS = 400
"""Ids in one question of a listing: its address stays well below the 8 kB that servers take."""

_FETCHED = 100
"""Records asked for at once, 1 to 3 MB."""


class StructuresSession:
    """A session whose entries are materials, by material id.

    Parameters
    ----------
    client
        What asks.
    ids
        Materials; otherwise all with an absorber that pass the following.
    elements, max_energy_above_hull, max_sites, theoretical
        As in :meth:`MaterialsProjectClient.list_materials`; elements without the absorber.
    """

    def __init__(
        self,
        client: MaterialsProjectClient,
        *,
        ids: Sequence[str] | None,
        elements: Sequence[str],
        max_energy_above_hull: float | None,
        max_sites: int | None,
        theoretical: bool | None,
    ) -> None:
        self.version = client.version
        self._client = client
        self._ids = ids
        self._elements = elements
        self._max_energy_above_hull = max_energy_above_hull
        self._max_sites = max_sites
        self._theoretical = theoretical
        self._found: dict[int, list[Entry]] = {}

    def list_page(self, absorber: str, page: int) -> ListingPage:
        if self._ids is not None:
            return self._list_ids(self._ids, absorber, page)
        found = self._client.list_materials(
            page,
            elements=[absorber, *(e for e in self._elements if e != absorber)],
            max_energy_above_hull=self._max_energy_above_hull,
            max_sites=self._max_sites,
            theoretical=self._theoretical,
        )
        return ListingPage([_entry(id_, id_, doc) for id_, doc in found.documents], *found[1:])

    def _list_ids(self, ids: Sequence[str], absorber: str, page: int) -> ListingPage:
        asked, more = _part(ids, page)
        if page not in self._found:
            known = dict(self._client.find_materials(asked).documents)
            # Whoever names materials wants to know what became of each: all are listed, without
            # their elements, so that what is not there or holds no absorber becomes a failure.
            self._found[page] = [
                _entry(id_, id_, known.get(id_, {}))._replace(elements=None) for id_ in _ids(asked)
            ]
        return ListingPage(self._found[page], len(ids), more)

    def fetch(self, names: Sequence[str]) -> Iterator[tuple[str, Record]]:
        for asked in batches(names, _FETCHED):
            yield from _once(self._client.fetch_materials(asked).documents, asked)


class SpectraSession:
    """A session whose entries are spectra, by material and absorber: mp-19009-Ni.

    Parameters
    ----------
    client
        What asks.
    spectrum_type
        "EXAFS" or "XANES".
    ids
        Materials; otherwise all with a spectrum of an absorber that pass the following.
    elements
        Symbols of elements that must all be present, besides the absorber.
    max_sites
        Most atoms in the cell.
    """

    def __init__(
        self,
        client: MaterialsProjectClient,
        spectrum_type: SpectrumType,
        *,
        ids: Sequence[str] | None,
        elements: Sequence[str],
        max_sites: int | None,
    ) -> None:
        self.version = client.version
        self._client = client
        self._type = spectrum_type
        self._ids = ids
        self._elements = elements
        self._max_sites = max_sites
        self._elements_of: dict[int, dict[str, set[str]]] = {}

    def list_page(self, absorber: str, page: int) -> ListingPage:
        if self._ids is not None:
            return self._list_ids(self._ids, absorber, page)
        required = [e for e in self._elements if e != absorber]
        found = self._client.list_spectra(page, absorber, self._type, required)
        entries = [
            self._entry(id_, absorber, doc)
            for id_, doc in found.documents
            if self._small_enough(doc)
        ]
        return ListingPage(entries, *found[1:])

    def _list_ids(self, ids: Sequence[str], absorber: str, page: int) -> ListingPage:
        asked, more = _part(ids, page)
        if page not in self._elements_of:
            materials = self._client.find_materials(asked).documents
            self._elements_of[page] = {
                id_: set(doc.get("elements") or ()) for id_, doc in materials
            }
        known = dict(self._client.find_spectra(asked, absorber, self._type).documents)
        # A spectrum that is not there, of a material that is not or that holds the absorber,
        # becomes a failure that users see.
        entries = [
            self._entry(id_, absorber, known.get(id_, {}))
            for id_ in _ids(asked)
            if id_ in known or absorber in self._elements_of[page].get(id_, {absorber})
        ]
        return ListingPage(entries, len(ids), more)

    def _entry(self, id_: str, absorber: str, doc: Mapping[str, Any]) -> Entry:
        return _entry(f"{id_}-{absorber}", f"{id_}-{self._type}-{absorber}-K", doc)

    def _small_enough(self, doc: Mapping[str, Any]) -> bool:
        # The route of spectra has no filter for this.
        most, n_sites = self._max_sites, doc.get("nsites")
        return most is None or not isinstance(n_sites, int) or n_sites <= most

    def fetch(self, names: Sequence[str]) -> Iterator[tuple[str, Record]]:
        ids: dict[str, list[str]] = defaultdict(list)
        for name in names:
            id_, _, absorber = name.rpartition("-")
            ids[absorber].append(id_)
        for absorber, wanted in ids.items():
            for asked in batches(wanted, _FETCHED):
                found = self._client.fetch_spectra(asked, absorber, self._type)
                for id_, doc in _once(found.documents, asked):
                    yield f"{id_}-{absorber}", doc


def _part(ids: Sequence[str], page: int) -> tuple[Sequence[str], bool]:
    """Return the ids of a page, and whether more follow."""
    end = (page + 1) * _LISTED_IDS
    return ids[page * _LISTED_IDS : end], end < len(ids)


def _ids(asked: Sequence[str]) -> Iterator[str]:
    """Write ids as the client does, each once."""
    return iter(dict.fromkeys(material_id(raw) or raw for raw in asked))


def _entry(name: str, id_: str, doc: Mapping[str, Any]) -> Entry:
    elements = doc.get("elements")
    known = isinstance(elements, list) and all(isinstance(e, str) for e in elements)
    fingerprint = content_hash(id_, str(doc.get("last_updated")))
    return Entry(name, frozenset(elements) if known and elements else None, fingerprint)


def _once(
    documents: Sequence[tuple[str, dict[str, Any]]], asked: Sequence[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of several documents of one material, take the last updated; nothing that nobody asked."""
    latest: dict[str, dict[str, Any]] = {}
    for id_, doc in sorted(documents, key=lambda item: str(item[1].get("last_updated"))):
        latest[id_] = doc
    return ((id_, latest[id_]) for id_ in asked if id_ in latest)
