"""The multilayer perceptron of the published study: two hidden layers of 512."""

from typing import Literal

from pydantic import Field

from exafscn_flows.models.base import EVERY_TASK, ModelBase, ModelName
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.tasks.fitted import Fitted


class Mlp(ModelBase):
    """Two hidden layers of 512 with ReLU and dropout, trained in torch by AdamW.

    A tenth of the sites, in whole formulas, is held back from training; training ends when the
    log loss there, or of numbers and curves the squared error, stops falling, and the best weights
    are kept. Features are standardised, and so are numbers to learn.
    """

    tasks = EVERY_TASK

    libraries = ("torch", "numpy")

    kind: Literal["mlp"] = "mlp"
    name: ModelName = "mlp"
    learning_rate: float = Field(default=1e-4, gt=0, description="Learning rate of AdamW.")
    weight_decay: float = Field(default=0.01, ge=0, description="Weight decay of AdamW.")
    dropout: float = Field(
        default=0.5, ge=0, lt=1, description="Share of each hidden layer that is left out."
    )
    max_epochs: int = Field(default=200, ge=1, description="Most passes over the sites.")
    patience: int = Field(
        default=20, ge=1, description="Passes without gain after which training ends."
    )

    def _fit(self, data: TrainingSet, seed: int) -> Fitted:
        # torch takes a second to import.
        from exafscn_flows.models.mlp_training import train

        return train(self, data, seed)

    @classmethod
    def dump(cls, fitted: Fitted) -> bytes:
        from exafscn_flows.models.mlp_file import dump_mlp

        return dump_mlp(fitted)

    @classmethod
    def load(cls, data: bytes) -> Fitted:
        from exafscn_flows.models.mlp_file import load_mlp

        return load_mlp(data)
