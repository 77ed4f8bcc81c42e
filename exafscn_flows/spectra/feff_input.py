"""Writing FEFF's input file for one site of a crystal."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from pymatgen.core import Element, Structure
from scipy.spatial import cKDTree

from exafscn_flows.errors import ItemFailure


class Limits(NamedTuple):
    """What a FEFF can hold."""

    atoms: float
    """Absorber included."""
    potentials: float
    """Besides the absorber's."""


FEFF8L = Limits(atoms=1000, potentials=9)
"""Compiled into FEFF 8.5L: natx is 1000. There is room for 11 potentials, but ff2x reads only 20
words, two for each, in the line of feff.pad that names them."""

UNLIMITED = Limits(atoms=np.inf, potentials=np.inf)
"""FEFF 9 and 10 set their arrays as they need them."""

_MARGIN = 2.0
"""Atoms this far beyond the outermost radius of a card, Å, still shape the potentials within."""

_RADII = ("RPATH", "FMS", "SCF")
"""Cards whose first argument is a radius, Å."""

_SURROUNDINGS = 4.0
"""FEFF makes an element's potential around its atom nearest to the absorber: this far around it,
Å, the cluster is complete. Otherwise an element whose nearest atom stands at the rim gets the
potential of a surface, and FEFF may fail."""

_OVERLAP = 0.5
"""No two nuclei are this close, Å. FEFF silently drops an atom within 0.1 Å of the absorber."""

_SHORT_BOND, _HYDROGEN_BOND = 0.9, 0.97
"""X-rays place hydrogen too near its partner. For O-H of 0.85 Å, FEFF's chi is 40 % off, for 0.7 Å
ten times too large, because multiple scattering between overlapping atoms does not converge. Bonds
shorter than the first, Å, get the second, O-H as neutrons see it (Allen & Bruno, Acta Cryst. B66,
380, 2010: 0.98 Å)."""

_TIE, _STEP = 1e-8, 5e-6
"""FEFF's pot lengthens bonds of hydrogen (moveh) and never ends if rounding alone decides which
atom is nearest. Where distances differ by less than a tie, Å, one step decides."""

_LAST_ELEMENT = 99
"""FEFF 8.5L has no free atoms beyond Es."""


_ABSORBER_SHARE = 1e-4
"""FEFF 9 and 10 average over the potentials by their share in the crystal. The one absorber with a
core hole has next to none, as in pymatgen's input."""


def feff_input(
    structure: Structure,
    site_index: int,
    cards: Mapping[str, str],
    limits: Limits = FEFF8L,
    *,
    reach: float = 0.0,
    lmax: int | None = None,
) -> str:
    """Write ``feff.inp`` for the K edge of one site.

    The cluster reaches 2 Å beyond the largest of RPATH, FMS and SCF, and 4 Å beyond the nearest
    atom of every element in it, or farther if asked for. The absorber is potential 0; every element
    around it has one potential, numbered by its nearest atom. Atoms are sorted by distance, element
    and coordinates, so neither the order of the sites nor the choice of the origin matters.

    Hydrogen is moved where FEFF would go wrong: bonds below 0.9 Å are lengthened to 0.97 Å, and
    if several atoms are nearest, one is approached by 0.000005 Å, else FEFF may never end.

    Parameters
    ----------
    structure
        Ordered crystal structure.
    site_index
        0-based index of the absorbing site.
    cards
        FEFF cards with their arguments as text; RPATH or FMS, Å, must be among them.
    limits
        What the FEFF at hand can hold.
    reach
        Least radius of the cluster, Å.
    lmax
        Largest angular momentum of every potential, for FEFF 9 and 10; with it, potentials also get
        their share in the crystal.

    Returns
    -------
    str
        Content of ``feff.inp``; coordinates in Å, absorber at the origin.

    Raises
    ------
    ItemFailure
        If the structure is disordered, no atom lies within the radii, one lies on another, or there
        are more atoms or elements than FEFF can hold.
    """
    radius, name = max((float(cards[name].split()[0]), name) for name in _RADII if name in cards)
    atomic_numbers = _atomic_numbers(structure)
    reach = max(radius + _MARGIN, reach)
    coords, distances, numbers = _cluster(structure, site_index, reach, limits, atomic_numbers)
    within = int(np.count_nonzero(distances <= radius))
    if within < 2:
        raise ItemFailure(
            "no_neighbours", f"no atom within {radius:g} Å of the absorber", f"raise {name}"
        )
    if distances[1] < _OVERLAP:
        raise _overlap(distances[1], "the absorber")
    if within > limits.atoms:
        raise ItemFailure(
            "too_many_atoms",
            f"{within} atoms within {radius:g} Å, FEFF holds {limits.atoms:g}",
            f"lower {name}",
        )
    n_atoms = int(min(len(numbers), limits.atoms))
    coords, numbers = coords[:n_atoms], numbers[:n_atoms]
    coords = _without_ties(_with_long_bonds(coords, numbers), numbers)
    _check_overlap(coords)

    # dict keeps the order of first appearance, which is that of distance.
    potentials = {z: 1 + n for n, z in enumerate(dict.fromkeys(numbers[1:].tolist()))}
    if len(potentials) > limits.potentials:
        raise ItemFailure(
            "too_many_elements",
            f"{len(potentials)} elements around the absorber, FEFF holds {limits.potentials:g}",
            f"lower {name}",
        )
    shares = _shares(atomic_numbers)
    rows = [
        (0, int(numbers[0]), _ABSORBER_SHARE),
        *((i, z, shares[z]) for z, i in potentials.items()),
    ]
    lines = [
        "EDGE K",
        "CONTROL 1 1 1 1 1 1",
        "PRINT 0 0 0 0 0 0",
        *(f"{name} {cards[name]}" for name in sorted(cards)),
        "POTENTIALS",
        *(
            f"{index} {z} {Element.from_Z(z).symbol}"
            + ("" if lmax is None else f" {lmax} {lmax} {share:g}")
            for index, z, share in rows
        ),
        "ATOMS",
        "0 0 0 0",
    ]
    indices = [potentials[z] for z in numbers[1:].tolist()]
    values = np.column_stack([coords[1:], indices]).ravel().tolist()
    # One format for all atoms takes half the time of one for each.
    atoms = "%.6f %.6f %.6f %d\n" * len(indices) % tuple(values)
    return "\n".join(lines) + f"\n{atoms}END\n"


