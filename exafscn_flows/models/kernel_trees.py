"""Kernel ridge regression of the atoms around a site from a curve, and trees that know it."""

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from exafscn_flows.models.base import ModelName, check_member
from exafscn_flows.models.extra_trees import ExtraTrees
from exafscn_flows.models.kernel_ridge import KernelSettings
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.strict import LocatedError
from exafscn_flows.tasks.fitted import Fitted

if TYPE_CHECKING:
    from exafscn_flows.targets.base import TaskName


class KernelTrees(KernelSettings):
    """Kernel ridge regression of the atoms around a site and of the target, and extra trees.

    Features are a curve, as of `KernelRidge`, whose regression this is. The trees learn from the
    features and from what the regression says of sites whose formula it did not learn, as it will
    have to say it of new ones: leaving a formula out has a closed form.
    """

    version = 2

    kind: Literal["kernel_trees"] = "kernel_trees"
    name: ModelName = "kernel_trees"
    first: str = Field(
        description="Name of the feature set of kind running_coordination that the regression "
        "predicts: of new sites, it need not be known."
    )
    trees: ExtraTrees = Field(
        default=ExtraTrees(n_estimators=300, max_features=0.2),
        description="The trees, written as in models.",
    )

    @model_validator(mode="after")
    def _trees_are_plain(self) -> Self:
        if self.search is not None:
            raise LocatedError(("search",), "kernel trees have no parameters to search")
        check_member(self.trees, ("trees",), "kernel trees")
        return self

    @property
    def auxiliary(self) -> str | None:
        return self.first

    @property
    def tasks(self) -> "frozenset[TaskName]":  # type: ignore[override]
        return self.trees.tasks - {"curves"}

    @property
    def libraries(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(dict.fromkeys((*self.trees.libraries, "scipy", "numpy")))

    def parameters(self) -> dict[str, object]:
        return super().parameters() | {"trees": self.trees.parameters()}

    def _fit(self, data: TrainingSet, seed: int) -> Fitted:
        from exafscn_flows.models.kernel_training import train_trees

        return train_trees(self, data, seed)

    @classmethod
    def dump(cls, fitted: Fitted) -> bytes:
        from exafscn_flows.models.kernel_file import dump_trees

        return dump_trees(fitted)

    @classmethod
    def load(cls, data: bytes) -> Fitted:
        from exafscn_flows.models.kernel_file import load_trees

        return load_trees(data)
