"""The slope of the near edge."""

from typing import Any, Literal

import numpy as np

from exafscn_flows.features.base import FeatureName
from exafscn_flows.features.near_edge import NearEdge
from exafscn_flows.features.settings import LarchSettings
from exafscn_flows.spectra.base import Spectrum


class XanesDerivative(NearEdge):
    """Derivative of normalised mu(E) by E, by central differences on the grid."""

    kind: Literal["xanes_derivative"] = "xanes_derivative"
    name: FeatureName = "xanes_derivative"

    def parameters(self, settings: LarchSettings) -> dict[str, Any]:
        return {"version": 2, **self._grid_parameters()}

    def value_label(self, settings: LarchSettings) -> str:
        """Return the derivative with its unit."""
        return "dμ/dE (1/eV)"

    def transform(self, spectrum: Spectrum, settings: LarchSettings) -> np.ndarray:
        slope: np.ndarray = np.gradient(self.normalised(spectrum), self.estep).astype(np.float32)
        return slope
