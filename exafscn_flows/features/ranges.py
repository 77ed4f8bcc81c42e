"""Ranges of R and k, common to several feature sets."""

from typing import Any, Self

import numpy as np
from pydantic import Field, model_validator

from exafscn_flows.features.base import SpectrumSet, per_angstrom, transform_parameters
from exafscn_flows.features.settings import LONGEST_K, LarchSettings, XftfSettings
from exafscn_flows.spectra.base import Spectrum

_ROUNDING = 1e-9
"""Keeps a limit that lies on the grid, Å or 1/Å."""


class RRange(SpectrumSet):
    """A set made from chi(R) between two limits."""

    rmin: float = Field(default=0.0, ge=0, description="Smallest R, Å.")
    rmax: float | None = Field(default=None, gt=0, description="Largest R, Å; None: rmax_out.")
    xftf: XftfSettings | None = Field(
        default=None, description="Fourier transform of this set alone; None: that of all sets."
    )

    @model_validator(mode="after")
    def _check_r(self) -> Self:
        if self.rmax is not None and self.rmin >= self.rmax:
            raise ValueError(f"rmin ({self.rmin:g}) must be less than rmax ({self.rmax:g})")
        return self

    def check(self, settings: LarchSettings) -> None:
        rmax_out = self.own(settings).xftf.rmax_out
        if self.rmax is not None and self.rmax > rmax_out:
            raise ValueError(f"rmax ({self.rmax:g} Å) is beyond xftf.rmax_out ({rmax_out:g} Å)")
        rows = self.rows(settings)
        if rows.stop <= rows.start:
            rmax = rmax_out if self.rmax is None else self.rmax
            raise ValueError(f"chi(R) has no point from rmin ({self.rmin:g}) to rmax ({rmax:g} Å)")

    def own(self, settings: LarchSettings) -> LarchSettings:
        """Return the settings with the transform of this set in them."""
        if self.xftf is None:
            return settings
        return LarchSettings(autobk=settings.autobk, xftf=self.xftf)

    def rows(self, settings: LarchSettings) -> slice:
        """Return which points of larch's R grid lie between the limits, both included."""
        r = self.own(settings).xftf.r()
        stop = len(r) if self.rmax is None else np.searchsorted(r, self.rmax + _ROUNDING)
        return slice(int(np.searchsorted(r, self.rmin - _ROUNDING)), int(stop))

    def r(self, settings: LarchSettings) -> np.ndarray:
        """Return R between the limits, Å, shape (n_r,)."""
        return self.own(settings).xftf.r()[self.rows(settings)]

    def chir(self, spectrum: Spectrum, settings: LarchSettings) -> np.ndarray:
        """Return chi(R) between the limits, complex, shape (n_r,)."""
        from exafscn_flows.features.transformed import Transformed

        return Transformed(spectrum, self.own(settings)).chir(self.curve)[self.rows(settings)]

    def unit(self, settings: LarchSettings) -> str:
        """Return the unit of chi(R), which depends on the k weight."""
        return per_angstrom(self.own(settings).xftf.kweight + 1)

    def _range_parameters(self, settings: LarchSettings) -> dict[str, Any]:
        rows = self.rows(settings)
        return {
            **self._curve_parameters(settings),
            "xftf": transform_parameters(self.own(settings)),
            "rows": [rows.start, rows.stop],
        }


class KRange(SpectrumSet):
    """A set that is a function of k between two limits."""

    kmin: float | None = Field(
        default=None, ge=0, description="Smallest k, 1/Å; None: that of xftf."
    )
    kmax: float | None = Field(
        default=None, gt=0, le=LONGEST_K, description="Largest k, 1/Å; None: that of xftf."
    )

    def check(self, settings: LarchSettings) -> None:
        kmin, kmax = self.limits(settings)
        if kmin >= kmax:
            raise ValueError(f"kmin ({kmin:g}) must be less than kmax ({kmax:g})")
        ends = settings.autobk.kmax
        if self.input == "mu" and ends is not None and ends < kmax:
            raise ValueError(f"kmax ({kmax:g}) is beyond autobk.kmax ({ends:g})")
        if not len(self.k(settings)):
            raise ValueError(f"there is no point of k from kmin ({kmin:g}) to kmax ({kmax:g} 1/Å)")

    def limits(self, settings: LarchSettings) -> tuple[float, float]:
        """Return the limits, 1/Å, taken from the transform where they are not given."""
        xftf = settings.xftf
        kmin = xftf.kmin if self.kmin is None else self.kmin
        return kmin, xftf.kmax if self.kmax is None else self.kmax

    def rows(self, settings: LarchSettings) -> slice:
        """Return which points of a k grid that begins at 0 lie between the limits, included."""
        kmin, kmax = self.limits(settings)
        kstep = settings.xftf.kstep
        first = int(np.ceil((kmin - _ROUNDING) / kstep))
        return slice(first, int(np.floor((kmax + _ROUNDING) / kstep)) + 1)

    def k(self, settings: LarchSettings) -> np.ndarray:
        """Return k between the limits, in steps of ``xftf.kstep``, 1/Å, shape (n_k,)."""
        rows = self.rows(settings)
        return settings.xftf.kstep * np.arange(rows.start, rows.stop)
