"""The spectrum of one site, as arrays."""

from dataclasses import dataclass, field

import numpy as np

from exafscn_flows.spectra.parts import SpectrumType


@dataclass(frozen=True)
class Spectrum:
    """K-edge EXAFS or XANES of one absorbing site, with provenance.

    Attributes
    ----------
    spectrum_type
        "EXAFS" or "XANES".
    e0
        Energy where k = 0, eV.
    k, chi
        Photoelectron wave number, 1/Å, and chi(k); shape (n_k,), which is (0,) where the source
        has mu(E) only.
    energy_rel, mu, mu0
        Energy above e0, eV; absorption and its embedded-atom background; shape (n_e,), for mu0
        (0,) where it is not known.
    program, version
        Program that made it, and its version as its output states it.
    cards
        FEFF cards used.
    seconds
        Processor seconds that the program took (user + system of all its processes).
    """

    edge: str
    spectrum_type: SpectrumType
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
