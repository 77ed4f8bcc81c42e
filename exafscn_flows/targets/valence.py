"""Oxidation states of all sites of a structure, from bond lengths and the neutrality of the cell.

The probability of a state of one site is that of pymatgen's BVAnalyzer: bond valence sums after
O'Keeffe and Brese, J. Am. Chem. Soc. 113 (1991) 3226, and how often, and with which sums, the ICSD
has each state. BVAnalyzer then tries one neutral assignment after the other, up to 100000, and
returns the best one. Here all of them are summed, by their charge, which takes milliseconds and
also says how probable the other states of a site are.
"""

import math
from collections import defaultdict
from dataclasses import dataclass
from functools import cache

import numpy as np
from pymatgen.analysis.bond_valence import ICSD_BV_DATA, PRIOR_PROB
from pymatgen.core import Structure

from exafscn_flows.targets.bond_sums import Sums, bond_valence_sums, why_not_neutral

_SCALES = 0.985, 1.0
"""Distances are taken as they are, and shorter: bonds of the Materials Project, computed by DFT,
give sums a tenth below those of minerals with the same ions. (BVAnalyzer lengthens by 1.5 %, which
leaves fewer cells neutral.) Where that decides, there is a doubt."""

_LEAST = 0.05
"""Share in the probability of a site's likeliest state, by its own bonds, below which a state is
left out. A cell that is neutral with such states only lacks atoms, mostly H, or is otherwise wrong.
"""

_FRACTIONAL = 0.5
"""How often sites that nothing tells apart share their electrons, as the octahedra of magnetite do,
for each time that they do not."""

_SAME_SUM = 0.002
"""Sites of one element whose bond valence sums differ by less have one state."""

_SIGN = 0.5
"""A site with a bond valence sum beyond this has no state of the other sign."""

_MOST_GROUPS = 500
"""Kinds of sites, by element and sum, in one structure; then a site takes a second."""

_ERROR = 0.05
"""Relative error of a bond valence sum, for distances that are wrong by 0.015 Å; it adds to the
scatter in the ICSD, where rare states have but a few."""

Charges = dict[int, float]
"""Weight of all assignments with some charge, by the charge."""


@dataclass(frozen=True)
class _Group:
    """Sites of one element that have one state."""

    symbol: str
    sites: frozenset[int]
    states: dict[int, float]
    """Probability of each, whatever the others are; empty where nothing is known."""
    n: int = 1
    """Number of these sites, in the smallest cell in which all groups have a whole one."""

    def charges(self) -> Charges:
        """Probabilities of the charges of all these sites together, fractional states included."""
        largest = max(self.states.values())
        states = {state: p for state, p in self.states.items() if p > _LEAST * largest}
        found = {state * self.n: p for state, p in states.items()}
        for state, p in states.items():
            for extra in range(1, self.n if state + 1 in states else 0):
                share = extra / self.n
                between = p ** (1 - share) * states[state + 1] ** share
                found[state * self.n + extra] = _FRACTIONAL * between
        return found


class BondValences:
    """Probabilities of the oxidation states of the sites of one structure.

    Parameters
    ----------
    structure
        Ordered structure of plain elements.
    """

    def __init__(self, structure: Structure) -> None:
        symbols = [site.specie.symbol for site in structure]
        sums = [bond_valence_sums(structure, symbols, scale) for scale in _SCALES]
        self.doubt = why_not_neutral(structure, symbols, sums[0])
        """Why the atoms as they are need not be neutral together, in words; empty if they must."""
        self._by_scale = [_groups(symbols, one) for one in sums]
        self._neutral: dict[int, dict[float, float]] = {}

    def own(self, site_index: int) -> dict[float, float]:
        """Return the probabilities of the states of a site by its bonds alone.

        Returns
        -------
        dict
            By state, sum 1. Empty if nothing is known of the element.
        """
        return _mean(
            [
                {float(s): p for s, p in _group_of(groups, site_index).states.items()}
                for groups in self._by_scale
            ]
        )

    def neutral(self, site_index: int) -> dict[float, float]:
        """Return the probabilities of the states of a site, given that the cell is neutral.

        As in BVAnalyzer, sites of one element differ by 1 at most.

        Returns
        -------
        dict
            By state, sum 1, a mean over both scales as far as they leave a neutral assignment; a
            state is fractional where sites that nothing tells apart share their electrons. Empty
            if there is a doubt, nothing is known of an element, no assignment is neutral, or
            there are too many kinds of sites.
        """
        if self.doubt:
            return {}
        if site_index not in self._neutral:
            scales = [_neutral(groups, site_index) for groups in self._by_scale]
            self._neutral[site_index] = _mean([weights for weights in scales if weights])
        return self._neutral[site_index]


