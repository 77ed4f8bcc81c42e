"""Reading structures in worker processes."""

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import ExafscnError, ItemFailure
from exafscn_flows.hashing import content_hash
from exafscn_flows.jobs.sampling import Candidate, Outcome, ReadResult
from exafscn_flows.store.documents import Document, FailureDoc, StructureDoc
from exafscn_flows.store.store import Store

ALGORITHM_VERSION = 1
"""Raised when the same file would give another structure document."""


def wanted_hash(config: CampaignConfig, candidate: Candidate) -> str:
    """Hash that an up-to-date structure document has."""
    # Files of other sources may have the same name, size and time.
    source = config.sources[candidate.source].model_dump(mode="json")
    read = [source, candidate.entry, candidate.fingerprint]
    return content_hash("structures", ALGORITHM_VERSION, read, config.sites.symprec)


def read_chunk(campaign: str, chunk: list[Candidate]) -> list[ReadResult]:
    """Read, reduce and write those of some structures that are not in the store yet."""
    store = Store.open()
    config = store.config(campaign)
    names = [candidate.material_id for candidate in chunk]
    fields = ["material_id", "hash", "formula", "elements", "n_atoms"]
    query = {"_id": {"$in": [f"{campaign}/{name}" for name in names]}}
    stored = {raw["material_id"]: raw for raw in store.project(StructureDoc, query, fields)}
    failed = store.hashes(FailureDoc, campaign, [f"structures/{name}" for name in names])
    results: list[ReadResult] = []
    docs: list[Document] = []
    for candidate in chunk:
        name, wanted = candidate.material_id, wanted_hash(config, candidate)
        known, failure = stored.get(name), failed.get(f"structures/{name}")
        if failure == _no_absorber_hash(config, wanted):
            results.append(ReadResult(name, Outcome.NO_ABSORBER))
            continue
        doc: Document | None = None
        if known is None or known["hash"] != wanted:
            if failure == wanted:
                results.append(ReadResult(name, Outcome.FAILED))
                continue
            doc = _read(config, candidate, wanted)
            if isinstance(doc, FailureDoc):
                results.append(ReadResult(name, Outcome.FAILED))
                docs.append(doc)
                continue
            known = {field: getattr(doc, field) for field in fields}
        outcome = _judge(config, known["elements"], known["n_atoms"])
        results.append(ReadResult(name, outcome, frozenset(known["elements"])))
        if outcome is Outcome.NO_ABSORBER:
            docs.append(_no_absorber(config, name, known["formula"], wanted))
        elif outcome is Outcome.USABLE and doc is not None:
            docs.append(doc)
    store.write(docs)
    return results


def _judge(config: CampaignConfig, elements: list[str], n_atoms: int) -> Outcome:
    """Apply the filters of the campaign, and look for absorbers."""
    if n_atoms > config.filters.max_atoms or not passes_elements(config, frozenset(elements)):
        return Outcome.FILTERED
    return Outcome.NO_ABSORBER if set(elements).isdisjoint(config.absorbers) else Outcome.USABLE


def passes_elements(config: CampaignConfig, elements: frozenset[str]) -> bool:
    """Whether a structure of these elements passes the filters."""
    filters = config.filters
    return elements.issuperset(filters.required) and elements.isdisjoint(filters.excluded)


def _no_absorber_hash(config: CampaignConfig, wanted: str) -> str:
    # With another absorber the structure may be good: this failure is out of date then.
    return content_hash(wanted, sorted(config.absorbers))


def _no_absorber(config: CampaignConfig, name: str, formula: str, wanted: str) -> FailureDoc:
    failure = ItemFailure(
        "no_absorber",
        f"{formula} holds none of the absorbers {', '.join(config.absorbers)}",
        "add one of its elements to `absorbers` if it should take part",
    )
    return failure_doc(config, name, _no_absorber_hash(config, wanted), failure)


def failure_doc(
    config: CampaignConfig, material_id: str, wanted: str, failure: ItemFailure
) -> FailureDoc:
    """Build the document of a structure that could not be used."""
    return FailureDoc(
        campaign=config.campaign,
        hash=wanted,
        stage="structures",
        item=material_id,
        absorber=None,
        kind=failure.kind,
        message=failure.message,
        hint=failure.hint,
    )


def _read(config: CampaignConfig, candidate: Candidate, wanted: str) -> StructureDoc | FailureDoc:
    try:
        return _structure(config, candidate, wanted)
    except ItemFailure as error:
        failure = error
    except ExafscnError:  # the source as a whole is gone, for example
        raise
    except Exception as error:
        # Parsers of third parties meet files that nobody foresaw.
        line = " ".join(str(error).split())[:200]
        failure = ItemFailure("unexpected", f"{type(error).__name__}: {line}", "report it")
    return failure_doc(config, candidate.material_id, wanted, failure)


def _structure(config: CampaignConfig, candidate: Candidate, wanted: str) -> StructureDoc:
    from exafscn_flows.crystal import absorbing_sites, reduce_structure, structure_hash

    source = config.sources[candidate.source]
    reduced = reduce_structure(source.load(candidate.entry), config.sites.symprec)
    sites = {
        element: [(s.site_index, s.multiplicity) for s in absorbing_sites(reduced, element)]
        for element in reduced.elements
    }
    return StructureDoc(
        campaign=config.campaign,
        hash=wanted,
        material_id=candidate.material_id,
        source=source.provenance(candidate.entry),
        formula=reduced.formula,
        chemical_system=reduced.chemical_system,
        elements=list(reduced.elements),
        n_atoms=len(reduced.structure),
        spacegroup=reduced.spacegroup,
        structure=reduced.structure.as_dict(),
        structure_hash=structure_hash(reduced.structure),
        inequivalent_sites=sites,
    )
