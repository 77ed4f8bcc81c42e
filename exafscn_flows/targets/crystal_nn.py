"""Coordination of a site by CrystalNN (Pan et al., Inorg. Chem. 60 (2021) 1590).

The numbers are those of pymatgen's CrystalNN with its default parameters. Its import takes a second
and each of its sites 5 ms, most of it for one face after the other; here all go at once.
"""

import functools
import math
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from pymatgen.analysis.molecule_structure_comparator import CovalentRadius
from pymatgen.core import Element, Structure

from exafscn_flows.errors import ItemFailure
from exafscn_flows.targets.voronoi import Faces, voronoi_faces
from exafscn_flows.targets.weights import DIGITS, rounded

_CUTOFF = 7.0
"""Radius of the surroundings of which the Voronoi polyhedron is made at first, Å."""

_SLACK = 0.5, 1.0
"""A bond longer than the covalent radii by the first, Å, counts less, by the second not at all."""

_X_WEIGHT, _X_LARGEST = 3.0, 3.3
"""Weight of the difference in electronegativity, and the largest difference there is."""


@dataclass(frozen=True)
class Coordination:
    """Coordination of one site.

    Attributes
    ----------
    cn
        Coordination number with the largest weight.
    cn_weights
        Weight of every coordination number, by its decimal string; sum 1.
    cn_mean
        Mean coordination number by these weights.
    neighbours
        Number of the `cn` neighbours by element.
    bond_length
        Mean distance to the `cn` neighbours, Å.
    bond_spread
        Standard deviation of these distances, Å; of all, not estimated from a sample.
    shell
        Vectors from the site to the atoms around it, Å, shape (n_atoms, 3). For each number in
        `cn_weights`, as many of the first are its neighbours.
    shell_sites
        Indices in the structure of these atoms, shape (n_atoms,).
    """

    cn: int
    cn_weights: dict[str, float]
    cn_mean: float
    neighbours: Mapping[str, int]
    bond_length: float
    bond_spread: float
    shell: np.ndarray = field(repr=False, compare=False)
    shell_sites: np.ndarray = field(repr=False, compare=False)


def coordination(structure: Structure, site_index: int) -> Coordination:
    """Find the coordination of one site.

    Parameters
    ----------
    structure
        Ordered structure of plain elements. With oxidation states CrystalNN would use ionic
        radii; without, it uses covalent ones, which every element has.
    site_index
        0-based index of the site.

    Returns
    -------
    Coordination

    Raises
    ------
    ItemFailure
        ``crystal_nn_failed``, if there is no Voronoi polyhedron around the site, or no atom near
        enough to be its neighbour.
    """
    name = f"{structure[site_index].specie.symbol} (site {site_index})"
    try:
        faces = voronoi_faces(structure, site_index, _CUTOFF)
        bonds = _bond_weights(structure, site_index, faces)
    except ValueError as error:
        message = f"CrystalNN fails at {name}: {error}"
        raise ItemFailure("crystal_nn_failed", message, "check the cell") from error
    weights = rounded(dict(sorted(_cn_weights(bonds).items())))
    cn = max(weights, key=lambda number: (weights[number], -number))
    if cn == 0:
        # Seen only where the nearest atoms are farther than bonds are, e.g. Zn in a cage of 12 O
        # at 2.9 Å in hypothetical crystals. "No neighbours" would be a wrong label for them.
        raise ItemFailure(
            "crystal_nn_failed",
            f"CrystalNN finds no neighbour of {name} near enough for a bond",
            "the site is loosely bound; leave it out, or check the structure",
        )
    order = sorted(range(len(bonds)), key=lambda face: -bonds[face])
    nearest = order[:cn]
    symbols = [structure[int(faces.site_index[face])].specie.symbol for face in nearest]
    return Coordination(
        cn=cn,
        cn_weights={str(number): weight for number, weight in weights.items()},
        cn_mean=round(sum(number * weight for number, weight in weights.items()), DIGITS),
        neighbours=dict(sorted(Counter(symbols).items())),
        bond_length=round(float(faces.distance[nearest].mean()), DIGITS),
        bond_spread=round(float(faces.distance[nearest].std()), DIGITS),
        shell=faces.vector[order],
        shell_sites=faces.site_index[order],
    )


def _bond_weights(structure: Structure, site_index: int, faces: Faces) -> list[float]:
    """Weigh the atom behind each face, 0 to 1, by face, electronegativity and distance."""
    own_x, own_radius = _element(structure[site_index].specie.symbol)
    symbols = [structure[int(index)].specie.symbol for index in faces.site_index]
    x, radius = np.array([_element(symbol) for symbol in symbols]).T
    # The solid angle alone misleads where the structure is open.
    weight = faces.solid_angle * np.divide(
        faces.solid_angle, faces.area, out=np.zeros_like(x), where=faces.area > 0
    )
    weight *= 1 + _X_WEIGHT * np.nan_to_num(np.sqrt(np.abs(x - own_x) / _X_LARGEST))
    short, long = _SLACK
    stretched = (faces.distance - own_radius - radius - short) / (long - short)
    closeness = (np.cos(np.pi * np.clip(stretched, 0, 1)) + 1) / 2
    return [round(w, 3) for w in (weight / weight.max() * closeness).tolist()]


@functools.cache
def _element(symbol: str) -> tuple[float, float]:
    """Return electronegativity, NaN if unknown, and covalent radius, Å, of an element."""
    element = Element(symbol)
    with warnings.catch_warnings():
        # It warns where there is no electronegativity.
        warnings.simplefilter("ignore")
        radius = CovalentRadius.radius.get(symbol, element.atomic_radius)
        if radius is None:
            raise ValueError(f"no radius of {symbol} is known")
        return float(element.X), float(radius)


def _cn_weights(bonds: list[float]) -> dict[int, float]:
    """Weigh each coordination number by the part of a quarter disc between two bond weights."""
    levels = [*sorted({bond for bond in bonds if bond > 0}, reverse=True), 0.0]
    weights = {
        sum(bond >= level for bond in bonds): _quarter_disc(level) - _quarter_disc(below)
        for level, below in pairwise(levels)
    }
    return {0: 1 - sum(weights.values()), **weights}


def _quarter_disc(x: float) -> float:
    """Return the share of a quarter of the unit disc that lies left of x."""
    return (x * math.sqrt(1 - x * x) + math.asin(x)) / (math.pi / 2)
