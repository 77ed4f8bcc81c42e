"""Targets that may leave out sites with some numbers of neighbours."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, field_validator

from exafscn_flows.errors import ItemFailure
from exafscn_flows.strict import check_unique
from exafscn_flows.targets.base import TargetModel

if TYPE_CHECKING:
    from exafscn_flows.targets.crystal_nn import Coordination


class NeighbourNumbers(TargetModel):
    """Base of targets of the sites with some coordination numbers by CrystalNN."""

    numbers: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=2)] | None = Field(
        default=None,
        description="Coordination numbers that take part: other sites get no label. None: all.",
    )

    @field_validator("numbers")
    @classmethod
    def _numbers(cls, numbers: list[int] | None) -> list[int] | None:
        check_unique(numbers or [], "a number is listed twice")
        return numbers and sorted(numbers)

    def parameters(self, averaged: bool) -> dict[str, Any]:
        parameters = super().parameters(averaged)
        if self.numbers is None:
            del parameters["numbers"]  # labels of before are the same
        return parameters

    def check_number(self, found: "Coordination") -> None:
        """Raise ItemFailure, ``other_coordination``, for a number that does not take part."""
        if self.numbers is not None and found.cn not in self.numbers:
            raise ItemFailure(
                "other_coordination",
                f"the site has {found.cn} neighbours, and numbers names others",
                "nothing; without numbers, the target takes all",
            )
