"""Targets of a site, computed from its structure."""

from typing import Any, Literal

from pydantic import Field, field_validator

from exafscn_flows.config.base import StrictModel, check_unique

__all__ = ["LabelSettings", "RivalMethod"]

RivalMethod = Literal["voronoi_nn", "minimum_distance_nn", "brunner_nn"]
"""Methods of pymatgen whose coordination numbers can be kept beside the label."""

_ALGORITHM_VERSION = 3
"""Raised whenever the code gives other labels for the same settings."""


class LabelSettings(StrictModel):
    """How the coordination of a site is found."""

    method: Literal["crystal_nn"] = Field(
        default="crystal_nn", description="pymatgen's CrystalNN with its default parameters."
    )

    mode: Literal["uniform", "averaged"] = Field(
        default="uniform",
        description="For stored spectra that are a mean over several sites: `uniform` takes "
        "those whose sites have one CN only, `averaged` all, with their mean CN as a fractional "
        "label.",
    )

    rivals: list[RivalMethod] = Field(
        default=[],
        description="Other methods whose CN is kept beside the label, to compare; nothing learns "
        "from it.",
    )

    @field_validator("rivals")
    @classmethod
    def _rivals(cls, methods: list[RivalMethod]) -> list[RivalMethod]:
        check_unique(methods, "a method is listed twice")
        return methods

    def parameters(self, averaged: bool) -> dict[str, Any]:
        """Return all that decides a label, except the structure; JSON-serialisable.

        Parameters
        ----------
        averaged
            Whether it is the label of a spectrum that is a mean over several sites.
        """
        parameters: dict[str, Any] = {"method": self.method, "version": _ALGORITHM_VERSION}
        if self.rivals:
            parameters["rivals"] = sorted(self.rivals)
        return parameters | {"mode": self.mode} if averaged else parameters
