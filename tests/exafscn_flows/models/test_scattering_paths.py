"""EXAFS as a sum over paths: what the network learns of waves, and what it depends on."""

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import ItemFailure
from exafscn_flows.features.columns import Columns
from exafscn_flows.models import ScatteringPaths
from exafscn_flows.models.persistence import dump_model, load_model
from exafscn_flows.models.scattering_training import between
from exafscn_flows.models.training_set import TrainingSet

N_ATOMS = 6
K = np.arange(2.0, 12.01, 0.2)
OXYGEN, SULPHUR = 8, 16


def wave(number: np.ndarray, r: np.ndarray) -> np.ndarray:
    """k² chi(k) of one atom: its amplitude and its phase go as they may with k and element.

    Parameters
    ----------
    number, r
        Atomic number and distance, Å, shape (...,).
    """
    heavy = (number == SULPHUR)[..., None]
    middle, shift = np.where(heavy, 7.0, 5.0), np.where(heavy, 1.5, 0.4)
    amplitude = np.exp(-(((K - middle) / 4) ** 2)) * np.exp(-0.006 * K**2)
    return K / r[..., None] ** 2 * amplitude * np.sin(2 * K * r[..., None] + shift - 0.7 * K)


def problem(seed: int, n: int = 400) -> TrainingSet:
    """Iron among six atoms of two elements, each at a distance of its own."""
    rng = np.random.default_rng(seed)
    r = np.sort(rng.uniform(1.8, 3.2, (n, N_ATOMS)), axis=1)
    number = rng.choice([OXYGEN, SULPHUR], (n, N_ATOMS))
    directions = rng.normal(size=(n, N_ATOMS, 3))
    directions /= np.linalg.norm(directions, axis=2, keepdims=True)
    X = np.zeros((n, N_ATOMS + 1, 4), dtype=np.float32)
    X[:, 0, 0], X[:, 1:, 0] = 26, number
    X[:, 1:, 1:] = r[:, :, None] * directions
    X = X.reshape(n, -1)
    y = wave(number, r).sum(axis=1)
    columns = Columns(np.arange(float(X.shape[1])))
    return TrainingSet(X, y, np.arange(n).astype(str), columns, "curves", curve_axis=K)


DATA = problem(0)


@pytest.fixture(scope="module")
def fitted() -> Any:
    return ScatteringPaths(epochs=15, pairs=0).fit(DATA, 0)


def left(fitted: Any, data: TrainingSet) -> float:
    """Return the squared error by that of the mean curve."""
    errors = ((fitted.predict(data.X) - data.y) ** 2).sum()
    return float(errors / ((data.y - DATA.y.mean(axis=0)) ** 2).sum())


def test_it_learns_the_wave_of_each_element(fitted: Any) -> None:
    assert left(fitted, problem(1)) < 0.1
    # An atom alone makes its own wave, though there was none alone among what was learned.
    alone = np.zeros((2, N_ATOMS + 1, 4), dtype=np.float32)
    alone[:, 0, 0], alone[:, 1, 0], alone[:, 1, 1] = 26, (OXYGEN, SULPHUR), 2.3
    expected = wave(np.array([OXYGEN, SULPHUR]), np.array([2.3, 2.3]))
    found = fitted.predict(alone.reshape(2, -1))
    for one, other in zip(found, expected, strict=True):
        assert np.corrcoef(one, other)[0, 1] > 0.8


def test_neither_direction_nor_order_of_the_atoms_counts() -> None:
    fitted = ScatteringPaths(epochs=1, pairs=4).fit(DATA, 0)
    X = problem(2, 20).X.reshape(20, N_ATOMS + 1, 4)
    expected = fitted.predict(X.reshape(20, -1))
    turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    turned = np.concatenate([X[:, :, :1], X[:, :, 1:] @ turn.astype(np.float32)], axis=2)
    np.testing.assert_allclose(fitted.predict(turned.reshape(20, -1)), expected, atol=2e-3)
    more = np.concatenate([X, np.zeros((20, 3, 4), dtype=np.float32)], axis=1)
    wider = ScatteringPaths(epochs=1, pairs=4).fit(
        replace(
            DATA,
            X=np.pad(DATA.X, ((0, 0), (0, 12))),
            columns=Columns(np.arange(float(DATA.X.shape[1] + 12))),
        ),
        0,
    )
    # Places where no atom is count for nothing.
    np.testing.assert_allclose(wider.predict(more.reshape(20, -1)), expected, atol=2e-3)


