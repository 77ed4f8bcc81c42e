"""Where the shells are: position and height of the peaks of |chi(R)|."""

from typing import Any, Literal

import numpy as np
from pydantic import Field

from exafscn_flows.features.base import FeatureName
from exafscn_flows.features.ranges import RRange
from exafscn_flows.features.settings import LarchSettings
from exafscn_flows.spectra.base import Spectrum


class Peaks(RRange):
    """R of the first n peaks of |chi(R)| between rmin and rmax, in order of R, then their heights.

    Peaks are those of scipy.signal.find_peaks: points above their neighbours that stand out from
    the valleys beside them. R is a point of larch's grid.
    """

    kind: Literal["peaks"] = "peaks"
    name: FeatureName = "peaks"
    rmin: float = Field(default=1.0, ge=0, description="Smallest R, Å.")
    n: int = Field(default=6, ge=1, le=100, description="Number of peaks.")
    prominence: float = Field(
        default=0.05,
        ge=0,
        lt=1,
        description="How far a peak must stand out, as a share of the largest |chi(R)| there.",
    )
    filler: float = Field(
        default=0.0,
        allow_inf_nan=False,
        description="Position and height of peaks that are missing.",
    )

    def parameters(self, settings: LarchSettings) -> dict[str, Any]:
        return {
            "version": 1,
            **self._range_parameters(settings),
            **self.model_dump(include={"n", "prominence", "filler"}),
        }

    def axis(self, settings: LarchSettings) -> tuple[np.ndarray, str]:
        """Return the number of each value, shape (2 n,), and what the numbers are."""
        n = self.n
        label = f"feature (0-{n - 1}: R of peak, {n}-{2 * n - 1}: height)"
        return np.arange(2.0 * n), label

    def value_label(self, settings: LarchSettings) -> str:
        """Return the two quantities with their units."""
        return f"R (Å), |χ(R)| ({self.unit(settings)})"

    def transform(self, spectrum: Spectrum, settings: LarchSettings) -> np.ndarray:
        from scipy.signal import find_peaks

        magnitude = np.abs(self.chir(spectrum, settings))
        found, _ = find_peaks(magnitude, prominence=self.prominence * magnitude.max())
        first = found[: self.n]
        vector = np.full((2, self.n), self.filler, dtype=np.float32)
        vector[0, : len(first)] = self.r(settings)[first]
        vector[1, : len(first)] = magnitude[first]
        return vector.ravel()
