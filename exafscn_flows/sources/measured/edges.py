"""Where a scan has its edge, and how high the step is."""

from dataclasses import dataclass

import numpy as np

from exafscn_flows.processing.quick import median, straight_line
from exafscn_flows.spectra.edge_energy import EDGE_ROOM, EDGE_SHARE
from exafscn_flows.spectra.edge_table import edge_energy

_BEFORE, _AFTER = (-80.0, -8.0), (10.0, 50.0)
"""Where mu before and after the edge is looked at, eV from it."""

_WITHIN = 40.0
"""So far from the tabulated edge the steepest rise is the edge: E0 of compounds lies up to 15 eV
above it, and monochromators may be some eV off."""

_CLEAR = 10.0
"""A step is clear if it is so many times the noise."""

_ROUNDING = 1e-5
"""Numbers are rounded to so large a share of the range of a signal, or to less."""

_ELSEWHERE = 5.0
"""Another step tells that an edge is somewhere else if it is so many times higher."""


@dataclass(frozen=True)
class Step:
    """What a signal does across an edge.

    Attributes
    ----------
    energy
        Where, eV.
    height
        How much it rises, in its own unit; negative if it falls.
    noise
        Scatter of single points around their neighbours, in the same unit.
    """

    energy: float
    height: float
    noise: float

    @property
    def is_clear(self) -> bool:
        """Whether it is no matter of noise."""
        return abs(self.height) > _CLEAR * self.noise

    @property
    def rises(self) -> bool:
        """Whether it certainly rises."""
        return self.is_clear and self.height > 0

    @property
    def falls(self) -> bool:
        """Whether it certainly falls."""
        return self.is_clear and self.height < 0

    @property
    def quality(self) -> float:
        """Height as multiple of the noise; 0 of a signal that is the same everywhere."""
        return self.height / self.noise if self.noise > 0 else 0.0


def edges_within(absorber: str, edge: str | None, low: float, high: float) -> list[float]:
    """Return the tabulated energies of an absorber's edges that a scan covers, eV.

    Parameters
    ----------
    absorber
        Symbol.
    edge
        Which edge; None for any of K, L3, L2, L1.
    low, high
        First and last energy, eV.
    """
    names = (edge,) if edge else ("K", "L3", "L2", "L1")
    found = [energy for name in names if (energy := edge_energy(absorber, name)) is not None]
    return [at for at in found if low - room(at) <= at <= high + room(at)]


def room(energy: float) -> float:
    """Return how far an edge may be from where it is tabulated, eV."""
    return EDGE_ROOM + EDGE_SHARE * energy


def find_step(energy: np.ndarray, signal: np.ndarray, near: float | None) -> Step | None:
    """Return the step of a signal at its steepest place.

    Parameters
    ----------
    energy, signal
        Energy, eV, ascending without repetition, and any signal; shape (n,).
    near
        Tabulated energy of the edge, eV; None to look everywhere.

    Returns
    -------
    Step or None
        None if there are too few points before or after it.
    """
    at = _steepest(energy, signal, near)
    if at is None:
        return None
    before = (energy >= at + _BEFORE[0]) & (energy <= at + _BEFORE[1])
    after = (energy >= at + _AFTER[0]) & (energy <= at + _AFTER[1])
    if before.sum() < 3 or after.sum() < 3:
        return None
    slope, level = 0.0, float(signal[before].mean())
    centre = float(energy[before].mean())
    if before.sum() > 3:
        slope, _ = straight_line(energy[before], signal[before])
    line = level + slope * (energy[after] - centre)
    return Step(at, float((signal[after] - line).mean()), _noise(energy, signal, at))


def steps_elsewhere(energy: np.ndarray, signal: np.ndarray, tabulated: float) -> float | None:
    """Return where the edge is, if it is certainly not where it is tabulated; None otherwise.

    Parameters
    ----------
    energy, signal
        Energy, eV, ascending, and mu; shape (n,).
    tabulated
        Where it should be, eV.
    """
    best = find_step(energy, signal, None)
    if best is None or not best.rises or abs(best.energy - tabulated) <= room(tabulated):
        return None
    there = find_step(energy, signal, tabulated)
    if there is not None and there.is_clear and abs(there.height) * _ELSEWHERE > best.height:
        return None
    return best.energy


def _steepest(energy: np.ndarray, signal: np.ndarray, near: float | None) -> float | None:
    """Return where the signal, smoothed over 5 eV, changes most within 4 eV."""
    low, high = float(energy[0]) - _BEFORE[1], float(energy[-1]) - _AFTER[0]
    if near is not None:
        low, high = max(low, near - _WITHIN), min(high, near + _WITHIN)
    if high <= low:
        return None
    grid = np.arange(low - 6, min(high, low + 20_000) + 6)
    values = np.interp(grid, energy, signal)
    smooth = np.convolve(values, np.ones(5) / 5, mode="same")
    change = smooth[4:] - smooth[:-4]
    change = (change - median(change))[4:-4]
    at = grid[6:-6]
    return float(at[np.argmax(np.abs(change))]) if len(at) else None


def _noise(energy: np.ndarray, signal: np.ndarray, at: float) -> float:
    share = (energy[1:-1] - energy[:-2]) / (energy[2:] - energy[:-2])
    odd = signal[1:-1] - (signal[:-2] * (1 - share) + signal[2:] * share)
    far = (energy[1:-1] < at - 20) | (energy[1:-1] > at + 60)
    odd = odd[far] if far.sum() >= 10 else odd
    # The mean of two neighbours scatters, too.
    noise = 1.4826 * float(median(np.abs(odd)) / np.sqrt(1.5))
    return max(noise, _ROUNDING * float(np.ptp(signal)))
