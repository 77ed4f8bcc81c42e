"""How the absorption near the edge adds up."""

from typing import Any, Literal

import numpy as np

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features.base import FeatureName
from exafscn_flows.features.near_edge import NearEdge
from exafscn_flows.features.settings import LarchSettings
from exafscn_flows.spectra.base import Spectrum


class XanesCumulative(NearEdge):
    """Integral of normalised mu(E) from emin to E, as a share of that to emax, from 0 to 1."""

    kind: Literal["xanes_cumulative"] = "xanes_cumulative"
    name: FeatureName = "xanes_cumulative"

    def parameters(self, settings: LarchSettings) -> dict[str, Any]:
        return {"version": 2, **self._grid_parameters()}

    def value_label(self, settings: LarchSettings) -> str:
        """Return the share, which has no unit."""
        return "share of ∫μ(E) dE"

    def transform(self, spectrum: Spectrum, settings: LarchSettings) -> np.ndarray:
        from scipy.integrate import cumulative_trapezoid

        areas = cumulative_trapezoid(self.normalised(spectrum), dx=self.estep, initial=0.0)
        if not areas[-1] > 0:
            raise ItemFailure(
                "bad_spectrum",
                f"the integral of mu(E) from {self.emin:g} to {self.emax:g} eV is not positive",
                "look at the stored spectrum of this site",
            )
        share: np.ndarray = (areas / areas[-1]).astype(np.float32)
        return share
