"""How many atoms there are around a site, up to any distance."""

from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from exafscn_flows.features.base import FeatureName, FromStructure
from exafscn_flows.features.columns import Columns
from exafscn_flows.features.inputs import Inputs
from exafscn_flows.features.settings import LarchSettings
from exafscn_flows.features.surroundings import CLASSES, class_of, known_site


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

        structure, site_index = known_site(inputs)
        grid = self.grid()
        # Atoms just beyond the grid reach into it.
        reach = grid[-1] + 4 * self.sigma
        site = structure[site_index]
        found = np.zeros((len(CLASSES), len(grid)))
        for neighbour in structure.get_neighbors(site, reach):
            found[class_of(neighbour.specie)] += ndtr((grid - neighbour.nn_distance) / self.sigma)
        vector: np.ndarray = found.astype(np.float32)
        return vector.ravel()
