"""What random forests and extra trees have in common."""

from typing import Annotated, Any, Literal

from pydantic import Field

from exafscn_flows.models.base import NAMES, SklearnModel
from exafscn_flows.targets.base import TaskName


class Forest(SklearnModel):
    """Settings of many randomised trees, under scikit-learn's own names."""

    n_estimators: int = Field(default=300, ge=1, description="Number of trees.")
    max_features: (
        Literal["sqrt"] | Annotated[int, Field(ge=1)] | Annotated[float, Field(gt=0, le=1)]
    ) = Field(
        default="sqrt",
        description="Features tried at each split: their number, their share, or its root.",
    )
    min_samples_leaf: int = Field(default=1, ge=1, description="Fewest sites in a leaf.")
    class_weight: Literal["balanced"] | None = Field(
        default=None,
        description="'balanced' gives every class the same weight; numbers take no notice of it.",
    )

    def arguments(self, seed: int, task: TaskName) -> dict[str, Any]:
        """Return the arguments of scikit-learn's class."""
        left_out = set(NAMES) | ({"class_weight"} if task == "numbers" else set())
        return {
            **self.model_dump(exclude=left_out),
            "random_state": seed,
            "n_jobs": 1,
        }
