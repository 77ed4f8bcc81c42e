"""What the axes of feature sets are, by their labels."""

import pytest

from exafscn_flows.features.axes import DISTANCE, ENERGY, LIMITS, quantity


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("R (Å)", DISTANCE),
        ("R (Å), real parts, then imaginary parts", DISTANCE),
        ("E − E₀ (eV)", ENERGY),
        ("E − E₀ (eV), of each degree", ENERGY),
        ("k (1/Å)", None),
        ("feature (0-80: xanes, E (eV))", None),
        ("peak", None),
    ],
)
def test_an_axis_is_told_by_the_unit_in_its_label(label, expected):
    assert quantity(label) is expected


def test_every_limit_has_a_counterpart_that_leaves_all_else():
    for lower, upper in (("rmin", "rmax"), ("emin", "emax")):
        assert LIMITS[lower].quantity is LIMITS[upper].quantity
        assert (LIMITS[lower].upper, LIMITS[upper].upper) == (False, True)
