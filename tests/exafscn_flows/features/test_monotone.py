"""Cubics that do not overshoot are those of scipy."""

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator

from exafscn_flows.features.monotone import interpolate


@pytest.mark.parametrize("n", [2, 3, 4, 50])
@pytest.mark.parametrize("flat", [False, True])
def test_it_is_as_scipy_has_it(n: int, flat: bool) -> None:
    rng = np.random.default_rng(n)
    for _ in range(50):
        x = np.cumsum(rng.uniform(0.1, 3, n))
        # With rounded values, some neighbours are equal.
        y = rng.normal(size=n).round(0 if flat else 12)
        wanted = np.concatenate([x, rng.uniform(x[0], x[-1], 200)])
        np.testing.assert_allclose(
            interpolate(x, y, wanted), PchipInterpolator(x, y)(wanted), atol=1e-13
        )


def test_it_does_not_overshoot() -> None:
    x = np.array([0.0, 1.0, 2.0, 3.0])
    between = interpolate(x, np.array([0.0, 0.0, 1.0, 1.0]), np.linspace(0, 3, 301))
    assert between.min() == pytest.approx(0, abs=1e-15)
    assert between.max() == pytest.approx(1, abs=1e-15)
    assert (np.diff(between) > -1e-15).all()
