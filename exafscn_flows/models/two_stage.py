"""The atoms around a site first, then the target from them and the spectrum."""

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from exafscn_flows.models.base import ModelName, check_member
from exafscn_flows.models.extra_trees import ExtraTrees
from exafscn_flows.models.kernel_ridge import KernelSettings
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.strict import LocatedError
from exafscn_flows.tasks.fitted import Fitted

if TYPE_CHECKING:
    from exafscn_flows.targets.base import TaskName


AUXILIARY = "running_coordination"
"""Kind of the feature sets that a first stage can predict."""


class TwoStage(KernelSettings):
    """Kernel ridge regression of the atoms around a site and of the target, and extra trees.

    Features are k-weighted chi(k), a set of kind ``k_space``, alone or before others in a
    concatenation; the model makes chi(R) of them, and takes the others as they are. Sites are
    as alike as exp(-d), with d the distance of what it makes and takes. Other features, such as the
    shares of elements, count a fifth as much as the spectrum for that. The trees learn from that
    and from what the first stage says of sites whose formula it did not learn, as it will have to
    say it of new ones: leaving a formula out has a closed form. They learn from copies, too, whose
    k is stretched at random, as if all distances were a little shorter or longer.
    """

    takes = "k_space"

    version = 3

    kind: Literal["two_stage"] = "two_stage"
    name: ModelName = "two_stage"
    first: str = Field(
        description="Name of the feature set of kind running_coordination that the first stage "
        "predicts: of new sites, it need not be known."
    )
    second: ExtraTrees = Field(
        default=ExtraTrees(n_estimators=200, max_features=0.1),
        description="The second stage, written as in models.",
    )
    softness: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Share of a label, as the first stage learns it, that is what its weights say "
        "of every class; the rest is the class itself.",
    )
    shared: float = Field(
        default=0.9,
        ge=0,
        le=1,
        description="Of a model of all absorbers, what likeness counts for if absorbers differ; "
        "0: nothing is learned from others.",
    )
    ridge: float = Field(
        default=0.01, gt=0, description="Ridge penalty: how much a label may be wrong."
    )
    max_sites: int = Field(
        default=20_000,
        ge=2,
        le=30_000,
        description="Sites that the first stage learns; of more, as many are drawn at random. "
        "Memory and time grow with their square and cube (11,000: 1.5 GB).",
    )
    n_copies: int = Field(default=3, ge=0, le=20, description="Stretched copies of each site.")
    stretch: float = Field(
        default=0.03,
        ge=0,
        lt=0.5,
        description="Largest share by which k of a copy is stretched or pressed.",
    )

    @model_validator(mode="after")
    def _second_is_plain(self) -> Self:
        if self.search is not None:
            raise LocatedError(("search",), "a model of two stages has no parameters to search")
        check_member(self.second, ("second",), "both stages")
        return self

    @property
    def auxiliary(self) -> str | None:
        return self.first

    @property
    def tasks(self) -> "frozenset[TaskName]":  # type: ignore[override]
        return self.second.tasks - {"curves"}

    @property
    def libraries(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(dict.fromkeys((*self.second.libraries, "scipy", "numpy")))

    def parameters(self) -> dict[str, object]:
        return super().parameters() | {"second": self.second.parameters()}

    def _fit(self, data: TrainingSet, seed: int) -> Fitted:
        from exafscn_flows.models.two_stage_training import train

        return train(self, data.on_first_part(), seed)

    @classmethod
    def dump(cls, fitted: Fitted) -> bytes:
        from exafscn_flows.models.two_stage_file import dump_two_stage

        return dump_two_stage(fitted)

    @classmethod
    def load(cls, data: bytes) -> Fitted:
        from exafscn_flows.models.two_stage_file import load_two_stage

        return load_two_stage(data)
