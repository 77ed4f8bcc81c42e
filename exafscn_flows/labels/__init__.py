"""Targets of a site, computed from its structure."""

from typing import Any, Literal

from pydantic import Field

from exafscn_flows.config.base import StrictModel

__all__ = ["LabelSettings"]

_ALGORITHM_VERSION = 1
"""Raised whenever the code gives other labels for the same settings."""


class LabelSettings(StrictModel):
    """How the coordination of a site is found."""

    method: Literal["crystal_nn"] = Field(
        default="crystal_nn", description="pymatgen's CrystalNN with its default parameters."
    )

    def parameters(self) -> dict[str, Any]:
        """Return all that decides a label, except the structure; JSON-serialisable."""
        return {**self.model_dump(), "version": _ALGORITHM_VERSION}
