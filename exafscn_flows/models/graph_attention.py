"""A graph attention network on the atoms around a site."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from exafscn_flows.models.base import EVERY_TASK, ModelName
from exafscn_flows.models.network_settings import (
    Dropout,
    Epochs,
    LearningRate,
    NetworkSettings,
    WeightDecay,
)
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.tasks.fitted import Fitted

if TYPE_CHECKING:
    from exafscn_flows.models.networks import CurveNetwork


class GraphAttention(NetworkSettings):
    """Three layers of attention among the atoms around a site, trained in torch.

    Features are a set of kind ``site_graph``, alone or before others in a concatenation. What
    follows it, such as a ``power_spectrum``, is given to the last layers by its principal
    components. In training, atoms are moved at random, as they vibrate.
    """

    takes = "site_graph"
    tasks = EVERY_TASK

    kind: Literal["graph_attention"] = "graph_attention"
    name: ModelName = "graph_attention"
    epochs: Epochs = 30
    learning_rate: LearningRate = 2e-3
    weight_decay: WeightDecay = 0.02
    dropout: Dropout = 0.1
    shake: float = Field(
        default=0.02,
        ge=0,
        le=0.5,
        description="Standard deviation of the coordinates of atoms in training, Å.",
    )

    def _fit(self, data: TrainingSet, seed: int) -> Fitted:
        # torch takes a second to import.
        from exafscn_flows.models.graph_training import train

        return train(self, data.on_first_part(), seed)

    @classmethod
    def layers(cls) -> "type[CurveNetwork]":
        from exafscn_flows.models.graph_layers import GraphLayers

        return GraphLayers
