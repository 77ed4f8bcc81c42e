"""The spectrum of one site, as arrays."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Spectrum:
    """K-edge EXAFS of one absorbing site, with provenance.

    Attributes
    ----------
    e0
        Energy where k = 0, eV.
    k, chi
        Photoelectron wave number, 1/Å, and chi(k); shape (n_k,).
    energy_rel, mu, mu0
        Energy above e0, eV; absorption and its embedded-atom background; shape (n_e,).
    program, version
        Program that made it, and its version as its output states it.
    cards
        FEFF cards used.
    seconds
        Processor seconds that the program took (user + system of all its processes).
    """

    edge: str
    e0: float
    k: np.ndarray
    chi: np.ndarray
    energy_rel: np.ndarray
    mu: np.ndarray
    mu0: np.ndarray
    program: str
    version: str
    cards: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
