"""Gradient boosting on histograms: Ke et al., Advances in Neural Information Processing 30 (2017).

Of classes, one tree is grown per class and iteration, so it takes longer than a forest where there
are many.
"""

from typing import Any, Literal

import numpy as np
from pydantic import Field

from exafscn_flows.errors import ItemFailure
from exafscn_flows.models.base import ModelName, SklearnModel
from exafscn_flows.models.soundness import sound_nodes
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.targets.base import TaskName
from exafscn_flows.tasks.fitted import Fitted

_MAX_BINS = 63
_MIN_SAMPLES_LEAF = 5  # rare classes have few sites

_BOOSTING = "sklearn.ensemble._hist_gradient_boosting"


class GradientBoosting(SklearnModel):
    """scikit-learn's HistGradientBoostingClassifier or -Regressor, under its own parameter names.

    The number of iterations is fixed: scikit-learn's early stopping draws its own sites to watch,
    whatever their formulas, and fails for a class that one site alone has.
    """

    nodes = frozenset(
        {
            ("ObjectNode", f"{_BOOSTING}.gradient_boosting", "HistGradientBoostingClassifier"),
            ("ObjectNode", f"{_BOOSTING}.gradient_boosting", "HistGradientBoostingRegressor"),
            ("ObjectNode", f"{_BOOSTING}.binning", "_BinMapper"),
            ("ObjectNode", f"{_BOOSTING}.predictor", "TreePredictor"),
            # With two classes, with more, and with numbers.
            ("ObjectNode", "sklearn.preprocessing._label", "LabelEncoder"),
            ("ObjectNode", "sklearn._loss.loss", "HalfBinomialLoss"),
            ("ObjectNode", "sklearn._loss.loss", "HalfMultinomialLoss"),
            ("ObjectNode", "sklearn._loss.loss", "HalfSquaredError"),
            ("LossNode", "sklearn._loss._loss", "CyHalfBinomialLoss"),
            ("LossNode", "sklearn._loss._loss", "CyHalfMultinomialLoss"),
            ("LossNode", "sklearn._loss._loss", "CyHalfSquaredError"),
            ("ObjectNode", "sklearn._loss.link", "LogitLink"),
            ("ObjectNode", "sklearn._loss.link", "MultinomialLogit"),
            ("ObjectNode", "sklearn._loss.link", "IdentityLink"),
            ("ObjectNode", "sklearn._loss.link", "Interval"),
            ("NdArrayNode", "numpy", "uint64"),
        }
    )

    kind: Literal["gradient_boosting"] = "gradient_boosting"
    name: ModelName = "gradient_boosting"
    max_iter: int = Field(
        default=100, ge=1, description="Iterations, each one tree, or one per class."
    )
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

    def build(self, seed: int, task: TaskName) -> Any:
        """Return the unfitted trees."""
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        of_task = {
            "classes": HistGradientBoostingClassifier,
            "numbers": HistGradientBoostingRegressor,
        }[task]
        return of_task(
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

    def _fit(self, data: TrainingSet, seed: int) -> Fitted:
        if data.task == "classes" and (data.y == data.y[0]).all():
            # scikit-learn would give probabilities of two classes.
            raise ItemFailure(
                "one_class",
                f"all {len(data)} training sites have the same label, and boosting needs two",
                "take more structures, or another model than gradient_boosting",
            )
        fitted: Any = super()._fit(data, seed)
        # Used up by the fit; the fewer types a stored model may hold, the better.
        fitted._feature_subsample_rng = None
        return fitted  # type: ignore[no-any-return]

    @classmethod
    def is_sound(cls, fitted: Any) -> bool:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        # type() and not isinstance: what is not exactly one of these was not written by us.
        if type(fitted) not in (HistGradientBoostingClassifier, HistGradientBoostingRegressor):
            return False
        n_outputs = fitted.n_trees_per_iteration_
        # Categories and the binned data of a running fit take other ways through a tree.
        return (
            not hasattr(fitted, "_in_fit")
            and fitted._preprocessor is None
            and not fitted._bin_mapper.is_categorical_.any()
            and fitted._baseline_prediction.shape == (1, n_outputs)
            and all(
                len(iteration) == n_outputs
                and all(_sound_tree(tree.nodes, fitted.n_features_in_) for tree in iteration)
                for iteration in fitted._predictors
            )
        )


def _sound_tree(nodes: np.ndarray, n_features: int) -> bool:
    inner = nodes["is_leaf"] == 0
    left, right = nodes["left"].astype(np.int64), nodes["right"].astype(np.int64)
    return (
        not nodes["is_categorical"].any()
        and bool(np.isfinite(nodes["value"]).all())
        and sound_nodes(inner, left, right, nodes["feature_idx"], n_features)
    )
