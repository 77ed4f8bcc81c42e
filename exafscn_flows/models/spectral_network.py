"""A network on k-weighted chi(k), for one absorber or for all."""

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


class SpectralNetwork(NetworkSettings):
    """Two hidden layers on chi(k) in three weights and complex chi(R), trained in torch.

    Features are k-weighted chi(k), a set of kind ``k_space``, alone or before others in a
    concatenation; the network makes chi(R) of them, and takes the others as they are.
    In training, k is stretched at random, as if all distances were a little shorter or longer;
    probabilities are the mean of those of the spectrum, stretched and pressed by two thirds of the
    most in training, and as it is.
    Inputs are standardised, and so are numbers to learn. One more network learns which absorber a
    spectrum is of, and to tell it from wrong ones: it gives the out-of-distribution score.
    """

    takes = "k_space"
    version = 3

    kind: Literal["spectral_network"] = "spectral_network"
    name: ModelName = "spectral_network"
    epochs: Epochs = 60
    learning_rate: LearningRate = 5e-3
    weight_decay: WeightDecay = 0.02
    dropout: Dropout = 0.2
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

    def _fit(self, data: TrainingSet, seed: int) -> Fitted:
        # torch takes a second to import.
        from exafscn_flows.models.spectral_training import train

        return train(self, data.on_first_part(), seed)

    @classmethod
    def dump(cls, fitted: Fitted) -> bytes:
        from exafscn_flows.models.guarded import dump_guarded

        return dump_guarded(fitted, cls.layers())

    @classmethod
    def load(cls, data: bytes) -> Fitted:
        from exafscn_flows.models.guarded import load_guarded

        return load_guarded(data, cls.layers())

    @classmethod
    def layers(cls) -> "type[CurveNetwork]":
        from exafscn_flows.models.spectral_layers import SpectralLayers

        return SpectralLayers
