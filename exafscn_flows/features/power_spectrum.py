"""The SOAP power spectrum of the atoms around a site."""

import warnings
from functools import cache
from typing import Any, Literal

import numpy as np
from pydantic import Field

from exafscn_flows.features.base import FeatureName, FromStructure
from exafscn_flows.features.inputs import Inputs
from exafscn_flows.features.settings import LarchSettings
from exafscn_flows.features.surroundings import near_atoms

CHANNELS = ("all atoms", "electronegativity", "atomic number", "radius", "group")
"""What the atoms are weighted by in each channel."""

_RMIN = 1.2
"""Middle of the first radial function, Å."""
_NARROW, _WIDE = 0.5, 1.1
"""Widths of the first and of the last radial function, in steps between two of them."""
_DECAY = 2.5
"""Å; atoms count as 1 / (1 + (r / this)^2), less than their solid angle: electrons that are
scattered by far ones are damped."""


class PowerSpectrum(FromStructure):
    """Smooth overlap of atomic positions: distances and angles of all pairs of atoms at once.

    The density of the atoms around the site, Gaussians along r and sharp in angle, is expanded in
    spherical harmonics, and the squares of the coefficients for each pair of radial functions and
    of channels are taken (Bartók et al., Phys. Rev. B 87, 184115 (2013), eq. 32), by the addition
    theorem as a sum of Legendre polynomials over pairs of atoms. Instead of a density for each
    element there is one for each channel, in which atoms are weighted by what they are (as in
    Willatt et al., Phys. Chem. Chem. Phys. 20, 29661 (2018)), so that elements which nothing was
    learned of resemble others.
    """

    kind: Literal["power_spectrum"] = "power_spectrum"
    name: FeatureName = "power_spectrum"
    radius: float = Field(
        default=5.0, ge=2, le=12, description="Atoms count less towards it, and not at all beyond."
    )
    n_radial: int = Field(default=9, ge=2, le=20, description="Radial functions.")
    lmax: int = Field(default=4, ge=0, le=8, description="Largest l of the spherical harmonics.")

    def parameters(self, settings: LarchSettings) -> dict[str, Any]:
        return {"version": 1, **self.model_dump(exclude={"name"})}

    def axis(self, settings: LarchSettings) -> tuple[np.ndarray, str]:
        """Return the number of each value, shape (n_features,), and what the numbers are."""
        n = self.n_radial * len(CHANNELS)
        size = n * (n + 1) // 2
        spans = [f"{size * one}-{size * (one + 1) - 1}: l = {one}" for one in range(self.lmax + 1)]
        return np.arange(float(size * (self.lmax + 1))), f"feature ({', '.join(spans)})"

    def value_label(self, settings: LarchSettings) -> str:
        """Return what a value is."""
        return "power"

    def vector(self, inputs: Inputs, settings: LarchSettings) -> np.ndarray:
        numbers, places = near_atoms(inputs, self.radius)
        r = np.linalg.norm(places, axis=1)
        radial = self._radial(r)
        # Shape (n_atoms, n_radial * n_channels).
        density = (radial[:, :, None] * _weights()[numbers][:, None, :]).reshape(len(r), -1)
        directions = places / r[:, None]
        cosines = np.clip(directions @ directions.T, -1, 1)
        rows, columns = np.triu_indices(density.shape[1])
        parts = []
        for order, legendre in enumerate(_legendre(cosines, self.lmax)):
            power = density.T @ legendre @ density
            parts.append(np.sqrt(2 * order + 1) / (4 * np.pi) * power[rows, columns])
        return np.concatenate(parts).astype(np.float32)

    def _radial(self, r: np.ndarray) -> np.ndarray:
        """Return the radial functions at some distances, shape (n_atoms, n_radial)."""
        middles, step = np.linspace(_RMIN, self.radius - 0.3, self.n_radial, retstep=True)
        widths = np.linspace(_NARROW, _WIDE, self.n_radial) * step
        cut = (1 + np.cos(np.pi * r / self.radius)) / 2 / (1 + (r / _DECAY) ** 2)
        found: np.ndarray = np.exp(-(((r[:, None] - middles) / widths) ** 2) / 2) * cut[:, None]
        return found


def _legendre(x: np.ndarray, most: int) -> list[np.ndarray]:
    """Return the Legendre polynomials of the orders up to `most`, by Bonnet's recursion."""
    found = [np.ones_like(x), x]
    for order in range(1, most):
        found.append(((2 * order + 1) * x * found[-1] - order * found[-2]) / (order + 1))
    return found[: most + 1]


@cache
def _weights() -> np.ndarray:
    """Return the weight of each element in each channel by atomic number, shape (119, n_channels).

    About 1 in size; elements without an electronegativity or a radius have middling ones.
    """
    from pymatgen.core import Element

    found = np.zeros((119, len(CHANNELS)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that one is not known
        for number in range(1, 119):
            element = Element.from_Z(number)
            electronegativity = float(element.X)
            radius = float(element.atomic_radius or 1.4)
            found[number] = (
                1,
                (electronegativity if np.isfinite(electronegativity) else 1.8) - 2,
                number / 30 - 1,
                (radius - 1.2) / 0.6,
                (element.group - 9) / 6,
            )
    return found
