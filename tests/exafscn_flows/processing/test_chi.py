"""chi(k) that somebody else has made."""

import numpy as np
import pytest
from measurements import GRID, shell

from exafscn_flows.errors import ItemFailure
from exafscn_flows.processing import ProcessingSettings, process_chi
from exafscn_flows.processing.fourier import magnitude

K = np.arange(0.3, 12.01, 0.03)


def test_chi_comes_to_equal_steps_and_ends_where_the_noise_does():
    found = process_chi(K, shell(K))
    assert np.allclose(found.k, 0.05 * np.arange(241))
    inside = found.k >= 3
    assert np.allclose(found.chi[inside], shell(found.k)[inside], atol=2e-3)
    assert (found.kmin, found.kmax) == (3, 12)
    noise = 0.02 * np.random.default_rng(0).standard_normal(len(K)) * (K > 8)
    assert 7 < process_chi(K, shell(K) + noise).kmax < 10


def test_of_calculated_chi_the_part_of_a_background_is_taken_off():
    background = 0.05 * np.cos(1.0 * GRID)  # R = 0.5 Å
    left = process_chi(GRID, shell(GRID) + background, is_calculated=True)
    plain = process_chi(GRID, shell(GRID) + background)
    r = np.array([0.5])
    sizes = [magnitude(one.k, one.chi, 3, 12, r)[0] for one in (left, plain)]
    assert sizes[0] < 0.2 * sizes[1]
    near = np.array([2.0])
    kept = magnitude(left.k, left.chi, 3, 12, near)
    assert kept == pytest.approx(magnitude(GRID, shell(GRID), 3, 12, near), rel=0.05)


def test_a_shell_is_where_it_is_and_as_high_as_its_number_of_atoms():
    r = np.arange(0, 6, 0.01)
    size = magnitude(GRID, shell(GRID, r=2.5), 3, 13, r)
    assert r[np.argmax(size)] == pytest.approx(2.5, abs=0.03)
    twice = magnitude(GRID, shell(GRID, r=2.5, n=12.0), 3, 13, r)
    assert np.allclose(twice, 2 * size)


@pytest.mark.parametrize(
    ("k", "chi", "kmax", "words"),
    [
        (K[K < 5.5], shell(K[K < 5.5]), None, r"ends at k = 5\.49"),
        (K + 3, shell(K), None, r"begins at k = 3\.30"),
        (K, shell(K) * K**3, None, "power of k"),
        (K, shell(K), 15.0, "before kmax = 15"),
    ],
)
def test_chi_that_cannot_be_used(k, chi, kmax, words):
    with pytest.raises(ItemFailure, match=words):
        process_chi(k, chi, ProcessingSettings(kmax=kmax))
