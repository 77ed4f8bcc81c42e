"""The documents that exafscn keeps in MongoDB: one pydantic class per collection.

Those of models are in :mod:`exafscn_flows.store.results`.

Every document carries its campaign, a readable ``_id`` that makes duplicates impossible, and
the ``hash`` of the parameters and inputs that made it: where the hash that the campaign file
asks for differs, the document is out of date. ``created_at``, ``run_at`` and ``seconds`` are the
only fields that differ between two runs of one campaign.
"""

from datetime import datetime
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from exafscn_flows.keys import failure_key, item_key
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.spectra.parts import PatternType
from exafscn_flows.store.base import Document, SiteStageDoc, Vector, now
from exafscn_flows.store.results import (
    ExperimentDoc,
    MetricsDoc,
    ModelDoc,
    PredictionDoc,
    PromotionDoc,
)

STAGES = ("structures", "labels", "spectra", "features", "models", "experiments")
"""Stages of a campaign, in the order in which work flows through them."""


class CampaignDoc(Document):
    """One campaign: its settings as they were last run."""

    collection: ClassVar[str] = "campaigns"

    config: dict[str, Any] = Field(description="The campaign file, validated, with all defaults.")
    file: str | None = Field(
        default=None, description="Full path of that file; None if there is none."
    )
    plan_hash: str | None = Field(
        default=None, description="Hash of the settings and sources that chose the active sites."
    )
    filtered: int = Field(default=0, description="Structures that the filters left out.")

    run_at: datetime = Field(default_factory=now, description="Time of the last run, UTC.")

    @property
    def key(self) -> str:
        return ""

    def to_mongo(self) -> dict[str, Any]:
        """Return the document as it is stored; its ``_id`` is the campaign's name."""
        return {"_id": self.campaign, **self.model_dump()}


class ListingDoc(Document):
    """One page of what a remote source holds, as it was when the campaign began."""

    collection: ClassVar[str] = "listings"

    absorber: str = Field(description="Element that was asked for.")
    page: int = Field(description="Number of the page, from 0.")
    version: str = Field(description="Version of the remote database.")
    entries: list[tuple[str, list[str] | None, str]] = Field(
        description="Name, elements and fingerprint of each entry."
    )
    total: int = Field(description="Entries of all pages, as the server counts them.")
    more: bool = Field(description="Whether another page follows.")

    @property
    def key(self) -> str:
        return f"{self.hash}/{self.absorber}/{self.page:06d}"


class FetchedDoc(Document):
    """What a remote source sent for one entry."""

    collection: ClassVar[str] = "fetched"

    entry: str = Field(description="What the source calls it.")
    record: str = Field(description="What it sent, as JSON.")

    @property
    def key(self) -> str:
        return f"{self.hash}/{self.entry}"


class StructureDoc(Document):
    """One crystal structure: its primitive cell, or with stored spectra the cell as written.

    Of a measured spectrum without a structure, it holds what is known: the absorber.
    """

    collection: ClassVar[str] = "structures"

    material_id: str = Field(description="Name of the structure, unique in the campaign.")
    source: dict[str, Any] = Field(description="Where it comes from: kind, file or identifier.")
    source_hash: str = Field(description="Hash of the source's settings in the campaign file.")
    entry: str = Field(description="What the source calls it.")
    formula: str | None = Field(
        description="Reduced chemical formula; None of a measured spectrum without a structure."
    )
    chemical_system: str | None = Field(
        description="Elements in alphabetical order, e.g. 'Cu-O'; None without a structure."
    )
    elements: list[str] = Field(
        description="Element symbols, alphabetical; without a structure, the absorber alone."
    )
    n_atoms: int = Field(description="Atoms in the cell; 0 without a structure.")
    spacegroup: str | None = Field(
        description="Hermann-Mauguin symbol found by spglib; None without a structure."
    )
    structure: dict[str, Any] | None = Field(
        description="The cell, pymatgen Structure as a dict; None if it is not known."
    )
    structure_hash: str = Field(description="Hash of the cell itself.")
    inequivalent_sites: dict[str, list[tuple[int, int]]] = Field(
        description="By element: index in the cell and multiplicity of each site that can absorb."
    )
    averaged: list[str] = Field(
        description="Elements whose stored spectrum is the mean over all their sites."
    )

    @property
    def key(self) -> str:
        return self.material_id


