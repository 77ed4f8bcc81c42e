"""Models that predict labels from features. Importing this package imports no library of them.

A new model is one file and one line in the list below.
"""

from typing import TYPE_CHECKING

from exafscn_flows.models.bagging import Bagging
from exafscn_flows.models.base import ModelBase
from exafscn_flows.models.extra_trees import ExtraTrees
from exafscn_flows.models.gradient_boosting import GradientBoosting
from exafscn_flows.models.mlp import Mlp
from exafscn_flows.models.random_forest import RandomForest
from exafscn_flows.registry import one_of, registered

__all__ = [
    "MODELS",
    "Bagging",
    "ExtraTrees",
    "GradientBoosting",
    "Mlp",
    "ModelSettings",
    "RandomForest",
]

MODELS: tuple[type[ModelBase], ...] = registered(
    "models",
    [
        RandomForest,
        ExtraTrees,
        Bagging,
        GradientBoosting,
        Mlp,
    ],
)

if TYPE_CHECKING:
    ModelSettings = ModelBase
else:
    ModelSettings = one_of(MODELS)
