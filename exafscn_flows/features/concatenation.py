"""Several feature sets, one after the other."""

from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field

from exafscn_flows.features.base import FeatureName, FeatureSetModel
from exafscn_flows.features.columns import Columns
from exafscn_flows.features.inputs import Inputs
from exafscn_flows.features.registry import SETS, Part
from exafscn_flows.features.settings import LarchSettings
from exafscn_flows.registry import kind_of
from exafscn_flows.spectra import parts as spectra_parts
from exafscn_flows.strict import LocatedError


class Concatenation(FeatureSetModel):
    """The values of the first part, then those of the next."""

    kind: Literal["concatenation"] = "concatenation"
    name: FeatureName = "concatenation"
    parts: list[Part] = Field(min_length=2, description="Feature sets, written as in sets.")

    @classmethod
    def _default_name(cls, values: dict[str, Any]) -> str:
        parts = values.get("parts")
        names = [_name(part) for part in parts] if isinstance(parts, list) else []
        return "+".join(name for name in names if name) or super()._default_name(values)

    @property
    def takes_structure(self) -> bool:  # type: ignore[override]
        return any(part.takes_structure for part in self.parts)

    @property
    def spectra(self) -> tuple[str | None, ...]:
        return tuple(name for part in self.parts for name in part.spectra)

    def resolved(self, offers: Mapping[str, frozenset[spectra_parts.Part]]) -> Self:
        parts = []
        for index, part in enumerate(self.parts):
            try:
                parts.append(part.resolved(offers))
            except LocatedError as error:
                raise LocatedError(("parts", index, *error.at), str(error)) from None
        return self.model_copy(update={"parts": parts})

    def check(self, settings: LarchSettings) -> None:
        for index, part in enumerate(self.parts):
            try:
                part.check(settings)
            except ValueError as error:
                raise LocatedError(("parts", index), f"part {part.name}: {error}") from None

    def parameters(self, settings: LarchSettings) -> dict[str, Any]:
        parts = [part.parameters(settings) for part in self.parts]
        return {"version": 1, "kind": self.kind, "parts": parts}

    def axis(self, settings: LarchSettings) -> tuple[np.ndarray, str]:
        """Return the number of each value, shape (n_features,), and what the numbers are."""
        sizes = [len(part.axis(settings)[0]) for part in self.parts]
        ends = np.cumsum(sizes)
        spans = [
            f"{end - size}-{end - 1}: {part.name}"
            for part, size, end in zip(self.parts, sizes, ends, strict=True)
        ]
        return np.arange(float(ends[-1])), f"feature ({', '.join(spans)})"

    def columns(self, settings: LarchSettings) -> Columns:
        axes = tuple(part.axis(settings)[0] for part in self.parts)
        return Columns(self.axis(settings)[0], axes, tuple(part.name for part in self.parts))

    def value_label(self, settings: LarchSettings) -> str:
        """Return what the values of the parts are, each once."""
        return "; ".join(dict.fromkeys(part.value_label(settings) for part in self.parts))

    def vector(self, inputs: Inputs, settings: LarchSettings) -> np.ndarray:
        return np.concatenate([part.vector(inputs, settings) for part in self.parts])


def _name(part: Any) -> str:
    """Return the name of a part that is not validated yet; empty if it cannot be told."""
    if isinstance(part, FeatureSetModel):
        return part.name
    if not isinstance(part, dict):
        return ""
    for one in SETS:
        if part.get("kind") == kind_of(one):
            return str(part.get("name", one._default_name(part)))
    return ""
