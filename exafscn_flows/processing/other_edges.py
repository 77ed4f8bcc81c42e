"""Edges of other elements in a scan, where it is cut."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from exafscn_flows.processing.edge import median_of_three
from exafscn_flows.processing.normalization import Normalization
from exafscn_flows.processing.quick import median
from exafscn_flows.spectra.edge_table import Edge, edges

_STEP = 2.0
"""mu is looked at in steps of this energy, eV."""

_LEFT = (-48.0, -8.0)
_RIGHT = (14.0, 54.0)
"""A jump is the distance of two lines through these ranges around it, eV. An edge of an element is
up to 20 eV wide."""

_FIRST = 70.0
_FROM = 150.0
"""Where jumps are looked at, and where they can be edges, after E0, eV. Nearer to it, EXAFS changes
as much as edges do."""

_LEAST = 0.08
_FALL = 60.0
"""Smallest jump, in edge steps, and how it falls, eV: with energy E above E0 it is 60 eV / E.

EXAFS makes jumps too. In 40 spectra of Ti to Zn, the largest were 0.36 at 100 to 150 eV, 0.25 up to
200, 0.19 up to 300, 0.08 up to 400 and 0.07 beyond, but for one of 0.14 at the K edge of iron in
MnCO3."""

_MEDIANS = 6.0
"""And a jump is so many times the median of all of the scan, which noise raises."""

_BEFORE = (-130.0, -64.0)
_SHARE = 0.5
"""EXAFS goes up and down, ever less: in this range before a jump of it, eV, where an edge gives
nothing, are jumps of more than this share of it."""

_SHIFT = (-10.0, 20.0)
"""Where a jump is, relative to the tabulated edge, eV."""

_MARGIN = 15.0
"""The scan ends so far before it, eV: there can be pre-edge peaks."""


@dataclass(frozen=True)
class OtherEdge:
    """The edge of another element.

    Attributes
    ----------
    edge
        What the tables have there.
    energy
        Where mu jumps, eV.
    jump
        By how much, in edge steps of the absorber.
    """

    edge: Edge
    energy: float
    jump: float

    @property
    def cut(self) -> float:
        """Where the scan must end, eV."""
        return min(self.energy, self.edge.energy) - _MARGIN


def find_other_edge(energy: np.ndarray, found: Normalization, absorber: str) -> OtherEdge | None:
    """Find the first edge of another element after that of the absorber.

    mu must jump at a tabulated K, L3 or L2 edge, by more than EXAFS and noise make it jump; in
    fluorescence it jumps down.

    Parameters
    ----------
    energy
        Energy in ascending order without repetition, eV; shape (n_e,).
    found
        mu(E), normalised.
    absorber
        Symbol; none of its own edges is looked for.
    """
    start = found.e0 + _FIRST
    grid = np.arange(start + _LEFT[0], energy[-1], _STEP)
    weights = _weights()
    if len(grid) < len(weights):
        return None
    norm = np.interp(grid, energy, median_of_three(found.norm))
    jumps = np.convolve(norm, weights[::-1], mode="valid")
    at = start + _STEP * np.arange(len(jumps))
    size = np.abs(jumps)
    limit = np.maximum(_LEAST, _FALL / (at - found.e0))
    high = (size > np.maximum(limit, _MEDIANS * median(size))) & (at > found.e0 + _FROM)
    if not high.any():
        return None
    for edge in sorted(edges(), key=lambda edge: edge.energy):
        near = high & (at >= edge.energy + _SHIFT[0]) & (at <= edge.energy + _SHIFT[1])
        if edge.element != absorber and edge.name != "L1" and near.any():
            # Of edges in one place, that of K, and the nearest.
            best = int(np.argmax(size * near))
            first, last = np.searchsorted(at, [at[best] + distance for distance in _BEFORE])
            if size[first:last].max(initial=0) > _SHARE * size[best]:
                continue
            return OtherEdge(_nearest(at[best], absorber), float(at[best]), float(jumps[best]))
    return None


@lru_cache(maxsize=1)
def _weights() -> np.ndarray:
    """Return what mu is multiplied by to give the distance of the two lines."""
    offsets = np.arange(_LEFT[0], _RIGHT[1] + _STEP / 2, _STEP)
    weights = np.zeros(len(offsets))
    for (begin, end), sign in ((_LEFT, -1.0), (_RIGHT, 1.0)):
        inside = (offsets >= begin) & (offsets <= end)
        x = offsets[inside]
        # The first row of the pseudo-inverse gives the value of the line at 0.
        weights[inside] = sign * np.linalg.pinv(np.column_stack([np.ones_like(x), x]))[0]
    return weights


def _nearest(energy: float, absorber: str) -> Edge:
    near = [
        edge
        for edge in edges()
        if edge.element != absorber
        and edge.name != "L1"
        and _SHIFT[0] <= energy - edge.energy <= _SHIFT[1]
    ]
    return min(near, key=lambda edge: (edge.name != "K", abs(energy - edge.energy)))
