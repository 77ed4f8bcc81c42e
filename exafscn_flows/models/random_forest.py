"""Random forests."""

from typing import Any, Literal

from exafscn_flows.models.base import ModelName
from exafscn_flows.models.forest import Forest
from exafscn_flows.models.soundness import TREE, sound_ensemble
from exafscn_flows.targets.base import TaskName


class RandomForest(Forest):
    """scikit-learn's RandomForestClassifier or -Regressor, under its own parameter names."""

    nodes = frozenset(
        {
            ("ObjectNode", "sklearn.ensemble._forest", "RandomForestClassifier"),
            ("ObjectNode", "sklearn.ensemble._forest", "RandomForestRegressor"),
            ("ObjectNode", "sklearn.tree._classes", "DecisionTreeClassifier"),
            ("ObjectNode", "sklearn.tree._classes", "DecisionTreeRegressor"),
            TREE,
        }
    )

    kind: Literal["random_forest"] = "random_forest"
    name: ModelName = "random_forest"

    def build(self, seed: int, task: TaskName) -> Any:
        """Return the unfitted forest."""
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        of_task = RandomForestClassifier if task == "classes" else RandomForestRegressor
        return of_task(**self.arguments(seed, task))

    @classmethod
    def is_sound(cls, fitted: Any) -> bool:
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

        pairs = {
            RandomForestClassifier: DecisionTreeClassifier,
            RandomForestRegressor: DecisionTreeRegressor,
        }
        return sound_ensemble(fitted, pairs)
