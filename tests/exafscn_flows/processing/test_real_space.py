"""What models of measured spectra see of chi(k)."""

import numpy as np
import pytest

from exafscn_flows.features.spline_background import ETOK
from exafscn_flows.processing.real_space import N_SHOWN, R, grid, shown, with_e0_moved

K = grid(281).astype(float)
"""To 14 1/Å."""
RANGE = np.array([3.0]), np.array([12.0])


def shells(*r: float) -> np.ndarray:
    """chi(k) of shells at some distances, Å, shape (1, n_k)."""
    k = np.maximum(K, 0.05)
    waves = [np.sin(2 * k * one) / one**2 * np.exp(-0.006 * k**2) / k for one in r]
    return np.sum(waves, axis=0)[None]


def parts(found: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    real, imaginary, size = found[0, : 3 * len(R)].reshape(3, len(R))
    return real, imaginary, size, found[0, 3 * len(R) :]


def test_chi_of_r_peaks_where_the_neighbours_are() -> None:
    real, imaginary, size, _ = parts(shown(shells(2.4), *RANGE))
    assert R[size.argmax()] == pytest.approx(2.4, abs=0.09)
    np.testing.assert_allclose(np.hypot(real, imaginary), size, rtol=1e-5)
    assert size[np.abs(R - 2.4) > 0.9].max() < 0.15 * size.max()


def test_a_larger_amplitude_changes_nothing_but_its_own_logarithm() -> None:
    plain, scaled = (
        shown(shells(2.0, 3.1), *RANGE),
        shown(0.6 * shells(2.0, 3.1), *RANGE),
    )
    assert plain.shape == (1, N_SHOWN)
    np.testing.assert_allclose(scaled[0, :-3], plain[0, :-3], rtol=1e-4, atol=1e-5)
    assert scaled[0, -3] - plain[0, -3] == pytest.approx(np.log(0.6), abs=1e-5)
    assert scaled[0, -2:].tolist() == [3.0, 12.0]


def test_what_lies_outside_the_range_is_not_seen() -> None:
    chi = shells(2.0)
    other = chi.copy()
    other[:, (K < 2.49) | (K > 9.51)] += 1.0
    np.testing.assert_array_equal(
        shown(other, np.array([3.0]), np.array([9.0])), shown(chi, np.array([3.0]), np.array([9.0]))
    )
    assert not np.allclose(shown(other, *RANGE)[0, :-1], shown(chi, *RANGE)[0, :-1])


def test_nothing_is_seen_of_nothing() -> None:
    found = shown(np.zeros((2, 281)), np.array([3.0, 3.0]), np.array([12.0, 9.0]))
    assert np.isfinite(found).all()
    assert not found[:, : 3 * len(R)].any()


@pytest.mark.parametrize("by", [-4.0, 0.0, 6.5])
def test_moving_e0_moves_k_as_it_must(by: float) -> None:
    """chi'(k) = chi(k') with the energy of both the same: k'^2 = k^2 + 2m/hbar^2 dE0."""
    moved = with_e0_moved(shells(2.0, 3.4), np.array([by]))[0]
    true = np.sqrt(np.maximum(K**2 + ETOK * by, 0))
    k = np.maximum(true, 0.05)
    exact = sum(np.sin(2 * k * r) / r**2 * np.exp(-0.006 * k**2) / k for r in (2.0, 3.4))
    inside = (K > 2.0) & (true < K[-1])
    np.testing.assert_allclose(moved[inside], exact[inside], atol=2e-4)


def test_there_and_back_again() -> None:
    chi = shells(2.0, 3.4)
    back = with_e0_moved(with_e0_moved(chi, np.array([3.0])), np.array([-3.0]))
    inside = (K > 2.0) & (K < 13.5)
    np.testing.assert_allclose(back[0, inside], chi[0, inside], atol=2e-4)


def test_stretching_k_is_as_if_atoms_were_farther_away() -> None:
    stretched = with_e0_moved(shells(2.0), np.zeros(1), np.array([0.03]))[0]
    inside = (K > 3) & (K < 13)
    k = 1.03 * K[inside]
    exact = np.sin(2 * k * 2.0) / 4 * np.exp(-0.006 * k**2) / k
    np.testing.assert_allclose(stretched[inside], exact, atol=1e-4)


def test_each_spectrum_is_moved_by_its_own() -> None:
    both = np.vstack([shells(2.0), shells(2.6)])
    found = with_e0_moved(both, np.array([2.0, -5.0]), np.array([0.01, 0.0]))
    for row, (by, stretch) in enumerate(((2.0, 0.01), (-5.0, 0.0))):
        alone = with_e0_moved(both[row : row + 1], np.array([by]), np.array([stretch]))
        np.testing.assert_array_equal(found[row], alone[0])
    np.testing.assert_array_equal(with_e0_moved(both, 2.0), with_e0_moved(both, np.full(2, 2.0)))
