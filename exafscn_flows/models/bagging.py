"""Bagging of decision trees: Breiman, Machine Learning 24, 123 (1996)."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from exafscn_flows.models.base import ModelName, SklearnModel

if TYPE_CHECKING:
    from sklearn.ensemble import BaggingClassifier


class Bagging(SklearnModel):
    """scikit-learn's BaggingClassifier of decision trees, under its own parameter names.

    Unlike in a random forest, every split of every tree tries all features, which takes the more
    time the more features there are.
    """

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

    def build(self, seed: int) -> "BaggingClassifier":
        """Return the unfitted trees."""
        from sklearn.ensemble import BaggingClassifier
        from sklearn.tree import DecisionTreeClassifier

        return BaggingClassifier(
            estimator=DecisionTreeClassifier(min_samples_leaf=self.min_samples_leaf),
            n_estimators=self.n_estimators,
            max_samples=self.max_samples,
            random_state=seed,
            n_jobs=1,
        )
