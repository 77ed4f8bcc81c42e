"""Measured spectra as they could be, made from a known chi(k)."""

from collections.abc import Callable

import numpy as np

TABULATED = 7112.0
E0 = 7120.0
ETOK = 0.2624684
GRID = np.arange(0, 16.001, 0.05)


def shell(k: np.ndarray, r: float = 2.0, n: float = 6.0, sigma2: float = 0.006) -> np.ndarray:
    """EXAFS equation of one shell of constant scattering amplitude, without phase shift."""
    safe = np.maximum(k, 0.3)
    chi = 0.5 * n / (safe * r**2) * np.exp(-2 * sigma2 * k**2) * np.sin(2 * k * r)
    # The near edge has no EXAFS.
    return chi * np.clip((k - 0.5) / 2, 0, 1) ** 2


def energies(end: float = 900.0, begin: float = -200.0) -> np.ndarray:
    """Usual steps, relative to E0: 5 eV, 0.5 eV at the edge, 0.05 1/Å in the EXAFS."""
    parts = [
        np.arange(begin, -30, 5.0),
        np.arange(max(begin, -30), 20, 0.5),
        np.arange(np.sqrt(ETOK * 20), np.sqrt(ETOK * end), 0.05) ** 2 / ETOK,
    ]
    return E0 + np.concatenate(parts)


def absorption(
    energy: np.ndarray, chi: Callable[[np.ndarray], np.ndarray] = shell, pre_edge_peak: float = 0.0
) -> np.ndarray:
    """mu(E) whose flattened edge is at one half at E0, with a falling background."""
    rel = energy - E0
    step = 0.5 + 0.5 * np.tanh(rel / 2)
    atomic = step * (1 - 1e-4 * rel + 2e-8 * rel**2)
    peak = pre_edge_peak * np.exp(-(((rel + 14) / 1.2) ** 2))
    oscillation = np.where(rel > 0, chi(np.sqrt(ETOK * np.maximum(rel, 0))), 0)
    return 0.4 - 5e-4 * rel + atomic * (1 + oscillation) + peak
