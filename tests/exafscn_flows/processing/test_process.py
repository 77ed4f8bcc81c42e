import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from measurements import E0, ETOK, GRID, absorption, energies, shell
from pydantic import ValidationError

from exafscn_flows.errors import ItemFailure
from exafscn_flows.processing import ProcessingSettings, process, remove_background
from exafscn_flows.processing.process import ProcessedSpectrum

SHARED = Path(__file__).parents[4] / "shared" / "data" / "experimental"

ENERGY = energies()
MU = absorption(ENERGY)


def distance(found: np.ndarray, expected: np.ndarray, k: np.ndarray, low: float = 3.0) -> float:
    """Relative distance of two k² chi(k) from `low` to 12 1/Å."""
    used = (k >= low) & (k <= 12)
    a, b = (found * k**2)[used], (expected * k**2)[used]
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def noisy(size: float, energy: np.ndarray = ENERGY, seed: int = 0) -> np.ndarray:
    return absorption(energy) + size * np.random.default_rng(seed).normal(size=len(energy))


def refused(energy: np.ndarray, mu: np.ndarray, absorber: str = "Fe", **changes) -> ItemFailure:
    with pytest.raises(ItemFailure) as caught:
        process(energy, mu, absorber, ProcessingSettings(**changes))
    assert "\n" not in caught.value.message
    assert caught.value.hint
    return caught.value


def test_chi_of_a_known_shell_is_recovered() -> None:
    found = process(ENERGY, MU, "Fe")
    np.testing.assert_allclose(np.diff(found.k), 0.05)
    assert found.k[0] == 0
    assert distance(found.chi, shell(found.k), found.k) < 0.03
    assert found.e0 == pytest.approx(E0, abs=0.3)
    assert found.edge_step == pytest.approx(1, abs=0.04)
    assert found.warnings == ()
    assert (found.kmin, found.kmax) == (3.0, 13.0)
    # What was chosen, relative to E0.
    assert found.pre1 == pytest.approx(-200, abs=5)
    assert found.pre2 == pytest.approx(-30, abs=5)
    assert (found.npre, found.nnorm) == (1, 2)
    assert found.norm1 == pytest.approx(60, abs=6)
    assert found.norm2 == pytest.approx(895, abs=9)


def test_normalised_and_flattened_mu_are_0_before_and_1_after_the_edge() -> None:
    found = process(ENERGY, MU, "Fe")
    before, after = found.energy < E0 - 30, found.energy > E0 + 60
    assert np.abs(found.flat[before]).max() < 0.01
    assert found.flat[after].mean() == pytest.approx(1, abs=0.005)
    assert np.abs(found.flat[found.energy > E0 + 500] - 1).max() < 0.02
    assert found.norm[after][-1] < 0.96, "mu itself falls with energy"
    np.testing.assert_array_equal(found.flat[found.energy < E0], found.norm[found.energy < E0])


def test_k_is_0_at_e0() -> None:
    # A shift of E0 by dE moves what is at k to sqrt(k² - ETOK dE).
    plain = process(ENERGY, MU, "Fe")
    shifted = process(ENERGY, MU, "Fe", ProcessingSettings(e0=plain.e0 + 3))
    at = np.sqrt(plain.k**2 + ETOK * 3)
    moved = np.interp(at, plain.k, plain.chi)
    assert distance(shifted.chi, moved, plain.k[: len(shifted.k)], 4) < 0.05


@pytest.mark.parametrize("size", [0.3, 0.7, 1.2])
def test_e0_is_not_on_a_pre_edge_peak(size: float) -> None:
    found = process(ENERGY, absorption(ENERGY, pre_edge_peak=size), "Fe")
    assert found.e0 == pytest.approx(E0, abs=0.3)


