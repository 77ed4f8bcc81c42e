"""Coordination of a site by CrystalNN (Pan et al., Inorg. Chem. 60 (2021) 1590)."""

import warnings
from collections import Counter
from dataclasses import dataclass

import numpy as np
from pymatgen.analysis.local_env import CrystalNN
from pymatgen.core import Structure

from exafscn_flows.errors import ItemFailure

_DIGITS = 4
"""Decimals of weights and lengths: beyond them there is only numerical noise."""


@dataclass(frozen=True)
class Label:
    """Coordination of one site.

    Attributes
    ----------
    cn
        Coordination number with the largest weight.
    cn_weights
        Weight of every coordination number, by its decimal string; sum 1.
    cn_mean
        Weighted mean coordination number.
    neighbours
        Number of the `cn` neighbours by element.
    bond_length
        Mean distance to the `cn` neighbours, Å.
    """

    cn: int
    cn_weights: dict[str, float]
    cn_mean: float
    neighbours: dict[str, int]
    bond_length: float


def label_site(structure: Structure, site_index: int) -> Label:
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
    Label

    Raises
    ------
    ItemFailure
        ``crystal_nn_failed``, if there is no Voronoi polyhedron around the site, or no atom near
        enough to be its neighbour.
    """
    site = structure[site_index]
    name = f"{site.specie.symbol} (site {site_index})"
    try:
        with warnings.catch_warnings():
            # It warns of every missing oxidation state.
            warnings.simplefilter("ignore")
            data = CrystalNN().get_nn_data(structure, site_index)
    except Exception as error:
        # Voronoi, scipy and pymatgen raise RuntimeError, ValueError, QhullError, IndexError...
        line = " ".join(str(error).split())[:200]
        raise ItemFailure("crystal_nn_failed", f"CrystalNN fails at {name}: {line}") from error
    weights = _rounded(data.cn_weights)
    cn = max(weights, key=lambda number: (weights[number], -number))
    if cn == 0:
        # Seen only where the nearest atoms are farther than bonds are, e.g. Zn in a cage of 12 O
        # at 2.9 Å in hypothetical crystals. "No neighbours" would be a wrong label for them.
        raise ItemFailure(
            "crystal_nn_failed",
            f"CrystalNN finds no neighbour of {name} near enough for a bond",
            "the site is loosely bound; leave it out, or check the structure",
        )
    neighbours = [entry["site"] for entry in data.cn_nninfo[cn]]
    distances = [np.linalg.norm(neighbour.coords - site.coords) for neighbour in neighbours]
    return Label(
        cn=cn,
        cn_weights={str(number): weight for number, weight in weights.items()},
        cn_mean=round(sum(number * weight for number, weight in weights.items()), _DIGITS),
        neighbours=dict(sorted(Counter(n.specie.symbol for n in neighbours).items())),
        bond_length=round(float(np.mean(distances)), _DIGITS),
    )


def _rounded(cn_weights: dict[int, float]) -> dict[int, float]:
    """Round weights, leave out those that vanish, and give the remainder to the largest."""
    weights = {cn: round(float(cn_weights[cn]), _DIGITS) for cn in sorted(cn_weights)}
    weights = {cn: weight for cn, weight in weights.items() if weight > 0}
    largest = max(weights, key=lambda cn: weights[cn])
    weights[largest] = round(weights[largest] + 1 - sum(weights.values()), _DIGITS)
    return weights
