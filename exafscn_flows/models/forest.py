"""What random forests and extra trees have in common."""

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from exafscn_flows.models.base import EVERY_TASK, NAMES, SklearnModel
from exafscn_flows.models.class_weights import class_weights
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.targets.base import TaskName


class Forest(SklearnModel):
    """Settings of many randomised trees, under scikit-learn's own names."""

    tasks = EVERY_TASK

    n_estimators: int = Field(default=300, ge=1, description="Number of trees.")
    max_features: (
        Literal["sqrt"] | Annotated[int, Field(ge=1)] | Annotated[float, Field(gt=0, le=1)]
    ) = Field(
        default="sqrt",
        description="Features tried at each split: their number, their share, or its root.",
    )
    min_samples_leaf: int = Field(default=1, ge=1, description="Fewest sites in a leaf.")
    class_weight: Literal["balanced"] | Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None,
        description="'balanced' gives every class the same weight; a number, the power to which "
        "rarity at the absorber counts; numbers to learn take no notice of it.",
    )

    @property
    def seconds_per_site(self) -> float:
        return 2e-3 * self.n_estimators / 300

    @property
    def seconds_to_start(self) -> float:
        return 0.4 * self.n_estimators / 300  # a tree takes a while, however small it is

    def arguments(self, seed: int, task: TaskName) -> dict[str, Any]:
        """Return the arguments of scikit-learn's class."""
        of_sklearn = task == "classes" and self.class_weight == "balanced"
        left_out = set(NAMES) | (set() if of_sklearn else {"class_weight"})
        return {
            **self.model_dump(exclude=left_out),
            "random_state": seed,
            "n_jobs": 1,
        }

    def weights(self, data: TrainingSet) -> np.ndarray | None:
        if data.task != "classes" or not isinstance(self.class_weight, float):
            return None
        return class_weights(data, self.class_weight)
