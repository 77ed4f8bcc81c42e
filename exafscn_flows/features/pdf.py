"""The pair distribution function G(r) on one grid."""

from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features.base import FeatureName, OneSpectrum, check_points
from exafscn_flows.features.settings import LarchSettings
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.spectra.parts import PAIRS, Part

_ROUNDING = 1e-5
"""Keeps a limit that lies on the grid, Å: spectra are stored in single precision."""


class Pdf(OneSpectrum):
    """G(r) from rmin to rmax, 91 values by default, total or differential.

    In between the points of a spectrum, it is interpolated by a cubic spline.
    """

    kind: Literal["pdf"] = "pdf"
    name: FeatureName = "pdf"
    pattern: Literal["total", "differential"] = Field(
        default="total",
        description="G(r) of all pairs, or of those that contain the absorber's element.",
    )
    rmin: float = Field(default=1.0, ge=0.1, description="Smallest r, Å.")
    rmax: float = Field(default=10.0, le=100, description="Largest r, Å.")
    rstep: float = Field(
        default=0.1,
        ge=0.01,
        le=1,
        description="Step of r, Å: below π/qmax, nothing is lost (Farrow et al., Phys. Rev. B 84, "
        "134105, 2011).",
    )

    @model_validator(mode="after")
    def _check_grid(self) -> Self:
        if self.rmin >= self.rmax:
            raise ValueError(f"rmin ({self.rmin:g}) must be less than rmax ({self.rmax:g})")
        if self.rstep > self.rmax - self.rmin:
            raise ValueError(f"rstep ({self.rstep:g}) must be at most rmax - rmin")
        return self

    @classmethod
    def _default_name(cls, values: dict[str, Any]) -> str:
        return "dpdf" if values.get("pattern") == "differential" else "pdf"

    @property
    def needs(self) -> frozenset[Part]:
        return PAIRS

    def check(self, settings: LarchSettings) -> None:
        """Refuse nothing: larch has no part in this set."""

    def parameters(self, settings: LarchSettings) -> dict[str, Any]:
        keys = {"kind", "pattern", "rmin", "rmax", "rstep"}
        return {"version": 1, **self.model_dump(include=keys)}

    def axis(self, settings: LarchSettings) -> tuple[np.ndarray, str]:
        """Return r, shape (n_r,), and its label, which begins as that of every distance."""
        return self.grid(), "R (Å)"

    def grid(self) -> np.ndarray:
        """Return r, Å, shape (n_r,), two or more."""
        n = int((self.rmax - self.rmin + _ROUNDING) / self.rstep) + 1
        return self.rmin + self.rstep * np.arange(n)

    def value_label(self, settings: LarchSettings) -> str:
        """Return G(r) with its unit, and which."""
        return "G(r) (Å⁻²)" if self.pattern == "total" else "differential G(r) (Å⁻²)"

    def transform(self, spectrum: Spectrum, settings: LarchSettings) -> np.ndarray:
        from scipy.interpolate import CubicSpline

        values = spectrum.pdf if self.pattern == "total" else spectrum.dpdf
        r, values = (np.asarray(a, dtype=float) for a in (spectrum.r, values))
        check_points("G(r)", r, values)
        grid = self.grid()
        if r[0] > grid[0] + _ROUNDING or r[-1] < grid[-1] - _ROUNDING:
            raise ItemFailure(
                "bad_spectrum",
                f"G(r) reaches from {r[0]:g} to {r[-1]:g} Å, not from {grid[0]:g} to {grid[-1]:g}",
                "change rmin or rmax of the feature set, or of the spectrum",
            )
        vector: np.ndarray = CubicSpline(r, values)(grid).astype(np.float32)
        return vector
