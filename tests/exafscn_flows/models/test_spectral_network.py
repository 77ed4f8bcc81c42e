"""The network on chi(k): what it makes of it, and what it learns."""

import zipfile
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from exafscn_flows.errors import CampaignError, ItemFailure
from exafscn_flows.features.columns import Columns
from exafscn_flows.models import Average, ConvolutionalNetwork, ExtraTrees, SpectralNetwork
from exafscn_flows.models.fourier import R_STEP
from exafscn_flows.models.persistence import dump_model
from exafscn_flows.models.spectral_layers import SpectralLayers
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.models.wrong_spectra import e0_off, with_wrong_ones
from exafscn_flows.tasks.fitted import ood_score

K = np.arange(2.0, 12.001, 0.05)
COLUMNS = Columns(K)
NAMES = np.arange(240) // 3


def shell(r: np.ndarray, n: np.ndarray) -> np.ndarray:
    """k^2 chi(k) of n neighbours at r, Å, each shape (n_curves,)."""
    damped = np.exp(-0.01 * K**2) * K / r[:, None] ** 2
    curves: np.ndarray = (n[:, None] * damped * np.sin(2 * K * r[:, None])).astype(np.float32)
    return curves


def problem(seed: int, stretch: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Four neighbours, or six that are a little farther away."""
    rng = np.random.default_rng(seed)
    y = rng.choice(2, 240)
    r = (1.85 + 0.2 * y + 0.03 * rng.normal(size=240)) * (1 + stretch)
    return shell(r, 4.0 + 2 * y), y


X, Y = problem(0)
DATA = TrainingSet(X, Y, NAMES, COLUMNS, "classes")


def accuracy(fitted: Any, rows: tuple[np.ndarray, np.ndarray]) -> float:
    return float((fitted.predict(rows[0]) == rows[1]).mean())


def test_chi_of_r_peaks_at_the_distance_of_the_neighbours() -> None:
    network = SpectralLayers(len(K), 0, 2)
    network.set_axis(torch.tensor(K))
    curve = torch.tensor(shell(np.array([2.4]), np.array([6.0])))
    made = network.inputs(curve)[0].numpy()
    # k^2 chi(k) in three weights comes first.
    first, given, last = made[: 3 * len(K)].reshape(3, len(K))
    np.testing.assert_allclose(given, curve[0], rtol=1e-6)
    np.testing.assert_allclose(first * last, given**2, rtol=1e-4, atol=1e-6)
    real, imaginary = made[3 * len(K) :].reshape(2, -1)
    size = np.hypot(real, imaginary)
    assert R_STEP * (1 + size.argmax()) == pytest.approx(2.4, abs=R_STEP)
    # One shell is one peak: everything a resolution away is small.
    r = R_STEP * np.arange(1, len(size) + 1)
    assert size[np.abs(r - 2.4) > 0.8].max() < 0.1 * size.max()


def test_it_learns_numbers_and_distances_of_neighbours() -> None:
    fitted = SpectralNetwork(epochs=10).fit(DATA, 0)
    assert accuracy(fitted, problem(1)) > 0.95


def test_stretching_in_training_makes_it_stand_other_distances() -> None:
    other = problem(1, stretch=0.03)
    plain, stretched = (
        SpectralNetwork(epochs=10, stretch=stretch).fit(DATA, 0).predict_proba(other[0])
        for stretch in (0.0, 0.04)
    )
    losses = [-np.log(p[np.arange(240), other[1]]).mean() for p in (plain, stretched)]
    assert losses[1] < 0.8 * losses[0]


def test_numbers_are_learned_without_stretching() -> None:
    data = TrainingSet(X, Y.astype(float), NAMES, COLUMNS, "numbers")
    some, none = (SpectralNetwork(epochs=2, stretch=one).fit(data, 0) for one in (0.04, 0.0))
    np.testing.assert_array_equal(some.predict(X), none.predict(X))


def test_doubt_in_labels_is_learned_as_doubt() -> None:
    doubtful = np.where(np.eye(2)[Y] == 1, 0.6, 0.4)
    data = TrainingSet(X, Y, NAMES, COLUMNS, "classes", doubtful)
    sure, half, soft = (
        SpectralNetwork(epochs=10, softness=softness).fit(data, 0).predict_proba(X).max(axis=1)
        for softness in (0.0, 0.5, 1.0)
    )
    assert sure.mean() > 0.95
    assert half.mean() == pytest.approx(0.8, abs=0.06)
    assert soft.mean() == pytest.approx(0.6, abs=0.06)


def test_classes_that_no_row_has_are_left_out_of_the_shares() -> None:
    shares = np.full((240, 4), 0.25)
    data = TrainingSet(X, 2 * Y, NAMES, COLUMNS, "classes", shares)
    fitted: Any = SpectralNetwork(epochs=4, softness=1.0).fit(data, 0)
    assert fitted.classes_.tolist() == [0, 2]
    np.testing.assert_allclose(fitted.predict_proba(X).mean(axis=0), 0.5, atol=0.05)


@pytest.mark.parametrize(
    "axis", [K - 2.0, K[::-1], K**2, K[:1]], ids=["from 0", "down", "uneven", "one"]
)
def test_what_is_not_chi_of_k_is_refused(axis: np.ndarray) -> None:
    data = TrainingSet(X[:, : len(axis)], Y, NAMES, Columns(axis), "classes")
    with pytest.raises(ItemFailure, match="equal steps of k above 0") as caught:
        SpectralNetwork(epochs=1).fit(data, 0)
    assert caught.value.kind == "no_curve"
    assert "k_space" in caught.value.hint


def test_a_file_of_another_network_is_refused() -> None:
    network = ConvolutionalNetwork(epochs=1)
    data = dump_model(network, network.fit(DATA, 0))
    with pytest.raises((KeyError, ValueError, CampaignError, zipfile.BadZipFile)):
        SpectralNetwork.load(data)
    with pytest.raises(TypeError, match="has no guard"):
        SpectralNetwork.dump(network.fit(DATA, 0))
    own: Any = SpectralNetwork(epochs=1).fit(DATA, 0)
    with pytest.raises(TypeError, match="SpectralLayers"):
        SpectralNetwork.dump(replace(own, fitted=network.fit(DATA, 0)))


def test_wrong_spectra_are_wrong_in_one_way_each() -> None:
    """Rows are told apart by what belongs to no curve; there are three absorbers."""
    hot = np.eye(3, dtype=np.float32)[np.arange(240) % 3]
    beside = np.ones((240, 2), dtype=np.float32)
    rows = replace(DATA, X=np.hstack([X, beside, hot]), n_absorbers=3)
    both = with_wrong_ones(rows, 0)
    assert both.X.shape == (2 * 240, len(K))
    real, wrong = both.X.reshape(2, 240, -1)
    # Both ends of half of all are cut.
    whole = (real == X).all(axis=1)
    assert 0.4 < whole.mean() < 0.6
    inside = (K > 2.7) & (K < 11.6)
    np.testing.assert_array_equal(real[:, inside], X[:, inside])
    assert both.y.tolist() == (np.arange(240) % 3).tolist() + [3] * 240
    assert both.groups.tolist() == NAMES.tolist() * 2
    assert (wrong[:, inside] != X[:, inside]).any(axis=1).all()
    # Of one absorber, what is right is one class.
    assert with_wrong_ones(DATA, 0).y.tolist() == [0] * 240 + [1] * 240


def test_a_wrong_e0_moves_k_and_nothing_comes_before_the_edge() -> None:
    curve = shell(np.array([2.4]), np.array([6.0]))
    same, high, low = (e0_off(curve, K, np.array([shift]))[0] for shift in (0.0, 15.0, -25.0))
    np.testing.assert_allclose(same, curve[0], atol=1e-5)
    # At k' the wave is that of the k with k^2 = k'^2 + 0.2625 * 15, up to 12 1/Å.
    true = np.sqrt(K**2 + 0.262468 * 15)
    inside = true < 12
    wave = np.interp(true, K, curve[0] / K**2) * K**2
    np.testing.assert_allclose(high[inside], wave[inside], rtol=1e-4, atol=1e-5)
    assert (low[np.sqrt(4 + 0.2624 * 25) > K] == 0).all()
    assert abs(low[K > 5]).max() > 0


def test_it_knows_spectra_of_its_absorbers_from_others() -> None:
    """Two absorbers, whose waves differ in phase."""
    rng = np.random.default_rng(3)
    element = rng.integers(2, size=900)
    r, n = 1.9 + 0.1 * rng.normal(size=900), rng.choice([4.0, 6.0], 900)
    damped = np.exp(-0.01 * K**2) * K / r[:, None] ** 2
    phase = 2 * K * r[:, None] + 1.2 * element[:, None]
    curves = n[:, None] * damped * np.sin(phase)
    hot = np.eye(2)[element]
    data = TrainingSet(
        np.hstack([curves, hot]).astype(np.float32),
        (n == 6).astype(int),
        np.arange(900),
        Columns(K),
        "classes",
        n_absorbers=2,
    )
    learned, new = np.arange(900) < 700, np.arange(900) >= 700
    fitted: Any = SpectralNetwork(epochs=2).fit(data.part(learned), 0)
    right = fitted.ood_score(data.X[new])
    assert ((right >= 0) & (right <= 1)).all()
    others = {
        "another element": np.hstack([curves, hot[:, ::-1]])[new],
        "noise": np.hstack([curves.std() * rng.normal(size=curves.shape), hot])[new],
        "E0": np.hstack([e0_off(curves, K, np.full(900, 15.0)), hot])[new],
    }
    for name, rows in others.items():
        wrong = fitted.ood_score(rows.astype(np.float32))
        area = roc_auc_score(np.repeat([0, 1], new.sum()), np.append(right, wrong))
        assert area > 0.9, name
    # Nothing was learned of an absorber: none of its spectra is such as the learned ones.
    only: Any = SpectralNetwork(epochs=1).fit(data.part(learned & (element == 0)), 0)
    assert (only.ood_score(data.X[new & (element == 1)]) == 1).all()
    assert (only.ood_score(data.X[new & (element == 0)]) < 1).all()
    member = {"kind": "spectral_network", "epochs": 1}
    both: Any = Average(members=[member, {"kind": "extra_trees", "n_estimators": 2}]).fit(data, 0)
    np.testing.assert_array_equal(both.ood_score(data.X), both.members[0].ood_score(data.X))
    trees = ExtraTrees(n_estimators=2).fit(data, 0)
    assert np.isnan(ood_score(trees, data.X)).all()


def test_a_spectrum_is_asked_about_stretched_and_pressed_too() -> None:
    fitted: Any = SpectralNetwork(epochs=3, stretch=0.03).fit(DATA, 0)
    k = K * np.array([0.98, 1.0, 1.02])[:, None]
    views = [np.array([np.interp(one, K, row) for row in X[:20]]) for one in k]
    (network,) = fitted.fitted.networks
    alone = SpectralNetwork.load(SpectralNetwork.dump(fitted))
    alone.fitted.networks[0].shares.zero_()
    wanted = np.mean([alone.predict_proba(one) for one in views], axis=0)
    np.testing.assert_allclose(fitted.predict_proba(X[:20]), wanted, atol=1e-5)
    assert not np.allclose(alone.predict_proba(X[:20]), wanted, atol=1e-3)
    np.testing.assert_allclose(network.shares, [-0.02, 0, 0.02])


def test_numbers_are_asked_for_as_they_are() -> None:
    data = replace(DATA, y=Y * 0.5, task="numbers")
    fitted: Any = SpectralNetwork(epochs=2, stretch=0.03).fit(data, 0)
    assert len(fitted.fitted.outputs(X[:2])) == 1