def _atomic_numbers(structure: Structure) -> np.ndarray:
    """Atomic number of each site; shape (n_sites,)."""
    if not structure.is_ordered:
        raise ItemFailure(
            "disordered", "a site is partly occupied or shared", "FEFF needs ordered structures"
        )
    numbers = np.array([getattr(site.specie, "Z", 0) for site in structure])
    unknown = (numbers < 1) | (numbers > _LAST_ELEMENT)
    if unknown.any():
        name = structure[int(np.argmax(unknown))].species_string
        raise ItemFailure("unknown_element", f"FEFF has no atom for {name}", "it does H to Es")
    return numbers


def _shares(atomic_numbers: np.ndarray) -> dict[int, int]:
    """Atoms of each element in a formula unit."""
    found, counts = np.unique(atomic_numbers, return_counts=True)
    return dict(zip(found.tolist(), (counts // np.gcd.reduce(counts)).tolist(), strict=True))


def _cluster(
    structure: Structure,
    site_index: int,
    radius: float,
    limits: Limits,
    atomic_numbers: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Atoms around a site, sorted, the site itself first.

    Returns
    -------
    tuple of numpy.ndarray
        Coordinates relative to the site, Å, shape (n_atoms, 3); distances, Å, and atomic
        numbers, each of shape (n_atoms,).
    """
    while True:
        coords, distances, numbers = _sphere(structure, site_index, radius, atomic_numbers)
        # Sorted by distance: the first atom of an element is its nearest.
        _, first = np.unique(numbers[1:], return_index=True)
        needed = float(distances[1:][first].max(initial=0.0)) + _SURROUNDINGS
        if needed <= radius or len(numbers) > limits.atoms:
            return coords, distances, numbers
        radius = needed


def _sphere(
    structure: Structure, site_index: int, radius: float, atomic_numbers: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Atoms within a radius, sorted by distance, element and coordinates."""
    lattice = structure.lattice
    centre = structure[site_index].coords
    # Its type information knows only the zipped form.
    points: Any = lattice.get_points_in_sphere(
        structure.frac_coords, centre, radius, zip_results=False
    )
    frac_coords, _, indices, _ = points
    # Rounded as they are written, plus 0 to turn -0 into 0, so that sorting sees what FEFF sees.
    coords = np.round(lattice.get_cartesian_coords(frac_coords) - centre, 6) + 0.0
    distances = np.linalg.norm(coords, axis=1)
    numbers = atomic_numbers[np.asarray(indices, dtype=int)]
    x, y, z = coords.T
    order = np.lexsort((z, y, x, numbers, np.round(distances, 4)))
    return coords[order], distances[order], numbers[order]


def _with_long_bonds(coords: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Lengthen bonds of hydrogen that are too short for FEFF."""
    moved = coords.copy()
    others = coords[numbers != 1]
    for i in 1 + np.flatnonzero(numbers[1:] == 1):
        bonds = coords[i] - others
        distances = np.linalg.norm(bonds, axis=1)
        partner = int(np.argmin(distances))
        if distances[partner] < _OVERLAP:
            raise _overlap(distances[partner], "the hydrogen")
        if distances[partner] < _SHORT_BOND:
            longer = bonds[partner] * _HYDROGEN_BOND / distances[partner]
            moved[i] = np.round(others[partner] + longer, 6)
    return moved


def _without_ties(coords: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Move each hydrogen but the absorber, where needed, so that one atom is its nearest."""
    moved = coords.copy()
    others = numbers != 1
    hydrogens = 1 + np.flatnonzero(~others[1:])
    for _ in range(10):  # moving one hydrogen may tie another: two or three rounds in practice
        had_ties = False
        for i in hydrogens:
            bonds = moved - moved[i]
            distances = np.linalg.norm(bonds, axis=1)
            distances[i] = np.inf
            tied = distances < distances.min() + _TIE
            # Bonds between hydrogens are left alone by FEFF.
            if np.count_nonzero(tied) > 1 and (tied & others).any():
                nearest = int(np.argmax(tied & others))
                moved[i] += np.round(bonds[nearest] * _STEP / distances[nearest], 6)
                had_ties = True
        if not had_ties:
            break
    return moved


def _check_overlap(coords: np.ndarray) -> None:
    """FEFF computes something for two atoms on one spot, too."""
    pairs = cKDTree(coords).query_pairs(_OVERLAP, output_type="ndarray")
    if len(pairs):
        first, second = pairs[0]
        raise _overlap(float(np.linalg.norm(coords[first] - coords[second])), "another")


def _overlap(distance: float, name: str) -> ItemFailure:
    return ItemFailure(
        "overlapping_atoms", f"an atom {distance:.2f} Å from {name}", "check the structure"
    )
