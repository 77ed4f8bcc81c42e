"""The spectrum of one site, as arrays."""

from dataclasses import dataclass, field

import numpy as np

from exafscn_flows.spectra.parts import PatternType


@dataclass(frozen=True)
class Spectrum:
    """K-edge EXAFS or XANES of one absorbing site, or its crystal's PDF, with provenance.

    Attributes
    ----------
    edge
        Absorption edge; empty of a PDF.
    spectrum_type
        "EXAFS", "XANES" or "PDF".
    e0
        Energy where k = 0, eV; 0 of a PDF.
    k, chi
        Photoelectron wave number, 1/Å, and chi(k); shape (n_k,), which is (0,) where the source
        has mu(E) only, and of a PDF.
    energy_rel, mu, mu0
        Energy above e0, eV; absorption and its embedded-atom background; shape (n_e,), for mu0
        (0,) where it is not known, and all (0,) of a PDF.
    program, version
        Program that made it, and its version as its output states it.
    cards
        FEFF cards used.
    seconds
        Processor seconds that the program took (user + system of all its processes).
    r, pdf, dpdf
        Distance, Å; G(r) of all pairs of atoms, and of those that contain an atom of the absorber's
        element, 1/Å²; shape (n_r,), which is (0,) of EXAFS and XANES.
    """

    edge: str
    spectrum_type: PatternType
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
    r: np.ndarray = field(default_factory=lambda: np.empty(0))
    pdf: np.ndarray = field(default_factory=lambda: np.empty(0))
    dpdf: np.ndarray = field(default_factory=lambda: np.empty(0))
