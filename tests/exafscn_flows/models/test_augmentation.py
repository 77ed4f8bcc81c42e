"""Random changes of computed spectra: each is the physics that it is called after."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from exafscn_flows.models.augmentation import (
    CENTERS,
    GROWTH,
    Augmentation,
    augmented,
    disordered,
    residual,
)
from exafscn_flows.processing.real_space import R, grid, shown

K = grid(321).astype(float)
INSIDE = (K > 3) & (K < 14)
"""Where filters in R do not feel the ends."""
NOTHING: dict[str, Any] = {
    "sigma2": [1e-12, 1e-12],
    "sigma2_far": [1e-12, 1e-12],
    "amplitude": [1.0, 1.0],
    "e0_shift": 0.0,
    "e0_spread": 0.0,
    "stretch": 0.0,
    "noise": [1e-12, 1e-12],
    "residual": 0.0,
}
"""Settings by which spectra stay as they are."""


def shell(r: float) -> np.ndarray:
    k = np.maximum(K, 0.05)
    chi: np.ndarray = (np.sin(2 * k * r) / k * np.exp(-0.003 * k**2))[None]
    return chi


def changed(chi: np.ndarray, seed: int = 0, **settings: Any) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return augmented(chi, Augmentation(**(NOTHING | settings)), rng, stretched=True)


def test_bands_add_up_to_the_spectrum() -> None:
    chi = shell(1.9) + 0.5 * shell(3.5)
    none = np.zeros(1)
    np.testing.assert_allclose(disordered(chi, none, none)[:, 1:], chi[:, 1:], atol=1e-5)


@pytest.mark.parametrize("r", [1.9, 3.2, 5.0])
def test_disorder_multiplies_every_shell_as_debye_and_waller_say(r: float) -> None:
    found = disordered(shell(r), np.array([0.006]), np.zeros(1))
    exact = np.exp(-2 * 0.006 * K**2) * shell(r)
    np.testing.assert_allclose(found[0, INSIDE], exact[0, INSIDE], atol=1e-4)


def test_disorder_of_far_shells_grows_with_their_distance() -> None:
    """At the middle of a band, sigma^2 is that of the band."""
    for r in CENTERS:
        sigma2 = 0.002 + 0.005 * (r - CENTERS[0]) / GROWTH
        found = disordered(shell(r), np.array([0.002]), np.array([0.005]))
        exact = np.exp(-2 * sigma2 * K**2) * shell(r)
        largest = np.abs(exact[0, INSIDE]).max()
        np.testing.assert_allclose(found[0, INSIDE], exact[0, INSIDE], atol=0.06 * largest)
    near = disordered(shell(1.8), np.array([0.002]), np.array([0.005]))
    exact = np.exp(-2 * 0.002 * K**2) * shell(1.8)
    np.testing.assert_allclose(near[0, INSIDE], exact[0, INSIDE], atol=0.03)


def test_without_changes_spectra_stay_as_they_are() -> None:
    chi = shell(1.9) + shell(3.5)
    np.testing.assert_allclose(changed(chi)[:, 1:], chi[:, 1:], atol=1e-4)


def test_amplitude_scales_chi_and_leaves_its_shape() -> None:
    chi = shell(1.9) + shell(3.5)
    found = changed(chi, amplitude=[0.5, 0.5])
    np.testing.assert_allclose(found[:, 1:], 0.5 * chi[:, 1:], atol=1e-4)
    seen = [shown(one, np.array([3.0]), np.array([12.0]))[0] for one in (chi, found)]
    np.testing.assert_allclose(seen[0][: 3 * len(R)], seen[1][: 3 * len(R)], atol=1e-3)


def test_noise_has_the_size_that_is_asked_for() -> None:
    chi = np.repeat(shell(1.9), 50, axis=0)
    found = changed(chi, noise=[0.004, 0.004]) - changed(chi)
    assert found.std() == pytest.approx(0.004, rel=0.03)
    assert abs(np.corrcoef(found[:, :-1].ravel(), found[:, 1:].ravel())[0, 1]) < 0.05


def test_feff_s_e0_below_that_of_the_measurement_raises_k_of_the_wave() -> None:
    """A wave of FEFF's k is found at a smaller k of the measurement."""
    found = changed(shell(2.0), e0_shift=-4.0)[0]
    true = np.sqrt(K**2 + 0.262468 * 4)
    exact = np.sin(2 * true * 2.0) / true * np.exp(-0.003 * true**2)
    np.testing.assert_allclose(found[INSIDE], exact[INSIDE], atol=5e-4)


def test_what_the_background_leaves_is_at_low_r_and_low_k() -> None:
    left = residual(200, len(K), Augmentation(residual=0.03), np.random.default_rng(0))
    size = shown(left, np.full(200, 3.0), np.full(200, 10.0))[:, 2 * len(R) : 3 * len(R)]
    mean = size.mean(axis=0)
    assert mean[R > 2.0].max() < 0.15 * mean[R < 1.2].max()
    assert left[:, K > 8].std() < 0.2 * left[:, K < 2].std()
    assert left[:, 0].std() == pytest.approx(0.03 * np.sqrt(0.5), rel=0.3)


def test_it_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    chi, settings = np.repeat(shell(1.9), 4, axis=0), Augmentation()
    first, again, other = (
        augmented(chi, settings, np.random.default_rng(seed), stretched=True) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    assert not np.allclose(first[0], first[1])


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"sigma2": [0.02, 0.01]}, "sigma2 must be two numbers above 0"),
        ({"noise": [0.0, 0.01]}, "noise must be two numbers above 0"),
        ({"kmin": [2.0, 6.0]}, "kmin must end below kmax"),
        ({"kmax": [9.0]}, "at least 2 items"),
    ],
)
def test_ranges_that_make_no_sense_are_refused(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Augmentation(**settings)
