"""The atoms around a site first, then the target from them and the spectrum."""

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from exafscn_flows.models.base import ModelBase, ModelName, check_member
from exafscn_flows.models.extra_trees import ExtraTrees
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.strict import LocatedError
from exafscn_flows.tasks.fitted import Fitted

if TYPE_CHECKING:
    from exafscn_flows.targets.base import TaskName


AUXILIARY = "running_coordination"
"""Kind of the feature sets that a first stage can predict."""


class TwoStage(ModelBase):
    """Kernel ridge regression of the atoms around a site, and extra trees on them and chi(R).

    Features are k-weighted chi(k), a set of kind ``k_space``, alone or before others in a
    concatenation; the model makes chi(R) of them, and takes the others as they are. The trees
    learn from what the first stage says of sites whose formula it did not learn, as it will have
    to say it of new ones: leaving a formula out of a ridge regression has a closed form. Both
    learn from copies, too, whose k is stretched at random, as if all distances were a little
    shorter or longer.
    """

    takes = "k_space"

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
    n_landmarks: int = Field(
        default=2000,
        ge=10,
        le=10_000,
        description="Training sites and copies, drawn at random, with which others are compared "
        "(Nyström's approximation); all if there are fewer.",
    )
    width: float = Field(
        default=1.0,
        gt=0,
        description="Width of the Gaussian kernel, in root mean square distances of two sites.",
    )
    ridge: float = Field(
        default=3e-6, gt=0, description="Ridge penalty, by the number of training sites."
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
        return self.second.tasks

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
