"""Extremely randomised trees: Geurts, Ernst and Wehenkel, Machine Learning 63, 3 (2006)."""

from typing import TYPE_CHECKING, Literal

from exafscn_flows.models.base import ModelName
from exafscn_flows.models.forest import Forest

if TYPE_CHECKING:
    from sklearn.ensemble import ExtraTreesClassifier


class ExtraTrees(Forest):
    """scikit-learn's ExtraTreesClassifier, under its own parameter names.

    Like a random forest, but each split is the best of some drawn at random, and every tree sees
    all sites. It gains more than a forest from features that are many and noisy one by one.
    """

    kind: Literal["extra_trees"] = "extra_trees"
    name: ModelName = "extra_trees"

    def build(self, seed: int) -> "ExtraTreesClassifier":
        """Return the unfitted trees."""
        from sklearn.ensemble import ExtraTreesClassifier

        return ExtraTreesClassifier(**self.arguments(seed))
