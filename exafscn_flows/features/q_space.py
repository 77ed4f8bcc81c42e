"""chi(q): the part of the EXAFS that comes from a window of R, transformed back to k."""

from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from exafscn_flows.features.base import FeatureName, per_angstrom, transform_parameters
from exafscn_flows.features.ranges import KRange
from exafscn_flows.features.settings import LarchSettings, Window
from exafscn_flows.spectra.base import Spectrum


class QSpace(KRange):
    """Real part of larch's back transform: k^kweight chi(k), filtered by both windows."""

    kind: Literal["q_space"] = "q_space"
    name: FeatureName = "q_space"
    rmin: float = Field(default=1.0, ge=0, description="Start of the R window, Å.")
    rmax: float = Field(default=3.0, gt=0, description="End of the R window, Å.")
    dr: float = Field(default=1.0, gt=0, description="Width of the R window's edges, Å.")
    window: Window = Field(default="kaiser", description="R window.")

    @model_validator(mode="after")
    def _check_r(self) -> Self:
        if self.rmin >= self.rmax:
            raise ValueError(f"rmin ({self.rmin:g}) must be less than rmax ({self.rmax:g})")
        return self

    def check(self, settings: LarchSettings) -> None:
        super().check(settings)
        rmax_out = settings.xftf.rmax_out
        if self.rmax > rmax_out:
            raise ValueError(f"rmax ({self.rmax:g} Å) is beyond xftf.rmax_out ({rmax_out:g} Å)")

    def parameters(self, settings: LarchSettings) -> dict[str, Any]:
        rows = self.rows(settings)
        return {
            "version": 1,
            **self._curve_parameters(settings),
            "xftf": transform_parameters(settings),
            "rows": [rows.start, rows.stop],
            "r_window": self.model_dump(include={"rmin", "rmax", "dr", "window"}),
        }

    def axis(self, settings: LarchSettings) -> tuple[np.ndarray, str]:
        """Return q, which is the k of filtered EXAFS, shape (n_q,), and its label."""
        return self.k(settings), "q (Å⁻¹)"

    def value_label(self, settings: LarchSettings) -> str:
        """Return chi(q), which keeps the k weight, with its unit."""
        kweight = settings.xftf.kweight
        return f"Re χ(q) ({per_angstrom(kweight)})" if kweight else "Re χ(q)"

    def transform(self, spectrum: Spectrum, settings: LarchSettings) -> np.ndarray:
        from exafscn_flows.features import larch_xafs
        from exafscn_flows.features.transformed import Transformed

        chiq = larch_xafs.xftr(
            Transformed(spectrum, settings).chir(self.curve),
            settings.xftf,
            rmin=self.rmin,
            rmax=self.rmax,
            dr=self.dr,
            window=self.window,
        )
        vector: np.ndarray = chiq.real[self.rows(settings)].astype(np.float32)
        return vector
