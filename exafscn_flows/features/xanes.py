"""The near edge of mu(E), on one grid of energies for all spectra."""

from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features.base import FeatureName, OneSpectrum, check_points
from exafscn_flows.features.settings import LarchSettings
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.spectra.parts import NEAR_EDGE, Part

_ROUNDING = 0.05
"""So far outside the data, eV, their first or last value still counts: FEFF's EXAFS begins one
step of k, 0.01 eV, above E0, and programs round energies."""

_GRID = {"emin", "emax", "estep"}

_WIDEST_GAP = 3.0
"""Points further apart, eV, do not show the near edge. FEFF's EXAFS grid has 1.2 eV at 40 eV, the
Materials Project's EXAFS of several sites 7.5 eV."""


class Xanes(OneSpectrum):
    """mu(E) from emin to emax, energies relative to E0, 81 values by default.

    In between the points of a spectrum, mu is interpolated by cubics that do not overshoot
    (Fritsch and Butland, SIAM J. Sci. Stat. Comput. 5, 300, 1984).
    """

    kind: Literal["xanes"] = "xanes"
    name: FeatureName = "xanes"
    emin: float = Field(default=0.0, allow_inf_nan=False, description="Smallest E - E0, eV.")
    emax: float = Field(default=40.0, allow_inf_nan=False, description="Largest E - E0, eV.")
    estep: float = Field(default=0.5, ge=0.01, allow_inf_nan=False, description="Step of E, eV.")

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        if self.emin >= self.emax:
            raise ValueError(f"emin ({self.emin:g}) must be less than emax ({self.emax:g})")
        if self.emax - self.emin > 1000:
            raise ValueError(f"emin ({self.emin:g}) and emax ({self.emax:g}) are too far apart")
        return self

    @property
    def needs(self) -> frozenset[Part]:
        return NEAR_EDGE

    def check(self, settings: LarchSettings) -> None:
        """Refuse nothing: larch has no part in this set."""

    def parameters(self, settings: LarchSettings) -> dict[str, Any]:
        return {"version": 1, "kind": self.kind, **self.model_dump(include=_GRID)}

    def axis(self, settings: LarchSettings) -> tuple[np.ndarray, str]:
        """Return E - E0, shape (n_e,), and its label."""
        # Keeps an emax that lies on the grid.
        n = int((self.emax - self.emin) / self.estep + 1e-6) + 1
        return self.emin + self.estep * np.arange(n), "E − E₀ (eV)"

    def value_label(self, settings: LarchSettings) -> str:
        """Return mu; in FEFF's normalisation it is about 1 far above the edge."""
        return "μ(E)"

    def transform(self, spectrum: Spectrum, settings: LarchSettings) -> np.ndarray:
        from scipy.interpolate import PchipInterpolator

        energy, mu = (np.asarray(a, dtype=float) for a in (spectrum.energy_rel, spectrum.mu))
        check_points("mu(E)", energy, mu)
        energy, first = np.unique(energy, return_index=True)
        grid, _ = self.axis(settings)
        if energy[0] > grid[0] + _ROUNDING or energy[-1] < grid[-1] - _ROUNDING:
            raise ItemFailure(
                "bad_spectrum",
                f"mu(E) reaches from {energy[0]:.2f} to {energy[-1]:.2f} eV, not from "
                f"{grid[0]:g} to {grid[-1]:g}",
                "change emin or emax",
            )
        begin = max(0, np.searchsorted(energy, grid[0], side="right") - 1)
        end = np.searchsorted(energy, grid[-1]) + 1
        gap = float(np.diff(energy[begin:end]).max())
        if gap > _WIDEST_GAP:
            raise ItemFailure(
                "bad_spectrum",
                f"the points of mu(E) are up to {gap:.1f} eV apart, too far for XANES",
                "take another feature set for this source",
            )
        inside = np.clip(grid, energy[0], energy[-1])
        vector: np.ndarray = PchipInterpolator(energy, mu[first])(inside).astype(np.float32)
        return vector
