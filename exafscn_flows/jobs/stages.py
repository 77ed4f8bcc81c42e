"""The stages of one site: labels, spectra and features, whichever of them is missing."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

from pymatgen.core import Structure

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import ExafscnError, ItemFailure
from exafscn_flows.features import FeatureSetModel, Inputs
from exafscn_flows.jobs.states import SiteState, State
from exafscn_flows.keys import item_key
from exafscn_flows.sources.base import Reader, StoredSite
from exafscn_flows.sources.structure_json import parse_structure_dict
from exafscn_flows.spectra import SpectraModel
from exafscn_flows.spectra.scratch import keeping
from exafscn_flows.store.base import Document
from exafscn_flows.store.documents import (
    FailureDoc,
    FeatureDoc,
    LabelDoc,
    SpectrumDoc,
    StructureDoc,
    spectrum_of,
)
from exafscn_flows.targets import TargetModel

if TYPE_CHECKING:
    from exafscn_flows.crystal import AbsorbingSite
    from exafscn_flows.targets.surroundings import Surroundings


class Results(Protocol):
    """Takes what comes out."""

    def add(self, stage: str, doc: Document) -> None:
        """Take a result or a failure."""

    def block(self, count: int) -> None:
        """Take note of features that cannot be computed for want of a spectrum."""


class Crystal(NamedTuple):
    """A structure, and where its source keeps it; None where only a spectrum was measured."""

    structure: Structure | None
    entry: tuple[str, str]
    surroundings: "Surroundings | None"

    @classmethod
    def of(cls, doc: StructureDoc) -> Self:
        from exafscn_flows.targets.surroundings import Surroundings

        if doc.structure is None:
            return cls(None, (doc.source_hash, doc.entry), None)
        structure = parse_structure_dict(doc.structure, f"stored structure {doc.material_id}")
        return cls(structure, (doc.source_hash, doc.entry), Surroundings(structure))


@dataclass(frozen=True)
class Sources:
    """Where spectra come from.

    Attributes
    ----------
    known
        Those of this site that are up to date, by name, as far as something is made from them.
    computed
        Those that were computed before, for this site or another campaign's, by hash.
    reader
        What reads the stored spectra of the structure; None if the campaign has none.
    scratch
        Folder for temporary files of those that are computed.
    kept
        Folder in which the folders of runs are kept; None if they are not.
    """

    known: Mapping[str, SpectrumDoc]
    computed: Mapping[str, SpectrumDoc]
    reader: Reader | None
    scratch: Path
    kept: Path | None = None


def process_site(
    config: CampaignConfig, state: SiteState, crystal: Crystal, sources: Sources, results: Results
) -> None:
    """Compute the stages that are missing for one site.

    Parameters
    ----------
    config
        Settings of the campaign.
    state
        What is there already.
    crystal
        Structure of the site.
    sources
        Where its spectra come from.
    results
        Takes documents and failures as they come.
    """
    for target in config.targets:
        # Without a structure there are none, nor of curves.
        if isinstance(target, TargetModel) and state.labels.get(target.name) is State.PENDING:
            label = _attempt(state, "labels", target.name, _label, config, target, state, crystal)
            results.add("labels", label)
    docs = dict(sources.known)
    for way in config.spectra:
        if state.spectra[way.name] is State.PENDING:
            doc = _attempt(state, "spectra", way.name, _spectrum, way, state, crystal, sources)
            results.add("spectra", doc)
            if isinstance(doc, SpectrumDoc):
                docs[way.name] = doc
    inputs = Inputs(
        {name: spectrum_of(doc).usable() for name, doc in docs.items()},
        crystal.structure,
        None if state.site.averaged else state.site.site_index,
    )
    for fset in config.features.sets:
        if state.features[fset.name] is not State.PENDING:
            continue
        if all(name in docs for name in fset.spectra):
            doc = _attempt(state, "features", fset.name, _feature, config, state, fset, inputs)
            results.add("features", doc)
        else:
            results.block(1)


def _attempt(
    state: SiteState, stage: str, name: str, compute: Callable[..., Document], *args: Any
) -> Document:
    """Compute a document, or the failure document that says why not."""
    try:
        doc = compute(*args)
    except ItemFailure as error:
        return failure_doc(state, stage, name, error)
    except ExafscnError:
        raise
    except Exception as error:
        # Third-party code meets odd crystals; one of them must not end a campaign of thousands.
        line = " ".join(str(error).split())[:200]
        failure = ItemFailure("unexpected", f"{type(error).__name__}: {line}", "report it")
        return failure_doc(state, stage, name, failure)
    return doc


def failure_doc(state: SiteState, stage: str, name: str, failure: ItemFailure) -> FailureDoc:
    """Build the document of something that failed for one site."""
    return FailureDoc(
        campaign=state.site.campaign,
        hash=getattr(state.wanted, stage)[name],
        stage=stage,
        item=item_key(state.site.site, name),
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


def _label(
    config: CampaignConfig, target: TargetModel, state: SiteState, crystal: Crystal
) -> LabelDoc:
    assert crystal.structure is not None
    assert crystal.surroundings is not None
    sites = _sites(config, state, crystal.structure)
    label = target.label(crystal.surroundings, sites)
    neighbours: dict[str, float] | None = None
    with suppress(ItemFailure):  # some targets have no need of them
        neighbours = crystal.surroundings.neighbours(sites)
    return LabelDoc(
        **_head(state, state.wanted.labels[target.name]),
        target=target.name,
        value=label.value,
        weights=None if label.weights is None else dict(label.weights),
        spread=label.spread,
        details=dict(label.details),
        neighbours=neighbours,
    )


def _sites(config: CampaignConfig, state: SiteState, structure: Structure) -> list["AbsorbingSite"]:
    """List the site, or those over which its spectrum is a mean."""
    from exafscn_flows.crystal import AbsorbingSite, absorbing_sites, as_written, check_element_at

    if state.site.averaged:
        return absorbing_sites(as_written(structure, config.sites.symprec), state.site.absorber)
    # A source may have named a site that is not there.
    check_element_at(structure, state.site.site_index, state.site.absorber)
    return [AbsorbingSite(state.site.site_index, state.site.multiplicity)]


def _spectrum(
    way: SpectraModel, state: SiteState, crystal: Crystal, sources: Sources
) -> SpectrumDoc:
    from exafscn_flows.crystal import check_element_at

    site = state.site
    wanted = state.wanted.spectra[way.name]
    head = _head(state, wanted) | {"spectrum": way.name}
    if way.stored:
        assert sources.reader is not None
        stored = StoredSite(site.absorber, site.site_index, site.averaged)
        spectrum = sources.reader.spectrum(crystal.entry[1], stored)
        return SpectrumDoc(**head, computed=False, **vars(spectrum))
    if site.averaged and not way.of_element:
        raise ItemFailure(
            "averaged_site",
            f"the stored spectrum of {site.absorber} is a mean over several sites, and {way.kind} "
            "computes that of one",
            "leave this spectrum, or this source, out",
        )
    assert crystal.structure is not None
    # A source may have named a site that is not there.
    check_element_at(crystal.structure, site.site_index, site.absorber)
    if way.found_by_content and wanted in sources.computed:
        found = sources.computed[wanted]
        return SpectrumDoc(
            **head, found_in=found.found_in or found.campaign, **vars(spectrum_of(found))
        )
    place = None
    if sources.kept is not None:
        # A key may hold slashes.
        place = sources.kept / site.campaign / site.site.replace("/", "_") / way.name
    with keeping(place):
        spectrum = way.compute(crystal.structure, site.site_index, sources.scratch)
    return SpectrumDoc(**head, **vars(spectrum))


def _feature(
    config: CampaignConfig, state: SiteState, fset: FeatureSetModel, inputs: Inputs
) -> FeatureDoc:
    if fset.takes_structure and inputs.structure is not None and inputs.site_index is not None:
        from exafscn_flows.crystal import check_element_at

        # A source may have named a site that is not there.
        check_element_at(inputs.structure, inputs.site_index, state.site.absorber)
    vector = fset.vector(inputs, config.features)
    head = _head(state, state.wanted.features[fset.name])
    return FeatureDoc(**head, feature_set=fset.name, vector=vector)
