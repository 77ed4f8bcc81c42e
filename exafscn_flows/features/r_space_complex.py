"""Real and imaginary part of chi(R), which hold the phase that the magnitude loses."""

from typing import Any, Literal

import numpy as np

from exafscn_flows.features.base import FeatureName
from exafscn_flows.features.ranges import RRange
from exafscn_flows.features.settings import LarchSettings
from exafscn_flows.spectra.base import Spectrum


class RSpaceComplex(RRange):
    """Re chi(R) at every R, then Im chi(R) at every R."""

    kind: Literal["r_space_complex"] = "r_space_complex"
    name: FeatureName = "r_space_complex"

    def parameters(self, settings: LarchSettings) -> dict[str, Any]:
        return {"version": 1, **self._range_parameters(settings)}

    def axis(self, settings: LarchSettings) -> tuple[np.ndarray, str]:
        """Return R twice, shape (2 n_r,), and its label."""
        return np.tile(self.r(settings), 2), "R (Å), real part, then imaginary part"

    def value_label(self, settings: LarchSettings) -> str:
        """Return chi(R) with its unit, which depends on the k weight."""
        return f"Re χ(R), Im χ(R) ({self.unit(settings)})"

    def transform(self, spectrum: Spectrum, settings: LarchSettings) -> np.ndarray:
        chir = self.chir(spectrum, settings)
        return np.concatenate([chir.real, chir.imag]).astype(np.float32)