def test_a_spike_before_or_after_the_edge_moves_e0_and_the_edge_step_by_nothing() -> None:
    plain = process(ENERGY, MU, "Fe")
    for at, size in ((-100, 0.5), (-12, 1.0), (15, -0.9), (200, 2.0)):
        spiked = MU.copy()
        spiked[np.argmin(np.abs(ENERGY - E0 - at))] += size
        found = process(ENERGY, spiked, "Fe")
        assert found.e0 == pytest.approx(plain.e0, abs=0.05), at
        assert found.edge_step == pytest.approx(plain.edge_step, rel=0.005), at


def test_a_shift_of_the_energies_shifts_e0_and_nothing_else() -> None:
    plain, shifted = process(ENERGY, MU, "Fe"), process(ENERGY + 12.5, MU, "Fe")
    assert shifted.e0 - plain.e0 == pytest.approx(12.5, abs=0.02)
    np.testing.assert_allclose(shifted.chi, plain.chi, atol=2e-3)


def test_the_scale_and_the_zero_of_mu_change_the_edge_step_only() -> None:
    plain, scaled = process(ENERGY, MU, "Fe"), process(ENERGY, 1e-3 * (MU - 7), "Fe")
    assert scaled.edge_step == pytest.approx(1e-3 * plain.edge_step)
    assert scaled.e0 == pytest.approx(plain.e0, abs=1e-6)
    np.testing.assert_allclose(scaled.chi, plain.chi, atol=1e-6)
    np.testing.assert_allclose(scaled.flat, plain.flat, atol=1e-6)


def test_low_r_is_removed_as_the_projector_removes_it() -> None:
    def with_low_r(k: np.ndarray) -> np.ndarray:
        window = np.clip((k - 0.5) / 2, 0, 1) ** 2
        near = 0.05 * np.sin(2 * k * 0.45 + 1) * np.exp(-0.01 * k**2) * window
        near += 0.03 * np.sin(2 * k * 1.05) * np.exp(-0.01 * k**2) * window
        return shell(k) + near

    found = process(ENERGY, absorption(ENERGY, with_low_r), "Fe")
    chi = with_low_r(found.k)
    projected = remove_background(found.k, chi)
    assert distance(chi, found.chi, found.k) > 0.15, "there is something to remove"
    assert distance(projected, found.chi, found.k) < 0.04


def test_the_projector_keeps_shells_and_is_one() -> None:
    k = GRID
    chi = np.stack([shell(k, 2.2), shell(k, 3.5), shell(k, 2.2) - 2 * shell(k, 3.5)])
    removed = remove_background(k, chi)
    assert removed.shape == chi.shape
    assert distance(removed[1], chi[1], k) < 0.01
    np.testing.assert_allclose(removed[2], removed[0] - 2 * removed[1], atol=1e-12)
    np.testing.assert_allclose(remove_background(k, removed), removed, atol=1e-10)
    smooth = np.cos(0.5 * k) + 0.1 * k
    assert np.abs(remove_background(k, smooth)[60:]).max() < 0.02
    with pytest.raises(ValueError, match="from 0"):
        remove_background(k + 0.05, chi)


def test_rbkg_tells_what_is_background() -> None:
    near = absorption(ENERGY, lambda k: shell(k, 1.2, n=1.5))

    def size(rbkg: float) -> float:
        found = process(ENERGY, near, "Fe", ProcessingSettings(rbkg=rbkg))
        return float(np.linalg.norm((found.chi * found.k**2)[60:240]))

    assert size(1.7) < 0.3 * size(0.8)


def test_noise_is_measured_and_ends_the_range_where_it_takes_over() -> None:
    sizes = (2e-4, 3e-3, 8e-3)
    found = [process(ENERGY, noisy(size), "Fe") for size in sizes]
    for size, one in zip(sizes, found, strict=True):
        assert one.noise == pytest.approx(size, rel=0.3)
    ends = [one.kmax for one in found]
    assert ends[0] == 13
    assert ends[0] > ends[1] > ends[2] > 6
    for size, end in zip(sizes[1:], ends[1:], strict=True):
        # The amplitude of the shell over root 2 is its standard deviation.
        k = np.arange(4, 14, 0.05)
        share = size / (0.5 * 6 / (4 * k) * np.exp(-0.012 * k**2) / np.sqrt(2))
        assert end == pytest.approx(k[np.argmax(share > 0.3)], abs=1.0)


