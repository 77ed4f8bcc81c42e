"""The documents that exafscn keeps in MongoDB: one pydantic class per collection.

Every document carries its campaign, a readable ``_id`` that makes duplicates impossible, and
the ``hash`` of the parameters and inputs that made it: where the hash that the campaign file
asks for differs, the document is out of date. ``created_at``, ``run_at`` and ``seconds`` are the
only fields that differ between two runs of one campaign.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from bson.binary import Binary, BinaryVectorDtype
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from exafscn_flows.spectra.parts import SpectrumType

STAGES = ("structures", "labels", "spectra", "features", "models", "experiments")
"""Stages of a campaign, in the order in which work flows through them."""


def now() -> datetime:
    """Return the current time, UTC, with the millisecond resolution of MongoDB."""
    time = datetime.now(UTC)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def _to_array(value: Any) -> Any:
    if isinstance(value, Binary):
        return np.asarray(value.as_vector().data, dtype=np.float32)
    if isinstance(value, list | np.ndarray):
        return np.asarray(value, dtype=np.float32)
    return value


def _to_bson(value: np.ndarray) -> Binary:
    return Binary.from_vector(value.astype(float).tolist(), BinaryVectorDtype.FLOAT32)


Vector = Annotated[np.ndarray, BeforeValidator(_to_array), PlainSerializer(_to_bson)]
"""One-dimensional float32 array, stored as a BSON vector (4 bytes a value)."""


class Document(BaseModel):
    """Base of all documents.

    ``to_mongo`` and ``from_mongo`` are the only ways between MongoDB and these classes.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    collection: ClassVar[str]

    campaign: str = Field(description="Name of the campaign.")
    hash: str = Field(description="Hash of the parameters and inputs that made this document.")
    created_at: datetime = Field(default_factory=now, description="Time of writing, UTC.")

    @property
    def key(self) -> str:
        """What is unique within the campaign and the collection."""
        raise NotImplementedError

    def to_mongo(self) -> dict[str, Any]:
        """Return the document as it is stored, with its ``_id``."""
        return {"_id": f"{self.campaign}/{self.key}", **self.model_dump()}

    @classmethod
    def from_mongo(cls, raw: dict[str, Any]) -> Self:
        """Validate a stored document."""
        return cls.model_validate({name: value for name, value in raw.items() if name != "_id"})


class CampaignDoc(Document):
    """One campaign: its settings as they were last run."""

    collection: ClassVar[str] = "campaigns"

    config: dict[str, Any] = Field(description="The campaign file, validated, with all defaults.")
    plan_hash: str | None = Field(
        default=None, description="Hash of the settings and sources that chose the active sites."
    )

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
    """One crystal structure: its primitive cell, or with stored spectra the cell as written."""

    collection: ClassVar[str] = "structures"

    material_id: str = Field(description="Name of the structure, unique in the campaign.")
    source: dict[str, Any] = Field(description="Where it comes from: kind, file or identifier.")
    source_hash: str = Field(description="Hash of the source's settings in the campaign file.")
    entry: str = Field(description="What the source calls it.")
    formula: str = Field(description="Reduced chemical formula.")
    chemical_system: str = Field(description="Elements in alphabetical order, e.g. 'Cu-O'.")
    elements: list[str] = Field(description="Element symbols, alphabetical.")
    n_atoms: int = Field(description="Atoms in the cell.")
    spacegroup: str = Field(description="Hermann-Mauguin symbol found by spglib.")
    structure: dict[str, Any] = Field(description="The cell, pymatgen Structure as a dict.")
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
    formula: str = Field(description="Reduced chemical formula.")
    elements: list[str] = Field(description="Elements of the structure, alphabetical.")
    n_atoms: int = Field(description="Atoms in the cell.")
    active: bool = Field(description="Whether the campaign file, as it stands, selects the site.")

    @property
    def key(self) -> str:
        return self.site


class SiteStageDoc(Document):
    """Base of documents that hold one stage's result for one site."""

    site: str = Field(description="Key of the site: material:absorber:index.")
    absorber: str = Field(description="Element symbol of the absorbing atom.")

    @property
    def key(self) -> str:
        return self.site


