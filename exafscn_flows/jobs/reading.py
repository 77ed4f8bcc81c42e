"""Reading structures in worker processes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.elements import ABSORBERS
from exafscn_flows.errors import ExafscnError, ItemFailure
from exafscn_flows.hashing import content_hash
from exafscn_flows.iteration import batches
from exafscn_flows.jobs.catalog import Candidate, passes_elements, readers
from exafscn_flows.jobs.context import spread
from exafscn_flows.jobs.sampling import Outcome, ReadResult
from exafscn_flows.jobs.selection import FIELDS
from exafscn_flows.keys import failed_item, failure_key
from exafscn_flows.sources.base import Reader, StoredSite
from exafscn_flows.store.documents import FailureDoc, StructureDoc
from exafscn_flows.store.store import Store

if TYPE_CHECKING:
    from exafscn_flows.crystal import ReducedStructure

ALGORITHM_VERSION = 3
"""Raised when the same file would give another structure document."""

_STRUCTURES_PER_TASK = 16

A = TypeVar("A")
R = TypeVar("R")

Look = tuple[ReadResult, dict[str, Any] | None]
"""What came of reading a structure, and what sites take from it if it can be used."""

_FIELDS = [
    "material_id",
    "hash",
    "formula",
    "elements",
    "n_atoms",
    "inequivalent_sites",
    "source",
]


def wanted_hash(config: CampaignConfig, candidate: Candidate) -> str:
    """Hash that an up-to-date structure document has."""
    # Files of other sources may have the same name, size and time.
    read = [candidate.source_hash, candidate.entry, candidate.fingerprint, config.stored]
    return content_hash("structures", ALGORITHM_VERSION, read, config.sites.symprec)


class Known(NamedTuple):
    """What the store knows of some structures."""

    docs: dict[str, dict[str, Any]]
    """Fields of structure documents by name."""
    failures: dict[str, str]
    """Hashes of failure documents by name."""


def known_structures(store: Store, campaign: str, names: list[str]) -> Known:
    """Read what the store knows of some structures."""
    query = {"_id": {"$in": [f"{campaign}/{name}" for name in names]}}
    docs = store.project(StructureDoc, query, _FIELDS)
    failures = store.hashes(
        FailureDoc, campaign, [failure_key("structures", name) for name in names]
    )
    return Known(
        {raw["material_id"]: raw for raw in docs},
        {failed_item(key): hash_ for key, hash_ in failures.items()},
    )


def known_result(
    config: CampaignConfig, candidate: Candidate, known: Known
) -> tuple[ReadResult, FailureDoc | None] | None:
    """Return what reading would come to, and what it would write; None if the store cannot say."""
    name, wanted = candidate.material_id, wanted_hash(config, candidate)
    failure, doc = known.failures.get(name), known.docs.get(name)
    if failure is not None and failure == _no_absorber_hash(config, wanted):
        return ReadResult(name, Outcome.NO_ABSORBER), None
    if doc is not None and doc["hash"] == wanted:
        result = _judge(config, doc)
        if result.outcome is Outcome.NO_ABSORBER:
            return result, _no_absorber(config, name, doc["formula"], wanted, doc["source"])
        return result, None
    return (ReadResult(name, Outcome.FAILED), None) if failure == wanted else None


def read_chunk(campaign: str, chunk: list[Candidate]) -> list[ReadResult]:
    """Read, reduce and write some structures, of which the store knows nothing that is current."""
    store = Store.open()
    config = store.config(campaign)
    found = list(_read_all(store, config, chunk))
    store.write(doc for _, doc in found if doc is not None)
    return [result for result, _ in found]


def look_at_chunk(config: CampaignConfig, chunk: list[Candidate]) -> list[Look]:
    """Read and reduce some structures without writing anything.

    Returns
    -------
    list of tuple
        What came of each, and of those that can be used what sites take from them.
    """
    looks: list[Look] = []
    for result, doc in _read_all(Store.open(), config, chunk):
        fields = None
        if isinstance(doc, StructureDoc):
            fields = {field: getattr(doc, field) for field in FIELDS}
        looks.append((result, fields))
    return looks


def spread_reading(
    read: Callable[[A, list[Candidate]], list[R]], head: A, unread: list[Candidate]
) -> Iterator[tuple[list[Candidate], list[R] | Exception]]:
    """Read structures on all processes, some at a time.

    Parameters
    ----------
    read
        `read_chunk` or `look_at_chunk`.
    head
        Its first argument.

    Yields
    ------
    tuple
        Structures, and what came of them; of a single one also the exception by which it took the
        process down that read it.
    """
    again: list[Candidate] = []
    chunks = ((head, chunk) for chunk in batches(unread, _STRUCTURES_PER_TASK))
    for (_, chunk), results in spread(read, chunks):
        if isinstance(results, ExafscnError):
            raise results
        if isinstance(results, Exception):
            # One file that takes its process down must not take its neighbours along.
            again += chunk
        else:
            yield chunk, results
    for (_, chunk), results in spread(read, ((head, [candidate]) for candidate in again)):
        if isinstance(results, ExafscnError):
            raise results
        yield chunk, results


def _read_all(
    store: Store, config: CampaignConfig, chunk: list[Candidate]
) -> Iterator[tuple[ReadResult, StructureDoc | FailureDoc | None]]:
    """Read structures; yields what came of each, and its document unless filters rule it out."""
    opened = readers(store, config, [(c.source_hash, c.entry) for c in chunk])
    for candidate in chunk:
        wanted = wanted_hash(config, candidate)
        doc = _read(config, candidate, wanted, opened[candidate.source_hash, candidate.entry])
        if isinstance(doc, FailureDoc):
            yield ReadResult(candidate.material_id, Outcome.FAILED), doc
            continue
        result = _judge(config, {field: getattr(doc, field) for field in _FIELDS})
        if result.outcome is Outcome.NO_ABSORBER:
            yield result, _no_absorber(config, doc.material_id, doc.formula, wanted, doc.source)
        else:
            yield result, doc if result.outcome is Outcome.USABLE else None


def _judge(config: CampaignConfig, doc: dict[str, Any]) -> ReadResult:
    """Apply the filters of the campaign, and look for absorbers."""
    absorbers = frozenset(doc["inequivalent_sites"])
    elements = None if doc["formula"] is None else frozenset(doc["elements"])
    if doc["n_atoms"] > config.filters.max_atoms or not passes_elements(config, elements):
        outcome = Outcome.FILTERED
    elif absorbers.isdisjoint(config.absorbers):
        outcome = Outcome.NO_ABSORBER
    else:
        outcome = Outcome.USABLE
    return ReadResult(doc["material_id"], outcome, absorbers)


def _no_absorber_hash(config: CampaignConfig, wanted: str) -> str:
    # With another absorber the structure may be good: this failure is out of date then.
    return content_hash(wanted, sorted(config.absorbers))


def _no_absorber(
    config: CampaignConfig,
    name: str,
    formula: str | None,
    wanted: str,
    source: dict[str, Any] | None,
) -> FailureDoc:
    absorbers = ", ".join(config.absorbers)
    message = f"{formula} holds none of the absorbers {absorbers}"
    if config.stored:
        message = f"there is no spectrum of {absorbers} in {formula or name}"
    hint = "add one of its elements to `absorbers` if it should take part"
    failure = ItemFailure("no_absorber", message, hint)
    return failure_doc(config, name, _no_absorber_hash(config, wanted), failure, source)


def failure_doc(
    config: CampaignConfig,
    material_id: str,
    wanted: str,
    failure: ItemFailure,
    source: dict[str, Any] | None = None,
) -> FailureDoc:
    """Build the document of a structure that could not be used, of a source if that is known."""
    return FailureDoc(
        campaign=config.campaign,
        hash=wanted,
        stage="structures",
        item=material_id,
        absorber=None,
        kind=failure.kind,
        message=failure.message,
        hint=failure.hint,
        source=source,
    )


def _read(
    config: CampaignConfig, candidate: Candidate, wanted: str, reader: Reader
) -> StructureDoc | FailureDoc:
    try:
        return _structure(config, candidate, wanted, reader)
    except ItemFailure as error:
        failure = error
    except ExafscnError:  # the source as a whole is gone, for example
        raise
    except Exception as error:
        # Parsers of third parties meet files that nobody foresaw.
        line = " ".join(str(error).split())[:200]
        failure = ItemFailure("unexpected", f"{type(error).__name__}: {line}", "report it")
    source = None
    with suppress(ItemFailure):  # of a record that was not sent, nothing is known
        source = reader.provenance(candidate.entry)
    return failure_doc(config, candidate.material_id, wanted, failure, source)


def _structure(
    config: CampaignConfig, candidate: Candidate, wanted: str, reader: Reader
) -> StructureDoc:
    from exafscn_flows.crystal import absorbing_sites, as_written, reduce_structure, structure_hash

    loaded = reader.load(candidate.entry)
    if loaded is None:
        return _without_structure(candidate, wanted, reader, config.campaign)
    sites: dict[str, list[tuple[int, int]]]
    averaged: list[str] = []
    if config.stored:
        # The spectra count their sites in the cell as it is.
        reduced = as_written(loaded, config.sites.symprec)
        stored = reader.stored_sites(candidate.entry, reduced.elements)
        sites = stored_sites(reduced, stored)
        averaged = sorted({site.absorber for site in stored if site.averaged})
    else:
        reduced = reduce_structure(loaded, config.sites.symprec)
        sites = {
            element: [(s.site_index, s.multiplicity) for s in absorbing_sites(reduced, element)]
            for element in reduced.elements
        }
    return StructureDoc(
        campaign=config.campaign,
        hash=wanted,
        material_id=candidate.material_id,
        source=reader.provenance(candidate.entry),
        source_hash=candidate.source_hash,
        entry=candidate.entry,
        formula=reduced.formula,
        chemical_system=reduced.chemical_system,
        elements=list(reduced.elements),
        n_atoms=len(reduced.structure),
        spacegroup=reduced.spacegroup,
        structure=reduced.structure.as_dict(),
        structure_hash=structure_hash(reduced.structure),
        inequivalent_sites=sites,
        averaged=averaged,
    )


def _without_structure(
    candidate: Candidate, wanted: str, reader: Reader, campaign: str
) -> StructureDoc:
    stored = reader.stored_sites(candidate.entry, ABSORBERS)
    absorbers = sorted({site.absorber for site in stored})
    return StructureDoc(
        campaign=campaign,
        hash=wanted,
        material_id=candidate.material_id,
        source=reader.provenance(candidate.entry),
        source_hash=candidate.source_hash,
        entry=candidate.entry,
        formula=None,
        chemical_system=None,
        elements=absorbers,
        n_atoms=0,
        spacegroup=None,
        structure=None,
        structure_hash=content_hash("no structure", candidate.material_id),
        inequivalent_sites={absorber: [(0, 1)] for absorber in absorbers},
        averaged=absorbers,
    )


def stored_sites(
    reduced: "ReducedStructure", stored: Sequence[StoredSite]
) -> dict[str, list[tuple[int, int]]]:
    """Index and multiplicity of the sites with a spectrum, by element.

    Of equivalent sites with a spectrum each, the first counts. Sites that are not there, or are
    another element, count one by one: their labels and spectra fail and say so.
    """
    symbols = [one.specie.symbol for one in reduced.structure]
    sites: dict[str, dict[int, tuple[int, int]]] = {}
    for site in stored:
        if site.averaged:
            orbit, multiplicity = -1, symbols.count(site.absorber)
        elif [site.absorber] == symbols[site.site_index :][:1]:
            orbit = reduced.equivalent[site.site_index]
            multiplicity = reduced.equivalent.count(orbit)
        else:
            orbit, multiplicity = -2 - site.site_index, 1
        sites.setdefault(site.absorber, {}).setdefault(orbit, (site.site_index, multiplicity))
    return {element: list(found.values()) for element, found in sites.items()}
