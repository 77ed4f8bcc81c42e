"""The stages of one site: label, spectrum and features, whichever of them is missing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

from pymatgen.core import Structure

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import ExafscnError, ItemFailure
from exafscn_flows.features import FeatureSet
from exafscn_flows.jobs.states import SiteState, State
from exafscn_flows.sources.base import Reader, StoredSite
from exafscn_flows.sources.structure_json import parse_structure_dict
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.spectra.settings import FeffSettings
from exafscn_flows.store.base import Document
from exafscn_flows.store.documents import (
    FailureDoc,
    FeatureDoc,
    LabelDoc,
    SpectrumDoc,
    StructureDoc,
)


class Results(Protocol):
    """Takes what comes out."""

    def add(self, stage: str, doc: Document) -> None:
        """Take a result or a failure."""

    def block(self, count: int) -> None:
        """Take note of features that cannot be computed for want of a spectrum."""


class Crystal(NamedTuple):
    """A structure, and where its source keeps it."""

    structure: Structure
    entry: tuple[str, str]

    @classmethod
    def of(cls, doc: StructureDoc) -> Self:
        structure = parse_structure_dict(doc.structure, f"stored structure {doc.material_id}")
        return cls(structure, (doc.source_hash, doc.entry))


class Stored(NamedTuple):
    """Where the spectra of one structure are stored."""

    reader: Reader
    entry: str


def process_site(
    config: CampaignConfig,
    state: SiteState,
    structure: Structure,
    known: SpectrumDoc | None,
    source: Stored | Path,
    results: Results,
) -> None:
    """Compute the stages that are missing for one site.

    Parameters
    ----------
    config
        Settings of the campaign.
    state
        What is there already.
    structure
        Structure of the site.
    known
        Its spectrum, if that is up to date.
    source
        Where its spectrum is stored, or the scratch folder in which FEFF computes it.
    results
        Takes documents and failures as they come.
    """
    key = state.site.site
    if state.label is State.PENDING:
        wanted = state.wanted.label
        label = _attempt(state, "labels", key, wanted, _label, config, state, structure)
        results.add("labels", label)
    doc: Document | None = known
    if state.spectrum is State.PENDING:
        wanted = state.wanted.spectrum
        doc = _attempt(state, "spectra", key, wanted, _spectrum, config, state, structure, source)
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
    state: SiteState,
    stage: str,
    item: str,
    wanted: str,
    compute: Callable[..., Document],
    *args: Any,
) -> Document:
    """Compute a document, or the failure document that says why not."""
    try:
        doc = compute(*args)
    except ItemFailure as error:
        return failure_doc(state, stage, item, wanted, error)
    except ExafscnError:
        raise
    except Exception as error:
        # Third-party code meets odd crystals; one of them must not end a campaign of thousands.
        line = " ".join(str(error).split())[:200]
        failure = ItemFailure("unexpected", f"{type(error).__name__}: {line}", "report it")
        return failure_doc(state, stage, item, wanted, failure)
    return doc


def failure_doc(
    state: SiteState, stage: str, item: str, wanted: str, failure: ItemFailure
) -> FailureDoc:
    """Build the document of something that failed for one site."""
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


def _label(config: CampaignConfig, state: SiteState, structure: Structure) -> LabelDoc:
    from exafscn_flows.crystal import AbsorbingSite, absorbing_sites, as_written, check_element_at
    from exafscn_flows.labels.averaged import label_average
    from exafscn_flows.targets.crystal_nn import label_site

    if state.site.averaged:
        sites = absorbing_sites(as_written(structure, config.sites.symprec), state.site.absorber)
        label = label_average(structure, sites, config.labels.mode)
    else:
        # A source may have named a site that is not there.
        check_element_at(structure, state.site.site_index, state.site.absorber)
        sites = [AbsorbingSite(state.site.site_index, state.site.multiplicity)]
        label = label_site(structure, state.site.site_index)
    rivals: dict[str, float | None] = {}
    if config.labels.rivals:
        from exafscn_flows.targets.rivals import rival_cns  # takes a second

        rivals = rival_cns(structure, sites, config.labels.rivals)
    return LabelDoc(**_head(state, state.wanted.label), **vars(label), rivals=rivals)


def _spectrum(
    config: CampaignConfig, state: SiteState, structure: Structure, source: Stored | Path
) -> SpectrumDoc:
    from exafscn_flows.spectra.feff import compute_spectrum

    site = state.site
    if isinstance(source, Stored):
        stored = StoredSite(site.absorber, site.site_index, site.averaged)
        spectrum = source.reader.spectrum(source.entry, stored)
    else:
        assert isinstance(config.spectra, FeffSettings)
        spectrum = compute_spectrum(structure, site.site_index, config.spectra, source)
    return SpectrumDoc(**_head(state, state.wanted.spectrum), **vars(spectrum))


def _feature(
    config: CampaignConfig, state: SiteState, fset: FeatureSet, doc: SpectrumDoc
) -> FeatureDoc:
    fields = Spectrum.__dataclass_fields__
    spectrum = Spectrum(**{name: getattr(doc, name) for name in fields})
    vector = fset.transform(spectrum, config.features)
    head = _head(state, state.wanted.features[fset.name])
    return FeatureDoc(**head, feature_set=fset.name, vector=vector)