class LabelDoc(SiteStageDoc):
    """CrystalNN coordination of one site."""

    collection: ClassVar[str] = "labels"

    cn: int = Field(description="Coordination number with the largest weight.")
    cn_weights: dict[str, float] = Field(description="CrystalNN weight of every CN; sum 1.")
    cn_mean: float = Field(description="Mean CN by these weights, a fractional label.")
    cn_average: float = Field(
        description="Mean CN of the sites that the spectrum stands for; a whole number for one."
    )
    neighbours: dict[str, int | float] = Field(
        description="Number of neighbours by element; of an average, their mean."
    )
    bond_length: float | None = Field(description="Mean bond length, Å; None without neighbours.")
    rivals: dict[str, float | None] = Field(
        default={}, description="CN by other methods; None where one fails."
    )


class SpectrumDoc(SiteStageDoc):
    """K-edge EXAFS or XANES of one site, as FEFF or the source gives it."""

    collection: ClassVar[str] = "spectra"

    edge: str = Field(description="Absorption edge.")
    spectrum_type: SpectrumType = Field(default="EXAFS", description="EXAFS or XANES.")
    e0: float = Field(description="Energy where k = 0, eV.")
    k: Vector = Field(
        description="Photoelectron wave number, 1/Å, shape (n_k,); empty if only mu is known."
    )
    chi: Vector = Field(description="chi(k), shape (n_k,).")
    energy_rel: Vector = Field(description="Energy above e0, eV, shape (n_e,).")
    mu: Vector = Field(description="Absorption, FEFF's normalisation, shape (n_e,).")
    mu0: Vector = Field(
        description="Embedded-atom background of mu, shape (n_e,); empty if it is not known."
    )
    program: str = Field(description="Program that made the spectrum.")
    version: str = Field(description="Version of the program, from its output.")
    cards: dict[str, str] = Field(description="FEFF cards used.")
    seconds: float = Field(description="Processor seconds that FEFF took here; 0 if stored.")


class FeatureDoc(SiteStageDoc):
    """One feature vector of one site."""

    collection: ClassVar[str] = "features"

    feature_set: str = Field(description="Name of the feature set in the campaign file.")
    vector: Vector = Field(description="Feature values, shape (n_features,).")

    @property
    def key(self) -> str:
        return f"{self.site}/{self.feature_set}"


class ModelStageDoc(Document):
    """Base of documents that describe one fitted model."""

    absorber: str = Field(description="Element symbol of the absorbing atom.")
    feature_set: str = Field(description="Name of the feature set.")
    model: str = Field(description="Name of the model in the campaign file.")

    @property
    def key(self) -> str:
        return f"{self.absorber}/{self.feature_set}/{self.model}"


class PromotionDoc(ModelStageDoc):
    """Which version of a model queries mean: writing this one document switches all of them."""

    collection: ClassVar[str] = "promotions"

    hash: str = Field(description="Version of the model, the hash of its other documents.")
    instead_of: str | None = Field(
        default=None,
        description="Version that the campaign file asked for when a user chose this one.",
    )


class ModelVersionDoc(ModelStageDoc):
    """Base of documents that describe one version of a model; their hash names it."""

    @property
    def key(self) -> str:
        return version_key(super().key, self.hash)


def version_key(model_key: str, version: str) -> str:
    """Key of the model and metrics documents of a version, from that of its model."""
    return f"{model_key}/{version}"


class ModelDoc(ModelVersionDoc):
    """A model fitted on all sites; its bytes are in GridFS."""

    collection: ClassVar[str] = "models"

    classes: list[int] = Field(description="Coordination numbers that the model can predict.")
    n_sites: int = Field(description="Number of training sites.")
    n_formulas: int = Field(description="Number of distinct formulas among them.")
    parameters: dict[str, Any] = Field(description="Parameters of the estimator.")
    importances: Vector | None = Field(
        description="Gini importance per feature, sum 1; None where trees do not decide."
    )
    axis: Vector = Field(description="Coordinate of each feature, e.g. R in Å.")
    axis_label: str = Field(description="What the axis is, with its unit.")
    file: str = Field(description="GridFS _id of the model's file.")
    sha256: str = Field(description="SHA-256 checksum of the file.")
    versions: dict[str, str] = Field(description="Library versions that made the model.")
    takes: str = Field(description="Hash of the settings of the feature vectors that it takes.")


