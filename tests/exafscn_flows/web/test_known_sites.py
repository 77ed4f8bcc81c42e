"""Known sites: the spectrum that is the same comes first."""

import numpy as np
import pytest
from measurements import GRID, shell

from exafscn_flows.processing.fourier import magnitude
from exafscn_flows.web.known_sites import Known, nearest

R = np.linspace(0, 6, 301)
LENGTHS = (1.8, 2.0, 2.2, 2.5)


@pytest.fixture
def known():
    k = 0.05 * np.arange(400)
    return Known([f"m-{r}" for r in LENGTHS], np.stack([shell(k, r) for r in LENGTHS]))


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("scale", [0.3, 1.0])
def test_the_same_shell_is_nearest_whatever_its_height(known, length, scale):
    chi = scale * shell(GRID, length)
    size = magnitude(GRID, chi, 3, 12, R)
    found = nearest(known, size, R, 3, 12, 2)
    assert found[0][0] == f"m-{length}"
    assert found[0][1] == pytest.approx(0, abs=1e-3)
    assert found[1][1] > 0.1
    assert np.allclose(scale * found[0][2], size, atol=1e-3 * size.max())


def test_disorder_is_nearer_than_another_length(known):
    size = magnitude(GRID, shell(GRID, 2.0, sigma2=0.01), 3, 12, R)
    (best, *_) = nearest(known, size, R, 3, 12, 1)
    assert best[0] == "m-2.0"
