"""Where the edge of mu(E) is, and how high mu is after it."""

from collections.abc import Callable
from typing import Literal

import numpy as np

from exafscn_flows.errors import ItemFailure

Reference = Literal["e0", "half_step", "area"]
"""What energies of the near edge are relative to."""

WORDS: dict[Reference, str] = {
    "e0": "E0",
    "half_step": "the half step",
    "area": "the equal-area edge",
}

FOOT = 0.1
"""So far from 0, as a share of the level after the edge, mu may be before the edge. XANES of 7,600
oxides by FEFF 9 begin with 0.01 to 0.07."""

PRE_EDGE = 5.0
"""What begins so far before its edge, eV, shows a pre-edge."""

_NOTHING = 20.0
"""So far before the edge, eV, there are no pre-edge peaks either: mu is 0 but for errors, which add
up to several eV of a step in what begins 200 eV before its edge, as measurements do."""

ROUNDING = 0.05
"""So far outside the data, eV, their first or last value still counts: FEFF's EXAFS begins one
step of k, 0.01 eV, above E0, and programs round energies."""

_SUBTRACT = "subtract the pre-edge line"
_ON_EDGE = f"{_SUBTRACT}; of what begins on its edge, take reference e0"

_SCAN = 0.25
"""Step, eV, in which the highest solution is looked for; it is then refined."""
_EXACT, _PLACES = 1e-9, 129
"""To so many eV, by looking at so many places at once."""


def level(
    energy: np.ndarray, mu: np.ndarray, reference: float, norm1: float, norm2: float
) -> float:
    """Return the mean of mu from norm1 to norm2 above a reference, by trapezoids.

    Parameters
    ----------
    energy, mu
        Energy in ascending order, eV, and absorption; shape (n_e,).
    reference
        Energy, eV.
    norm1, norm2
        Range above it, eV; what lies beyond the last point is left out.

    Raises
    ------
    ItemFailure
        ``bad_spectrum`` if it is not positive.
    """
    begin, end = reference + norm1, min(reference + norm2, energy[-1])
    until = _integral(energy, mu)
    found = float((until(end) - until(begin)) / (end - begin))
    if not found > 0:
        raise ItemFailure(
            "bad_spectrum",
            f"mu(E) is {found:.3g} after the edge, not positive",
            _SUBTRACT,
        )
    return found


def find_edge(
    energy: np.ndarray,
    mu: np.ndarray,
    reference: Literal["half_step", "area"],
    norm1: float,
    norm2: float,
) -> float:
    """Return the energy of the edge, which moves with the spectrum.

    The level L of a spectrum with the edge E is the mean of mu from E + norm1 to E + norm2.
    ``half_step``: mu(E) = L / 2, where mu rises. ``area``: the integral of mu from E - 20 eV, or
    the first point, to E + norm2 is that of a step of height L at E, norm2 times L. Of several such
    energies it is the highest. Between its points, mu is linear.

    Parameters
    ----------
    energy, mu
        Energy in ascending order without repetition, eV, and absorption; shape (n_e,).
    reference
        Which edge.
    norm1, norm2
        Range of the level above the edge, eV.

    Returns
    -------
    float
        On the scale of `energy`, eV.

    Raises
    ------
    ItemFailure
        ``bad_spectrum`` if there is no such energy, norm2 above it is not covered, mu is
        twice as high farther above the edge, or it is not near 0 where the spectrum begins: what is
        missing before that moves the edge.
    """
    until = _integral(energy, mu)

    def excess(at: np.ndarray) -> np.ndarray:
        to_end = until(at + norm2)
        after = (to_end - until(at + norm1)) / (norm2 - norm1)
        if reference == "area":
            begin = np.maximum(at - _NOTHING, energy[0])
            return np.asarray(to_end - until(begin) - norm2 * after)
        return np.asarray(np.interp(at, energy, mu) - after / 2)

    lowest, highest = float(energy[0]), float(energy[-1]) - norm2
    too_short = highest <= lowest
    if not too_short:
        level(energy, mu, highest, norm1, norm2)
        at = np.append(np.arange(highest, lowest, -_SCAN), lowest)
        found = excess(at)
        # It is positive beyond the highest edge.
        too_short = found[0] <= 0
    if too_short:
        raise ItemFailure(
            "bad_spectrum",
            f"mu(E) reaches from {energy[0]:.2f} to {energy[-1]:.2f} eV, which is not up to "
            f"{norm2:g} eV above {WORDS[reference]}",
            "lower emax or norm2",
        )
    below = np.flatnonzero(found <= 0)
    if not len(below):
        raise ItemFailure(
            "bad_spectrum",
            f"mu(E) is not normalised, or begins on its edge: {WORDS[reference]} is not found",
            _ON_EDGE,
        )
    edge = _refined(excess, float(at[below[0]]), float(at[below[0] - 1]))
    after = level(energy, mu, edge, norm1, norm2)
    # A pre-edge peak can be an edge of its own, with a level that ends before the next rise.
    farther = level(energy, mu, edge, (norm1 + norm2) / 2, 2 * norm2)
    if farther > 2 * after:
        raise ItemFailure(
            "bad_spectrum",
            f"mu(E) from {norm1:g} to {norm2:g} eV above {WORDS[reference]} is less than half of "
            "what follows: that is not after the edge",
            "raise norm1 or norm2",
        )
    if edge - energy[0] >= PRE_EDGE:
        check_pre_edge(energy - edge, mu / after)
    elif abs(mu[0]) > FOOT * after:
        raise ItemFailure(
            "bad_spectrum",
            "mu(E) is not normalised, or begins on its edge: its first value is "
            f"{mu[0] / after:.2f} of its level after it",
            _ON_EDGE,
        )
    return edge