def test_a_range_that_noise_leaves_too_short_is_refused() -> None:
    failure = refused(ENERGY, noisy(0.03))
    assert failure.kind == "too_short"
    assert "noise" in failure.message
    assert process(ENERGY, noisy(0.03), "Fe", ProcessingSettings(kmax=7.0)).kmax == 7.0


def test_noise_alone_is_not_taken_for_glitches() -> None:
    for seed in range(5):
        assert process(ENERGY, noisy(1e-3, seed=seed), "Fe").glitches == ()


def test_a_glitch_is_replaced_where_it_is_and_nowhere_else() -> None:
    mu = noisy(2e-4)
    spiked = mu.copy()
    at = np.argmin(np.abs(np.sqrt(ETOK * np.maximum(ENERGY - E0, 0)) - 8.3))
    spiked[at] += 0.05
    plain, found = process(ENERGY, mu, "Fe"), process(ENERGY, spiked, "Fe")
    left = process(ENERGY, spiked, "Fe", ProcessingSettings(deglitch=False))
    assert all(k == pytest.approx(8.3, abs=0.11) for k in found.glitches)
    assert found.glitches
    assert found.warnings[0].startswith(f"{len(found.glitches)} point")
    assert "8.3" in found.warnings[0]
    used = (plain.k > 3) & (plain.k < 12)
    assert np.abs(left.chi - plain.chi)[used].max() > 0.03
    assert np.abs(found.chi - plain.chi)[used].max() < 2e-3
    far = used & (np.abs(plain.k - 8.3) > 0.3)
    assert np.abs(found.chi - plain.chi)[far].max() < 5e-4


def test_dense_scans_are_averaged_and_lose_noise() -> None:
    energy = np.arange(E0 - 200, E0 + 900, 0.1)
    mu = noisy(0.01, energy)
    found = process(energy, mu, "Fe")
    assert found.n_measured == len(energy) == 11000
    assert len(found.energy) < 700
    assert "11000 points were averaged" in found.warnings[0]
    assert distance(found.chi, shell(found.k), found.k) < 0.2
    # At k = 9, 0.05 1/Å are 3.4 eV, 34 points.
    kept = (found.k > 8) & (found.k < 10)
    rest = (found.chi - shell(found.k))[kept]
    assert np.std(rest) == pytest.approx(0.01 / np.sqrt(34), rel=0.35)
    as_it_is = process(energy, mu, "Fe", ProcessingSettings(rebin=False, kmax=7.0))
    assert len(as_it_is.energy) == 11000
    assert as_it_is.e0 == pytest.approx(found.e0, abs=0.3)


def test_usual_scans_are_not_averaged() -> None:
    np.testing.assert_array_equal(process(ENERGY, MU, "Fe").energy, ENERGY)


@pytest.mark.parametrize("jump", [0.15, 1.0, -0.3])
def test_a_scan_is_cut_before_the_edge_of_another_element(jump: float) -> None:
    # Co K is at 7709 eV, Fe K at 7112 eV.
    other = 7716.0
    mu = MU + jump * (0.5 + np.arctan((ENERGY - other) / 2) / np.pi) * np.exp(
        np.minimum(0, (other - ENERGY) / 2000)
    )
    found = process(ENERGY, mu, "Fe")
    assert found.cut == pytest.approx(7709 - 15, abs=8)
    assert found.energy[-1] < found.cut
    assert "K edge of Co" in found.warnings[0]
    assert distance(found.chi, shell(found.k), found.k, 4) < 0.1
    whole = process(ENERGY, mu, "Fe", ProcessingSettings(cut_other_edges=False))
    assert whole.cut is None
    assert distance(whole.chi, shell(whole.k), whole.k, 4) > 2 * distance(
        found.chi, shell(found.k), found.k, 4
    )


