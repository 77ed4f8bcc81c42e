"""What features are a function of, and the limits that a study sets to it."""

import re
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Quantity:
    """What features are a function of.

    Attributes
    ----------
    name
        What it is called within a sentence.
    unit
        Its unit.
    band
        Width of the bands whose features are permuted together, in the unit: about what a
        spectrum resolves.
    """

    name: str
    unit: str
    band: float


DISTANCE = Quantity("R", "Å", 0.5)
ENERGY = Quantity("energy", "eV", 2.0)
"""The K levels of 3d metals are 0.9 to 1.7 eV wide (Krause and Oliver, J. Phys. Chem. Ref. Data 8,
329 (1979))."""


def quantity(axis_label: str) -> Quantity | None:
    """Tell what the axis of a feature set is, by its label; None: neither R nor energy."""
    label = axis_label.partition(",")[0]
    if label.startswith("R (Å)"):
        return DISTANCE
    return ENERGY if label.endswith("(eV)") else None


_OF_CURVES = re.compile(r"\((eV|Å|Å⁻¹|1/Å)\)$")
"""Units at the end of the labels of axes along which there are curves."""


def is_curve(axis: np.ndarray, label: str) -> bool:
    """Tell whether features are a curve: values in the order of one energy, k, q or R.

    Parameters
    ----------
    axis
        Coordinate of each feature, shape (n_features,).
    label
        What the axis is, with its unit.
    """
    return len(axis) > 1 and bool((np.diff(axis) > 0).all()) and bool(_OF_CURVES.search(label))


@dataclass(frozen=True)
class Limit:
    """A limit that leaves a part of the features.

    Attributes
    ----------
    quantity
        What it is a limit of.
    upper
        Whether what lies below is left, or what does not.
    """

    quantity: Quantity
    upper: bool

    def inside(self, axis: np.ndarray, value: float) -> np.ndarray:
        """Tell which features are left, shape (n_features,), by their coordinates."""
        return axis < value if self.upper else axis >= value


LIMITS = {
    "rmax": Limit(DISTANCE, upper=True),
    "rmin": Limit(DISTANCE, upper=False),
    "emax": Limit(ENERGY, upper=True),
    "emin": Limit(ENERGY, upper=False),
}
"""Limits by the key of the study section, which is also the name of their experiments."""
