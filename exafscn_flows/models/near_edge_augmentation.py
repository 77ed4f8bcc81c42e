"""Computed near edges as measurements, and other computations, would have them."""

import numpy as np
from pydantic import Field

from exafscn_flows.strict import StrictModel

_WIDTHS = 9
"""Different widths by which spectra are broadened."""
_RISE = 1.0
"""eV over which the edge itself rises; what differs from it are the structures."""
_PERIODS = (15.0, 60.0)
"""eV: of the waves that a wrong normalisation or background leaves."""


class NearEdgeAugmentation(StrictModel):
    """How much computed near edges are changed at random: most by normal distributions."""

    clean: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Share of spectra that are left as computed, in each pass.",
    )
    broadening: float = Field(
        default=1.5,
        ge=0,
        le=10,
        description="Largest standard deviation of the Gaussian that broadens them, eV.",
    )
    stretch: float = Field(
        default=0.04,
        ge=0,
        lt=0.3,
        description="Standard deviation of the share by which energies from the edge on are "
        "scaled, as by bonds that are longer or potentials that are wrong.",
    )
    shift: float = Field(
        default=0.7, ge=0, description="Standard deviation of the place of the edge, eV."
    )
    contrast: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Standard deviation of the share by which all structures are higher or lower.",
    )
    scale: float = Field(
        default=0.03,
        ge=0,
        le=1,
        description="Standard deviation of the level after the edge, and of slow waves on it.",
    )
    noise: float = Field(default=0.003, ge=0, description="Standard deviation of noise.")


def near_edges(
    curves: np.ndarray, energy: np.ndarray, settings: NearEdgeAugmentation, rng: np.random.Generator
) -> np.ndarray:
    """Return near edges as they might be measured.

    Parameters
    ----------
    curves
        Normalised mu(E), shape (n, n_e).
    energy
        Energy relative to the edge in ascending, equal steps, eV, shape (n_e,).
    settings
        How much is changed.
    rng
        Where chance comes from.

    Returns
    -------
    numpy.ndarray
        Float32, shape (n, n_e).
    """
    n = len(curves)
    found = _moved(_broadened(curves, energy, settings.broadening, rng), energy, settings, rng)
    step = 1 / (1 + np.exp(-energy / _RISE))
    found = step + (found - step) * (1 + settings.contrast * rng.standard_normal((n, 1)))
    phase, period = rng.uniform(0, 2 * np.pi, (n, 1)), rng.uniform(*_PERIODS, (n, 1))
    waves = np.sin(2 * np.pi * energy / period + phase)
    found *= 1 + settings.scale * rng.standard_normal((n, 1))
    found *= 1 + settings.scale * rng.standard_normal((n, 1)) * waves
    found += settings.noise * rng.standard_normal(found.shape)
    return found.astype(np.float32)


def _broadened(
    curves: np.ndarray, energy: np.ndarray, widest: float, rng: np.random.Generator
) -> np.ndarray:
    """Convolve each curve with a Gaussian, cut off at both ends of the curve."""
    distance = energy[:, None] - energy[None]
    widths = np.linspace(0, widest, _WIDTHS)
    chosen = rng.integers(_WIDTHS, size=len(curves))
    found = np.array(curves, dtype=np.float64)
    for number, width in enumerate(widths):
        own = chosen == number
        if width > 0 and own.any():
            weights = np.exp(-0.5 * (distance / width) ** 2)
            weights /= weights.sum(axis=1, keepdims=True)
            found[own] = found[own] @ weights.T
    return found


def _moved(
    curves: np.ndarray, energy: np.ndarray, settings: NearEdgeAugmentation, rng: np.random.Generator
) -> np.ndarray:
    """Scale and shift the energies of each curve, linear between points."""
    n = len(curves)
    factor = 1 + settings.stretch * rng.standard_normal((n, 1))
    shift = settings.shift * rng.standard_normal((n, 1))
    step = energy[1] - energy[0]
    places = (energy * factor - shift - energy[0]) / step
    places = np.clip(places, 0, len(energy) - 1)
    below = np.minimum(places.astype(int), len(energy) - 2)
    weight = places - below
    rows = np.arange(n)[:, None]
    found: np.ndarray = curves[rows, below] * (1 - weight) + curves[rows, below + 1] * weight
    return found
