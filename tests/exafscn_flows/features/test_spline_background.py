import numpy as np
import pytest

from exafscn_flows.features.spline_background import _knots


@pytest.mark.parametrize(
    ("kmin", "kmax", "n"), [(0.0, 19.95, 39), (0.5, 11.0, 21), (0.5, 12.0, 21), (0.5, 19.0, 21)]
)
def test_a_knot_between_two_points_goes_where_larchs_goes(kmin, kmax, n):
    k = 0.05 * np.arange(400)
    # As larch 2026.3.1 writes it.
    larch = [np.abs(k - (kmin + i * (kmax - kmin) / (n - 1))).argmin() for i in range(n)]
    ours = np.abs(k - _knots(kmin, kmax, n)[:, None]).argmin(axis=1)
    np.testing.assert_array_equal(ours, larch)
