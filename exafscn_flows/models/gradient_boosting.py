"""Gradient boosting on histograms: Ke et al., Advances in Neural Information Processing 30 (2017).

One tree is grown per class and iteration, so it takes longer than a forest where there are many
coordination numbers.
"""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from exafscn_flows.errors import ItemFailure
from exafscn_flows.models.base import Classifier, ModelName, SklearnModel

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

_MAX_BINS = 63
_MIN_SAMPLES_LEAF = 5  # rare coordination numbers have few sites


class GradientBoosting(SklearnModel):
    """scikit-learn's HistGradientBoostingClassifier, under its own parameter names.

    The number of iterations is fixed: scikit-learn's early stopping draws its own sites to watch,
    whatever their formulas, and fails for a coordination number that one site alone has.
    """

    kind: Literal["gradient_boosting"] = "gradient_boosting"
    name: ModelName = "gradient_boosting"
    max_iter: int = Field(default=100, ge=1, description="Iterations, each one tree per class.")
    learning_rate: float = Field(default=0.1, gt=0, description="Share of each tree that is added.")
    max_leaf_nodes: int = Field(default=15, ge=2, description="Most leaves of a tree.")
    l2_regularization: float = Field(
        default=5.0,
        ge=0,
        description="Damping of leaves; without it, rare classes can make boosting diverge.",
    )
    max_features: float = Field(
        default=0.1, gt=0, le=1, description="Share of the features that each split tries."
    )

    def build(self, seed: int) -> "HistGradientBoostingClassifier":
        """Return the unfitted trees."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(
            max_iter=self.max_iter,
            learning_rate=self.learning_rate,
            max_leaf_nodes=self.max_leaf_nodes,
            min_samples_leaf=_MIN_SAMPLES_LEAF,
            l2_regularization=self.l2_regularization,
            max_features=self.max_features,
            max_bins=_MAX_BINS,
            categorical_features=None,
            early_stopping=False,
            random_state=seed,
        )

    def _fit(self, X: np.ndarray, y: np.ndarray, groups: np.ndarray, seed: int) -> Classifier:
        if (y == y[0]).all():
            # scikit-learn would give probabilities of two classes.
            raise ItemFailure(
                "one_class",
                f"all {len(y)} training sites have the label {y[0]}, and boosting needs two",
                "take more structures, or another model than gradient_boosting",
            )
        fitted: Any = super()._fit(X, y, groups, seed)
        # Used up by the fit; the fewer types a stored model may hold, the better.
        fitted._feature_subsample_rng = None
        return fitted  # type: ignore[no-any-return]
