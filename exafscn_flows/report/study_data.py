"""What the parts of a report about a study are made from."""

from dataclasses import dataclass
from typing import Any

from exafscn_flows.config.study import ClaimsName
from exafscn_flows.evaluation.label_study import Agreement, CertaintyBin
from exafscn_flows.store.results import ExperimentDoc


@dataclass(frozen=True)
class Provenance:
    """What all models of one campaign are made from.

    Attributes
    ----------
    sources
        Kinds of sources, in the order of the campaign file.
    spectra, targets
        What decides each spectrum and target, under the names of the campaign file.
    feature_sets
        By name, the settings of each feature set: those of the campaign file, completed by what
        all sets share, with the ``autobk`` and ``xftf`` that it goes through. A concatenation has
        them in its ``parts``.
    """

    sources: list[str]
    spectra: list[dict[str, Any]]
    targets: list[dict[str, Any]]
    feature_sets: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class StudyData:
    """What the study section of a campaign has brought.

    Attributes
    ----------
    target, feature_set
        Target and feature set that are looked into.
    experiments
        Experiments that are up to date, in the order of the campaign file.
    claims
        Name of the published claims that it is set beside; None for none.
    """

    target: str
    feature_set: str
    experiments: list[ExperimentDoc]
    claims: ClaimsName | None = None


@dataclass(frozen=True)
class LabelReport:
    """How sure the labels of one target and absorber are.

    Attributes
    ----------
    target
        Name of the target.
    feature_set, model
        The model whose out-of-fold predictions (split ``grouped``) are compared with the labels.
    agreements
        One entry per rival method.
    certainty
        Accuracy by the largest weight of a class.
    """

    target: str
    absorber: str
    feature_set: str
    model: str
    agreements: list[Agreement]
    certainty: list[CertaintyBin]
