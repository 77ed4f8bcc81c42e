import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features import AutobkSettings, XftfSettings
from exafscn_flows.features.larch_xafs import autobk, xftf
from exafscn_flows.spectra.base import Spectrum

K = np.arange(401) * 0.05
XFTF = XftfSettings()


def single_shell(distance: float, size: float = 1.0) -> np.ndarray:
    """EXAFS equation of one shell whose scattering has no phase and an amplitude like 1/k."""
    chi = np.zeros_like(K)
    chi[1:] = size * np.sin(2 * K[1:] * distance) / K[1:] ** 2
    return chi


@settings(max_examples=50, deadline=None)
@given(distance=st.floats(min_value=1.5, max_value=8.0))
def test_a_single_shell_without_phase_peaks_at_its_distance(distance: float) -> None:
    magnitude = np.abs(xftf(K, single_shell(distance), XFTF))
    step = XFTF.r()[1]
    # Half a step of the grid, and a little for the tail of the peak at -R.
    assert abs(XFTF.r()[magnitude.argmax()] - distance) < 0.55 * step


def test_a_phase_linear_in_k_moves_the_peak_by_half_its_slope() -> None:
    chi = np.zeros_like(K)
    chi[1:] = np.sin(2 * K[1:] * 2.5 - 0.8 * K[1:]) / K[1:] ** 2
    magnitude = np.abs(xftf(K, chi, XFTF))
    assert abs(XFTF.r()[magnitude.argmax()] - 2.1) < 0.55 * XFTF.r()[1]


def test_the_transform_is_linear() -> None:
    near, far = single_shell(2.0), single_shell(3.1)
    together = xftf(K, 2 * near - 0.5 * far, XFTF)
    np.testing.assert_allclose(
        together, 2 * xftf(K, near, XFTF) - 0.5 * xftf(K, far, XFTF), atol=1e-12
    )


def test_the_transform_keeps_the_energy_of_the_signal() -> None:
    # A window that is 1 from kmin to kmax, and R up to the end of the half spectrum.
    flat = XftfSettings(kmin=3.0, kmax=12.0, dk=1e-6, window="parzen", rmax_out=31.0)
    chir = xftf(K, single_shell(3.0), flat)
    used = (K > 2.99) & (K < 12.01)
    signal = (single_shell(3.0) * K**2)[used]
    expected = (signal**2).sum() * flat.kstep**2 / np.pi * flat.nfft / 2
    assert (np.abs(chir) ** 2).sum() == pytest.approx(expected, rel=0.03)


def test_every_setting_of_xftf_reaches_larch() -> None:
    plain = np.abs(xftf(K, single_shell(2.5), XFTF))
    changes: list[dict] = [
        {"kmin": 2.0},
        {"kmax": 11.0},
        {"kweight": 1},
        {"dk": 3.0},
        {"window": "hanning"},
    ]
    for change in changes:
        other = np.abs(xftf(K, single_shell(2.5), XftfSettings(**change)))
        assert np.abs(other - plain).max() > 1e-3 * plain.max(), change
    assert len(xftf(K, single_shell(2.5), XftfSettings(rmax_out=6.0))) == 196
    assert len(xftf(K, single_shell(2.5), XftfSettings(nfft=4096))) == 652
    assert len(xftf(K, single_shell(2.5), XftfSettings(kstep=0.025))) == 163


AUTOBK_CHANGES: list[dict] = [
    {"rbkg": 1.4},
    {"rbkg": 3.0},
    {"kmin": 1.0},
    {"kmax": 15.0},
    {"kweight": 3},
    {"dk": 2.0},
    {"window": "kaiser", "dk": 4.0},
    {"nclamp": 0},
    {"clamp_lo": 50.0},
    {"clamp_hi": 50.0},
    {"nfft": 1024},
    {"kstep": 0.04},
]


@pytest.mark.parametrize("change", [{}, *AUTOBK_CHANGES])
def test_autobk_gives_larchs_own_numbers(spectrum: Spectrum, change: dict) -> None:
    from larch import Group
    from larch.xafs import autobk as larch_autobk

    energy = spectrum.energy_rel.astype(float) + spectrum.e0
    # An energy that comes twice, and one that FEFF's rounding moved above E0.
    energy[[0, 40]] = energy[0] + 0.01, energy[41]
    mu = spectrum.mu.astype(float)
    found = autobk(energy - spectrum.e0, mu, spectrum.e0, AutobkSettings(**change))
    named = AutobkSettings(**change).model_dump()
    group = Group()
    fixed = {"ek0": max(spectrum.e0, energy[0]), "edge_step": 1.0, "calc_uncertainties": False}
    larch_autobk(energy, mu, group=group, win=named.pop("window"), **named, **fixed)
    np.testing.assert_array_equal(found.k, group.k)
    np.testing.assert_allclose(found.chi, group.chi, atol=1e-6)
    np.testing.assert_allclose(found.bkg, group.bkg, atol=1e-6)


