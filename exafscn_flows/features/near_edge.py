"""What all sets of the near edge of mu(E) share: reference, normalisation, grid."""

from typing import Any, Self

import numpy as np
from pydantic import Field, model_validator

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features.base import OneSpectrum, check_points
from exafscn_flows.features.edge_reference import (
    FOOT,
    PRE_EDGE,
    ROUNDING,
    WORDS,
    Reference,
    check_pre_edge,
    find_edge,
    level,
    shows_pre_edge,
)
from exafscn_flows.features.monotone import interpolate
from exafscn_flows.features.settings import LarchSettings
from exafscn_flows.spectra.base import Spectrum
from exafscn_flows.spectra.edge_step import edge_step_fault
from exafscn_flows.spectra.parts import NEAR_EDGE, Part

_SYMBOLS: dict[Reference, str] = {"e0": "E₀", "half_step": "E(half step)", "area": "E(area)"}

_CONTINUED = 15.0
"""So much may be missing before the first point, eV, where mu is still near 0."""

_WIDEST_GAP = 3.0
"""Points further apart, eV, do not show the near edge. FEFF's EXAFS grid has 1.2 eV at 40 eV, the
Materials Project's EXAFS of several sites 7.5 eV."""


class NearEdge(OneSpectrum):
    """A set made from normalised mu(E) on one grid of energies relative to the edge.

    mu is divided by its mean from norm1 to norm2, so that its level after the edge is 1, whatever
    the scale of the source. In between the points of a spectrum, it is interpolated by cubics that
    do not overshoot (Fritsch and Butland, SIAM J. Sci. Stat. Comput. 5, 300, 1984).
    """

    emin: float = Field(default=0.0, allow_inf_nan=False, description="Smallest E, eV.")
    emax: float = Field(default=40.0, allow_inf_nan=False, description="Largest E, eV.")
    estep: float = Field(default=0.5, ge=0.01, allow_inf_nan=False, description="Step of E, eV.")
    reference: Reference = Field(
        default="e0",
        description="What E is relative to: E0 as the spectrum states it; the highest energy where "
        "mu rises through half its level; or the edge of a step with the same area.",
    )
    norm1: float = Field(
        default=15.0, ge=0, description="Where the level after the edge begins, eV; Larch's name."
    )
    norm2: float | None = Field(
        default=None, description="Where it ends, eV; None: emax. Larch's name."
    )

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        if self.emin >= self.emax:
            raise ValueError(f"emin ({self.emin:g}) must be less than emax ({self.emax:g})")
        if self.emax - self.emin > 1000:
            raise ValueError(f"emin ({self.emin:g}) and emax ({self.emax:g}) are too far apart")
        if self.estep > self.emax - self.emin:
            raise ValueError(f"estep ({self.estep:g}) must be at most emax - emin")
        if not self.emin <= self.norm1 <= self._norm2 - 1 <= self.emax - 1:
            raise ValueError(
                f"norm1 ({self.norm1:g}) must be 1 eV below norm2 ({self._norm2:g}) or more, and "
                f"both from emin ({self.emin:g}) to emax ({self.emax:g})"
            )
        return self

    @property
    def _norm2(self) -> float:
        return self.emax if self.norm2 is None else self.norm2

    @property
    def needs(self) -> frozenset[Part]:
        return NEAR_EDGE

    def check(self, settings: LarchSettings) -> None:
        """Refuse nothing: larch has no part in this set."""

    def axis(self, settings: LarchSettings) -> tuple[np.ndarray, str]:
        """Return E relative to the edge, shape (n_e,), and its label."""
        return self.grid(), self.energy_label()

    def grid(self) -> np.ndarray:
        """Return E relative to the edge, eV, shape (n_e,), two or more."""
        # Keeps an emax that lies on the grid.
        n = int((self.emax - self.emin) / self.estep + 1e-6) + 1
        return self.emin + self.estep * np.arange(n)

    def energy_label(self) -> str:
        """Return the name of E relative to the edge, with its unit."""
        return f"E − {_SYMBOLS[self.reference]} (eV)"

    def normalised(self, spectrum: Spectrum) -> np.ndarray:
        """Return mu on the grid, 1 on average from norm1 to norm2; float64, shape (n_e,).

        Raises
        ------
        ItemFailure
            ``bad_spectrum`` for arrays that cannot be used, a reference that cannot be found, mu
            that is not normalised, or does not cover the grid: it may begin up to 15 eV after emin
            if its first value is at most 0.1 of its level, and is continued with that value.
        """
        energy, mu = (np.asarray(a, dtype=float) for a in (spectrum.energy_rel, spectrum.mu))
        check_points("mu(E)", energy, mu)
        energy, first = np.unique(energy, return_index=True)
        mu = mu[first]
        if self.reference != "e0":
            energy = energy - find_edge(energy, mu, self.reference, self.norm1, self._norm2)
        grid = self.grid()
        self._check_end(energy, grid)
        after = level(energy, mu, 0.0, self.norm1, self._norm2)
        if self.reference == "e0":
            self._check_scale(energy, mu, after)
        self._check_begin(energy, mu / after, grid)
        self._check_gaps(energy, grid)
        inside = np.clip(grid, energy[0], energy[-1])
        return interpolate(energy, mu / after, inside)

    def _grid_parameters(self) -> dict[str, Any]:
        keys = {"kind", "emin", "emax", "estep", "reference", "norm1"}
        return {**self.model_dump(include=keys), "norm2": self._norm2}

    def _check_end(self, energy: np.ndarray, grid: np.ndarray) -> None:
        if energy[-1] < max(grid[-1], self._norm2) - ROUNDING or energy[0] > self.norm1:
            raise self._not_covered(energy, grid)

    def _check_begin(self, energy: np.ndarray, share: np.ndarray, grid: np.ndarray) -> None:
        missing = energy[0] - grid[0]
        if missing > _CONTINUED or (missing > ROUNDING and abs(share[0]) > FOOT):
            raise self._not_covered(energy, grid)

    def _not_covered(self, energy: np.ndarray, grid: np.ndarray) -> ItemFailure:
        return ItemFailure(
            "bad_spectrum",
            f"mu(E) reaches from {energy[0]:.2f} to {energy[-1]:.2f} eV above "
            f"{WORDS[self.reference]}, not from {grid[0]:g} to {max(grid[-1], self._norm2):g}",
            "change emin or emax",
        )

    def _check_scale(self, energy: np.ndarray, mu: np.ndarray, after: float) -> None:
        """Refuse mu with E0 as the reference that nobody has normalised."""
        # EXAFS by FEFF begin at E0, with anything from -1.8 to 2.5 of the level.
        may_be_any = energy[0] > -ROUNDING and abs(mu[0]) > FOOT * after
        if shows_pre_edge(energy, mu, after / 2, self.norm1) and not may_be_any:
            check_pre_edge(energy, mu / after)
        elif fault := edge_step_fault(energy, mu):
            raise ItemFailure(
                "bad_spectrum",
                f"mu(E) is not normalised, and begins less than {PRE_EDGE:g} eV before its edge: "
                f"{fault}",
                "take spectra that show the pre-edge, or divide by the edge step",
            )

    def _check_gaps(self, energy: np.ndarray, grid: np.ndarray) -> None:
        # An edge that was found depends on the points around it.
        lowest = grid[0] if self.reference == "e0" else min(grid[0], -PRE_EDGE)
        begin = max(0, np.searchsorted(energy, lowest, side="right") - 1)
        end = np.searchsorted(energy, grid[-1]) + 1
        gap = float(np.diff(energy[begin:end]).max(initial=0.0))
        if gap > _WIDEST_GAP:
            raise ItemFailure(
                "bad_spectrum",
                f"the points of mu(E) are up to {gap:.1f} eV apart, too far for the near edge",
                "take another feature set for this source",
            )