def test_strong_exafs_is_not_taken_for_an_edge() -> None:
    for r, n in ((1.6, 4), (2.0, 6), (2.5, 12), (3.2, 8), (4.0, 8)):
        mu = absorption(ENERGY, lambda k, r=r, n=n: shell(k, r, n, sigma2=0.003))
        assert process(ENERGY, mu, "Fe").cut is None, r


def test_short_scans_get_a_line_and_a_warning() -> None:
    for end, degree in ((300.0, 1), (600.0, 2)):
        energy = energies(end)
        found = process(energy, absorption(energy), "Fe")
        assert found.nnorm == degree
        assert found.edge_step == pytest.approx(1, abs=0.05)
    energy = energies(150.0)
    found = process(energy, absorption(energy), "Fe")
    assert "post-edge" in found.warnings[0]
    assert found.kmax == pytest.approx(np.sqrt(ETOK * 150), abs=0.15)


def test_a_short_pre_edge_gets_a_constant_and_a_warning() -> None:
    energy = energies(begin=-32)
    found = process(energy, absorption(energy), "Fe")
    assert found.npre == 0
    assert "pre-edge" in found.warnings[0]
    assert found.edge_step == pytest.approx(1, abs=0.05)


def test_a_gap_is_said() -> None:
    k = np.sqrt(ETOK * np.maximum(ENERGY - E0, 0))
    kept = (k < 7.2) | (k > 7.6)
    found = process(ENERGY[kept], MU[kept], "Fe")
    assert len(found.warnings) == 1
    assert found.warnings[0].startswith("There are no points from k = 7.")
    beyond = (k < 14.2) | (k > 14.6)
    assert process(ENERGY[beyond], MU[beyond], "Fe").warnings == ()


def test_fluorescence_warns_of_self_absorption() -> None:
    assert "self-absorption" in process(ENERGY, MU, "Fe", mode="fluorescence").warnings[0]
    assert process(ENERGY, MU, "Fe", mode="transmission").warnings == ()


@pytest.mark.parametrize(
    ("change", "name", "value"),
    [
        ({"e0": 7117.0}, "e0", 7117.0),
        ({"edge_step": 0.5}, "edge_step", 0.5),
        ({"pre1": -120.0}, "pre1", -120.0),
        ({"pre2": -60.0}, "pre2", -60.0),
        ({"norm1": 120.0}, "norm1", 120.0),
        ({"norm2": 500.0}, "norm2", 500.0),
        ({"nnorm": 1}, "nnorm", 1),
        ({"rbkg": 1.3}, "rbkg", 1.3),
        ({"kweight": 1}, "kweight", 1),
        ({"kmin": 2.5}, "kmin", 2.5),
        ({"kmax": 10.0}, "kmax", 10.0),
    ],
)
def test_every_choice_can_be_made_and_is_shown(change: dict, name: str, value: float) -> None:
    plain = process(ENERGY, MU, "Fe")
    found = process(ENERGY, MU, "Fe", ProcessingSettings(**change))
    assert getattr(plain, name) != value
    # Ranges end at the points inside them.
    assert getattr(found, name) == pytest.approx(value, abs=8 if "pre" in name else 9e-9) or (
        name.startswith("norm") and abs(getattr(found, name) - value) < 9
    )
    if name not in ("kmin", "kmax", "kweight", "rbkg"):
        assert np.abs(found.norm - plain.norm).max() > 0 or name == "e0"


def test_an_edge_step_scales_chi() -> None:
    plain, half = process(ENERGY, MU, "Fe"), ProcessingSettings(edge_step=0.5)
    np.testing.assert_allclose(
        process(ENERGY, MU, "Fe", half).chi, plain.chi * plain.edge_step / 0.5, atol=2e-3
    )


@pytest.mark.parametrize(
    "change", [{"pre1": -20.0}, {"norm2": 30.0}, {"kmax": 2.0}, {"kmax": float("nan")}, {"e1": 3}]
)
def test_settings_that_make_no_sense_are_refused(change: dict) -> None:
    with pytest.raises(ValidationError):
        ProcessingSettings(**change)


