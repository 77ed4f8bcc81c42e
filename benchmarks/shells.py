"""Which site is which in two cells of one crystal: sites are told apart by their shells."""

from typing import Any

import numpy as np
from pymatgen.core import Structure

RADIUS = 8.0
"""Å."""

SAME_SITE = 0.1
"""Shells of one site differ by less, Å: each cell may have been made symmetric by a tolerance of
its own. Of several candidates, the nearest is taken."""


def site_shells(structure: Structure, index: int) -> dict[str, np.ndarray]:
    """Distances within 8 Å of a site by element, Å, ascending."""
    # Its type information knows only the zipped form.
    points: Any = structure.lattice.get_points_in_sphere(
        structure.frac_coords, structure[index].coords, RADIUS, zip_results=False
    )
    _, distances, indices, _ = points
    symbols = np.array([site.specie.symbol for site in structure])[np.asarray(indices, dtype=int)]
    return {symbol: np.sort(distances[symbols == symbol]) for symbol in set(symbols.tolist())}


def difference(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> float:
    """Largest difference of two sites' distances, element by element, Å; inf if atoms are missing.

    An atom near 8 Å may be counted in one of them only: beyond the shorter list, the longer one
    must have nothing but such atoms.
    """
    largest = 0.0
    for element in first.keys() | second.keys():
        lists = [first.get(element, np.array([])), second.get(element, np.array([]))]
        shorter, longer = sorted(lists, key=len)
        if (longer[len(shorter) :] < RADIUS - SAME_SITE).any():
            return float("inf")
        shift = np.abs(longer[: len(shorter)] - shorter)
        largest = max(largest, float(shift.max(initial=0.0)))
    return largest
