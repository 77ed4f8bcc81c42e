from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features import FeatureSettings, RSpace
from exafscn_flows.spectra.base import Spectrum

SETTINGS = FeatureSettings()
R = SETTINGS.xftf.r()
MU, CHI = RSpace(input="mu"), RSpace(input="chi")
BOTH = pytest.mark.parametrize("feature_set", [MU, CHI], ids=lambda s: s.name)


@BOTH
def test_a_good_spectrum_gives_326_finite_numbers(spectrum: Spectrum, feature_set: RSpace) -> None:
    vector = feature_set.transform(spectrum, SETTINGS)
    assert vector.dtype == np.float32
    assert vector.shape == (326,)
    assert np.isfinite(vector).all()
    assert (vector >= 0).all()


@BOTH
@pytest.mark.parametrize(
    ("name", "distance"),
    [("nio", 4.178 / 2), ("nio", 4.178 / np.sqrt(2)), ("fcc_cu", 3.615 / np.sqrt(2))],
)
def test_shells_appear_a_phase_shift_below_their_distance(
    read: Callable[[str], Spectrum], feature_set: RSpace, name: str, distance: float
) -> None:
    vector = feature_set.transform(read(name), SETTINGS)
    peaks = R[1:-1][(vector[1:-1] > vector[:-2]) & (vector[1:-1] > vector[2:])]
    strong = [r for r in peaks if vector[np.searchsorted(R, r - 1e-9)] > 0.2 * vector.max()]
    # The phases of absorber and neighbour shorten R by 0.2-0.5 Å: any textbook on EXAFS.
    assert any(0.15 < distance - r < 0.55 for r in strong), strong


def test_both_routes_agree_on_where_the_shells_are(spectrum: Spectrum) -> None:
    mu, chi = (s.transform(spectrum, SETTINGS) for s in (MU, CHI))
    shells = (R >= 1.5) & (R <= 6)
    difference = np.abs(mu - chi)[shells].sum() / chi[shells].sum()
    assert 0 < difference < 0.15
    assert abs(mu[shells].argmax() - chi[shells].argmax()) <= 1


def test_the_vector_is_the_same_every_time(spectrum: Spectrum) -> None:
    first, second = (MU.transform(spectrum, SETTINGS) for _ in range(2))
    assert (first == second).all()


