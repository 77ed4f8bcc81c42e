"""Extremely randomised trees: Geurts, Ernst and Wehenkel, Machine Learning 63, 3 (2006)."""

from typing import Any, Literal

from exafscn_flows.models.base import ModelName
from exafscn_flows.models.forest import Forest
from exafscn_flows.models.soundness import TREE, sound_ensemble
from exafscn_flows.targets.base import TaskName


class ExtraTrees(Forest):
    """scikit-learn's ExtraTreesClassifier or -Regressor, under its own parameter names.

    Like a random forest, but each split is the best of some drawn at random, and every tree sees
    all sites. It gains more than a forest from features that are many and noisy one by one.
    """

    nodes = frozenset(
        {
            ("ObjectNode", "sklearn.ensemble._forest", "ExtraTreesClassifier"),
            ("ObjectNode", "sklearn.ensemble._forest", "ExtraTreesRegressor"),
            ("ObjectNode", "sklearn.tree._classes", "ExtraTreeClassifier"),
            ("ObjectNode", "sklearn.tree._classes", "ExtraTreeRegressor"),
            TREE,
        }
    )

    kind: Literal["extra_trees"] = "extra_trees"
    name: ModelName = "extra_trees"

    def build(self, seed: int, task: TaskName) -> Any:
        """Return the unfitted trees."""
        from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

        of_task = ExtraTreesClassifier if task == "classes" else ExtraTreesRegressor
        return of_task(**self.arguments(seed, task))

    @classmethod
    def is_sound(cls, fitted: Any) -> bool:
        from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
        from sklearn.tree import ExtraTreeClassifier, ExtraTreeRegressor

        pairs = {
            ExtraTreesClassifier: ExtraTreeClassifier,
            ExtraTreesRegressor: ExtraTreeRegressor,
        }
        return sound_ensemble(fitted, pairs)
