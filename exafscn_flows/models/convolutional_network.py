"""A convolutional network on curves, such as spectra along energy."""

from typing import Literal

from pydantic import Field

from exafscn_flows.models.base import ModelBase, ModelName
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.tasks.fitted import Fitted


class ConvolutionalNetwork(ModelBase):
    """Three convolutions over a curve and its slope, then a hidden layer, trained in torch.

    Features are the curve: each is taken for the neighbour of the next. Curve and slope are
    standardised point by point, and so are numbers to learn.
    """

    libraries = ("torch", "safetensors", "numpy")
    version = 3

    kind: Literal["convolutional_network"] = "convolutional_network"
    name: ModelName = "convolutional_network"
    epochs: int = Field(default=40, ge=1, description="Passes over the sites.")
    learning_rate: float = Field(
        default=3e-3, gt=0, description="Highest learning rate of AdamW in its cycle."
    )
    weight_decay: float = Field(default=0.01, ge=0, description="Weight decay of AdamW.")
    dropout: float = Field(
        default=0.3, ge=0, lt=1, description="Share of the hidden layer that is left out."
    )
    shift: float = Field(
        default=0.0,
        ge=0,
        description="Standard deviation of the random shifts of each curve along its axis in "
        "training, in the unit of the axis, e.g. eV.",
    )
    class_weight: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Power to which the rarity of a class at its absorber counts in training; "
        "numbers to learn take no notice of it.",
    )
    n_networks: int = Field(
        default=1, ge=1, le=100, description="Networks whose outputs are averaged."
    )

    def _fit(self, data: TrainingSet, seed: int) -> Fitted:
        # torch takes a second to import.
        from exafscn_flows.models.convolutional_training import train

        return train(self, data, seed)

    @classmethod
    def dump(cls, fitted: Fitted) -> bytes:
        from exafscn_flows.models.convolutional_layers import ConvolutionalLayers
        from exafscn_flows.models.network_file import dump_networks

        return dump_networks(fitted, ConvolutionalLayers)

    @classmethod
    def load(cls, data: bytes) -> Fitted:
        from exafscn_flows.models.convolutional_layers import ConvolutionalLayers
        from exafscn_flows.models.network_file import load_networks

        return load_networks(data, ConvolutionalLayers)
