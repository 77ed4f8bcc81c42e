"""The spectrum of one site, as arrays."""

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from exafscn_flows.spectra.parts import PatternType

_ETOK = 0.262468
"""k² over the energy above E0, 1/(Å² eV)."""

_HALF_STEP = 0.025
"""Half a step of the k grid of measured spectra, 1/Å, for rounding."""


@dataclass(frozen=True)
class Spectrum:
    """K-edge EXAFS or XANES of one absorbing site, or its crystal's PDF, with provenance.

    Of a measured spectrum, mu is normalised to an edge step of 1, and chi(k) may go on beyond its
    usable range.

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
    edge_step
        Of a measured spectrum, the height of its edge in units of its mu.
    kmin, kmax
        Of a measured spectrum, the usable range of chi(k), 1/Å.
    noise
        Of a measured spectrum, the standard deviation of the noise of chi(k) in that range.
    warnings
        Of a measured spectrum, what was guessed or may be wrong, a sentence each.
    formula
        Of a measured spectrum, the reduced formula of the sample that its file states, or None.
    expected_error
        Of a spectrum that a model has predicted, how far it is off, as a root mean square over the
        points of what the model has learned.
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
    edge_step: float | None = None
    kmin: float | None = None
    kmax: float | None = None
    noise: float | None = None
    warnings: tuple[str, ...] = ()
    formula: str | None = None
    expected_error: float | None = None

    def usable(self) -> Self:
        """Return it with chi(k) and mu up to the end of its usable range, where one is stated."""
        if self.kmax is None:
            return self
        last = self.kmax + _HALF_STEP
        within, below = self.k <= last, self.energy_rel <= last**2 / _ETOK
        return replace(
            self,
            k=self.k[within],
            chi=self.chi[within],
            energy_rel=self.energy_rel[below],
            mu=self.mu[below],
        )
