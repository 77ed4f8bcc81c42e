"""A network that sees what a measurement shows of chi(k), and learns it from computed spectra."""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from exafscn_flows.features.k_space import KSpace
from exafscn_flows.features.settings import LarchSettings
from exafscn_flows.models.augmentation import Augmentation
from exafscn_flows.models.base import ModelBase, ModelName
from exafscn_flows.models.network_settings import Dropout, Epochs, LearningRate, WeightDecay
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.tasks.fitted import Fitted

if TYPE_CHECKING:
    from exafscn_flows.models.measured_fitted import MeasuredClassifier, MeasuredRegressor

_FIRST = 1.0
"""1/Å; what begins later has lost what the background, and a moved E0, are told by."""


class MeasuredNetwork(ModelBase):
    """Two hidden layers on chi(R) between 0.8 and 4.6 Å, for computed and measured spectra alike.

    Features are k-weighted chi(k), a set of kind ``k_space`` from k = 0.05 on, alone or before
    others in a concatenation. In training, most spectra are changed at random to what measurements
    are like, and autobk's background is taken off all of them. What the network sees is real part,
    imaginary part and size of chi(R), divided by its root mean square; the logarithm of that; the
    range of k; and the other features as they are. Trained in torch, used in numpy.
    """

    libraries = ("torch", "safetensors", "numpy", "scipy")
    takes = "k_space"

    kind: Literal["measured_network"] = "measured_network"
    name: ModelName = "measured_network"
    epochs: Epochs = 60
    learning_rate: LearningRate = 4e-3
    weight_decay: WeightDecay = 0.02
    dropout: Dropout = 0.1
    n_networks: int = Field(
        default=1, ge=1, le=20, description="Networks whose outputs are averaged."
    )
    softness: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Share of a label that is what its weights say of every class; the rest is the "
        "class itself.",
    )
    kweight: int = Field(
        default=2, ge=0, le=4, description="Power of k that weights the features it is given."
    )
    kmin: float = Field(
        default=3.0, gt=0, le=5, description="Start of the k range of computed spectra, 1/Å."
    )
    kmax: float = Field(
        default=12.0,
        gt=5,
        le=30,
        description="End of the k range of computed spectra, 1/Å, or where they end.",
    )
    augmentation: Augmentation = Field(
        default=Augmentation(), description="How computed spectra are changed in training."
    )

    def check_features(self, fset: Any, settings: LarchSettings) -> None:
        check_chi(fset, settings, self.kweight)

    def _fit(self, data: TrainingSet, seed: int) -> Fitted:
        # torch takes a second to import.
        from exafscn_flows.models.measured_training import train

        return train(self, data.on_first_part(), seed)

    @classmethod
    def dump(cls, fitted: Fitted) -> bytes:
        from exafscn_flows.models.measured_fitted import dump_measured

        return dump_measured(fitted)

    @classmethod
    def load(cls, data: bytes) -> "MeasuredClassifier | MeasuredRegressor":
        from exafscn_flows.models.measured_fitted import load_measured

        return load_measured(data)


def check_chi(fset: KSpace, settings: LarchSettings, kweight: int) -> None:
    """Check that features are chi(k) from near k = 0 on, with a weight.

    Raises
    ------
    ValueError
        If they are not.
    """
    if fset.weight(settings) != kweight:
        raise ValueError(
            f"chi(k) must be weighted by k^{kweight}, and is by k^{fset.weight(settings)}: set its "
            "kweight"
        )
    first = float(fset.k(settings)[0])
    if not 0 < first <= _FIRST:
        raise ValueError(f"it must begin above 0, at most at {_FIRST:g} 1/Å: set its kmin to 0.05")
