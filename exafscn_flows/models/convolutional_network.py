"""A convolutional network on curves, such as spectra along energy."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from exafscn_flows.models.base import ModelName
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


class ConvolutionalNetwork(NetworkSettings):
    """Three convolutions over a curve and its slope, then a hidden layer, trained in torch.

    Features are the curve: each is taken for the neighbour of the next. Curve and slope are
    standardised point by point, and so are numbers to learn.
    """

    version = 3

    kind: Literal["convolutional_network"] = "convolutional_network"
    name: ModelName = "convolutional_network"
    epochs: Epochs = 40
    learning_rate: LearningRate = 3e-3
    weight_decay: WeightDecay = 0.01
    dropout: Dropout = 0.3
    shift: float = Field(
        default=0.0,
        ge=0,
        description="Standard deviation of the random shifts of each curve along its axis in "
        "training, in the unit of the axis, e.g. eV.",
    )

    def _fit(self, data: TrainingSet, seed: int) -> Fitted:
        # torch takes a second to import.
        from exafscn_flows.models.convolutional_training import train

        return train(self, data, seed)

    @classmethod
    def layers(cls) -> "type[CurveNetwork]":
        from exafscn_flows.models.convolutional_layers import ConvolutionalLayers

        return ConvolutionalLayers
