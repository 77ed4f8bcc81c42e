"""Several feature sets, one after the other."""

from typing import Annotated, Any, Literal, get_args

import numpy as np
from pydantic import Field

from exafscn_flows.config.base import LocatedError
from exafscn_flows.features.base import FeatureName, FeatureSetModel
from exafscn_flows.features.k_space import KSpace
from exafscn_flows.features.peaks import Peaks
from exafscn_flows.features.q_space import QSpace
from exafscn_flows.features.r_space import RSpace
from exafscn_flows.features.r_space_complex import RSpaceComplex
from exafscn_flows.features.settings import LarchSettings
from exafscn_flows.features.wavelet import Wavelet
from exafscn_flows.features.xanes import Xanes
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.spectra.parts import Part

_Kinds = RSpace | RSpaceComplex | KSpace | QSpace | Wavelet | Peaks | Xanes

_Member = Annotated[_Kinds, Field(discriminator="kind")]


class Concatenation(FeatureSetModel):
    """The values of the first part, then those of the next."""

    kind: Literal["concatenation"] = "concatenation"
    name: FeatureName = "concatenation"
    parts: list[_Member] = Field(min_length=2, description="Feature sets, written as in sets.")

    @classmethod
    def _default_name(cls, values: dict[str, Any]) -> str:
        parts = values.get("parts")
        names = [_name(part) for part in parts] if isinstance(parts, list) else []
        return "+".join(name for name in names if name) or super()._default_name(values)

    @property
    def needs(self) -> frozenset[Part]:
        return frozenset().union(*(part.needs for part in self.parts))

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

    def value_label(self, settings: LarchSettings) -> str:
        """Return what the values of the parts are, each once."""
        return "; ".join(dict.fromkeys(part.value_label(settings) for part in self.parts))

    def transform(self, spectrum: Spectrum, settings: LarchSettings) -> np.ndarray:
        return np.concatenate([part.transform(spectrum, settings) for part in self.parts])


def _name(part: Any) -> str:
    """Return the name of a part that is not validated yet; empty if it cannot be told."""
    if isinstance(part, FeatureSetModel):
        return part.name
    if not isinstance(part, dict):
        return ""
    for kind in get_args(_Kinds):
        if part.get("kind") == kind.model_fields["kind"].default:
            return str(part.get("name", kind._default_name(part)))
    return ""
