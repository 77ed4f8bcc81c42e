"""Random forests."""

from typing import TYPE_CHECKING, Any, Literal

from exafscn_flows.models.base import ModelName
from exafscn_flows.models.forest import Forest

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier

_VERSION = 1
"""Grows whenever the code below gives another model than before."""


class RandomForest(Forest):
    """scikit-learn's RandomForestClassifier, under its own parameter names."""

    kind: Literal["random_forest"] = "random_forest"
    name: ModelName = "random_forest"

    def parameters(self) -> dict[str, Any]:
        """Return what determines the fitted model."""
        return {"version": _VERSION, **self.model_dump(exclude={"name"})}

    def build(self, seed: int) -> "RandomForestClassifier":
        """Return the unfitted forest."""
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(**self.arguments(seed))
