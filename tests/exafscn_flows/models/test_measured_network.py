"""The network for measured spectra: torch and numpy agree, and it stands what measurements do."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features.columns import Columns
from exafscn_flows.models import MeasuredNetwork
from exafscn_flows.models.augmentation import Augmentation
from exafscn_flows.models.measured_fitted import MeasuredClassifier, to_grid
from exafscn_flows.models.measured_layers import MeasuredLayers
from exafscn_flows.models.measured_training import Views
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.processing.real_space import grid, shown

K = 0.05 * np.arange(1, 281)
COLUMNS = Columns(K)


def problem(seed: int, n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Four neighbours, or six that are farther away, and a second shell; k^2 chi(k)."""
    rng = np.random.default_rng(seed)
    y = rng.choice(2, n)
    r = 1.85 + 0.25 * y + 0.03 * rng.normal(size=n)
    far = 1.5 * r + 0.1 * rng.normal(size=n)
    phase = 2 * K * np.stack([r, far])[:, :, None] - 0.4 * K
    sizes = np.stack([(4.0 + 2 * y) / r**2, 8.0 / far**2])[:, :, None]
    chi = (sizes * np.sin(phase)).sum(axis=0) / (K + 2) ** 2
    return (K**2 * chi).astype(np.float32), y


X, Y = problem(0)
DATA = TrainingSet(X, Y, np.arange(300) // 3, COLUMNS, "classes")
SMALL = MeasuredNetwork(epochs=12, n_networks=2)


@pytest.fixture(scope="module")
def fitted() -> Any:
    return SMALL.fit(DATA, 0)


def accuracy(fitted: Any, seed: int, **settings: Any) -> float:
    rows, y = problem(seed)
    views = Views(Augmentation(clean=0.0, kmax=[9.0, 12.0], **settings), stretched=True)
    chi, kmin, kmax = views.measured(to_grid(rows, K, 2), np.random.default_rng(seed))
    found = fitted.networks.outputs(chi, kmin, kmax, np.empty((300, 0))).mean(axis=0)
    return float((found.argmax(axis=1) == y).mean())


def test_numpy_says_what_torch_says() -> None:
    """Also with batch normalisation that has seen something, and several batches of rows."""
    torch.manual_seed(0)
    network = MeasuredLayers(132 + 2, 3, 0.1)
    inputs = torch.randn(2000, 134) * 3 + 1
    network.standardise(inputs)
    for part in inputs.split(500):
        network(part)
    network.eval()
    with torch.no_grad():
        expected = network(inputs).numpy()
    np.testing.assert_allclose(network.in_numpy()(inputs.numpy()), expected, atol=2e-5)


def test_it_learns_and_stands_what_measurements_are_like(fitted: Any) -> None:
    rows, y = problem(1)
    assert (fitted.predict(rows) == y).mean() > 0.95
    assert accuracy(fitted, 1) > 0.8
    plain: Any = MeasuredNetwork(epochs=12, n_networks=2, augmentation=Augmentation(clean=1.0)).fit(
        DATA, 0
    )
    assert (plain.predict(rows) == y).mean() > 0.95
    hot = {"sigma2": [0.012, 0.014], "amplitude": [0.45, 0.5]}
    assert accuracy(fitted, 2, **hot) > accuracy(plain, 2, **hot) + 0.05


def test_its_answer_does_not_depend_on_the_amplitude_alone(fitted: Any) -> None:
    proba = fitted.predict_proba(X)
    assert np.abs(fitted.predict_proba(0.8 * X) - proba).mean() < 0.1


def test_the_loaded_model_is_the_fitted_one(fitted: Any) -> None:
    loaded: Any = MeasuredNetwork.load(MeasuredNetwork.dump(fitted))
    np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    assert (loaded.kmin, loaded.kmax, loaded.kweight) == (3.0, 12.0, 2)
    assert len(fitted.networks.networks) == 2


def test_one_seed_gives_one_model() -> None:
    short = SMALL.model_copy(update={"epochs": 1, "n_networks": 1})
    first, again, other = (short.dump(short.fit(DATA, seed)) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_background_is_taken_off_what_is_computed(fitted: Any) -> None:
    """What lies below rbkg is no matter, as in a measurement."""
    low = 0.3 * K**2 * np.sin(2 * K * 0.3) * np.exp(-0.1 * K) / (K + 1) ** 2
    changed = np.abs(fitted.predict_proba(X + low.astype(np.float32)) - fitted.predict_proba(X))
    assert changed.mean() < 0.03


def test_features_with_other_steps_and_weights_are_the_same_spectra() -> None:
    axis = np.arange(0.1, 14.01, 0.1)
    chi = np.sin(4 * axis) / axis
    found = to_grid((axis * chi)[None], axis, 1)[0]
    k = grid(len(found)).astype(float)
    assert k[-1] == pytest.approx(14.0)
    inside = k > 1
    np.testing.assert_allclose(found[inside], np.sin(4 * k[inside]) / k[inside], atol=0.03)


def test_numbers_are_learned() -> None:
    r = 1.85 + 0.25 * Y.astype(float)
    fitted: Any = MeasuredNetwork(epochs=12).fit(replace(DATA, y=r, task="numbers"), 0)
    rows, y = problem(1)
    errors = fitted.predict(rows) - (1.85 + 0.25 * y)
    assert np.abs(errors).mean() < 0.06
    assert fitted.spread(rows).tolist() == [0.0] * 300
    np.testing.assert_array_equal(
        MeasuredNetwork.load(MeasuredNetwork.dump(fitted)).predict(rows), fitted.predict(rows)
    )


def test_doubt_in_labels_is_learned_as_doubt() -> None:
    doubtful = np.where(np.eye(2)[Y] == 1, 0.6, 0.4)
    data = replace(DATA, shares=doubtful)
    sure, soft = (
        MeasuredNetwork(epochs=12, softness=one).fit(data, 0).predict_proba(X).max(axis=1)
        for one in (0.0, 1.0)
    )
    assert sure.mean() > 0.9
    assert soft.mean() == pytest.approx(0.6, abs=0.06)


def test_spectra_are_shown_in_the_ranges_that_are_asked_for() -> None:
    views = Views(Augmentation(), stretched=True)
    rng = np.random.default_rng(0)
    ends = set()
    for _ in range(30):
        chi, kmin, kmax = views.measured(to_grid(X, K, 2), rng)
        assert ((kmin >= 2.5) & (kmin <= 3.5) & (kmax >= 5) & (kmax <= 13)).all()
        end = float(grid(chi.shape[1])[-1])
        assert kmax.max() <= end + 1e-5
        ends.add(round(end))
        assert shown(chi, kmin, kmax).shape == (300, 132)
    assert min(ends) == 8
    assert max(ends) == 14


@pytest.mark.parametrize("axis", [K - 0.05, K[::-1], K**2, K[:20]])
def test_what_is_not_chi_of_k_is_refused(axis: np.ndarray) -> None:
    data = TrainingSet(X[:, : len(axis)], Y, DATA.groups, Columns(axis), "classes")
    with pytest.raises(ItemFailure, match=r"takes chi\(k\) in equal steps") as caught:
        MeasuredNetwork(epochs=1).fit(data, 0)
    assert caught.value.kind == "no_curve"


def test_other_features_than_it_has_learned_are_refused(fitted: Any) -> None:
    with pytest.raises(ValueError, match="features have shape"):
        fitted.predict_proba(X[:, 1:])
    with pytest.raises(ValueError, match="not finite"):
        fitted.predict_proba(np.full_like(X, np.nan))
    with pytest.raises(TypeError, match="no network for measured spectra"):
        MeasuredNetwork.dump(object())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="do not fit"):
        MeasuredClassifier(fitted.networks, K, 2, 3.0, 12.0, np.arange(3))
