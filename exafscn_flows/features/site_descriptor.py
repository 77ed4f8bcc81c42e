"""The atoms around a site in numbers: how far they are, at which angles, and what they are."""

import warnings
from functools import cache
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from exafscn_flows.features.base import FeatureName, FromStructure
from exafscn_flows.features.columns import Columns
from exafscn_flows.features.inputs import Inputs
from exafscn_flows.features.settings import LarchSettings
from exafscn_flows.features.surroundings import CLASSES, class_of, near_atoms

RADIAL = (*CLASSES, "atomic number", "electronegativity")
"""What is counted along r: atoms of each class, and all weighted by these."""
PAIRS = ("two non-metals", "a non-metal and a metal", "two metals")
"""What the angles are between."""
N_ANGLES = 18
N_NEAREST = 6

_RMIN = 1.0
"""Smallest r, Å: no two atoms but H are nearer."""
_WIDEST = 4
"""Widths from which on a Gaussian is 0: to count a trace of a far atom would tell nothing."""
_METALS = 3
"""First class of metals."""


class SiteDescriptor(FromStructure):
    """Radial and angular numbers of the atoms around a site, 242 by default.

    Along r, every atom is a Gaussian as wide as the step (as of Behler and Parrinello, Phys. Rev.
    Lett. 98, 146401 (2007)): one curve for each class of elements, and two of all atoms, weighted
    by atomic number and by Pauling's electronegativity. The angles at the site, between pairs of
    near atoms, are Gaussians of 10°; pairs count less the farther their atoms are. Last come the
    distances of the nearest atoms. What the absorber is, is not in it.
    """

    kind: Literal["site_descriptor"] = "site_descriptor"
    name: FeatureName = "site_descriptor"
    radius: float = Field(default=6.0, ge=2, le=12, description="Largest r, Å.")
    rstep: float = Field(default=0.2, ge=0.05, le=1, description="Step of r, Å.")
    angle_radius: float = Field(
        default=4.0, ge=2, le=12, description="Atoms nearer than this make angles, Å."
    )

    @model_validator(mode="after")
    def _check_radius(self) -> Self:
        if self.angle_radius > self.radius:
            raise ValueError(
                f"angle_radius ({self.angle_radius:g}) must be at most radius ({self.radius:g})"
            )
        return self

    def parameters(self, settings: LarchSettings) -> dict[str, Any]:
        return {"version": 1, **self.model_dump(exclude={"name"})}

    def grid(self) -> np.ndarray:
        """Return r, Å, shape (n_r,), two or more."""
        n = int((self.radius - _RMIN) / self.rstep + 1e-6) + 1
        return _RMIN + self.rstep * np.arange(n)

    def axis(self, settings: LarchSettings) -> tuple[np.ndarray, str]:
        """Return the number of each value, shape (n_features,), and what the numbers are."""
        sizes = [len(part) for part in self._parts()]
        names = (*RADIAL, *(f"angles of {pair}" for pair in PAIRS), "nearest atoms")
        ends = np.cumsum(sizes)
        spans = [
            f"{end - size}-{end - 1}: {name}"
            for name, size, end in zip(names, sizes, ends, strict=True)
        ]
        return np.arange(float(ends[-1])), f"feature ({', '.join(spans)})"

    def columns(self, settings: LarchSettings) -> Columns:
        """Return r, the angles and the places of the nearest atoms as parts."""
        return Columns(self.axis(settings)[0], self._parts(), (*RADIAL, *PAIRS, "nearest atoms"))

    def value_label(self, settings: LarchSettings) -> str:
        """Return what a value is."""
        return "atoms, pairs, or distance (Å)"

    def vector(self, inputs: Inputs, settings: LarchSettings) -> np.ndarray:
        # Atoms just beyond the grid reach into it.
        numbers, places = near_atoms(inputs, self.radius + _WIDEST * self.rstep)
        distances = np.linalg.norm(places, axis=1)
        directions = places / distances[:, None]
        kinds = np.array([_kind(one) for one in numbers.tolist()], dtype=int)
        weights = np.vstack(
            [
                kinds == np.arange(len(CLASSES))[:, None],
                numbers,
                [_electronegativity(one) for one in numbers.tolist()],
            ]
        )
        smeared = _gaussians(distances[:, None] - self.grid(), self.rstep)
        nearest = np.full(N_NEAREST, self.radius)
        found = distances[distances < self.radius][:N_NEAREST]
        nearest[: len(found)] = found
        angles = self._angles(distances, directions, kinds)
        vector: np.ndarray = np.concatenate([(weights @ smeared).ravel(), angles, nearest])
        return vector.astype(np.float32)

    def _angles(
        self, distances: np.ndarray, directions: np.ndarray, kinds: np.ndarray
    ) -> np.ndarray:
        """Return how many pairs there are at each angle, by what they are of."""
        near = distances < self.angle_radius
        weights = (1 + np.cos(np.pi * distances[near] / self.angle_radius)) / 2
        first, second = np.triu_indices(len(weights), 1)
        cosines = (directions[near][first] * directions[near][second]).sum(axis=1)
        angles = np.degrees(np.arccos(np.clip(cosines, -1, 1)))
        step = 180 / N_ANGLES
        smeared = _gaussians(angles[:, None] - _angle_grid(), step)
        smeared *= (weights[first] * weights[second])[:, None]
        metals = (kinds[near] >= _METALS).astype(int)
        of_pair = metals[first] + metals[second]
        return np.concatenate([smeared[of_pair == n].sum(axis=0) for n in range(len(PAIRS))])

    def _parts(self) -> tuple[np.ndarray, ...]:
        nearest = np.arange(1.0, N_NEAREST + 1)
        return (*(self.grid(),) * len(RADIAL), *(_angle_grid(),) * len(PAIRS), nearest)


def _angle_grid() -> np.ndarray:
    """Return the middles of equal parts of 180°, shape (n_angles,)."""
    return 180 / N_ANGLES * (np.arange(N_ANGLES) + 0.5)


def _gaussians(x: np.ndarray, width: float) -> np.ndarray:
    found: np.ndarray = np.exp(-((x / width) ** 2) / 2)
    found[np.abs(x) > _WIDEST * width] = 0
    return found


@cache
def _kind(number: int) -> int:
    """Return the place of an element among the classes."""
    from pymatgen.core import Element

    return class_of(Element.from_Z(number))


@cache
def _electronegativity(number: int) -> float:
    """Return Pauling's electronegativity of an element; 0 of those that have none."""
    from pymatgen.core import Element

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that there is none
        value = float(Element.from_Z(number).X)
    return value if np.isfinite(value) else 0.0
