"""What the settings of all networks on curves have in common."""

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from exafscn_flows.models.base import ModelBase
from exafscn_flows.tasks.fitted import Fitted

if TYPE_CHECKING:
    from exafscn_flows.models.networks import CurveNetwork

Epochs = Annotated[int, Field(ge=1, description="Passes over the sites.")]
LearningRate = Annotated[
    float, Field(gt=0, description="Highest learning rate of AdamW in its cycle.")
]
WeightDecay = Annotated[float, Field(ge=0, description="Weight decay of AdamW.")]
Dropout = Annotated[
    float, Field(ge=0, lt=1, description="Share of each hidden layer that is left out in training.")
]


class NetworkSettings(ModelBase):
    """Base of networks that AdamW trains in torch, in one cycle of the learning rate."""

    libraries = ("torch", "safetensors", "numpy")

    epochs: Epochs
    learning_rate: LearningRate
    weight_decay: WeightDecay
    dropout: Dropout
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

    @classmethod
    @abstractmethod
    def layers(cls) -> "type[CurveNetwork]":
        """Return what each network is."""

    @classmethod
    def dump(cls, fitted: Fitted) -> bytes:
        # torch takes a second to import.
        from exafscn_flows.models.network_file import dump_networks

        return dump_networks(fitted, cls.layers())

    @classmethod
    def load(cls, data: bytes) -> Fitted:
        from exafscn_flows.models.network_file import load_networks

        return load_networks(data, cls.layers())
