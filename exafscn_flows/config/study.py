"""The study section: what a campaign asks of its models beyond how good they are."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from exafscn_flows.evaluation.changes import ChangeName
from exafscn_flows.features.axes import LIMITS
from exafscn_flows.strict import StrictModel, check_unique

ClaimsName = Literal["exafs_coordination", "xanes_environment", "xanes_pdf"]

CLAIMS_ABOUT: dict[ClaimsName, tuple[str, ...]] = {
    "exafs_coordination": ("coordination_number",),
    "xanes_environment": ("environment",),
    "xanes_pdf": ("oxidation_state", "coordination_number", "bond_length"),
}
"""Kinds of the targets that a set of published claims is about."""

CURVES = (*LIMITS, "learning_curve")
"""Keys that list values, with each of which an experiment is made."""

FEW_SHOT = ("few_shot", "few_shot_alone")
"""Experiments with a new element: a model that learned all others, and one that did not."""

ROBUSTNESS = "robustness"
"""Experiment that asks models about held-out spectra that are changed as measurements are."""

Distance = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, le=1)]


class Study(StrictModel):
    """Experiments with the models of one feature set, all on the folds of the split `grouped`."""

    target: str | None = Field(
        default=None, description="Target that is looked into; None: the first."
    )
    feature_set: str | None = Field(
        default=None, description="Feature set that is looked into; None: the first."
    )
    importance: Annotated[list[str], Field(min_length=1)] | None = Field(
        default=None,
        description="Models whose importance is measured by permutation, for a multilayer "
        "perceptron by integrated gradients, too; None: the first.",
    )
    curves: Annotated[list[str], Field(min_length=1)] | None = Field(
        default=None, description="Models of which the curves below are made; None: the first."
    )
    rmax: list[Distance] = Field(
        default=[], description="Score with what lies below each of these R alone, Å."
    )
    rmin: list[Distance] = Field(
        default=[], description="Score with what lies above each of these R alone, Å."
    )
    emax: list[float] = Field(
        default=[], description="Score with what lies below each of these energies alone, eV."
    )
    emin: list[float] = Field(
        default=[], description="Score with what lies above each of these energies alone, eV."
    )
    learning_curve: list[Share] = Field(
        default=[],
        description="Score with each of these shares of the training sites, whole formulas.",
    )
    few_shot: list[Annotated[int, Field(ge=0)]] = Field(
        default=[],
        description="Score of an absorber of which a model of all absorbers has learned this many "
        "sites, beside that of a model that has learned nothing else.",
    )
    robustness: list[ChangeName] = Field(
        default=[],
        description="Score on held-out spectra with disorder, noise, an earlier end, a wrong E0, "
        "a background that takes more, a wrong edge step; of models of kind `measured_network`.",
    )
    claims: ClaimsName | None = Field(
        default=None,
        description="Published claims that the report judges, and figures that it sets beside its "
        "own; None: none.",
    )

    @model_validator(mode="after")
    def _values_differ(self) -> Self:
        for name in ("importance", "curves", *CURVES, "few_shot", ROBUSTNESS):
            check_unique(getattr(self, name) or [], "a value is listed twice", (name,))
        return self
