"""Computed chi(k) as measurements of many temperatures, samples and beamlines would have it."""

from functools import lru_cache
from typing import Annotated, Self

import numpy as np
from pydantic import Field, model_validator

from exafscn_flows.processing.real_space import grid, with_e0_moved
from exafscn_flows.strict import StrictModel

CENTERS = np.array([2.0, 2.6, 3.2, 3.8, 4.4])
"""Å: bands of chi(R) that are damped each by itself. The first and the last have no end."""
GROWTH = 1.8
"""Å: over which disorder grows beyond the first shell, that of the first band."""

_N_FFT = 1024
_RESIDUAL_R = [0.3, 1.2]
"""Å: where the background leaves something behind."""
_RESIDUAL_K = 4.0
"""1/Å: over which that falls by e; backgrounds are wrong near the edge most."""

Range = Annotated[list[float], Field(min_length=2, max_length=2)]


class Augmentation(StrictModel):
    """How much computed spectra are changed at random; where it says so, the logarithm is even."""

    clean: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Share of spectra that are left as computed, in each pass.",
    )
    sigma2: Range = Field(
        default=[0.001, 0.014],
        description="Mean square disorder of all distances, Å²; even in its logarithm.",
    )
    sigma2_far: Range = Field(
        default=[0.0003, 0.014],
        description="What comes on top of it beyond the first shell, growing with R, Å²; even in "
        "its logarithm.",
    )
    amplitude: Range = Field(default=[0.45, 1.05], description="S0², and what else scales chi(k).")
    e0_shift: float = Field(
        default=-3.5, description="Mean of E0 of FEFF against that of a measurement, eV."
    )
    e0_spread: float = Field(default=4.0, ge=0, description="Its standard deviation, eV.")
    stretch: float = Field(
        default=0.02,
        ge=0,
        lt=0.2,
        description="Standard deviation of the share by which k is scaled; of numbers to learn, "
        "such as bond lengths, k is left as it is.",
    )
    noise: Range = Field(
        default=[1e-4, 1e-2],
        description="Standard deviation of the noise of chi(k); even in its logarithm.",
    )
    residual: float = Field(
        default=0.03,
        ge=0,
        description="Standard deviation of what the background leaves of chi(k) below 1.2 Å.",
    )
    kmin: Range = Field(default=[2.5, 3.5], description="Start of the range of k, 1/Å.")
    kmax: Range = Field(
        default=[5.0, 13.0],
        description="End of the range of k, 1/Å; the data end there or beyond.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in ("sigma2", "sigma2_far", "amplitude", "noise", "kmin", "kmax"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(f"{name} must be two numbers above 0, the first not the larger")
        if self.kmin[1] >= self.kmax[0]:
            raise ValueError("kmin must end below kmax")
        return self


def disordered(chi: np.ndarray, sigma2: np.ndarray, far: np.ndarray) -> np.ndarray:
    """Damp chi(k) by disorder that grows with R.

    Parameters
    ----------
    chi
        chi(k) from k = 0 in steps of 0.05 1/Å, shape (n, n_k).
    sigma2
        Mean square disorder of the first shell, Å², shape (n,).
    far
        How much larger it is 1.8 Å farther out, Å², shape (n,); between and beyond, on a line.

    Returns
    -------
    numpy.ndarray
        Each band of R times exp(-2 σ² k²), shape (n, n_k).
    """
    n_k = chi.shape[1]
    square = grid(n_k) ** 2
    grown = (CENTERS - CENTERS[0]) / GROWTH
    found = np.zeros(chi.shape, dtype=np.float32)
    bands = (chi.astype(np.float32) @ _bands(n_k)).reshape(len(chi), len(CENTERS), n_k)
    for number, share in enumerate(grown):
        of_band = (sigma2 + far * share).astype(np.float32)[:, None]
        found += np.exp(-2 * of_band * square) * bands[:, number]
    return found


@lru_cache(maxsize=4)
def _bands(n_k: int) -> np.ndarray:
    """Return what chi(k) is multiplied by to be split in bands of R, shape (n_k, bands * n_k).

    The bands add up to chi(k). They are made of k chi(k), which is about as large at all k.
    """
    k = np.maximum(grid(n_k).astype(float), 0.5 * float(grid(2)[1]))
    size = max(_N_FFT, 2 * n_k)
    r = np.pi * np.arange(size // 2 + 1) / (size * float(grid(2)[1]))
    waves = np.fft.rfft(np.diag(k), size, axis=1)
    parts = [
        np.fft.irfft(waves * np.interp(r, CENTERS, one), size, axis=1)[:, :n_k] / k
        for one in np.eye(len(CENTERS))
    ]
    bands = np.hstack(parts).astype(np.float32)
    bands.flags.writeable = False
    return bands


def augmented(
    chi: np.ndarray, settings: Augmentation, rng: np.random.Generator, *, stretched: bool
) -> np.ndarray:
    """Return chi(k) as measurements would have it, before the background is taken off.

    Parameters
    ----------
    chi
        Computed chi(k) from k = 0 in steps of 0.05 1/Å, shape (n, n_k).
    settings
        How much is changed.
    rng
        Where chance comes from.
    stretched
        Whether k is scaled.

    Returns
    -------
    numpy.ndarray
        Float32, shape (n, n_k).
    """
    n = len(chi)
    found = disordered(
        chi, _even_logarithm(settings.sigma2, n, rng), _even_logarithm(settings.sigma2_far, n, rng)
    )
    found *= evenly(settings.amplitude, n, rng).astype(np.float32)[:, None]
    # E0 of FEFF that is too low is one of the measurement that is too high.
    raised = -rng.normal(settings.e0_shift, settings.e0_spread, n)
    stretch = rng.normal(0.0, settings.stretch if stretched else 0.0, n)
    found = with_e0_moved(found, raised, np.maximum(stretch, -0.5))
    noise = _even_logarithm(settings.noise, n, rng).astype(np.float32)[:, None]
    found += noise * rng.standard_normal(found.shape, dtype=np.float32)
    return found


def residual(n: int, n_k: int, settings: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """Return what the backgrounds of measurements leave behind, float32, shape (n, n_k)."""
    k = grid(n_k)
    size = rng.normal(0.0, settings.residual, (n, 1)).astype(np.float32)
    r = evenly(_RESIDUAL_R, n, rng).astype(np.float32)[:, None]
    phase = rng.uniform(0, 2 * np.pi, (n, 1)).astype(np.float32)
    found: np.ndarray = size * np.exp(-k / np.float32(_RESIDUAL_K)) * np.sin(2 * k * r + phase)
    return found


def evenly(limits: list[float], n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw numbers evenly from a range, shape (n,)."""
    low, high = limits
    return rng.uniform(low, high, n)


def _even_logarithm(limits: list[float], n: int, rng: np.random.Generator) -> np.ndarray:
    low, high = np.log(limits)
    found: np.ndarray = np.exp(rng.uniform(low, high, n))
    return found
