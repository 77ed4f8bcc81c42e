"""Extremely randomised trees: Geurts, Ernst and Wehenkel, Machine Learning 63, 3 (2006)."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from exafscn_flows.models.base import ModelName, SklearnModel

if TYPE_CHECKING:
    from sklearn.ensemble import ExtraTreesClassifier

_VERSION = 1
"""Grows whenever the code below gives another model than before."""


class ExtraTrees(SklearnModel):
    """scikit-learn's ExtraTreesClassifier, under its own parameter names.

    Like a random forest, but each split is the best of some drawn at random, and every tree sees
    all sites. It gains more than a forest from features that are many and noisy one by one.
    """

    kind: Literal["extra_trees"] = "extra_trees"
    name: ModelName = "extra_trees"
    n_estimators: int = Field(default=300, ge=1, description="Number of trees.")
    max_features: (
        Literal["sqrt"] | Annotated[int, Field(ge=1)] | Annotated[float, Field(gt=0, le=1)]
    ) = Field(
        default="sqrt",
        description="Features tried at each split: their number, their share, or its root.",
    )
    min_samples_leaf: int = Field(default=1, ge=1, description="Fewest sites in a leaf.")
    class_weight: Literal["balanced"] | None = Field(
        default=None, description="'balanced' gives every class the same weight."
    )

    def parameters(self) -> dict[str, Any]:
        """Return what determines the fitted model."""
        return {"version": _VERSION, **self.model_dump(exclude={"name"})}

    def build(self, seed: int) -> "ExtraTreesClassifier":
        """Return the unfitted trees."""
        from sklearn.ensemble import ExtraTreesClassifier

        return ExtraTreesClassifier(
            n_estimators=self.n_estimators,
            max_features=self.max_features,
            min_samples_leaf=self.min_samples_leaf,
            class_weight=self.class_weight,
            random_state=seed,
            n_jobs=1,
        )
