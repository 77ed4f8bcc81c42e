"""Random forests."""

from typing import TYPE_CHECKING, Literal

from exafscn_flows.models.base import ModelName
from exafscn_flows.models.forest import Forest

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier


class RandomForest(Forest):
    """scikit-learn's RandomForestClassifier, under its own parameter names."""

    kind: Literal["random_forest"] = "random_forest"
    name: ModelName = "random_forest"

    def build(self, seed: int) -> "RandomForestClassifier":
        """Return the unfitted forest."""
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(**self.arguments(seed))