def _refined(excess: Callable[[np.ndarray], np.ndarray], low: float, high: float) -> float:
    """Return where a function last passes from 0 or less to above it, between such energies."""
    while high - low > _EXACT:
        places = np.linspace(low, high, _PLACES)
        last = int(np.flatnonzero(excess(places[:-1]) <= 0)[-1])
        low, high = float(places[last]), float(places[last + 1])
    return low


def check_pre_edge(energy: np.ndarray, share: np.ndarray) -> None:
    """Refuse a spectrum that is not near 0 where it begins, and up to 20 eV before its edge.

    Parameters
    ----------
    energy, share
        Energy above the edge in ascending order, eV, and mu as a share of its level after the edge;
        shape (n_e,).

    Raises
    ------
    ItemFailure
        ``bad_spectrum``.
    """
    before = share[: max(1, np.searchsorted(energy, -_NOTHING))]
    worst = before[np.argmax(np.abs(before))]
    if abs(worst) > FOOT:
        raise ItemFailure(
            "bad_spectrum",
            f"mu(E) is not normalised: before the edge it is {worst:.2f} of its level after it",
            _SUBTRACT,
        )


def shows_pre_edge(energy: np.ndarray, mu: np.ndarray, half: float, norm1: float) -> bool:
    """Tell whether a spectrum begins PRE_EDGE or more before its edge.

    This is E0 or the last rise above half the level, whichever is higher.

    Parameters
    ----------
    energy, mu
        Energy above E0 in ascending order, eV, and absorption; shape (n_e,).
    half
        Half the level of mu after the edge.
    norm1
        Where that level begins, eV.
    """
    rises = np.flatnonzero((mu[:-1] < half) & (mu[1:] >= half) & (energy[1:] < norm1))
    edge = max([0.0, *energy[rises[-1:] + 1]])
    return bool(edge - energy[0] >= PRE_EDGE)


def _integral(energy: np.ndarray, mu: np.ndarray) -> Callable[..., np.ndarray]:
    """Return the integral of mu, linear between its points, from the first up to any energy."""
    areas = np.append(0.0, np.cumsum(np.diff(energy) * (mu[1:] + mu[:-1]) / 2))

    def until(at: np.ndarray) -> np.ndarray:
        left = np.clip(np.searchsorted(energy, at, side="right") - 1, 0, None)
        there = np.interp(at, energy, mu)
        area: np.ndarray = areas[left] + (at - energy[left]) * (mu[left] + there) / 2
        return area

    return until
