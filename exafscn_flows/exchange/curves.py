"""Curves of a spectrum, as programs for measured spectra take them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from exafscn_flows.spectra.base import Spectrum

_PRE_EDGE = -200.0, -5.0, 5.0
"""Where points of zero absorption begin and end, eV above E0, and their step."""

_NO_PRE_EDGE = -30.0
"""A spectrum that begins above this, eV above E0, has too little pre-edge for a line."""

_NOTE = (
    "there was no pre-edge: mu is set to 0 below the first point that was computed, so that "
    "programs find an edge step of about 1"
)


@dataclass(frozen=True)
class Curve:
    """One curve of one site, mu(E) or chi(k).

    Attributes
    ----------
    name
        What to call it, such as ``mp-19009:Ni:0 exafs mu``.
    kind
        What it is: normalised absorption, or EXAFS.
    x
        Energy, eV, or photoelectron wave number, 1/Å; shape (n,).
    y
        Normalised mu, or chi(k); shape (n,).
    absorber, edge
        Element symbol, and absorption edge.
    e0
        Energy where k = 0, eV.
    formula
        Of the structure; None if it is not known.
    notes
        What a reader should know, a sentence each.
    """

    name: str
    kind: Literal["mu", "chi"]
    x: np.ndarray
    y: np.ndarray
    absorber: str
    edge: str
    e0: float
    formula: str | None
    notes: tuple[str, ...]


def curves(spectrum: Spectrum, name: str, absorber: str, formula: str | None) -> list[Curve]:
    """Return mu(E) and chi(k) of a spectrum, as far as it has them.

    FEFF's EXAFS begins at the edge. Without a pre-edge, programs would fit its line and the edge
    step to whatever is there, so points of zero absorption go before it.

    Parameters
    ----------
    spectrum
        Of one site; of a PDF there are no curves.
    name
        What to call the spectrum.
    absorber, formula
        As of `Curve`.
    """
    program = " ".join(part for part in (spectrum.program, spectrum.version) if part)
    made = f"{spectrum.spectrum_type} by {program}"
    cards = ", ".join(f"{card} {value}".strip() for card, value in spectrum.cards.items())
    notes = (f"{made}; cards: {cards}" if cards else made, *spectrum.warnings)
    common = {
        "absorber": absorber,
        "edge": spectrum.edge,
        "e0": spectrum.e0,
        "formula": formula,
    }
    found = []
    if len(spectrum.mu):
        above, mu = np.asarray(spectrum.energy_rel, float), np.asarray(spectrum.mu, float)
        notes_mu = notes
        if above[0] > _NO_PRE_EDGE:
            start, end, step = _PRE_EDGE
            below = np.arange(start, min(end, above[0] - step / 2), step)
            above, mu = np.concatenate([below, above]), np.concatenate([0 * below, mu])
            notes_mu = (*notes, _NOTE)
        found.append(
            Curve(f"{name} mu", "mu", spectrum.e0 + above, mu, notes=notes_mu, **common)  # type: ignore[arg-type]
        )
    if len(spectrum.chi):
        k, chi = np.asarray(spectrum.k, float), np.asarray(spectrum.chi, float)
        found.append(Curve(f"{name} chi", "chi", k, chi, notes=notes, **common))  # type: ignore[arg-type]
    return found
