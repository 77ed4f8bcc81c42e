"""Settings of larch's autobk and xftf, under larch's own names.

Larch's two functions have different defaults for parameters of one name (``kweight``, ``dk``,
window), so every parameter is named here and passed in every call.
"""

from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from exafscn_flows.strict import StrictModel

Window = Literal["kaiser", "hanning", "parzen", "welch", "gaussian", "sine"]

LONGEST_K = 20.0
"""Largest k that FEFF writes, 1/Å."""

WAVELET_KSTEP = 0.05
"""Step of k in the wavelet transform, 1/Å: that of FEFF's chi, and larch's own."""

WAVELET_RMAX = 10.0
"""Largest R of the wavelet transform, Å: larch's default, which also sets the wavelet's order."""


class _Grid(StrictModel):
    """Grid of the Fourier transform, which sets the steps of k and R."""

    nfft: int = Field(default=2048, le=65536, description="Points of the Fourier transform.")
    kstep: float = Field(default=0.05, gt=0, description="Step of k, 1/Å.")

    @model_validator(mode="after")
    def _check_grid(self) -> Self:
        if self.nfft < 1 or self.nfft & (self.nfft - 1):
            raise ValueError(f"nfft must be a power of two, not {self.nfft}")
        if self.nfft * self.kstep < 2 * LONGEST_K:
            raise ValueError(
                f"nfft x kstep is {self.nfft * self.kstep:g} 1/Å and must be at least "
                f"{2 * LONGEST_K:g}: chi(k) to {LONGEST_K:g} 1/Å, and as much of zeros"
            )
        return self


class AutobkSettings(_Grid):
    """Background removal, mu(E) to chi(k): Newville et al., Phys. Rev. B 47, 14126 (1993).

    E0 and the edge step are no settings: a feature set's route decides where they come from.
    """

    rbkg: float = Field(default=1.0, gt=0, le=3, description="R below which all is background, Å.")
    kmin: float = Field(default=0.0, ge=0, description="Start of the k window, 1/Å.")
    kmax: float | None = Field(
        default=None, gt=0, description="End of the background spline, 1/Å; None: end of the data."
    )
    kweight: int = Field(default=1, ge=0, le=4, description="Power of k that weights chi(k).")
    dk: float = Field(default=0.1, gt=0, description="Width of the window's edges, 1/Å.")
    window: Window = Field(default="hanning", description="Window; larch calls it `win` here.")
    nclamp: int = Field(default=3, ge=0, description="Points at each end that are held near zero.")
    clamp_lo: float = Field(default=0.0, ge=0, description="Weight of the clamp at low k.")
    clamp_hi: float = Field(default=1.0, ge=0, description="Weight of the clamp at high k.")

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        if self.kmax is not None and self.kmin >= self.kmax:
            raise ValueError(f"kmin ({self.kmin:g}) must be less than kmax ({self.kmax:g})")
        return self


class XftfSettings(_Grid):
    """Fourier transform, chi(k) to chi(R); the defaults give 326 points 0.03068 Å apart."""

    kmin: float = Field(default=3.0, ge=0, description="Start of the k window, 1/Å.")
    kmax: float = Field(default=12.0, gt=0, le=LONGEST_K, description="End of the window, 1/Å.")
    kweight: int = Field(default=2, ge=0, le=4, description="Power of k that weights chi(k).")
    dk: float = Field(default=1.0, gt=0, description="Width of the window's edges, 1/Å.")
    window: Window = Field(default="kaiser", description="Window.")
    rmax_out: float = Field(default=10.0, ge=3, description="Largest R, Å.")

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        if self.kmin >= self.kmax:
            raise ValueError(f"kmin ({self.kmin:g}) must be less than kmax ({self.kmax:g})")
        if self.rmax_out > np.pi / (2 * self.kstep):
            raise ValueError(
                f"rmax_out ({self.rmax_out:g} Å) is beyond pi / (2 kstep) = "
                f"{np.pi / (2 * self.kstep):.4g} Å, where chi(R) ends"
            )
        return self

    def r(self) -> np.ndarray:
        """Return R of every value of chi(R), Å, shape (n_r,)."""
        step = np.pi / (self.kstep * self.nfft)
        # As larch counts: the 1.01 keeps an rmax_out that lies on the grid.
        n_r = int(min(self.nfft / 2, 1.01 + self.rmax_out / step))
        return step * np.arange(n_r)


def wavelet_r() -> np.ndarray:
    """Return R of the wavelet transform, Å, shape (326,): larch's grid for ``WAVELET_RMAX``."""
    # The 2048 is larch's, whatever nfft is.
    return np.linspace(0, WAVELET_RMAX, round(WAVELET_RMAX / (np.pi / 2048 / WAVELET_KSTEP)))


class LarchSettings(StrictModel):
    """What all feature sets share."""

    autobk: AutobkSettings = AutobkSettings()
    xftf: XftfSettings = XftfSettings()

    @model_validator(mode="after")
    def _check_overlap(self) -> Self:
        if self.autobk.kmax is not None and self.autobk.kmax < self.xftf.kmax:
            raise ValueError(
                f"autobk.kmax ({self.autobk.kmax:g}) must not be less than "
                f"xftf.kmax ({self.xftf.kmax:g})"
            )
        return self
