"""A network on k-weighted chi(k), for one absorber or for all."""

from typing import Literal

from pydantic import Field

from exafscn_flows.models.base import ModelBase, ModelName
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.tasks.fitted import Fitted


class SpectralNetwork(ModelBase):
    """Two hidden layers on chi(k) in three weights and complex chi(R), trained in torch.

    Features are k-weighted chi(k), a set of kind ``k_space``; the network makes chi(R) of them.
    In training, k is stretched at random, as if all distances were a little shorter or longer.
    Inputs are standardised, and so are numbers to learn.
    """

    libraries = ("torch", "safetensors", "numpy")

    kind: Literal["spectral_network"] = "spectral_network"
    name: ModelName = "spectral_network"
    epochs: int = Field(default=60, ge=1, description="Passes over the sites.")
    learning_rate: float = Field(
        default=5e-3, gt=0, description="Highest learning rate of AdamW in its cycle."
    )
    weight_decay: float = Field(default=0.02, ge=0, description="Weight decay of AdamW.")
    dropout: float = Field(
        default=0.2, ge=0, lt=1, description="Share of each hidden layer that is left out."
    )
    stretch: float = Field(
        default=0.03,
        ge=0,
        lt=0.5,
        description="Largest share by which k of a curve is stretched or pressed in training.",
    )
    softness: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Share of a label that is what its weights say of every class; the rest is the "
        "class itself.",
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
        from exafscn_flows.models.spectral_training import train

        return train(self, data, seed)

    @classmethod
    def dump(cls, fitted: Fitted) -> bytes:
        from exafscn_flows.models.network_file import dump_networks
        from exafscn_flows.models.spectral_layers import SpectralLayers

        return dump_networks(fitted, SpectralLayers)

    @classmethod
    def load(cls, data: bytes) -> Fitted:
        from exafscn_flows.models.network_file import load_networks
        from exafscn_flows.models.spectral_layers import SpectralLayers

        return load_networks(data, SpectralLayers)
