"""Whether a cell and the distances in it can be those of a crystal."""

import numpy as np
from pymatgen.core import Lattice, Structure

from exafscn_flows.errors import ItemFailure

MAX_ATOMS = 2000
"""Largest cell, as written, whose symmetry is searched: 5 s at 2000 atoms, steeply more above."""

_MIN_DISTANCE = 1.0
_MIN_DISTANCE_H = 0.5
"""Shortest distance between two atoms, and between two of which one is hydrogen, Å.

The shortest bonds without hydrogen are those of CO and N2 (1.09 Å in refinements and in the
Materials Project); hydrogen placed by X-rays comes as near as 0.58 Å. Pairs nearer than this are
split or doubled positions, written without their occupancies.
"""

_MIN_VOLUME_PER_ATOM = 1.0
"""Å³; the densest real crystals have 4 to 6, so that anything below is a mistake in the cell."""

_LONGEST_CELL = 5000.0
_LEAST_SPACING = 0.1
_FARTHEST_CELL = 100.0
"""Longest vector of a cell, least distance between its opposite faces, Å, and cells that an atom
may lie away from it. Beyond, a digit is wrong, and searches for neighbours go on for hours."""


def check_cell(structure: Structure) -> None:
    """Refuse a cell that is not finite, absurd in its size, or too large.

    Raises
    ------
    ItemFailure
        ``bad_lattice``, ``unknown_species`` if it is empty, or ``too_many_atoms``.
    """
    finite = (
        np.isfinite(structure.lattice.matrix).all() and np.isfinite(structure.frac_coords).all()
    )
    if not finite:
        raise ItemFailure("bad_lattice", "cell or coordinates are not finite", "repair the file")
    n_atoms = len(structure)
    if n_atoms == 0:
        raise ItemFailure("unknown_species", "the structure holds no atoms", "repair the file")
    longest, thinnest = max(structure.lattice.abc), _least_spacing(structure.lattice)
    if not (longest <= _LONGEST_CELL and thinnest >= _LEAST_SPACING):
        message = f"the cell is {longest:.3g} Å long and {thinnest:.3g} Å thin"
        raise ItemFailure("bad_lattice", message, "check the cell; its unit is Å")
    far = float(np.abs(structure.frac_coords).max())
    if far > _FARTHEST_CELL:
        message = f"an atom lies {far:.3g} cells away from the cell"
        raise ItemFailure("bad_lattice", message, "check the coordinates")
    volume = structure.volume
    if volume < _MIN_VOLUME_PER_ATOM * n_atoms:
        message = f"the cell of {n_atoms} atoms has a volume of {volume:.3g} Å³"
        raise ItemFailure("bad_lattice", message, "check the cell; its unit is Å")
    if n_atoms > MAX_ATOMS:
        message = f"the cell, as written, holds {n_atoms} atoms; the limit is {MAX_ATOMS}"
        raise ItemFailure("too_many_atoms", message, "write a smaller cell")


def _least_spacing(lattice: Lattice) -> float:
    """Least distance between opposite faces of a cell, Å; 0 or NaN if it is flat."""
    with np.errstate(all="ignore"):
        a, b, c = lattice.matrix / np.array(lattice.abc)[:, None]
        faces = np.linalg.norm([np.cross(b, c), np.cross(c, a), np.cross(a, b)], axis=1)
        spacings = np.array(lattice.abc) * abs(np.dot(a, np.cross(b, c))) / faces
    return float(spacings.min())


def overlap(structure: Structure) -> str | None:
    """Say which two atoms are nearer than any two atoms are.

    Parameters
    ----------
    structure
        Ordered structure.

    Returns
    -------
    str or None
        The nearest such pair and its distance, in words.
    """
    return _overlap(structure, 0.0)[0]


def check_distances(structure: Structure, symprec: float) -> None:
    """Refuse atoms that are nearer than any bond, or too near for a tolerance of symmetry, Å.

    Raises
    ------
    ItemFailure
        ``overlapping_atoms`` or ``no_symmetry``.
    """
    message, distance = _overlap(structure, 2 * symprec)
    if message is not None:
        hint = "check the cell; of split or doubled positions keep one, or give their occupancies"
        raise ItemFailure("overlapping_atoms", message, hint)
    if (distance < 2 * symprec).any():
        # Any atom could be mapped on its neighbour; spglib has crashed the process on this.
        message = f"atoms are {distance.min():.2f} Å apart, too near for symprec = {symprec} Å"
        raise ItemFailure("no_symmetry", message, "choose a smaller sites.symprec")


def _overlap(structure: Structure, reach: float) -> tuple[str | None, np.ndarray]:
    """Find the nearest overlapping pair, and all distances up to a reach, Å, at least."""
    symbols = np.array([site.specie.symbol for site in structure])
    first, second, _, distance = structure.get_neighbor_list(max(_MIN_DISTANCE, reach))
    hydrogen = (symbols[first] == "H") | (symbols[second] == "H")
    overlaps = distance < np.where(hydrogen, _MIN_DISTANCE_H, _MIN_DISTANCE)
    if not overlaps.any():
        return None, distance
    nearest = np.flatnonzero(overlaps)[np.argmin(distance[overlaps])]
    pair = " and ".join(sorted((symbols[first[nearest]], symbols[second[nearest]])))
    return f"{pair} are {distance[nearest]:.2f} Å apart", distance