class SiteDoc(Document):
    """One inequivalent absorbing site: the unit of all later work."""

    collection: ClassVar[str] = "sites"

    site: str = Field(description="Key of the site: material:absorber:index.")
    material_id: str = Field(description="Structure that holds the site.")
    absorber: str = Field(description="Element symbol of the absorbing atom.")
    site_index: int = Field(description="0-based index in the stored cell; of an average, a first.")
    multiplicity: int = Field(description="Sites in the cell that it stands for.")
    averaged: bool = Field(
        default=False, description="Whether its spectrum is the mean over all these sites."
    )
    formula: str | None = Field(
        description="Reduced chemical formula; None of a measured spectrum without a structure."
    )
    elements: list[str] = Field(
        description="Elements of the structure, alphabetical; without one, the absorber alone."
    )
    n_atoms: int = Field(description="Atoms in the cell; 0 without a structure.")
    file: str | None = Field(
        default=None, description="File of its measured spectrum; None of any other."
    )
    group: str | None = Field(
        default=None, description="Label of its measured spectrum in that file; None of any other."
    )
    stored: str | None = Field(
        default=None, description="Hash of its stored spectrum; None where there is none."
    )
    active: bool = Field(description="Whether the campaign file, as it stands, selects the site.")

    @property
    def key(self) -> str:
        return self.site

    @property
    def has_structure(self) -> bool:
        """Whether its structure is known; else there are no labels."""
        return self.formula is not None


class LabelDoc(SiteStageDoc):
    """What one site is, in the words of one target."""

    collection: ClassVar[str] = "labels"

    target: str = Field(description="Name of the target in the campaign file.")
    value: int | float | str = Field(description="Class, or number in the unit of the target.")
    weights: dict[str, float] | None = Field(
        description="Weight of every class, sum 1; None of numbers, and of classes without doubt."
    )
    spread: float | None = Field(
        description="Standard deviation of what a number is a mean of; None of classes."
    )
    details: dict[str, float | str | None] = Field(
        description="What else is known; of an average, the mean of numbers."
    )
    neighbours: dict[str, float] | None = Field(
        description="Number of CrystalNN's neighbours by element, of an average their mean; None "
        "where CrystalNN fails."
    )

    @property
    def key(self) -> str:
        return item_key(self.site, self.target)


