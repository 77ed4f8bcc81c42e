"""The atoms around a site, as a list to look at."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exafscn_flows.targets.crystal_nn import coordination

if TYPE_CHECKING:
    from pymatgen.core import Structure


@dataclass(frozen=True)
class Neighbour:
    """An atom near a site.

    Attributes
    ----------
    element
        Its symbol.
    site_index
        0-based index in the cell.
    distance
        From the site, Å.
    counted
        Whether it is one of the neighbours that make the coordination number.
    """

    element: str
    site_index: int
    distance: float
    counted: bool


def neighbour_list(structure: "Structure", site_index: int) -> list[Neighbour]:
    """List the atoms that CrystalNN takes for neighbours, or nearly does, the nearest first.

    Parameters
    ----------
    structure
        Ordered structure of plain elements.
    site_index
        0-based index of the site.

    Returns
    -------
    list of Neighbour
        As many as the largest coordination number that has a weight.

    Raises
    ------
    ItemFailure
        ``crystal_nn_failed``, as of `coordination`.
    """
    found = coordination(structure, site_index)
    shown = max(map(int, found.cn_weights))
    distances = np.linalg.norm(found.shell[:shown], axis=1)
    neighbours = [
        Neighbour(structure[int(index)].specie.symbol, int(index), float(distance), at < found.cn)
        for at, (index, distance) in enumerate(zip(found.shell_sites, distances, strict=False))
    ]
    return sorted(neighbours, key=lambda one: (one.distance, one.element, one.site_index))
