"""Models that predict a label from features. Importing this package imports no library of them.

A new model is one file and one line in the union below.
"""

from typing import Annotated

from pydantic import Field

from exafscn_flows.models.bagging import Bagging
from exafscn_flows.models.extra_trees import ExtraTrees
from exafscn_flows.models.gradient_boosting import GradientBoosting
from exafscn_flows.models.mlp import Mlp
from exafscn_flows.models.random_forest import RandomForest

__all__ = ["Bagging", "ExtraTrees", "GradientBoosting", "Mlp", "ModelSettings", "RandomForest"]

ModelSettings = Annotated[
    RandomForest | ExtraTrees | Bagging | GradientBoosting | Mlp, Field(discriminator="kind")
]
