"""Coordination numbers by methods other than CrystalNN, to compare with the label.

The classes are pymatgen's, with their default parameters. Pan et al., Inorg. Chem. 60 (2021) 1590
compare them with CrystalNN and with the literature.
"""

import warnings
from collections.abc import Callable, Sequence

from pymatgen.analysis.local_env import (
    BrunnerNNReciprocal,
    MinimumDistanceNN,
    NearNeighbors,
    VoronoiNN,
)
from pymatgen.core import Structure

from exafscn_flows.targets.coordination_number import RivalMethod

_LONGEST_CUTOFF = 52.0
"""Å. From 13 Å on, VoronoiNN doubles its cutoff while the polyhedron is open. At 52 Å that takes
seconds; beyond, up to eight times as long at each step."""


class _BoundedVoronoiNN(VoronoiNN):
    _cutoff: float

    def __init__(self) -> None:
        # What is switched off takes time and leaves the CN as it is.
        super().__init__(  # type: ignore[no-untyped-call]
            extra_nn_info=False, compute_adj_neighbors=False
        )

    @property
    def cutoff(self) -> float:
        return self._cutoff

    @cutoff.setter
    def cutoff(self, value: float) -> None:
        if value > _LONGEST_CUTOFF:
            raise ValueError(f"the Voronoi polyhedron is open at {self._cutoff:g} Å")
        self._cutoff = value


# Made anew for each site: VoronoiNN keeps the cutoff that the last one needed.
_METHODS: dict[RivalMethod, Callable[[], NearNeighbors]] = {
    "voronoi_nn": _BoundedVoronoiNN,
    "minimum_distance_nn": MinimumDistanceNN,
    "brunner_nn": BrunnerNNReciprocal,
}


def rival_cns(
    structure: Structure, site_index: int, methods: Sequence[RivalMethod]
) -> dict[str, float | None]:
    """Count the neighbours of one site by several methods.

    Each neighbour counts one, whatever its weight.

    Parameters
    ----------
    structure
        Ordered structure of plain elements.
    site_index
        0-based index of the site.
    methods
        ``voronoi_nn``: VoronoiNN, all atoms with a face on the Voronoi polyhedron of the site,
        however small (tol 0; cutoff 13 Å, more while the polyhedron is open); O'Keeffe, Acta
        Cryst. A35 (1979) 772.
        ``minimum_distance_nn``: MinimumDistanceNN, all atoms nearer than 1.1 times the nearest one
        (tol 0.1; cutoff 10 Å); Zimmermann et al., Front. Mater. 4 (2017) 34.
        ``brunner_nn``: BrunnerNNReciprocal, all atoms up to the largest gap between successive
        1/d, with d the distance (tol 1e-4 Å; cutoff 8 Å); Brunner, Acta Cryst. A33 (1977) 226. Of
        pymatgen's three variants it is the one that Pan et al. compare.

    Returns
    -------
    dict
        CN by method, in alphabetical order. None where a method fails: hardly an atom lies within
        its cutoff, or the Voronoi polyhedron is open, or reaches so far that it would take minutes.
    """
    return {method: _cn(structure, site_index, method) for method in sorted(methods)}


def _cn(structure: Structure, site_index: int, method: RivalMethod) -> float | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return float(_METHODS[method]().get_cn(structure, site_index))
    except Exception:
        # Third-party code meets odd crystals, and the label does not depend on it.
        return None
