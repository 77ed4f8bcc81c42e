from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from exafscn_flows.spectra.base import Spectrum

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(params=["nio", "fcc_cu"])
def spectrum(request: pytest.FixtureRequest) -> Spectrum:
    """FEFF 8.5L spectra of NiO (a = 4.178 Å) and of copper (a = 3.615 Å)."""
    return read_spectrum(request.param)


@pytest.fixture
def read() -> Callable[[str], Spectrum]:
    return read_spectrum


def read_spectrum(name: str) -> Spectrum:
    with np.load(DATA / f"feff_{name}.npz", allow_pickle=False) as file:
        arrays = {key: file[key] for key in ("energy_rel", "mu", "mu0", "k", "chi")}
        provenance = {"program": "FEFF", "version": "8.50L"}
        return Spectrum("K", "EXAFS", e0=float(file["e0"]), **provenance, **arrays)


@pytest.fixture
def shells() -> Callable[..., Spectrum]:
    """Make a spectrum of shells without phase, whose chi(k) is known exactly."""

    def build(*distances: float, sizes: tuple[float, ...] | None = None) -> Spectrum:
        k = np.arange(401) * 0.05
        chi = np.zeros_like(k)
        for distance, size in zip(distances, sizes or (1.0,) * len(distances), strict=True):
            # Multiplied by k^2, this is a plain sine; 2 keeps |chi| below its limit.
            chi[1:] += 2 * size * np.sin(2 * k[1:] * distance) / k[1:] ** 2
        energy_rel = k**2 / 0.2624682917
        return Spectrum(
            "K", "EXAFS", 8000.0, k, chi, energy_rel, 1 + chi, np.ones_like(k), "none", "0"
        )

    return build