def test_pairs_of_atoms_make_waves_of_their_own() -> None:
    """The wave of a path around two atoms oscillates faster than those of the two."""
    data = problem(3, 300)
    X = data.X.reshape(len(data), N_ATOMS + 1, 4)
    apart = np.linalg.norm(X[:, 1, 1:] - X[:, 2, 1:], axis=1)
    r = np.linalg.norm(X[:, 1:3, 1:], axis=2)
    length = (r.sum(axis=1) + apart) / 2
    double = replace(data, y=4 * wave(np.full(len(data), OXYGEN), length))
    new = problem(4, 100)
    single, pairs = (ScatteringPaths(epochs=20, pairs=n).fit(double, 0) for n in (0, 2))
    X = new.X.reshape(len(new), N_ATOMS + 1, 4)
    apart = np.linalg.norm(X[:, 1, 1:] - X[:, 2, 1:], axis=1)
    length = (np.linalg.norm(X[:, 1:3, 1:], axis=2).sum(axis=1) + apart) / 2
    wanted = 4 * wave(np.full(len(new), OXYGEN), length)
    errors = [((one.predict(new.X) - wanted) ** 2).mean() for one in (single, pairs)]
    assert errors[1] < 0.5 * errors[0]


def test_a_file_holds_the_model(fitted: Any) -> None:
    model = ScatteringPaths()
    data = dump_model(model, fitted)
    again = load_model(model.kind, data, hashlib.sha256(data).hexdigest())
    np.testing.assert_array_equal(again.predict(DATA.X[:9]), fitted.predict(DATA.X[:9]))


def test_absorbers_have_means_of_their_own() -> None:
    first, second = problem(5, 120), problem(6, 120)
    X = second.X.copy()
    X[:, 0] = 29
    hot = np.repeat(np.eye(2, dtype=np.float32), 120, axis=0)
    y = np.vstack([first.y + 3.0, second.y - 2.0])
    data = replace(
        first,
        X=np.hstack([np.vstack([first.X, X]), hot]),
        y=y,
        groups=np.arange(240).astype(str),
        n_absorbers=2,
        absorbers=("Fe", "Cu"),
    )
    found = ScatteringPaths(epochs=8, pairs=0).fit(data, 0).predict(data.X)
    for rows in (slice(0, 120), slice(120, 240)):
        assert found[rows].mean() == pytest.approx(y[rows].mean(), abs=0.3)


def test_waves_are_known_between_the_points_of_the_network() -> None:
    grid = 0.1 * np.arange(1, 161)
    for r in (2.0, 6.0):
        found = np.sin(2 * grid * r) @ between(K)
        np.testing.assert_allclose(found, np.sin(2 * K * r), atol=0.02)


def test_what_are_no_atoms_is_refused() -> None:
    data = replace(DATA, X=DATA.X[:, :-1], columns=Columns(np.arange(27.0)))
    with pytest.raises(ItemFailure) as failure:
        ScatteringPaths().fit(data, 0)
    assert failure.value.kind == "no_graph"


@pytest.mark.parametrize(
    "of",
    [
        {"kind": "r_space", "name": "curve"},
        {"kind": "k_space", "name": "curve", "input": "chi", "kmin": 0.0},
        {"kind": "k_space", "name": "curve", "input": "chi", "kmin": 1.0, "kmax": 17.0},
    ],
)
def test_other_curves_than_chi_are_refused(of: dict[str, Any]) -> None:
    settings: dict[str, Any] = {
        "campaign": "x",
        "absorbers": ["Fe"],
        "sources": [{"kind": "amcsd"}],
        "targets": [{"kind": "spectrum", "of": "curve"}],
        "features": {"sets": [of, {"kind": "site_graph"}]},
        "models": [{"kind": "scattering_paths", "feature_sets": ["site_graph"]}],
    }
    with pytest.raises(ValueError, match="take a k_space set from above 0 to 16"):
        CampaignConfig.model_validate(settings)
