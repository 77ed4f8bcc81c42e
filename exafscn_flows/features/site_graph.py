"""The atoms around a site as the nodes of a graph."""

from typing import Any, Literal

import numpy as np
from pydantic import Field

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features.base import FeatureName, FromStructure
from exafscn_flows.features.inputs import Inputs
from exafscn_flows.features.settings import LarchSettings
from exafscn_flows.features.surroundings import known_site, near_atoms

PER_ATOM = 4
"""Values of each atom: atomic number, and x, y and z, Å, from the absorber."""
_SAME_SHELL = 1e-3
"""Å. Atoms whose distances differ by less are of one shell."""


class SiteGraph(FromStructure):
    """Atomic numbers and places of a site and its nearest atoms, for models that make graphs.

    The site itself comes first, and then the atoms by their distance. A shell of which not all
    atoms fit is left out, so that which atoms there are does not depend on how the crystal is
    turned; where atoms are lacking, all four values are 0.
    """

    kind: Literal["site_graph"] = "site_graph"
    name: FeatureName = "site_graph"
    radius: float = Field(default=6.0, ge=2, le=12, description="Farthest atoms.")
    max_atoms: int = Field(default=40, ge=4, le=200, description="Most atoms around the site.")

    def parameters(self, settings: LarchSettings) -> dict[str, Any]:
        return {"version": 1, **self.model_dump(exclude={"name"})}

    def axis(self, settings: LarchSettings) -> tuple[np.ndarray, str]:
        """Return the number of each value, shape (n_features,), and what the numbers are."""
        label = "feature (of each atom: atomic number, x, y, z)"
        return np.arange(float(PER_ATOM * (self.max_atoms + 1))), label

    def value_label(self, settings: LarchSettings) -> str:
        """Return what a value is."""
        return "atomic number, or coordinate (Å)"

    def vector(self, inputs: Inputs, settings: LarchSettings) -> np.ndarray:
        numbers, places = near_atoms(inputs, self.radius)
        r = np.linalg.norm(places, axis=1)
        n = min(len(r), self.max_atoms)
        if n < len(r):
            n = int(np.searchsorted(r, r[n] - _SAME_SHELL))
        if n == 0:
            raise ItemFailure(
                "no_neighbours",
                f"there is no atom within {self.radius:g} Å, or more than {self.max_atoms} at the "
                "distance of the nearest",
                "raise radius or max_atoms",
            )
        structure, site_index = known_site(inputs)
        found = np.zeros((self.max_atoms + 1, PER_ATOM), dtype=np.float32)
        found[0, 0] = structure[site_index].specie.Z
        found[1 : n + 1, 0], found[1 : n + 1, 1:] = numbers[:n], places[:n]
        return found.ravel()
