"""Bagging of decision trees: Breiman, Machine Learning 24, 123 (1996)."""

from typing import Any, Literal

import numpy as np
from pydantic import Field

from exafscn_flows.models.base import ModelName, SklearnModel
from exafscn_flows.models.soundness import TREE, sound_ensemble
from exafscn_flows.targets.base import TaskName


class Bagging(SklearnModel):
    """scikit-learn's BaggingClassifier or -Regressor of trees, under its own parameter names.

    Unlike in a random forest, every split of every tree tries all features, which takes the more
    time the more features there are.
    """

    nodes = frozenset(
        {
            ("ObjectNode", "sklearn.ensemble._bagging", "BaggingClassifier"),
            ("ObjectNode", "sklearn.ensemble._bagging", "BaggingRegressor"),
            ("ObjectNode", "sklearn.tree._classes", "DecisionTreeClassifier"),
            ("ObjectNode", "sklearn.tree._classes", "DecisionTreeRegressor"),
            TREE,
        }
    )

    kind: Literal["bagging"] = "bagging"
    name: ModelName = "bagging"
    n_estimators: int = Field(default=100, ge=1, description="Number of trees.")
    max_samples: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Sites drawn for each tree, as a share; None: as many as there are.",
    )
    min_samples_leaf: int = Field(default=1, ge=1, description="Fewest sites in a leaf.")

    def build(self, seed: int, task: TaskName) -> Any:
        """Return the unfitted trees."""
        from sklearn.ensemble import BaggingClassifier, BaggingRegressor
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

        bagging, tree = {
            "classes": (BaggingClassifier, DecisionTreeClassifier),
            "numbers": (BaggingRegressor, DecisionTreeRegressor),
        }[task]
        return bagging(
            estimator=tree(min_samples_leaf=self.min_samples_leaf),
            n_estimators=self.n_estimators,
            max_samples=self.max_samples,
            random_state=seed,
            n_jobs=1,
        )

    @classmethod
    def is_sound(cls, fitted: Any) -> bool:
        from sklearn.ensemble import BaggingClassifier, BaggingRegressor
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

        pairs = {BaggingClassifier: DecisionTreeClassifier, BaggingRegressor: DecisionTreeRegressor}
        return (
            sound_ensemble(fitted, pairs)
            and len(fitted.estimators_features_) == len(fitted.estimators_)
            and all(
                # A mask or a subset would shift the features below the indices of the tree.
                features.dtype.kind == "i"
                and np.array_equal(features, np.arange(fitted.n_features_in_))
                for features in fitted.estimators_features_
            )
        )
