"""xmu.dat and chi.dat of FEFF among measured spectra."""

import numpy as np
import pytest
from xas_files import rows

from exafscn_flows.errors import ItemFailure
from exafscn_flows.sources.measured import read_content

K = np.arange(0, 20.05, 0.05)
CHI = 0.3 * np.sin(4.4 * K) * np.exp(-0.03 * K**2) * (1 - np.exp(-K))
ABSORBER = "# Abs   Z=29 Rmt= 1.449 Rnm= 1.502 K  shell\n"
HEAD = f"# Cu                                  Feff8L (EXAFS)   0.1\n{ABSORBER}# -----\n"


def xmu() -> bytes:
    energy = 8981.0 + 3.81 * K**2
    mu0 = 0.98 + 0 * K
    head = f"{HEAD}#  omega    e    k    mu    mu0     chi     @#\n"
    return (head + rows(energy, energy - 8985, K, mu0 * (1 + CHI), mu0, CHI)).encode()


def test_xmu_is_normalised_and_states_its_absorber():
    (found,) = read_content(xmu(), "xmu.dat")
    assert (found.kind, found.absorber, found.edge) == ("normalized", "Cu", "K")
    assert found.e0 == pytest.approx(8981.0)
    assert found.energy[-1] == pytest.approx(8981.0 + 3.81 * 400, abs=0.1)
    assert np.allclose(found.mu, 0.98 * (1 + CHI), atol=1e-6)


def test_chi():
    text = f"{HEAD}#       k          chi          mag           phase @#\n"
    text += rows(K, CHI, np.abs(CHI), 0 * K)
    (found,) = read_content(text.encode(), "chi.dat")
    assert (found.kind, found.absorber, found.format) == ("chi", "Cu", "chi.dat of FEFF")
    assert np.allclose(found.chi, CHI, atol=1e-6)


def test_files_that_ended_early_or_are_of_another_absorber():
    with pytest.raises(ItemFailure, match=r"^xmu\.dat: .*whole table") as raised:
        read_content(xmu()[:-30], "xmu.dat")
    assert "--retry-failed" not in raised.value.hint
    iron = xmu().replace(b"Z=29", b"Z=26")
    with pytest.raises(ItemFailure, match="the K edge of Fe is at 7112 eV"):
        read_content(iron, "xmu.dat")
