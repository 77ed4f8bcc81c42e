"""Kernel ridge regression on curves, such as spectra along energy."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from exafscn_flows.models.base import EVERY_TASK, ModelBase, ModelName
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.tasks.fitted import Fitted

if TYPE_CHECKING:
    from exafscn_flows.models.site_kernel import Kernel


class KernelSettings(ModelBase):
    """What models that compare each curve with those they have learned have in common."""

    width: float = Field(
        default=4.0,
        gt=0,
        description="Distance at which likeness has fallen to 1/e, in root mean square distances "
        "of two sites.",
    )
    shared: float = Field(
        default=0.8,
        ge=0,
        le=1,
        description="Of a model of all absorbers, what likeness counts for if absorbers differ; "
        "0: nothing is learned from others.",
    )
    ridge: float = Field(
        default=3e-3, gt=0, description="Ridge penalty: how much a label may be wrong."
    )
    max_sites: int = Field(
        default=10_000,
        ge=2,
        le=20_000,
        description="Sites that are learned; of more, as many are drawn at random. Memory and time "
        "grow with their square and cube (10,000: 2 GB).",
    )

    @property
    def kernel(self) -> "Kernel":
        """What is compared, and how."""
        from exafscn_flows.models.site_kernel import Kernel

        return Kernel(self.width, self.shared, self.ridge)


class KernelRidge(KernelSettings):
    """Kernel ridge regression of the target from curves and their slopes, or from other numbers.

    Features are a curve, or several in a concatenation: each column is taken for the neighbour of
    the next; or, without slopes, any numbers. Curve and slope are standardised point by point.
    Sites are as alike as exp(-d), with d the distance of their curves and slopes, in a metric that
    is learned where that helps with formulas left out. Of classes, 0 and 1 of each are fitted;
    probabilities are what comes out, at least 0.001, brought to a sum of 1.
    """

    version = 2

    tasks = EVERY_TASK

    libraries = ("scipy", "numpy")

    kind: Literal["kernel_ridge"] = "kernel_ridge"
    name: ModelName = "kernel_ridge"
    slopes: bool = Field(
        default=True,
        description="Whether slopes are compared beside the curves; not of features that are none.",
    )
    metric_rounds: int = Field(
        default=3,
        ge=0,
        le=20,
        description="Rounds, at most, in which is learned which directions of the features count "
        "for the distance of sites; 0: all alike.",
    )

    def _fit(self, data: TrainingSet, seed: int) -> Fitted:
        # scipy takes its time to import.
        from exafscn_flows.models.kernel_training import train_kernel

        return train_kernel(self, data, seed)

    @classmethod
    def dump(cls, fitted: Fitted) -> bytes:
        from exafscn_flows.models.kernel_file import dump_kernel

        return dump_kernel(fitted)

    @classmethod
    def load(cls, data: bytes) -> Fitted:
        from exafscn_flows.models.kernel_file import load_kernel

        return load_kernel(data)