def _with_mu(change: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Callable:
    return lambda s: replace(s, mu=change(s.mu, s.energy_rel))


def _shifted(shift: float) -> Callable:
    return lambda s: replace(s, energy_rel=s.energy_rel - np.float32(shift))


NO_BACKGROUND = {
    "flat": _with_mu(lambda mu, e: np.ones_like(mu)),
    "zero": _with_mu(lambda mu, e: np.zeros_like(mu)),
    "a straight line": _with_mu(lambda mu, e: 1 - e / 4000),
    "step halved": _with_mu(lambda mu, e: mu * 0.5),
    "step lost, oscillations kept": _with_mu(lambda mu, e: mu - 0.9),
    "in arbitrary units": _with_mu(lambda mu, e: mu * 3e4),
    "second edge": _with_mu(lambda mu, e: mu + 0.5 * (e > 300)),
    "glitch": _with_mu(lambda mu, e: np.where(np.arange(len(mu)) == 200, 3 * mu, mu)),
    "other spectrum": _with_mu(lambda mu, e: 1 + 0.1 * np.sin(2 * 4.9 * np.sqrt(0.2625 * abs(e)))),
    "e0 too high by 5 eV": _shifted(5.0),
    "e0 too high by 10 eV": _shifted(10.0),
    "e0 too low by 5 eV": _shifted(-5.0),
    "e0 beyond the data": _shifted(5000.0),
    "cut off": lambda s: replace(s, energy_rel=s.energy_rel[:150], mu=s.mu[:150]),
}


@pytest.mark.parametrize("name", NO_BACKGROUND)
def test_a_background_that_went_wrong_is_a_failure(spectrum: Spectrum, name: str) -> None:
    with pytest.raises(ItemFailure) as error:
        MU.transform(NO_BACKGROUND[name](spectrum), SETTINGS)
    assert error.value.kind == "background_failed"
    assert "\n" not in error.value.message
    # FEFF's own chi needs no background, so that set is not affected.
    CHI.transform(NO_BACKGROUND[name](spectrum), SETTINGS)


def _with_nan(array: np.ndarray) -> np.ndarray:
    bad = array.copy()
    bad[100] = np.nan
    return bad


UNUSABLE = {
    "nan in mu": lambda s: replace(s, mu=_with_nan(s.mu)),
    "nan in chi": lambda s: replace(s, chi=_with_nan(s.chi)),
    "infinite energy": lambda s: replace(s, energy_rel=s.energy_rel * np.float32(np.inf)),
    "one point": lambda s: replace(s, energy_rel=s.energy_rel[:1], mu=s.mu[:1]),
    "chi without k": lambda s: replace(s, k=s.k[:0]),
    "unequal lengths": lambda s: replace(s, mu=s.mu[:-1]),
    "not in order": lambda s: replace(s, energy_rel=s.energy_rel[::-1]),
    "no e0": lambda s: replace(s, e0=float("nan")),
    "short chi": lambda s: replace(s, k=s.k[:150], chi=s.chi[:150]),
    "huge chi": lambda s: replace(s, chi=s.chi * 100),
}


@BOTH
@pytest.mark.parametrize("name", UNUSABLE)
def test_arrays_that_cannot_be_used_are_a_failure(
    spectrum: Spectrum, feature_set: RSpace, name: str
) -> None:
    with np.errstate(invalid="ignore"), pytest.raises(ItemFailure) as error:
        feature_set.transform(UNUSABLE[name](spectrum), SETTINGS)
    assert error.value.kind == "bad_spectrum"


def test_a_mu_that_is_a_little_off_still_passes(spectrum: Spectrum) -> None:
    noise = np.random.default_rng(0).normal(scale=1e-3, size=len(spectrum.mu))
    vector = MU.transform(replace(spectrum, mu=spectrum.mu * (1 + noise)), SETTINGS)
    clean = MU.transform(spectrum, SETTINGS)
    assert np.abs(vector - clean).max() < 0.2 * clean.max()


NONE = np.empty(0, dtype=np.float32)


def test_chi_of_the_program_is_not_needed_for_mu(spectrum: Spectrum) -> None:
    bare = replace(spectrum, k=NONE, chi=NONE, mu0=NONE)
    expected = MU.transform(spectrum, SETTINGS)
    np.testing.assert_array_equal(MU.transform(bare, SETTINGS), expected)
    with pytest.raises(ItemFailure, match=r"^the source has no chi\(k\) of this site$") as error:
        CHI.transform(bare, SETTINGS)
    assert (error.value.kind, error.value.hint) == ("bad_spectrum", "take input mu")


def test_mu_is_not_needed_for_chi(spectrum: Spectrum) -> None:
    bare = replace(spectrum, energy_rel=NONE, mu=NONE, mu0=NONE)
    expected = CHI.transform(spectrum, SETTINGS)
    np.testing.assert_array_equal(CHI.transform(bare, SETTINGS), expected)
    with pytest.raises(ItemFailure, match=r"^the source has no mu\(E\) of this site$") as error:
        MU.transform(bare, SETTINGS)
    assert (error.value.kind, error.value.hint) == ("bad_spectrum", "take input chi")


# The phase of chi(R), and a glitch, are only seen beside the program's chi.
SIZES = ("zero", "step halved", "step lost, oscillations kept", "in arbitrary units")


@pytest.mark.parametrize("name", [*SIZES, "e0 beyond the data", "cut off"])
def test_size_and_edge_step_are_judged_also_without_chi_of_the_program(
    spectrum: Spectrum, name: str
) -> None:
    bare = replace(spectrum, k=NONE, chi=NONE, mu0=NONE)
    with pytest.raises(ItemFailure) as error:
        MU.transform(NO_BACKGROUND[name](bare), SETTINGS)
    assert error.value.kind == "background_failed"


def test_200_points_of_a_spectrum_have_the_same_shells(spectrum: Spectrum) -> None:
    # As the Materials Project stores EXAFS that is averaged over sites.
    energy = np.linspace(spectrum.energy_rel[0], spectrum.energy_rel[-1], 200)
    mu = CubicSpline(spectrum.energy_rel, spectrum.mu)(energy)
    coarse = replace(spectrum, energy_rel=energy, mu=mu, k=NONE, chi=NONE, mu0=NONE)
    vector, expected = (MU.transform(s, SETTINGS) for s in (coarse, spectrum))
    shells = (R >= 1.5) & (R <= 4)
    assert np.abs(vector - expected)[shells].sum() < 0.005 * expected[shells].sum()
    assert vector.argmax() == expected.argmax()


@BOTH
def test_xanes_is_not_taken_for_exafs(spectrum: Spectrum, feature_set: RSpace) -> None:
    with pytest.raises(ItemFailure, match="the spectrum is XANES") as error:
        feature_set.transform(replace(spectrum, spectrum_type="XANES"), SETTINGS)
    assert error.value.kind == "bad_spectrum"
    assert "kind xanes" in error.value.hint