class MetricsDoc(ModelVersionDoc):
    """Out-of-fold quality of one model, one formula on one side of every split."""

    collection: ClassVar[str] = "metrics"

    n_sites: int = Field(description="Number of sites.")
    n_formulas: int = Field(description="Number of distinct formulas.")
    classes: list[int] = Field(description="Coordination numbers, ascending.")
    class_counts: list[int] = Field(description="Sites per class.")
    rare: list[int] = Field(
        default=[],
        description="Classes with fewer formulas than folds: they count, but hardly, or not at "
        "all, can be learned.",
    )
    splits: dict[str, dict[str, Any]] = Field(
        description="By split ('grouped', 'random', and 'chemical_system' if asked for): "
        "accuracy, accuracy_std, fold_accuracy, "
        "balanced_accuracy, macro_f1, majority (baseline accuracy), confusion "
        "(rows: label, columns: prediction)."
    )


class ExperimentDoc(ModelStageDoc):
    """One experiment with a model: fitted anew on the folds of the split 'grouped'."""

    collection: ClassVar[str] = "experiments"

    experiment: str = Field(
        description="'importance', 'rmax', 'rmin' or 'learning_curve' of the study section."
    )
    value: float | None = Field(description="R limit, Å, or share of sites; None: importance.")
    n_train: float = Field(description="Sites that were learned from, mean over the folds.")
    accuracy: float = Field(description="Share of sites predicted right, out of fold.")
    accuracy_std: float = Field(description="Standard deviation of the folds' accuracies.")
    macro_f1: float = Field(description="Mean over the classes of F1.")
    bands: Vector | None = Field(
        default=None, description="Edges on the feature axis, shape (n_bands + 1,)."
    )
    drop: Vector | None = Field(
        default=None,
        description="Accuracy lost when the features of a band are permuted together, mean over "
        "the folds, shape (n_bands,).",
    )
    gradients: Vector | None = Field(
        default=None,
        description="Mean size of the integrated gradients by feature, sum 1, shape "
        "(n_features,); None where there are none.",
    )

    @property
    def key(self) -> str:
        return experiment_key(super().key, self.experiment, self.value)


def experiment_key(model_key: str, experiment: str, value: float | None) -> str:
    """Key of an experiment document, from the key of its model."""
    return f"{model_key}/{experiment}" + ("" if value is None else f"/{value}")


class PredictionDoc(SiteStageDoc):
    """Prediction for one site, out of fold: the model that made it never saw its formula.

    Of sites that came after its training, the model on all sites predicts; it never saw the site.
    """

    collection: ClassVar[str] = "predictions"

    material_id: str = Field(description="Structure that holds the site.")
    formula: str = Field(description="Reduced chemical formula.")
    elements: list[str] = Field(description="Elements of the structure.")
    chemical_system: str = Field(description="The same in one text, alphabetical: Cu-O-S.")
    neighbours: list[str] = Field(description="Elements among the labelled neighbours.")
    oxide: bool = Field(description="Whether O is among the elements of the structure.")
    feature_set: str = Field(description="Name of the feature set.")
    model: str = Field(description="Name of the model.")
    cn: int = Field(description="Predicted coordination number.")
    cn_label: int = Field(description="CrystalNN coordination number.")
    probability: float = Field(description="Probability of the predicted class.")
    probabilities: dict[str, float] = Field(description="Probability of every class.")
    expected_error: float = Field(
        description="Mean of |CN - predicted CN| by these probabilities, in neighbours."
    )
    disagrees: bool = Field(description="Whether prediction and label differ.")
    fold: int | None = Field(
        description="Fold in which the site was held out; None: it came after the training."
    )

    @property
    def key(self) -> str:
        return f"{self.site}/{self.hash}"

    def to_mongo(self) -> dict[str, Any]:
        """Return the document as it is stored, with its ``_id``: its fields, as they are.

        Nothing in it needs serialising, which is a tenth of the time that writing millions takes.
        """
        return {"_id": f"{self.campaign}/{self.key}", **dict(self)}


class FailureDoc(Document):
    """Something that did not work: which stage, which item, why, and what to do."""

    collection: ClassVar[str] = "failures"

    stage: str = Field(description="Stage that failed, one of STAGES.")
    item: str = Field(description="Key of the structure, the site, or the model.")
    absorber: str | None = Field(description="Absorber, where the item has one.")
    kind: str = Field(description="Short name of the cause.")
    message: str = Field(description="One line that says what is wrong.")
    hint: str = Field(description="What to do about it.")

    @property
    def key(self) -> str:
        return f"{self.stage}/{self.item}"


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