def _mean(scales: list[dict[float, float]]) -> dict[float, float]:
    mean: dict[float, float] = defaultdict(float)
    for weights in scales:
        for state, weight in weights.items():
            mean[state] += weight / len(scales)
    return dict(sorted(mean.items()))


def _groups(symbols: list[str], found: Sums) -> list[_Group]:
    sums, paired = found.sums, found.paired
    kinds = []
    for symbol in sorted(set(symbols)):
        sites = [index for index, one in enumerate(symbols) if one == symbol]
        for bonds in sorted({int(paired[index]) for index in sites}):
            part = [index for index in sites if paired[index] == bonds]
            part.sort(key=lambda index: (round(float(sums[index]), 6), index))
            gaps = np.diff(sums[part]) > _SAME_SUM
            for same in np.split(np.array(part), np.flatnonzero(gaps) + 1):
                valence = float(sums[same].mean())
                takes = bonds and valence <= 0
                states = {bonds - 2: 1.0} if takes else _states(symbol, valence)
                kinds.append((symbol, frozenset(same.tolist()), states))
    divisor = math.gcd(*(len(sites) for _, sites, _ in kinds))
    return [_Group(*kind, n=len(kind[1]) // divisor) for kind in kinds]


def _states(symbol: str, valence: float) -> dict[int, float]:
    """Return the probabilities of the states of a site by its bond valence sum."""
    found = {}
    for state, mean, scatter, prior in _known_states(symbol):
        width = math.hypot(scatter, _ERROR * mean)
        if state * valence >= 0 or abs(valence) < _SIGN:
            found[state] = math.exp(-(((valence - mean) / width) ** 2) / 2) / width * prior
    whole = sum(found.values())
    return {state: p / whole for state, p in found.items()} if whole > 0 else {}


@cache
def _known_states(symbol: str) -> list[tuple[int, float, float, float]]:
    """State, mean and standard deviation of bond valence sums, and number in the ICSD."""
    return [
        (int(species.oxi_state), data["mean"], data["std"], PRIOR_PROB[species])
        for species, data in ICSD_BV_DATA.items()
        if species.symbol == symbol and species.oxi_state and data["std"] > 0
    ]


def _group_of(groups: list[_Group], site_index: int) -> _Group:
    return next(group for group in groups if site_index in group.sites)


def _neutral(groups: list[_Group], site_index: int) -> dict[float, float]:
    if len(groups) > _MOST_GROUPS or not all(group.states for group in groups):
        return {}
    asked = _group_of(groups, site_index)
    by_element: dict[str, list[_Group]] = defaultdict(list)
    for group in groups:
        if group is not asked:
            by_element[group.symbol].append(group)
    own = by_element.pop(asked.symbol, [])
    others: Charges = {0: 1.0}
    for members in by_element.values():
        others = _product(others, _charges([(one.n, one.charges()) for one in members]))
    rest = [(one.n, one.charges()) for one in own]
    totals = {}
    for charge, probability in asked.charges().items():
        ways = _charges([(asked.n, {charge: probability}), *rest])
        totals[charge / asked.n] = sum(w * others.get(-q, 0.0) for q, w in ways.items())
    whole = sum(totals.values())
    return {state: total / whole for state, total in totals.items()} if whole > 0 else {}


def _charges(groups: list[tuple[int, Charges]]) -> Charges:
    """Sum the assignments of one element, whose states differ by 1 at most, by their charge.

    Parameters
    ----------
    groups
        Number of sites of each group, and the probabilities of their charges.
    """
    total: Charges = defaultdict(float)
    states = {charge / n for n, charges in groups for charge in charges}
    for lower in {math.floor(state) for state in states} | {
        math.ceil(state) - 1 for state in states
    }:
        # Sites that are all of one state are in two such ranges of states, and once in excess.
        for upper, sign in ((lower + 1, 1.0), (lower, -1.0)):
            part: Charges = {0: 1.0}
            for n, charges in groups:
                allowed = {q: w for q, w in charges.items() if lower * n <= q <= upper * n}
                part = _product(part, allowed)
            for charge, weight in part.items():
                total[charge] += sign * weight
    return total


def _product(a: Charges, b: Charges) -> Charges:
    found: Charges = defaultdict(float)
    for charge, weight in a.items():
        for other, factor in b.items():
            found[charge + other] += weight * factor
    return found
