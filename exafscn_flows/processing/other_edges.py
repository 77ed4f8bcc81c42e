"""Edges of other elements in a scan, where it is cut."""

from dataclasses import dataclass

import numpy as np

from exafscn_flows.processing.normalization import Normalization
from exafscn_flows.spectra.edge_table import Edge, edges

_STEP = 2.0
"""mu is looked at in steps of this energy, eV."""

_LEFT = (-48.0, -8.0)
_RIGHT = (14.0, 54.0)
"""A jump is the distance of two lines through these ranges around it, eV. An edge of an element is
up to 20 eV wide."""

_FROM = 150.0
"""Nearer after E0 than this, eV, EXAFS changes as much as edges do."""

_LEAST = 0.05
"""Smallest jump, in edge steps."""

_EVIDENCE = 8.0
"""A jump is so many times the median of what the EXAFS and the noise give elsewhere."""

_SHIFT = (-15.0, 25.0)
"""Where a jump is, relative to the tabulated edge, eV."""

_MARGIN = 15.0
"""The scan ends so far before the tabulated edge, eV: there can be pre-edge peaks."""


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

    mu must jump at a tabulated K or L edge, many times more than the EXAFS and the noise make it
    jump elsewhere in the scan. In fluorescence it jumps down.

    Parameters
    ----------
    energy
        Energy in ascending order without repetition, eV; shape (n_e,).
    found
        mu(E), normalised; its post-edge polynomial has the other edge in it.
    absorber
        Symbol of the absorber, of whose own edges none is looked for.
    """
    start = found.e0 + _FROM + _LEFT[0]
    grid = np.arange(start, energy[-1], _STEP)
    if len(grid) * _STEP < _FROM:
        return None
    jumps = np.convolve(np.interp(grid, energy, found.norm), _filter()[::-1], mode="valid")
    at = start - _LEFT[0] + _STEP * np.arange(len(jumps))
    size = np.abs(jumps)
    # The EXAFS, and what it makes of the filter, falls with energy: so does the limit.
    limit = np.maximum(_LEAST, _EVIDENCE * np.median(size))
    while (size > limit).any():
        peak = int(np.argmax(size > limit))
        # The largest of this jump.
        last = np.searchsorted(at, at[peak] - _SHIFT[0] + _SHIFT[1], side="right")
        peak += int(np.argmax(size[peak:last]))
        if edge := _tabulated(at[peak], absorber):
            return OtherEdge(edge, float(at[peak]), float(jumps[peak]))
        size[:last] = 0
    return None


def _filter() -> np.ndarray:
    """Return what mu is multiplied by to give the distance of the two lines."""
    offsets = np.arange(_LEFT[0], _RIGHT[1] + _STEP / 2, _STEP)
    weights = np.zeros(len(offsets))
    for (begin, end), sign in ((_LEFT, -1.0), (_RIGHT, 1.0)):
        inside = (offsets >= begin) & (offsets <= end)
        x = offsets[inside]
        # The first row of the pseudo-inverse gives the value of the line at 0.
        weights[inside] = sign * np.linalg.pinv(np.column_stack([np.ones_like(x), x]))[0]
    return weights


def _tabulated(energy: float, absorber: str) -> Edge | None:
    """Return the edge that a jump belongs to: K before L, then the nearest below."""
    near = [
        edge
        for edge in edges()
        if edge.element != absorber and _SHIFT[0] <= energy - edge.energy <= _SHIFT[1]
    ]
    return min(near, key=lambda edge: (edge.name != "K", abs(energy - edge.energy)), default=None)
