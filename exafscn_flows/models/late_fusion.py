"""Late fusion: one model for each part of a concatenation, and one that weighs what they say."""

from collections.abc import Iterator, Sequence
from typing import Literal, Self

from pydantic import Field, model_validator

from exafscn_flows.models.base import ModelBase, ModelName, check_member
from exafscn_flows.models.registry import Member
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.strict import LocatedError
from exafscn_flows.targets.base import TaskName
from exafscn_flows.tasks.fitted import Fitted


class LateFusion(ModelBase):
    """Stacked models (Wolpert, Neural Networks 5, 241 (1992)) of one part of the features each.

    What is said of training sites by members that did not learn from them, nor from their formulas,
    trains a logistic regression of the classes, or a ridge regression of the numbers; then every
    member is fitted on all training sites.
    """

    takes_parts = True

    kind: Literal["late_fusion"] = "late_fusion"
    name: ModelName = "late_fusion"
    member: Member = Field(description="Model fitted on each part, written as in models.")

    @model_validator(mode="after")
    def _member_is_plain(self) -> Self:
        if self.search is not None:
            raise LocatedError(("search",), "late fusion has no parameters to search")
        check_member(self.member, ("member",), "late fusion")
        if self.member.comes_trained:
            message = "late fusion trains its member on every part, and this one comes trained"
            raise LocatedError(("member",), message)
        return self

    @property
    def tasks(self) -> frozenset[TaskName]:  # type: ignore[override]
        return self.member.tasks - {"curves"}

    @property
    def auxiliary(self) -> str | None:
        return self.member.auxiliary

    @property
    def libraries(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(dict.fromkeys((*self.member.libraries, "scikit-learn", "numpy")))

    def parameters(self) -> dict[str, object]:
        return {"version": self.version, "kind": self.kind, "member": self.member.parameters()}

    def taken(self, parts: Sequence[str]) -> Iterator[tuple[str | None, ModelBase]]:
        if self.member.takes is not None:
            for name in parts:
                yield name, self.member

    def _fit(self, data: TrainingSet, seed: int) -> Fitted:
        from exafscn_flows.models.late_fusion_training import train

        return train(self.member, data, seed)

    @classmethod
    def dump(cls, fitted: Fitted) -> bytes:
        from exafscn_flows.models.late_fusion_file import dump_fusion

        return dump_fusion(fitted)

    @classmethod
    def load(cls, data: bytes) -> Fitted:
        from exafscn_flows.models.late_fusion_file import load_fusion

        return load_fusion(data)
