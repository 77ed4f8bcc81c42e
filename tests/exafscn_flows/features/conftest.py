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
        return Spectrum(edge="K", e0=float(file["e0"]), program="FEFF", version="8.50L", **arrays)
