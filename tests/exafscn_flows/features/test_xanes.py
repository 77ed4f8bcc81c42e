"""The near edge on one grid."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features import FeatureSettings, Inputs
from exafscn_flows.spectra.base import Spectrum

NONE = np.empty(0, dtype=np.float32)


def settings(**keys: Any) -> FeatureSettings:
    return FeatureSettings.model_validate({"sets": [{"kind": "xanes", **keys}]})


def vector(spectrum: Spectrum, **keys: Any) -> np.ndarray:
    config = settings(**keys)
    return config.sets[0].transform(spectrum, config)


def near_edge(energy: np.ndarray) -> np.ndarray:
    """A step with a white line and two resonances, all wider than the grids."""
    step = 0.5 + np.arctan((energy - 5) / 2) / np.pi
    return step + 0.6 * np.exp(-(((energy - 9) / 3) ** 2)) + 0.1 * np.sin(energy / 4) * step


def xanes(energy: np.ndarray) -> Spectrum:
    return Spectrum("K", "XANES", 7112.0, NONE, NONE, energy, near_edge(energy), NONE, "FEFF", "9")


# FEFF's grid for XANES 3.7: steps of 0.04 in k, and of 0.1 eV around E0.
K = np.arange(-0.8, 3.73, 0.04)
FEFF_GRID = np.unique(np.concatenate([3.81 * K * abs(K), np.arange(-0.2, 0.5, 0.1)]))


def test_mu_of_any_grid_becomes_mu_on_one_grid() -> None:
    grid = np.arange(81) * 0.5
    for energy in (FEFF_GRID, np.linspace(-10, 55, 200), np.linspace(-2.4, 52.7, 100)):
        found = vector(xanes(energy))
        assert found.dtype == np.float32
        after = near_edge(np.linspace(15, 40, 2501)).mean()
        np.testing.assert_allclose(found, near_edge(grid) / after, atol=0.01)


def test_interpolation_does_not_overshoot() -> None:
    spectrum = replace(xanes(FEFF_GRID), mu=(FEFF_GRID > 3).astype(float))
    found = vector(spectrum, estep=0.05)
    assert found.min() == 0
    assert found.max() == pytest.approx(1)


def test_the_grid_holds_both_ends() -> None:
    config = settings(emin=-2.0, emax=50.3, estep=0.1)
    axis, label = config.sets[0].axis(config)
    assert (len(axis), axis[0], axis[-1]) == (524, -2.0, pytest.approx(50.3))
    assert label == "E − E₀ (eV)"
    assert config.sets[0].value_label(config) == "normalised μ(E)"
    assert len(vector(xanes(FEFF_GRID), emin=-2.0, emax=50.3, estep=0.1)) == 524


def test_the_near_edge_of_exafs_will_do(read: Callable[[str], Spectrum]) -> None:
    spectrum = read("nio")
    found = vector(spectrum)
    after = np.interp(np.linspace(15, 40, 2501), spectrum.energy_rel, spectrum.mu).mean()
    expected = np.interp(np.arange(81) * 0.5, spectrum.energy_rel, spectrum.mu) / after
    np.testing.assert_allclose(found, expected, atol=0.02)
    later = replace(spectrum, energy_rel=spectrum.energy_rel + np.float32(0.01))
    assert np.isfinite(vector(later)).all()


@pytest.mark.parametrize(
    ("energy", "message"),
    [
        (FEFF_GRID + 3, "reaches from 0.56 to 55.72 eV"),
        (FEFF_GRID[FEFF_GRID < 39], "not from 0 to 40"),
        (FEFF_GRID[FEFF_GRID > 0.2], "not from 0 to 40"),
        (np.linspace(-5, 1500, 200), "up to 7.6 eV apart"),
        (np.concatenate([[-5], FEFF_GRID[FEFF_GRID > 2]]), "up to 7."),
        (FEFF_GRID[::-1], "not in order"),
        (FEFF_GRID * np.nan, "not numbers"),
        (FEFF_GRID[:1], "no points"),
    ],
)
def test_what_does_not_show_the_near_edge_is_a_failure(energy: np.ndarray, message: str) -> None:
    with pytest.raises(ItemFailure, match=message) as error:
        vector(xanes(energy))
    assert error.value.kind == "bad_spectrum"
    assert "\n" not in error.value.message


def test_equal_energies_count_once() -> None:
    energy = np.sort(np.append(FEFF_GRID, FEFF_GRID[50]))
    np.testing.assert_array_equal(vector(xanes(energy)), vector(xanes(FEFF_GRID)))


@pytest.mark.parametrize("change", [{"emin": 1.0}, {"emax": 30.0}, {"estep": 0.25}])
def test_every_key_changes_vector_and_parameters(change: dict[str, float]) -> None:
    plain, other = settings(), settings(**change)
    assert plain.sets[0].parameters(plain) != other.sets[0].parameters(other)
    assert vector(xanes(FEFF_GRID)).shape != vector(xanes(FEFF_GRID), **change).shape


def test_larch_has_no_part_in_it() -> None:
    plain = settings()
    other = FeatureSettings.model_validate(
        {"sets": [{"kind": "xanes"}], "xftf": {"kmax": 10.0}, "autobk": {"rbkg": 1.3}}
    )
    assert plain.sets[0].parameters(plain) == other.sets[0].parameters(other)
    code = (
        "import sys, numpy as np\n"
        "from exafscn_flows.features import FeatureSettings, Xanes\n"
        "from exafscn_flows.spectra.base import Spectrum\n"
        "e, none = np.arange(50.0), np.empty(0)\n"
        "s = Spectrum('K', 'XANES', 1.0, none, none, e, e / 30, none, 'FEFF', '9')\n"
        "print(len(Xanes().transform(s, FeatureSettings())), 'larch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["81", "False"]


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"emin": 40.0}, "emin (40) must be less than emax (40)"),
        ({"emax": 5000.0}, "emin (0) and emax (5000) are too far apart"),
        ({"estep": 0.0}, "greater than or equal to 0.01"),
        ({"emin": float("nan")}, "finite number"),
        ({"estep": 50.0}, "estep (50) must be at most emax - emin"),
        (
            {"emin": 20.0},
            "norm1 (15) must be 1 eV below norm2 (40) or more, and both from emin (20)",
        ),
        ({"emax": 15.5}, "norm1 (15) must be 1 eV below norm2 (15.5) or more"),
        ({"norm2": 41.0}, "norm2 (41) or more, and both from emin (0) to emax (40)"),
        ({"norm1": -1.0}, "greater than or equal to 0"),
        ({"reference": "white_line"}, "'e0', 'half_step' or 'area'"),
        ({"input": "chi"}, "Extra inputs"),
    ],
)
def test_wrong_keys_are_refused_with_the_reason(wrong: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError) as error:
        settings(**wrong)
    assert complaint in str(error.value)


def test_it_can_be_part_of_a_concatenation(read: Callable[[str], Spectrum]) -> None:
    config = FeatureSettings.model_validate(
        {"sets": [{"kind": "concatenation", "parts": [{"kind": "xanes"}, {"kind": "r_space"}]}]}
    )
    assert config.sets[0].name == "xanes+r_space"
    inputs = Inputs({"exafs": read("nio")})
    assert len(config.sets[0].vector(inputs, config)) == 81 + 326
