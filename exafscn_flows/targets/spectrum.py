"""A spectrum itself, as one of the feature sets has it."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from exafscn_flows.targets.base import TargetBase, TargetName


class Spectrum(TargetBase):
    """The curve that another feature set of the campaign is, such as XANES on its grid.

    A label is the vector of that set, and is kept nowhere else: what the vector is out of date for,
    the label is, too.
    """

    task = "curves"
    title = "spectrum"
    short = "spectrum"

    kind: Literal["spectrum"] = "spectrum"
    name: TargetName = "spectrum"
    of: Annotated[str, StringConstraints(min_length=1)] = Field(
        description="Name of the feature set whose curve is learned: one along energy, k or R."
    )

    @property
    def vectors_of(self) -> str:
        """Name of that set."""
        return self.of
