"""What a campaign report is made from: results only, no database and no drawing."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypedDict

import numpy as np

from exafscn_flows.report.study_data import LabelReport, Provenance, StudyData
from exafscn_flows.store.results import MetricsDoc, ModelDoc


@dataclass(frozen=True)
class ModelReport:
    """One model: an absorber, a feature set and an estimator.

    Attributes
    ----------
    metrics
        Out-of-fold quality, with the splits ``"grouped"`` and ``"random"``, perhaps
        ``"chemical_system"``.
    model_doc
        The model fitted on all sites; where it has importances, on the axis of the features.
    mean_vectors
        Mean feature vector by coordination number, shape (n_features,) each; the numbers are
        those of ``metrics.classes``.
    value_label
        What a feature value is, with its unit; |chi(R)| has Å to the power -(kweight + 1).
    """

    metrics: MetricsDoc
    model_doc: ModelDoc
    mean_vectors: dict[int, np.ndarray]
    value_label: str = "|χ(R)| (Å⁻³)"

    @property
    def absorber(self) -> str:
        """Element symbol of the absorbing atom."""
        return self.metrics.absorber

    @property
    def feature_set(self) -> str:
        """Name of the feature set in the campaign file."""
        return self.metrics.feature_set

    @property
    def model(self) -> str:
        """Name of the model in the campaign file."""
        return self.metrics.model

    @property
    def class_counts(self) -> dict[int, int]:
        """Number of sites by coordination number."""
        return dict(zip(self.metrics.classes, self.metrics.class_counts, strict=True))


@dataclass(frozen=True)
class StageCount:
    """How far one stage has come for one absorber; absorber None stands for all together.

    Attributes
    ----------
    blocked
        Work that cannot be done because an earlier stage failed.
    """

    stage: str
    absorber: str | None
    done: int
    failed: int
    pending: int
    blocked: int = 0


@dataclass(frozen=True)
class FailureGroup:
    """All failures of one stage with one cause, and one of them as an example."""

    stage: str
    kind: str
    count: int
    item: str
    message: str
    hint: str


class Disagreement(TypedDict):
    """One site whose out-of-fold prediction differs from its label."""

    site: str
    formula: str
    feature_set: str
    cn_label: int
    cn: int
    probability: float


@dataclass(frozen=True)
class ReportData:
    """Everything that the report of one campaign shows.

    Attributes
    ----------
    settings_yaml
        The campaign file as text.
    versions
        Version by name of library or program.
    created_at
        Time of the report.
    models
        In the order of the campaign file: by absorber, then feature set, then model.
    skipped
        Absorber and reason, for absorbers without a model.
    disagreements
        The most confident ones, the most probable prediction first.
    timings
        Number by what it is, with its unit, e.g. ``{"FEFF, processor seconds": 612.4}``.
    provenance
        What the models are made from; None if there are no models.
    labels
        How sure the labels are, by absorber with a model.
    study
        None for a campaign without a study section.
    """

    campaign: str
    settings_yaml: str
    versions: dict[str, str]
    created_at: datetime
    stages: list[StageCount]
    failures: list[FailureGroup]
    models: list[ModelReport]
    skipped: list[tuple[str, str]]
    disagreements: list[Disagreement]
    timings: dict[str, float]
    provenance: Provenance | None = None
    labels: list[LabelReport] = field(default_factory=list)
    study: StudyData | None = None
