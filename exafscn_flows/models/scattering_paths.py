"""EXAFS as a sum over scattering paths, of which a network learns amplitudes and phases."""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from exafscn_flows.features.settings import LarchSettings
from exafscn_flows.models.base import ModelName
from exafscn_flows.models.network_settings import (
    Dropout,
    Epochs,
    LearningRate,
    NetworkSettings,
    WeightDecay,
)
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.targets.base import TaskName
from exafscn_flows.tasks.fitted import Fitted

if TYPE_CHECKING:
    from exafscn_flows.models.networks import CurveNetwork


K_END = 16.0
"""Last k that the network makes, 1/Å."""
_ROUNDING = 1e-6


class ScatteringPaths(NetworkSettings):
    """A network that predicts k-weighted chi(k) from the atoms around a site, trained in torch.

    chi(k) is a sum of waves, one for each path of the photoelectron: to an atom and back, around
    triangles of the site and two near atoms, and to both and back (the EXAFS equation: Sayers,
    Stern and Lytle, Phys. Rev. Lett. 27, 1204 (1971)). Lengths of paths are known from the
    structure, and so is how fast each wave oscillates; the network learns how amplitude and phase
    depend on k, on the elements, on the distance, on the atoms before and beside it.

    Features are a set of kind ``site_graph``, alone or before others in a concatenation, which
    play no part, and targets curves along k.
    """

    takes = "site_graph"
    tasks = frozenset[TaskName]({"curves"})

    kind: Literal["scattering_paths"] = "scattering_paths"
    name: ModelName = "scattering_paths"
    epochs: Epochs = 24
    learning_rate: LearningRate = 3e-3
    weight_decay: WeightDecay = 0.02
    dropout: Dropout = 0.0
    pairs: int = Field(
        default=12,
        ge=0,
        le=40,
        description="Nearest atoms of which each two make paths of double scattering.",
    )

    def check_curve(self, fset: Any, settings: LarchSettings) -> None:
        k = fset.axis(settings)[0] if fset.kind == "k_space" else None
        if k is None or not 0 < k[0] < k[-1] <= K_END + _ROUNDING:
            raise ValueError(
                f"scattering paths make chi(k): take a k_space set from above 0 to {K_END:g} 1/Å"
            )

    def _fit(self, data: TrainingSet, seed: int) -> Fitted:
        # torch takes a second to import.
        from exafscn_flows.models.scattering_training import train

        return train(self, data.on_first_part(), seed)

    @classmethod
    def layers(cls) -> "type[CurveNetwork]":
        from exafscn_flows.models.scattering_layers import ScatteringLayers

        return ScatteringLayers
