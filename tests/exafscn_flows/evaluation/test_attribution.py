"""Which features a model needs, on data where everybody knows which do."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from exafscn_flows.evaluation.attribution import (
    REPEATS,
    STEPS,
    attributions,
    integrated_gradients,
    permutation_drop,
)
from exafscn_flows.models import GradientBoosting, Mlp, RandomForest
from exafscn_flows.models.base import ModelBase
from exafscn_flows.models.mlp_network import MlpClassifier, MlpRegressor, standardised
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.tasks import task_named

TASK = task_named("classes")

AXIS = np.arange(40) * 0.1
EDGES = np.arange(0, 4.5, 0.5)
BAND = 3
"""The band from 1.5 to 2 Å tells the class; all else is noise."""
COLUMNS = np.arange(15, 20)
"""Features of that band."""


def problem(n: int, *, copies: bool) -> tuple[np.ndarray, np.ndarray]:
    """Spectra of two classes; with copies, the five features of the band are one number."""
    rng = np.random.default_rng(0)
    y = rng.choice([0, 1], n)
    X = rng.normal(size=(n, len(AXIS)))
    shift = 1.5 * (2 * y - 1)
    noise = rng.normal(size=n)
    for column in COLUMNS:
        X[:, column] = shift + (noise if copies else rng.normal(size=n))
    return X.astype(np.float32), y


@pytest.mark.parametrize("copies", [False, True])
@pytest.mark.parametrize(
    "model", [RandomForest(n_estimators=40), GradientBoosting(max_iter=20)], ids=lambda m: m.kind
)
def test_accuracy_is_lost_with_the_band_that_carries_the_class(
    model: ModelBase, copies: bool
) -> None:
    X, y = problem(600, copies=copies)
    train = np.arange(600) < 400
    fitted = model.fit(TrainingSet(X[train], y[train], np.arange(400), AXIS, "classes"), 0)
    drop = permutation_drop(TASK, fitted, X[~train], y[~train], AXIS, EDGES, 0)
    assert drop.argmax() == BAND
    assert drop[BAND] > 0.25
    assert np.abs(np.delete(drop, BAND)).max() < 0.05


def test_one_of_many_copies_seems_to_matter_little_and_all_together_do_not() -> None:
    X, y = problem(600, copies=True)
    fitted = RandomForest(n_estimators=40).fit(
        TrainingSet(X[:400], y[:400], np.arange(400), AXIS, "classes"), 0
    )
    singly = np.append(AXIS - 0.05, AXIS[-1] + 0.05)
    alone = permutation_drop(TASK, fitted, X[400:], y[400:], AXIS, singly, 0)
    together = permutation_drop(TASK, fitted, X[400:], y[400:], AXIS, EDGES, 0)
    assert alone.max() < 0.25 * together[BAND]


class Listener:
    """A model that says one thing, and keeps the rows that it is asked about."""

    def __init__(self) -> None:
        self.asked: list[np.ndarray] = []

    def predict(self, X: np.ndarray) -> np.ndarray:
        self.asked.append(X.copy())
        return np.zeros(len(X))


def test_a_band_comes_as_a_whole_from_one_row() -> None:
    X, y = problem(50, copies=False)
    listener = Listener()
    permutation_drop(TASK, listener, X, y, AXIS, EDGES, 0)  # type: ignore[arg-type]
    _, *asked = listener.asked
    assert len(asked) == len(EDGES) - 1
    for band, rows in enumerate(asked):
        inside = np.digitize(AXIS, EDGES) == band + 1
        for permuted in np.split(rows, REPEATS):
            assert (permuted[:, ~inside] == X[:, ~inside]).all()
            assert sorted(map(tuple, permuted[:, inside])) == sorted(map(tuple, X[:, inside]))
            assert (permuted != X).any()


def test_what_is_the_same_everywhere_and_what_is_not_there_costs_nothing() -> None:
    X, y = problem(200, copies=False)
    X[:, 30:] = 7
    fitted = RandomForest(n_estimators=10).fit(
        TrainingSet(X, y, np.arange(200), AXIS, "classes"), 0
    )
    edges = np.array([1.5, 2.0, 3.0, 4.0, 5.0])
    drop = permutation_drop(TASK, fitted, X, y, AXIS, edges, 0)
    assert drop[0] > 0.1
    assert (drop[2:] == 0).all()


def test_one_seed_gives_one_result_and_the_rows_stay_as_they_are() -> None:
    X, y = problem(200, copies=False)
    fitted = RandomForest(n_estimators=10).fit(
        TrainingSet(X, y, np.arange(200), AXIS, "classes"), 0
    )
    X.flags.writeable = False
    first, again, other = (permutation_drop(TASK, fitted, X, y, AXIS, EDGES, s) for s in (3, 3, 4))
    assert (first == again).all()
    assert (first != other).any()


def network(*widths: int, seed: int = 0) -> MlpClassifier:
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    return MlpClassifier(
        classes_=np.arange(widths[-1]),
        mean=normal(widths[0]),
        scale=np.exp(normal(widths[0])),
        weights=tuple(normal(a, b) for a, b in pairwise(widths)),
        biases=tuple(normal(b) for b in widths[1:]),
    )


def as_torch(net: MlpClassifier) -> nn.Sequential:
    """The layers up to the logits, in float64."""
    layers: list[nn.Module] = []
    for weight, bias in zip(net.weights, net.biases, strict=True):
        layer = nn.Linear(*weight.shape)
        layer.weight.data, layer.bias.data = torch.tensor(weight.T), torch.tensor(bias)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1]).double()


def logits(net: MlpClassifier, inputs: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return as_torch(net)(torch.tensor(inputs, dtype=torch.float64)).numpy()


@pytest.mark.parametrize("widths", [(6, 3), (6, 16, 3), (6, 32, 16, 4)])
def test_attributions_are_what_automatic_differentiation_gives(widths: tuple[int, ...]) -> None:
    net = network(*widths)
    X = np.random.default_rng(1).normal(size=(20, 6)).astype(np.float32)
    inputs = torch.tensor(standardised(X, net.mean, net.scale), dtype=torch.float64)
    target = torch.tensor(net.predict_proba(X).argmax(axis=1))
    total = torch.zeros_like(inputs)
    for step in range(STEPS):
        point = (inputs * ((step + 0.5) / STEPS)).requires_grad_()
        as_torch(net)(point)[torch.arange(20), target].sum().backward()
        total += point.grad
    expected = (inputs * total / STEPS).numpy()
    np.testing.assert_allclose(attributions(net, X), expected, rtol=1e-5, atol=1e-7)


@pytest.fixture(scope="module")
def trained() -> tuple[MlpClassifier, np.ndarray]:
    X, y = problem(300, copies=False)
    fitted = Mlp(learning_rate=1e-3, max_epochs=10).fit(
        TrainingSet(X, y, np.arange(300), AXIS, "classes"), 0
    )
    assert isinstance(fitted, MlpClassifier)
    return fitted, X


def test_attributions_add_up_to_what_the_logit_gains_over_the_mean_spectrum(
    trained: tuple[MlpClassifier, np.ndarray],
) -> None:
    net, X = trained
    target = net.predict_proba(X).argmax(axis=1)
    start = logits(net, np.zeros((1, X.shape[1])))[0, target]
    gain = logits(net, standardised(X, net.mean, net.scale))[np.arange(len(X)), target] - start
    assert np.abs(attributions(net, X).sum(axis=1) - gain).max() < 0.01 * np.abs(gain).mean()


def test_the_gradients_of_a_trained_network_point_to_the_band(
    trained: tuple[MlpClassifier, np.ndarray],
) -> None:
    size = integrated_gradients(*trained)
    assert size.shape == AXIS.shape
    assert size.sum() == pytest.approx(1)
    assert size[COLUMNS].min() > 3 * np.delete(size, COLUMNS).mean()


def test_features_that_do_nothing_get_nothing() -> None:
    net = network(6, 16, 3)
    net.weights[0][2] = 0
    X = np.random.default_rng(1).normal(size=(20, 6)).astype(np.float32)
    X[:, 4] = net.mean[4]
    size = integrated_gradients(net, X)
    assert (size[[2, 4]] == 0).all()
    assert (size[[0, 1, 3, 5]] > 0).all()
    net.weights[0][:] = 0
    assert (integrated_gradients(net, X) == 0).all()


def test_of_a_regressor_the_number_is_explained() -> None:
    net = network(6, 16, 1)
    regressor = MlpRegressor(net.mean, net.scale, net.weights, net.biases, center=2.0, width=0.5)
    X = np.random.default_rng(1).normal(size=(20, 6)).astype(np.float32)
    gain = (regressor.predict(X) - regressor.predict(net.mean[None])) / 0.5
    error = np.abs(attributions(regressor, X).sum(axis=1) - gain)
    assert error.max() < 0.1 * np.abs(gain).mean()
    sizes = np.abs(attributions(regressor, X)).mean(axis=0)
    np.testing.assert_allclose(integrated_gradients(regressor, X), sizes / sizes.sum())
