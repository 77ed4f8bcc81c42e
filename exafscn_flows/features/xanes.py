"""The near edge of mu(E)."""

from typing import Any, Literal

import numpy as np

from exafscn_flows.features.base import FeatureName
from exafscn_flows.features.near_edge import NearEdge
from exafscn_flows.features.settings import LarchSettings
from exafscn_flows.spectra.base import Spectrum


class Xanes(NearEdge):
    """Normalised mu(E) from emin to emax, 81 values by default."""

    has_edge = True

    kind: Literal["xanes"] = "xanes"
    name: FeatureName = "xanes"

    def parameters(self, settings: LarchSettings) -> dict[str, Any]:
        return {"version": 3, **self._grid_parameters()}

    def value_label(self, settings: LarchSettings) -> str:
        """Return mu, whose level after the edge is 1."""
        return "normalised μ(E)"

    def transform(self, spectrum: Spectrum, settings: LarchSettings) -> np.ndarray:
        return self.normalised(spectrum).astype(np.float32)
