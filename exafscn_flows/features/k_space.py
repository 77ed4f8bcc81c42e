"""chi(k), weighted by a power of k."""

from typing import Any, Literal

import numpy as np
from pydantic import Field

from exafscn_flows.features.base import FeatureName, per_angstrom, transform_parameters
from exafscn_flows.features.ranges import KRange
from exafscn_flows.features.settings import LarchSettings
from exafscn_flows.spectra.base import Spectrum


class KSpace(KRange):
    """k^kweight chi(k) in steps of ``xftf.kstep``, 181 values with the default settings."""

    kind: Literal["k_space"] = "k_space"
    name: FeatureName = "k_space"
    kweight: int | None = Field(
        default=None, ge=0, le=4, description="Power of k that weights chi; None: that of xftf."
    )

    def parameters(self, settings: LarchSettings) -> dict[str, Any]:
        rows = self.rows(settings)
        parameters = {
            "version": 1,
            **self._curve_parameters(settings),
            "rows": [rows.start, rows.stop],
            "kstep": settings.xftf.kstep,
            "kweight": self.weight(settings),
        }
        if self.curve == "normalised":
            # The background is judged by its chi(R).
            parameters["xftf"] = transform_parameters(settings)
        return parameters

    def axis(self, settings: LarchSettings) -> tuple[np.ndarray, str]:
        """Return k, shape (n_k,), and its label."""
        return self.k(settings), "k (Å⁻¹)"

    def value_label(self, settings: LarchSettings) -> str:
        """Return the weighted chi with its unit."""
        return weighted_label("χ(k)", self.weight(settings))

    def transform(self, spectrum: Spectrum, settings: LarchSettings) -> np.ndarray:
        from exafscn_flows.features.transformed import Transformed

        k = self.k(settings)
        chi = Transformed(spectrum, settings).chi_on(self.curve, k, k[0], k[-1])
        vector: np.ndarray = (k ** self.weight(settings) * chi).astype(np.float32)
        return vector

    def weight(self, settings: LarchSettings) -> int:
        """Return the power of k that weights chi."""
        return settings.xftf.kweight if self.kweight is None else self.kweight


def weighted_label(name: str, kweight: int) -> str:
    """Return e.g. ``"k²χ(k) (Å⁻²)"``; without a weight there is no unit."""
    if kweight == 0:
        return name
    power = {1: "", 2: "²", 3: "³", 4: "⁴"}[kweight]
    return f"k{power}{name} ({per_angstrom(kweight)})"