class SpectrumDoc(SiteStageDoc):
    """EXAFS, XANES or PDF of one site, as the program or the source gives it."""

    collection: ClassVar[str] = "spectra"

    spectrum: str = Field(description="Name of the spectrum in the campaign file.")
    edge: str = Field(description="Absorption edge; empty of a PDF.")
    spectrum_type: PatternType = Field(default="EXAFS", description="EXAFS, XANES or PDF.")
    e0: float = Field(description="Energy where k = 0, eV; 0 of a PDF.")
    k: Vector = Field(
        description="Photoelectron wave number, 1/Å, shape (n_k,); empty if only mu is known, or G."
    )
    chi: Vector = Field(description="chi(k), shape (n_k,).")
    energy_rel: Vector = Field(description="Energy above e0, eV, shape (n_e,); empty of a PDF.")
    mu: Vector = Field(
        description="Absorption, FEFF's normalisation, or with an edge step of 1 if it was "
        "measured; shape (n_e,)."
    )
    mu0: Vector = Field(
        description="Embedded-atom background of mu, shape (n_e,); empty if it is not known."
    )
    r: Vector = Field(
        default_factory=lambda: np.empty(0),
        description="Distance, Å, shape (n_r,); empty but of a PDF.",
    )
    pdf: Vector = Field(
        default_factory=lambda: np.empty(0),
        description="G(r) of all pairs, 1/Å², shape (n_r,).",
    )
    dpdf: Vector = Field(
        default_factory=lambda: np.empty(0),
        description="G(r) of the pairs that contain the absorber's element, 1/Å², shape (n_r,).",
    )
    edge_step: float | None = Field(
        default=None,
        description="Height of the edge of a measured spectrum, in units of its mu; None if it is "
        "not known.",
    )
    kmin: float | None = Field(
        default=None, description="Start of the usable chi(k) of a measured spectrum, 1/Å."
    )
    kmax: float | None = Field(default=None, description="End of it, 1/Å.")
    noise: float | None = Field(
        default=None,
        description="Standard deviation of the noise of a measured chi(k) in this range; None if "
        "it is not known.",
    )
    warnings: list[str] = Field(
        default=[], description="What was guessed of a measured spectrum, or may be wrong."
    )
    formula: str | None = Field(
        default=None,
        description="Reduced formula of the sample that the file of a measured spectrum states; "
        "None without one. It tells whether the model of the package has learned such a compound, "
        "and nothing else.",
    )
    expected_error: float | None = Field(
        default=None,
        description="Of a spectrum that a model has predicted, how far it is off, as a root mean "
        "square over the points of what the model has learned; None of others.",
    )
    program: str = Field(description="Program that made the spectrum; 'measured' if it was.")
    version: str = Field(
        description="Version of the program, from its output; of what was measured, the format."
    )
    cards: dict[str, str] = Field(description="FEFF cards used.")
    seconds: float = Field(description="Processor seconds that the program took; 0 if stored.")
    computed: bool = Field(
        default=True, description="Whether it was computed; else a source has it stored."
    )
    found_in: str | None = Field(
        default=None,
        description="Campaign that had computed it; None if it was computed here, or is stored.",
    )

    @property
    def key(self) -> str:
        return item_key(self.site, self.spectrum)


def spectrum_of(doc: SpectrumDoc) -> Spectrum:
    """Return the spectrum that a document holds."""
    found = {name: getattr(doc, name) for name in Spectrum.__dataclass_fields__}
    return Spectrum(**found | {"warnings": tuple(doc.warnings)})


class FeatureDoc(SiteStageDoc):
    """One feature vector of one site."""

    collection: ClassVar[str] = "features"

    feature_set: str = Field(description="Name of the feature set in the campaign file.")
    vector: Vector = Field(description="Feature values, shape (n_features,).")

    @property
    def key(self) -> str:
        return item_key(self.site, self.feature_set)


class FailureDoc(Document):
    """Something that did not work: which stage, which item, why, and what to do."""

    collection: ClassVar[str] = "failures"

    stage: str = Field(description="Stage that failed, one of STAGES.")
    item: str = Field(description="Key of what failed: a structure, a label, a model, ...")
    absorber: str | None = Field(description="Absorber, where the item has one.")
    kind: str = Field(description="Short name of the cause.")
    message: str = Field(description="One line that says what is wrong.")
    hint: str = Field(description="What to do about it.")
    source: dict[str, Any] | None = Field(
        default=None, description="Where a structure that failed comes from; None of all else."
    )

    @property
    def key(self) -> str:
        return failure_key(self.stage, self.item)


DOCUMENTS: tuple[type[Document], ...] = (
    ListingDoc,
    FetchedDoc,
    StructureDoc,
    SiteDoc,
    LabelDoc,
    SpectrumDoc,
    FeatureDoc,
    ModelDoc,
    MetricsDoc,
    ExperimentDoc,
    PredictionDoc,
    PromotionDoc,
    FailureDoc,
)
