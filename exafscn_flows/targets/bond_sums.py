"""Bond valence sums of all sites of a structure, and what they say of its atoms."""

import math
from functools import cache
from typing import NamedTuple

import numpy as np
from pymatgen.analysis.bond_valence import BV_PARAMS, ELECTRONEG
from pymatgen.analysis.molecule_structure_comparator import CovalentRadius
from pymatgen.core import Element, Structure

_RADIUS = 4.0
"""Å, within which bonds have a valence."""

_SOFTNESS = 0.31
"""Å; a bond that is longer by this has 1/e of the valence."""

_BOND_SLACK = 0.2
"""Å; atoms of these elements are bonded up to the sum of their covalent radii and this."""

_PAIRED = frozenset(["O", "S", "Se", "Te"])
"""A bond to its own kind leaves such an atom one electron less to take, as in the S2 of pyrite."""

_MOLECULAR = frozenset(["C", "N"])

_LEAST_OF_OXYGEN = 1.2
"""Sum of an O below which H is missing beside it: 1.1 or less in hydroxides that are published
without H, 1.5 or more in three oxides of four."""

_CU = 2.0
"""Sums of Cu are half its state, with these parameters."""


class Sums(NamedTuple):
    """What the bonds of every site come to, both of shape (n_sites,).

    Attributes
    ----------
    sums
        Sum of bond valences, negative of anions.
    paired
        Number of bonds of an O, S, Se or Te to others of its kind.
    oxygen
        Sum of bond valences of an O with those of Cu corrected, infinity of other sites.
    """

    sums: np.ndarray
    paired: np.ndarray
    oxygen: np.ndarray


def bond_valence_sums(structure: Structure, symbols: list[str], scale: float) -> Sums:
    """Sum the bonds of every site.

    Parameters
    ----------
    structure
        Ordered structure of plain elements.
    symbols
        Of its sites.
    scale
        Factor of all distances.
    """
    n = len(symbols)
    centers, others, _, distances = structure.get_neighbor_list(_RADIUS)
    elements, kinds = np.unique(symbols, return_inverse=True)
    pairs = np.array([[_pair(a, b) for b in elements] for a in elements])
    length, sign = np.moveaxis(pairs[kinds[centers], kinds[others]], -1, 0)
    valences = sign * np.exp((length - distances * scale) / _SOFTNESS)
    bonded = distances < _reach(elements, _PAIRED)[kinds[centers], kinds[others]]
    paired = np.bincount(centers[bonded & (kinds[centers] == kinds[others])], minlength=n)
    corrected = np.where((elements == "Cu")[kinds[others]], _CU, 1.0) * valences
    oxygen = -np.bincount(centers, corrected, minlength=n)
    oxygen[(np.array(symbols) != "O") | (paired > 0)] = np.inf
    return Sums(np.bincount(centers, valences, minlength=n), paired, oxygen)


def why_not_neutral(structure: Structure, symbols: list[str], sums: Sums) -> str:
    """Say why the charges of these atoms, as they are, need not add up; empty if they must."""
    known = all(Element(symbol) in BV_PARAMS for symbol in set(symbols))
    if known and sums.oxygen.min() < _LEAST_OF_OXYGEN:
        return f"an O has bonds for {sums.oxygen.min():.1f} charges only, as where H is missing"
    elements, kinds = np.unique(symbols, return_inverse=True)
    reach = _reach(elements, _MOLECULAR)
    if reach.any():
        first, second, _, distances = structure.get_neighbor_list(float(reach.max()))
        if (distances < reach[kinds[first], kinds[second]]).any():
            return "C or N are bonded to each other in molecules, whose charge is not known"
    return ""


def _reach(elements: np.ndarray, among: frozenset[str]) -> np.ndarray:
    """Longest bond, Å, between elements of a set, shape (n_elements, n_elements); 0 of others."""
    radius = np.array([CovalentRadius.radius[e] if e in among else np.nan for e in elements])
    reach: np.ndarray = np.nan_to_num(radius[:, None] + radius + _BOND_SLACK)
    return reach


@cache
def _pair(a: str, b: str) -> tuple[float, float]:
    """Length of a bond of valence 1, Å, and its sign at the first atom; 0 where it has none."""
    first, second = Element(a), Element(b)
    known = first in BV_PARAMS and second in BV_PARAMS
    if a == b or not known or not {first, second} & set(ELECTRONEG):
        return 0.0, 0.0
    r1, r2 = BV_PARAMS[first]["r"], BV_PARAMS[second]["r"]
    c1, c2 = BV_PARAMS[first]["c"], BV_PARAMS[second]["c"]
    length = r1 + r2 - r1 * r2 * (math.sqrt(c1) - math.sqrt(c2)) ** 2 / (c1 * r1 + c2 * r2)
    return length, 1.0 if first.X < second.X else -1.0
