"""The graph attention network: what it depends on, and what it learns."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features.columns import Columns
from exafscn_flows.models import GraphAttention
from exafscn_flows.models.graph_layers import GraphLayers
from exafscn_flows.models.graph_traces import GraphNetworks
from exafscn_flows.models.persistence import dump_model, load_model
from exafscn_flows.models.training_set import TrainingSet

N_ATOMS = 7
GRID = np.linspace(0, 1, 12)


def graphs(seed: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Iron with four or six oxygens in random directions at one distance.

    Returns
    -------
    tuple
        Features, shape (n, 4 * 7); distance, Å; number of oxygens.
    """
    rng = np.random.default_rng(seed)
    r, number = rng.uniform(1.8, 2.4, n), rng.choice([4, 6], n)
    directions = rng.normal(size=(n, 6, 3))
    directions /= np.linalg.norm(directions, axis=2, keepdims=True)
    found = np.zeros((n, N_ATOMS, 4), dtype=np.float32)
    found[:, 0, 0] = 26
    found[:, 1:, 0] = np.where(np.arange(6) < number[:, None], 8, 0)
    found[:, 1:, 1:] = r[:, None, None] * directions * (found[:, 1:, :1] > 0)
    return found.reshape(n, -1), r, number


def problem(seed: int, n: int = 200) -> TrainingSet:
    """A peak whose place says how far the oxygens are, and whose height how many there are."""
    X, r, number = graphs(seed, n)
    y = number[:, None] * np.exp(-(((GRID - (r[:, None] - 1.8) / 0.6) / 0.3) ** 2))
    columns = Columns(np.arange(float(X.shape[1])))
    return TrainingSet(X, y, np.arange(n).astype(str), columns, "curves")


DATA = problem(0)


@pytest.fixture(scope="module")
def fitted() -> Any:
    return GraphAttention(epochs=20, n_networks=2).fit(DATA, 0)


def test_it_learns_how_a_spectrum_depends_on_the_atoms(fitted: Any) -> None:
    new = problem(1)
    found = fitted.predict(new.X)
    assert found.shape == new.y.shape
    left = ((found - new.y) ** 2).sum() / ((new.y - DATA.y.mean(axis=0)) ** 2).sum()
    assert left < 0.15
    # Two networks differ, and more so where they have learned nothing.
    near = fitted.spread(new.X)
    assert near.shape == (len(new.X),)
    far = new.X.reshape(-1, N_ATOMS, 4) * np.array([1, 1.8, 1.8, 1.8], dtype=np.float32)
    assert fitted.spread(far.reshape(len(far), -1)).mean() > 2 * near.mean() > 0


def test_neither_direction_nor_order_of_the_atoms_counts(fitted: Any) -> None:
    X = problem(2, 20).X.reshape(20, N_ATOMS, 4)
    expected = fitted.predict(X.reshape(20, -1))
    turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    turned = np.concatenate([X[:, :, :1], X[:, :, 1:] @ turn.astype(np.float32)], axis=2)
    other = X[:, [0, 4, 3, 2, 1, *range(5, N_ATOMS)]]
    for rows in (turned, other):
        np.testing.assert_allclose(fitted.predict(rows.reshape(20, -1)), expected, atol=1e-3)


def test_atoms_that_are_not_there_are_not_looked_at(fitted: Any) -> None:
    X = torch.tensor(problem(3, 30).X)
    network = fitted.regressor.networks[0]
    with torch.no_grad():
        outputs, attention, responses = network.attending(X)
        torch.testing.assert_close(network.head[-1](responses), outputs)
    assert responses.shape == (30, 256)
    assert attention.shape == (30, 3, 4, N_ATOMS)
    np.testing.assert_allclose(attention.sum(dim=3), 1, atol=1e-5)
    lacking = X.reshape(30, N_ATOMS, 4)[:, :, 0] == 0
    assert (attention.permute(0, 3, 1, 2)[lacking] == 0).all()
    # A row is answered as it is beside rows with more atoms.
    few = lacking.any(dim=1)
    alone, beside = fitted.predict(X[few].numpy()), fitted.predict(X.numpy())[few.numpy()]
    np.testing.assert_allclose(alone, beside, atol=1e-4)


def test_heads_are_those_whose_mean_is_the_attention_of_a_network(fitted: Any) -> None:
    X = problem(3, 30).X
    X = X[X.reshape(30, N_ATOMS, 4)[:, 5, 0] == 0]  # no row has the last two atoms
    one = GraphNetworks(fitted.regressor.networks[:1])
    heads = one.heads(X)
    assert heads.shape == (3, 4, len(X), N_ATOMS)
    np.testing.assert_allclose(heads.sum(axis=3), 1, atol=1e-5)
    np.testing.assert_allclose(heads.mean(axis=(0, 1)), one.traces(X).attention, atol=1e-6)
    np.testing.assert_array_equal(GraphNetworks(fitted.regressor.networks).heads(X), heads)


def test_what_stands_beside_the_graph_is_learned_from_too() -> None:
    """The height is told by a feature of its own among others that tell nothing."""
    rng = np.random.default_rng(5)
    height = rng.normal(size=200)
    beside = np.column_stack([0.1 * rng.normal(size=(200, 3)), height]).astype(np.float32)
    X = np.hstack([DATA.X, beside])
    y = (5 + height)[:, None] * np.exp(-(((GRID - 0.5) / 0.3) ** 2))
    axis = DATA.columns.axis
    columns = Columns(np.arange(float(X.shape[1])), (axis, np.arange(4.0)), ("graph", "beside"))
    data = replace(DATA, X=X, y=y, columns=columns)
    learned = np.arange(200) < 160
    found: Any = GraphAttention(epochs=20).fit(data.part(learned), 0)
    left = ((found.predict(X[~learned]) - y[~learned]) ** 2).sum()
    assert left < 0.2 * ((y[~learned] - y[learned].mean(axis=0)) ** 2).sum()


def test_it_is_the_same_after_it_was_kept(fitted: Any) -> None:
    import hashlib

    data = dump_model(GraphAttention(), fitted)
    again: Any = load_model("graph_attention", data, hashlib.sha256(data).hexdigest())
    np.testing.assert_array_equal(again.predict(DATA.X[:9]), fitted.predict(DATA.X[:9]))
    assert isinstance(again.regressor.networks[0], GraphLayers)


def test_classes_and_numbers_are_learned_too() -> None:
    _, r, number = graphs(0, 200)
    new, r_new, number_new = graphs(1, 100)
    of_classes: Any = GraphAttention(epochs=25).fit(replace(DATA, y=number // 6, task="classes"), 0)
    assert (of_classes.predict(new) == number_new // 6).mean() > 0.95
    of_numbers: Any = GraphAttention(epochs=25).fit(replace(DATA, y=r, task="numbers"), 0)
    assert np.abs(of_numbers.predict(new) - r_new).mean() < 0.05


def test_what_is_no_graph_is_refused() -> None:
    data = replace(DATA, X=DATA.X[:, :-1], columns=Columns(DATA.columns.axis[:-1]))
    with pytest.raises(ItemFailure, match="4 values of each atom, and there are 27") as caught:
        GraphAttention(epochs=1).fit(data, 0)
    assert caught.value.kind == "no_graph"
