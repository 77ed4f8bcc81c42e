"""Physics of the single feature sets, on shells whose chi(k) is known exactly."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from exafscn_flows.features import FeatureSettings, Inputs
from exafscn_flows.features.base import SpectrumSet
from exafscn_flows.spectra.base import Spectrum

STEP = np.pi / (0.05 * 2048)


def vector(spectrum: Spectrum, raw: dict[str, Any], **larch: Any) -> np.ndarray:
    config = FeatureSettings.model_validate({"sets": [{"input": "chi", **raw}], **larch})
    return config.sets[0].transform(spectrum, config)


def axis(raw: dict[str, Any]) -> np.ndarray:
    config = FeatureSettings.model_validate({"sets": [{"input": "chi", **raw}]})
    return config.sets[0].axis(config)[0]


def test_real_and_imaginary_part_have_the_magnitude_of_r_space(spectrum: Spectrum) -> None:
    for source in ({}, {"input": "mu"}, {"input": "mu", "route": "as_published"}):
        both = vector(spectrum, {"kind": "r_space_complex", **source})
        magnitude = vector(spectrum, {"kind": "r_space", **source})
        np.testing.assert_allclose(np.hypot(*both.reshape(2, -1)), magnitude, rtol=1e-5, atol=1e-6)


def test_the_complex_set_tells_a_shell_from_its_negative(shells) -> None:
    one, other = shells(2.5), shells(2.5, sizes=(-1.0,))
    kind = {"kind": "r_space_complex"}
    np.testing.assert_allclose(vector(one, kind), -vector(other, kind), atol=1e-5)


@pytest.mark.parametrize("kind", ["r_space", "r_space_complex"])
def test_cuts_take_the_ends_off(spectrum: Spectrum, kind: str) -> None:
    cut = {"kind": kind, "rmin": 1.0, "rmax": 6.0}
    r = axis(cut)
    assert r.min() >= 1.0 > r.min() - STEP
    assert r.max() <= 6.0 < r.max() + STEP
    whole_r = axis({"kind": kind})
    kept = (whole_r >= 1.0) & (whole_r <= 6.0)
    np.testing.assert_array_equal(vector(spectrum, cut), vector(spectrum, {"kind": kind})[kept])


def test_a_cut_on_a_point_of_the_grid_keeps_it() -> None:
    r = axis({"kind": "r_space", "rmin": 50 * STEP, "rmax": 100 * STEP})
    np.testing.assert_allclose(r, STEP * np.arange(50, 101))


def test_k_space_is_the_weighted_chi_of_the_program(spectrum: Spectrum) -> None:
    raw = {"kind": "k_space", "kmin": 2.5, "kmax": 15.0, "kweight": 3}
    k = axis(raw)
    assert (k[0], k[-1], len(k)) == (2.5, 15.0, 251)
    expected = (spectrum.k.astype(float) ** 3 * spectrum.chi)[50:301]
    np.testing.assert_allclose(vector(spectrum, raw), expected, rtol=1e-4, atol=1e-3)


def test_k_space_takes_range_and_weight_of_the_transform(shells) -> None:
    # Weighted by k^2, the shells are sines.
    found = vector(shells(2.5), {"kind": "k_space"})
    k = axis({"kind": "k_space"})
    assert (k[0], k[-1]) == (pytest.approx(3), pytest.approx(12))
    np.testing.assert_allclose(found, 2 * np.sin(5 * k), atol=1e-5)


def test_the_back_transform_of_a_shell_is_its_filtered_chi(shells) -> None:
    window = {"kind": "q_space", "rmin": 1.0, "rmax": 4.0, "dr": 0.2, "window": "hanning"}
    found = vector(shells(2.5), window, xftf={"window": "hanning", "dk": 2.0})
    q = axis(window)
    middle = (q > 5) & (q < 10)
    np.testing.assert_allclose(found[middle], 2 * np.sin(5 * q)[middle], atol=0.06)


def test_the_back_transform_leaves_the_other_shell_out(shells) -> None:
    window = {"kind": "q_space", "rmin": 1.0, "rmax": 3.5, "dr": 0.2, "window": "hanning"}
    larch = {"xftf": {"window": "hanning", "dk": 4.0}}
    alone, both = vector(shells(2.0), window, **larch), vector(shells(2.0, 5.0), window, **larch)
    far = vector(shells(5.0), window, **larch)
    assert np.abs(both - alone).max() < 0.1
    assert np.abs(far).max() < 0.1 < 1.5 < np.abs(alone).max()


@hypothesis_settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(distance=st.floats(min_value=1.5, max_value=7.5))
def test_the_highest_peak_is_at_the_shell(shells, distance: float) -> None:
    found = vector(shells(distance), {"kind": "peaks", "prominence": 0.5})
    assert abs(found[0] - distance) < STEP
    # The rest is missing: neither position nor height.
    assert found[6] > 0
    assert (np.delete(found, [0, 6]) == 0).all()


def test_peaks_come_in_order_of_distance_with_their_heights(shells) -> None:
    spectrum = shells(4.5, 1.9, 3.1, sizes=(0.6, 0.4, 1.0))
    raw = {"kind": "peaks", "n": 4, "prominence": 0.2, "filler": -1.0}
    position, height = vector(spectrum, raw).reshape(2, 4)
    np.testing.assert_allclose(position[:3], [1.9, 3.1, 4.5], atol=2 * STEP)
    assert height[0] < height[2] < height[1]
    assert position[3] == height[3] == -1.0
    r, magnitude = axis({"kind": "r_space"}), vector(spectrum, {"kind": "r_space"})
    np.testing.assert_allclose(np.interp(position[:3], r, magnitude), height[:3], rtol=1e-3)


def test_only_the_first_peaks_between_the_limits_count(shells) -> None:
    spectrum = shells(1.9, 3.1, 4.5)
    raw = {"kind": "peaks", "n": 1, "prominence": 0.2, "rmin": 2.5}
    np.testing.assert_allclose(vector(spectrum, raw)[0], 3.1, atol=2 * STEP)
    np.testing.assert_allclose(vector(spectrum, {**raw, "rmin": 4.0})[0], 4.5, atol=2 * STEP)


@pytest.mark.parametrize("distance", [2.0, 3.05, 4.2])
def test_the_ridge_of_the_wavelet_is_at_the_shell(shells, distance: float) -> None:
    raw = {"kind": "wavelet", "n_r": 100, "n_k": 9}
    cells = vector(shells(distance), raw).reshape(9, 100)
    r = axis(raw).reshape(9, 100)
    assert (r == r[0]).all()
    # The ends of the data blur the first and last k.
    ridge = r[0][cells.argmax(axis=1)][2:-2]
    np.testing.assert_allclose(ridge, distance, atol=0.1)


def test_the_wavelet_tells_at_which_k_a_shell_scatters(shells) -> None:
    plain = shells(3.0)
    strong = plain.chi * (plain.k > 8)
    late = Spectrum(**{**vars(plain), "chi": strong})
    cells = vector(late, {"kind": "wavelet"}).reshape(10, 40)
    assert cells[:3].max() < 0.5 * cells[6:9].max()


def test_the_cells_of_the_wavelet_are_means(spectrum: Spectrum) -> None:
    # Both ranges halve exactly, and no point of the grid lies on an edge.
    fine = {"kind": "wavelet", "rmin": 1.01, "rmax": 4.01, "n_r": 2, "n_k": 2}
    coarse = {**fine, "n_r": 1, "n_k": 1, "kmin": 3.01, "kmax": 11.99}
    fine |= {"kmin": 3.01, "kmax": 11.99}
    values = vector(spectrum, fine)
    assert values.mean() == pytest.approx(vector(spectrum, coarse)[0], rel=0.02)


def test_a_concatenation_is_its_parts(spectrum: Spectrum) -> None:
    parts = [{"kind": "r_space", "rmax": 6.0}, {"kind": "peaks"}, {"kind": "k_space"}]
    config = FeatureSettings.model_validate(
        {"sets": [{"kind": "concatenation", "parts": parts}, *parts]}
    )
    whole, *single = (s.vector(Inputs({"exafs": spectrum}), config) for s in config.sets)
    np.testing.assert_array_equal(whole, np.concatenate(single))
    assert config.sets[0].name == "r_space+peaks+k_space"
    _, label = config.sets[0].axis(config)
    assert label == "feature (0-195: r_space, 196-207: peaks, 208-388: k_space)"


def test_every_kind_of_a_spectrum_set_can_be_a_part() -> None:
    kinds = [kind.model_fields["kind"].default for kind in _kinds(SpectrumSet)]
    sets = [{"kind": "concatenation", "parts": [{"kind": kind} for kind in kinds]}]
    assert len(FeatureSettings.model_validate({"sets": sets}).sets[0].parts) == 6


def _kinds(base: type) -> list[Any]:
    children = base.__subclasses__()
    return [leaf for child in children for leaf in _kinds(child)] if children else [base]
