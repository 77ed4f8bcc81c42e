"""The atoms around a site, for features of the structure."""

from typing import TYPE_CHECKING, Any

import numpy as np

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features.inputs import Inputs

if TYPE_CHECKING:
    from pymatgen.core import Element, Structure

CLASSES = ("H", "light non-metals", "other non-metals", "metals to Ca", "metals beyond Ca")
"""Classes of elements: electrons are scattered by them in different ways, and non-metals are bound
where metals are further shells."""

_SAME_PLACE = 1e-3
"""Distance, Å, at which an atom is the site itself."""
_CALCIUM = 20
_FLUORINE = 9


def class_of(specie: Any) -> int:
    """Return the place of an element among the classes."""
    element: Element = getattr(specie, "element", specie)
    if element.Z == 1:
        return 0
    if element.is_metal:
        return 3 if element.Z <= _CALCIUM else 4
    return 1 if element.Z <= _FLUORINE else 2


def known_site(inputs: Inputs) -> "tuple[Structure, int]":
    """Return the structure, and the 0-based index of the site in it.

    Raises
    ------
    ItemFailure
        ``no_structure`` if there is none, ``averaged_site`` if the site is not one of its sites.
    """
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
    return inputs.structure, inputs.site_index


def near_atoms(inputs: Inputs, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the atoms around a site, the nearest first.

    Parameters
    ----------
    radius
        Farthest atoms, Å.

    Returns
    -------
    tuple
        Atomic numbers, shape (n_atoms,), and places from the site, Å, shape (n_atoms, 3).

    Raises
    ------
    ItemFailure
        As of `known_site`.
    """
    structure, site_index = known_site(inputs)
    centre = structure[site_index].frac_coords
    _, neighbours, images, distances = structure.get_neighbor_list(
        radius, [structure[site_index]], exclude_self=False
    )
    coordinates = structure.frac_coords[neighbours] + images - centre
    order = np.argsort(distances, kind="stable")
    order = order[distances[order] > _SAME_PLACE]
    numbers = np.array([site.specie.Z for site in structure])[neighbours[order]]
    return numbers, structure.lattice.get_cartesian_coords(coordinates)[order]
