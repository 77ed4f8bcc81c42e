"""The magnitude of chi(R), from mu(E) or from the chi(k) that the program itself gives."""

from typing import Any, Literal

import numpy as np

from exafscn_flows.features.base import FeatureName
from exafscn_flows.features.ranges import RRange
from exafscn_flows.features.settings import LarchSettings
from exafscn_flows.spectra.base import Spectrum


class RSpace(RRange):
    """|chi(R)| on larch's R grid, 326 values with the default settings."""

    kind: Literal["r_space"] = "r_space"
    name: FeatureName = "r_space"

    def parameters(self, settings: LarchSettings) -> dict[str, Any]:
        return {"version": 1, **self._range_parameters(settings)}

    def axis(self, settings: LarchSettings) -> tuple[np.ndarray, str]:
        """Return R, shape (n_r,), and its label."""
        return self.r(settings), "R (Å)"

    def value_label(self, settings: LarchSettings) -> str:
        """Return |chi(R)| with its unit, which depends on the k weight."""
        return f"|χ(R)| ({self.unit(settings)})"

    def transform(self, spectrum: Spectrum, settings: LarchSettings) -> np.ndarray:
        vector: np.ndarray = np.abs(self.chir(spectrum, settings)).astype(np.float32)
        return vector
