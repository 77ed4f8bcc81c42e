"""A network for measured near edges, which learns them from computed ones."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from exafscn_flows.models.base import ModelBase, ModelName
from exafscn_flows.models.near_edge_augmentation import NearEdgeAugmentation
from exafscn_flows.models.network_settings import Dropout, Epochs, LearningRate, WeightDecay
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.tasks.fitted import Fitted

if TYPE_CHECKING:
    from exafscn_flows.models.near_edge_fitted import NearEdgeClassifier


class NearEdgeNetwork(ModelBase):
    """Two hidden layers on a near edge and its slope, for computed and measured spectra alike.

    Features are normalised mu(E), a set of kind ``xanes``, alone or before others in a
    concatenation. In training, most spectra are changed at random to what measurements are like.
    Trained in torch, used in numpy.
    """

    libraries = ("torch", "safetensors", "numpy")
    takes = "xanes"
    tasks = frozenset({"classes"})

    kind: Literal["near_edge_network"] = "near_edge_network"
    name: ModelName = "near_edge_network"
    epochs: Epochs = 30
    learning_rate: LearningRate = 4e-3
    weight_decay: WeightDecay = 0.02
    dropout: Dropout = 0.2
    n_networks: int = Field(
        default=3, ge=1, le=20, description="Networks whose outputs are averaged."
    )
    softness: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Share of a label that is what its weights say of every class; the rest is the "
        "class itself.",
    )
    changes: NearEdgeAugmentation = Field(
        default=NearEdgeAugmentation(), description="How computed spectra are changed in training."
    )

    def _fit(self, data: TrainingSet, seed: int) -> Fitted:
        # torch takes a second to import.
        from exafscn_flows.models.near_edge_training import train

        return train(self, data.on_first_part(), seed)

    @classmethod
    def dump(cls, fitted: Fitted) -> bytes:
        from exafscn_flows.models.near_edge_fitted import dump_near_edge

        return dump_near_edge(fitted)

    @classmethod
    def load(cls, data: bytes) -> "NearEdgeClassifier":
        from exafscn_flows.models.near_edge_fitted import load_near_edge

        return load_near_edge(data)