def test_bad_arrays_are_refused_in_one_line() -> None:
    assert refused(ENERGY[:10], MU[:10]).kind == "too_short"
    for name, wrong in (("nan", np.nan), ("inf", np.inf)):
        mu = MU.copy()
        mu[20] = wrong
        failure = refused(ENERGY, mu)
        assert failure.kind == "bad_spectrum"
        assert f"mu is {name} at point 21" in failure.message
    assert "1e+200" in refused(ENERGY, 1e200 * MU / MU.max()).message
    for energy, mu in ((ENERGY[::-1], MU), (np.append(ENERGY[:-1], ENERGY[-2]), MU), (ENERGY, [1])):
        with pytest.raises(ValueError, match=r"ascend|shapes"):
            process(energy, mu, "Fe")


def test_another_absorber_than_was_measured_is_refused_and_the_right_one_named() -> None:
    for absorber in ("Mn", "Cu", "Au"):
        failure = refused(ENERGY, MU, absorber)
        assert failure.kind == "no_edge"
        assert f"no K edge of {absorber}" in failure.message
        assert "one of Fe at 7112 eV" in failure.message
    assert "e0 is 6540 eV" in refused(ENERGY, MU, e0=6540.0).message
    # Where the scan has the energies of the other edge.
    energy = np.concatenate([ENERGY, np.arange(ENERGY[-1] + 5, ENERGY[-1] + 300, 5)])
    failure = refused(energy, noisy(1e-3, energy), "Co")
    assert "one of Fe at 7112 eV" in failure.message


def test_no_edge_at_all_is_refused() -> None:
    flat = np.ones_like(ENERGY)
    for mu in (flat, 3 - 1e-4 * ENERGY, np.random.default_rng(1).normal(size=len(flat)), -MU):
        assert refused(ENERGY, mu).kind == "no_edge"
    assert "exchanged" in refused(ENERGY, -MU).hint


def test_parts_of_spectra_are_refused() -> None:
    after = ENERGY > E0 - 5
    failure = refused(ENERGY[after], MU[after])
    assert failure.kind == "no_pre_edge"
    assert "begins at" in failure.message
    for end in (30.0, 120.0):
        energy = energies(end)
        assert refused(energy, absorption(energy)).kind == "too_short"
    assert refused(ENERGY, MU, kmax=20.0).kind == "too_short"


def test_importing_it_loads_neither_scipy_nor_larch() -> None:
    code = (
        "import sys, exafscn_flows.processing;"
        "print([m for m in ('scipy', 'larch', 'torch', 'xraydb') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def measured(name: str, numerator: int, denominator: int) -> tuple[np.ndarray, np.ndarray]:
    data = np.loadtxt(SHARED / name)
    return data[:, 0], np.log(data[:, numerator] / data[:, denominator])


@pytest.mark.skipif(not SHARED.is_dir(), reason="no measured spectra")
def test_measured_spectra() -> None:
    def found(name: str, absorber: str, numerator: int, denominator: int) -> ProcessedSpectrum:
        energy, mu = measured(name, numerator, denominator)
        energy, first = np.unique(energy, return_index=True)
        return process(energy, mu[first], absorber)

    # Their pre-edge peaks are 10 eV and more below.
    assert found("k2cro4_rt_001.xdi", "Cr", 1, 2).e0 == pytest.approx(6008.3, abs=1)
    assert found("V2O5.xdi", "V", 2, 3).e0 == pytest.approx(5481.5, abs=1)
    copper = found("cu_metal_rt.xdi", "Cu", 1, 2)
    assert copper.e0 == pytest.approx(8986.3, abs=1)
    assert copper.kmax == 13
    assert copper.warnings == ()
    k, chi = copper.k, copper.chi
    r = np.arange(1, 6, 0.02)
    used = (k >= 3) & (k <= 13)
    chir = np.abs(np.exp(2j * np.outer(r, k[used])) @ (chi * k**2)[used])
    # Bond length 2.556 Å, less 0.3 to 0.4 Å of phase shift.
    assert r[chir.argmax()] == pytest.approx(2.22, abs=0.08)
