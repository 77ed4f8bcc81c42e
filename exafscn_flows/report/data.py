"""What a campaign report is made from: results only, no database and no drawing."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypedDict

import numpy as np

from exafscn_flows.report.study_data import LabelReport, Provenance, StudyData
from exafscn_flows.report.view import View
from exafscn_flows.report.views import view_of
from exafscn_flows.store.results import MetricsDoc, ModelDoc
from exafscn_flows.targets.base import TaskName, Value


@dataclass(frozen=True)
class TargetReport:
    """One target of the campaign.

    Attributes
    ----------
    name
        Its name in the campaign file.
    task
        Whether it is one of several classes, a number, or a curve.
    title
        What it is called in sentences.
    short
        What it is called in the head of a table.
    unit
        Unit of its numbers; empty for none.
    """

    name: str
    task: TaskName
    title: str
    short: str
    unit: str = ""

    @property
    def view(self) -> View:
        """How its kind is shown."""
        return view_of(self.task)


class MeanVector(NamedTuple):
    """Mean feature vector of some sites, shape (n_features,), with what they have in common."""

    name: str
    n_sites: int
    vector: np.ndarray


class FeaturePart(NamedTuple):
    """A part of a concatenation: its name, the coordinates of its features, and two labels."""

    name: str
    axis: np.ndarray
    axis_label: str
    value_label: str


class CurveExample(NamedTuple):
    """A predicted curve, its label, and the mean of all labels, each of shape (n_axis,)."""

    name: str
    site: str
    formula: str
    error: float
    curve: np.ndarray
    label: np.ndarray
    mean: np.ndarray


_NONE = np.empty(0)


@dataclass(frozen=True)
class ModelReport:
    """One model: a target, an absorber, a feature set and an estimator.

    Attributes
    ----------
    metrics
        Out-of-fold quality, with the splits ``"grouped"`` and ``"random"``, perhaps
        ``"chemical_system"``.
    model_doc
        The model fitted on all sites; where it has importances, on the axis of the features.
    mean_vectors
        Mean feature vectors of the groups of `View.groups`.
    value_label
        What a feature value is, with its unit; |chi(R)| has Å to the power -(kweight + 1).
    label, value
        Label and grouped out-of-fold prediction of each site, shape (n_sites,); of curves nothing.
    parts
        Of a concatenation, its parts, in the order of the features.
    examples
        Of curves, the best, the median and the worst prediction.
    """

    metrics: MetricsDoc
    model_doc: ModelDoc
    mean_vectors: list[MeanVector]
    value_label: str = "|χ(R)| (Å⁻³)"
    label: np.ndarray = field(default_factory=lambda: _NONE)
    value: np.ndarray = field(default_factory=lambda: _NONE)
    parts: tuple[FeaturePart, ...] = ()
    examples: tuple[CurveExample, ...] = ()

    @property
    def target(self) -> str:
        """Name of the target in the campaign file."""
        return self.metrics.target

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
    def class_counts(self) -> dict[Value, int]:
        """Number of sites by class."""
        return dict(zip(self.metrics.classes, self.metrics.class_counts, strict=True))

    @property
    def score(self) -> float:
        """By what models are compared, in the split ``"grouped"``."""
        score: float = self.metrics.splits["grouped"][view_of(self.metrics.task).score.key]
        return score


def best_models(reports: Iterable[ModelReport]) -> list[ModelReport]:
    """Return the best model of each target and absorber, in their order."""
    best: dict[tuple[str, str], ModelReport] = {}
    for report in reports:
        key = report.target, report.absorber
        rival = best.get(key)
        if rival is None or view_of(report.metrics.task).better(report.score, rival.score):
            best[key] = report
    return list(best.values())


@dataclass(frozen=True)
class StageCount:
    """How far one stage has come for one absorber; absorber None stands for all together.

    Attributes
    ----------
    blocked
        Work that cannot be done because an earlier stage failed.
    left_out
        What the campaign file leaves out, such as files without an absorber: it has not failed.
    """

    stage: str
    absorber: str | None
    done: int
    failed: int
    pending: int
    blocked: int = 0
    left_out: int = 0


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

    target: str
    site: str
    formula: str
    feature_set: str
    label: Value | None
    value: Value | None
    probability: float | None
    expected_error: float
    error: float | None


class Skipped(NamedTuple):
    """A model that could not be fitted, and why."""

    target: str
    absorber: str
    feature_set: str
    model: str
    reason: str


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
    targets
        In the order of the campaign file.
    models
        In the order of the campaign file: by target, then absorber, feature set and model.
    skipped
        Models that could not be fitted.
    disagreements
        By target, the first the most worth a look: of classes the most probable, of numbers the
        largest error among those beyond what was expected.
    timings
        Number by what it is, with its unit, e.g. ``{"FEFF, processor seconds": 612.4}``.
    provenance
        What the models are made from; None if there are no models.
    labels
        How sure the labels are, by target with weights and absorber with a model.
    study
        None for a campaign without a study section.
    """

    campaign: str
    settings_yaml: str
    versions: dict[str, str]
    created_at: datetime
    stages: list[StageCount]
    failures: list[FailureGroup]
    targets: list[TargetReport]
    models: list[ModelReport]
    skipped: list[Skipped]
    disagreements: list[Disagreement]
    timings: dict[str, float]
    provenance: Provenance | None = None
    labels: list[LabelReport] = field(default_factory=list)
    study: StudyData | None = None
