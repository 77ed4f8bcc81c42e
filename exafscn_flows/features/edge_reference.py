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
"""So far before its edge, eV, mu is that of the pre-edge."""

ROUNDING = 0.05
"""So far outside the data, eV, their first or last value still counts: FEFF's EXAFS begins one
step of k, 0.01 eV, above E0, and programs round energies."""

_SCAN = 0.25
"""Step, eV, in which the highest solution is looked for; it is then refined."""


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
            "look at the stored spectrum of this site",
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
    ``half_step``: mu(E) = L / 2, where mu rises. ``area``: the integral of mu up to E + norm2 is
    that of a step of height L at E, norm2 times L. Of several such energies it is the highest.
    Between its points, mu is linear.

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
        ``bad_spectrum`` if there is no such energy, norm2 above it is not covered, or the spectrum
        begins with more than FOOT of its level: what is missing before that moves the edge.
    """
    from scipy.optimize import brentq

    until = _integral(energy, mu)

    def excess(at: np.ndarray) -> np.ndarray:
        after = (until(at + norm2) - until(at + norm1)) / (norm2 - norm1)
        area = reference == "area"
        here = until(at + norm2) - norm2 * after if area else np.interp(at, energy, mu) - after / 2
        return np.asarray(here)

    lowest, highest = float(energy[0]), float(energy[-1]) - norm2
    at = np.append(np.arange(highest, lowest, -_SCAN), lowest)
    # It is positive beyond the highest edge.
    if highest <= lowest or (found := excess(at))[0] <= 0:
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
            "subtract the pre-edge line; of what begins on its edge, take reference e0",
        )
    edge = float(brentq(excess, at[below[0]], at[below[0] - 1]))
    first = mu[0] / level(energy, mu, edge, norm1, norm2)
    if abs(first) > FOOT and edge - energy[0] < PRE_EDGE:
        raise ItemFailure(
            "bad_spectrum",
            "mu(E) is not normalised, or begins on its edge: its first value is "
            f"{first:.2f} of its level after it",
            "subtract the pre-edge line; of what begins on its edge, take reference e0",
        )
    check_foot(first)
    return edge


def check_foot(first: float) -> None:
    """Refuse a spectrum that is not near 0 before its edge.

    Parameters
    ----------
    first
        Its first value, as a share of its level after the edge.

    Raises
    ------
    ItemFailure
        ``bad_spectrum``.
    """
    if abs(first) > FOOT:
        raise ItemFailure(
            "bad_spectrum",
            f"mu(E) is not normalised: before the edge it is {first:.2f} of its level after it",
            "subtract the pre-edge line",
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
