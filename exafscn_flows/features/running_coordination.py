"""How many atoms there are around a site, up to any distance."""

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features.base import FeatureName, FromStructure
from exafscn_flows.features.columns import Columns
from exafscn_flows.features.inputs import Inputs
from exafscn_flows.features.settings import LarchSettings

if TYPE_CHECKING:
    from pymatgen.core import Element

CLASSES = ("H", "light non-metals", "other non-metals", "metals to Ca", "metals beyond Ca")
"""Classes of elements, each with a curve of its own: electrons are scattered by them in
different ways, and non-metals are bound where metals are further shells."""

_CALCIUM = 20
_FLUORINE = 9


class RunningCoordination(FromStructure):
    """Running coordination number n(r), by class of element, from the structure alone.

    The number of atoms nearer than r, the integral of 4 pi r^2 rho(r) (Egami and Billinge,
    Underneath the Bragg Peaks, chapter 3), where every atom is a Gaussian of width sigma. No
    spectrum takes part: a model on it shows what perfect knowledge of all distances would tell,
    and `two_stage` and `kernel_trees` models predict it first.
    """

    kind: Literal["running_coordination"] = "running_coordination"
    name: FeatureName = "running_coordination"
    rmin: float = Field(default=1.0, ge=0.1, description="Smallest r, Å.")
    rmax: float = Field(default=5.0, le=12, description="Largest r, Å.")
    rstep: float = Field(default=0.1, ge=0.02, le=1, description="Step of r, Å.")
    sigma: float = Field(
        default=0.1, gt=0, le=1, description="Standard deviation of each atom's Gaussian, Å."
    )

    @model_validator(mode="after")
    def _check_grid(self) -> Self:
        if self.rmax - self.rmin < self.rstep:
            raise ValueError(
                f"rmin ({self.rmin:g}) must be less than rmax ({self.rmax:g}) by rstep or more"
            )
        return self

    def parameters(self, settings: LarchSettings) -> dict[str, Any]:
        return {"version": 1, **self.model_dump(exclude={"name"})}

    def grid(self) -> np.ndarray:
        """Return r, Å, shape (n_r,), two or more."""
        n = int((self.rmax - self.rmin) / self.rstep + 1e-6) + 1
        return self.rmin + self.rstep * np.arange(n)

    def axis(self, settings: LarchSettings) -> tuple[np.ndarray, str]:
        """Return the number of each value, shape (n_features,), and what the numbers are."""
        n = len(self.grid())
        spans = [f"{n * i}-{n * (i + 1) - 1}: {one}" for i, one in enumerate(CLASSES)]
        return np.arange(float(n * len(CLASSES))), f"feature ({', '.join(spans)})"

    def columns(self, settings: LarchSettings) -> Columns:
        """Return r of each class of elements as a part."""
        return Columns(self.axis(settings)[0], (self.grid(),) * len(CLASSES), CLASSES)

    def value_label(self, settings: LarchSettings) -> str:
        """Return what a value is."""
        return "n(r) (atoms)"

    def vector(self, inputs: Inputs, settings: LarchSettings) -> np.ndarray:
        from scipy.special import ndtr

        if inputs.structure is None:
            raise ItemFailure(
                "no_structure", "the atoms around this site are not known", "take other features"
            )
        if inputs.site_index is None:
            raise ItemFailure(
                "averaged_site",
                "the spectrum is that of all sites of the element together, and the atoms around "
                "one are asked for",
                "take other features",
            )
        grid = self.grid()
        # Atoms just beyond the grid reach into it.
        reach = grid[-1] + 4 * self.sigma
        site = inputs.structure[inputs.site_index]
        found = np.zeros((len(CLASSES), len(grid)))
        for neighbour in inputs.structure.get_neighbors(site, reach):
            found[_place(neighbour.specie)] += ndtr((grid - neighbour.nn_distance) / self.sigma)
        vector: np.ndarray = found.astype(np.float32)
        return vector.ravel()


def _place(specie: Any) -> int:
    """Return the place of an element among the classes."""
    element: Element = getattr(specie, "element", specie)
    if element.Z == 1:
        return 0
    if element.is_metal:
        return 3 if element.Z <= _CALCIUM else 4
    return 1 if element.Z <= _FLUORINE else 2