def test_every_setting_of_autobk_counts(read) -> None:
    spectrum = read("nio")

    def chi(**changes: object) -> np.ndarray:
        background = autobk(
            spectrum.energy_rel, spectrum.mu, spectrum.e0, AutobkSettings(**changes)
        )
        return np.interp(K[60:240], background.k, background.chi)

    plain = chi()
    for change in AUTOBK_CHANGES:
        assert (chi(**change) != plain).any(), change


def test_a_window_longer_than_the_transform_is_a_failure(spectrum: Spectrum) -> None:
    # Beyond 40 1/Å, which FEFF never writes but a file may hold.
    far = np.append(spectrum.energy_rel, [8e3, 1e4, 1.2e4])
    mu = np.append(spectrum.mu, [1.0, 1.0, 1.0])
    with pytest.raises(ItemFailure, match="more than nfft"):
        autobk(far, mu, spectrum.e0, AutobkSettings(nfft=1024))


def test_autobk_takes_a_smooth_background_off_a_single_shell() -> None:
    # Everything known: mu = mu0 (1 + chi), mu0 falling by 30 %, one shell at 2.5 Å.
    energy_rel = K**2 / 0.2624682917
    mu0 = 1 - 0.3 * energy_rel / energy_rel[-1]
    damped = single_shell(2.5, size=0.5) * np.exp(-2 * 0.005 * K**2)
    background = autobk(energy_rel, mu0 * (1 + damped), 8000.0, AutobkSettings(kweight=2))
    magnitude = np.abs(xftf(background.k, background.chi, XFTF))
    assert abs(XFTF.r()[magnitude.argmax()] - 2.5) < XFTF.r()[1]
    used = (energy_rel > 30) & (energy_rel < 1400)
    np.testing.assert_allclose(background.bkg[used], mu0[used], atol=0.01)


def test_an_e0_below_the_first_energy_by_feffs_rounding_is_kept(spectrum: Spectrum) -> None:
    rounded = replace(spectrum, energy_rel=spectrum.energy_rel + np.float32(0.01))
    plain, moved = (autobk(s.energy_rel, s.mu, s.e0, AutobkSettings()) for s in (spectrum, rounded))
    assert len(plain.k) == len(moved.k)
    # An E0 that larch finds by itself would be off by eV; 0.01 eV changes next to nothing.
    exafs = (plain.k >= 3) & (plain.k <= 12)
    assert np.abs(plain.chi - moved.chi)[exafs].max() < 0.005


def test_an_e0_outside_the_spectrum_is_refused(spectrum: Spectrum) -> None:
    with pytest.raises(ItemFailure, match="E0 is outside") as error:
        autobk(spectrum.energy_rel + 2.0, spectrum.mu, spectrum.e0, AutobkSettings())
    assert error.value.kind == "background_failed"


def test_importing_larch_leaves_logging_and_warnings_alone() -> None:
    code = (
        "import json, logging, warnings\n"
        "import numpy, scipy.interpolate, scipy.special  # these add filters of their own\n"
        "logging.getLogger().setLevel(logging.DEBUG)\n"
        "def state():\n"
        "    root = logging.getLogger()\n"
        "    return [root.level, len(root.handlers), [str(f) for f in warnings.filters]]\n"
        "before = state()\n"
        "import exafscn_flows.features.larch_xafs\n"
        "print(json.dumps([before, state()]))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    before, after = json.loads(result.stdout.splitlines()[-1])
    assert before == after


def test_larch_brings_no_mkl_that_torch_would_find() -> None:
    """A network would learn other last bits in a process that has computed features before."""
    code = "import exafscn_flows.features.larch_xafs; print(open('/proc/self/maps').read())"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    assert "libmkl" not in done.stdout


def test_knots_midway_between_two_points_go_where_larchs_go() -> None:
    """On an even grid of k, rounding decides which point is nearest to such a knot."""
    from larch import Group
    from larch.xafs import autobk as larch_autobk
    from larch.xafs.xafsutils import ETOK

    k = np.arange(0, 20, 0.05)
    e0, energy_rel = 8979.0, k**2 / ETOK
    chi = 3 * np.sin(3.8 * k + 1) * np.exp(-0.01 * k**2) / (3.6 * (k + 1))
    mu = 1 - np.exp(-energy_rel / 2) + chi * (1 - np.exp(-energy_rel / 5))
    settings = AutobkSettings(rbkg=3.0)
    named = settings.model_dump()
    group = Group()
    fixed = {"ek0": e0, "edge_step": 1.0, "calc_uncertainties": False}
    larch_autobk(energy_rel + e0, mu, group=group, win=named.pop("window"), **named, **fixed)
    found = autobk(energy_rel, mu, e0, settings)
    np.testing.assert_allclose(found.chi, group.chi, atol=1e-6)
