"""The elements of a crystal: what an experimenter usually knows beside a spectrum."""

from typing import Any, Literal

import numpy as np

from exafscn_flows.elements import atomic_number
from exafscn_flows.errors import ItemFailure
from exafscn_flows.features.base import FeatureName, FromStructure
from exafscn_flows.features.inputs import Inputs
from exafscn_flows.features.settings import LarchSettings

N_ELEMENTS = 99
"""H to Es, beyond which FEFF has no atoms."""


class Composition(FromStructure):
    """Share of the atoms that each element has, 99 values from H to Es.

    It is side information, not what a spectrum tells: a model with it answers another question.
    """

    kind: Literal["composition"] = "composition"
    name: FeatureName = "composition"

    def parameters(self, settings: LarchSettings) -> dict[str, Any]:
        return {"version": 1, "kind": self.kind}

    def axis(self, settings: LarchSettings) -> tuple[np.ndarray, str]:
        """Return atomic numbers, shape (99,), and their label."""
        return np.arange(1.0, N_ELEMENTS + 1), "atomic number"

    def value_label(self, settings: LarchSettings) -> str:
        """Return what a value is."""
        return "share of the atoms"

    def vector(self, inputs: Inputs, settings: LarchSettings) -> np.ndarray:
        if inputs.structure is not None:
            numbers = np.array([site.specie.Z for site in inputs.structure])
            amounts = np.ones(len(numbers))
        elif inputs.composition is not None:
            numbers = np.array([atomic_number(one) for one in inputs.composition])
            amounts = np.array([*inputs.composition.values()], dtype=float)
        else:
            raise ItemFailure(
                "no_structure", "the elements of this site are not known", "take other features"
            )
        if numbers.max() > N_ELEMENTS:
            raise ItemFailure(
                "unknown_element",
                f"an element of atomic number {numbers.max()} is beyond Es ({N_ELEMENTS})",
                "leave the structure out",
            )
        counts = np.bincount(numbers, amounts, minlength=N_ELEMENTS + 1)[1:]
        shares: np.ndarray = (counts / amounts.sum()).astype(np.float32)
        return shares
