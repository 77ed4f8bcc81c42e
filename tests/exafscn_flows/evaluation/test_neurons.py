"""Which absorbers share neurons: known responses, and networks whose elements are known."""

from math import factorial
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from exafscn_flows.evaluation.explanation import explanation
from exafscn_flows.evaluation.neurons import grouped, table_distances
from exafscn_flows.evaluation.rank_correlation import mantel, spearman
from exafscn_flows.features.columns import Columns
from exafscn_flows.models.average_fitted import AverageRegressor
from exafscn_flows.models.curves import Components, FittedCurves
from exafscn_flows.models.graph_layers import GraphLayers
from exafscn_flows.models.networks import NetworkComponents
from exafscn_flows.models.part_fitted import Span, of_part
from exafscn_flows.models.training_set import TrainingSet

RNG = np.random.default_rng(0)
METALS = np.array([24, 25, 26, 27, 28, 29])
EACH, N_ATOMS = 12, 6


def test_rank_correlations_are_those_of_scipy() -> None:
    x, y = RNG.integers(0, 6, 40), RNG.normal(size=40)
    assert spearman(x, y) == pytest.approx(spearmanr(x, y).statistic)
    assert spearman(np.ones(40), y) is None


def test_an_order_is_found_and_chance_finds_none() -> None:
    places = np.arange(6)
    distance = np.abs(np.subtract.outer(places, places))
    rho, p = mantel(-(distance**1.5), distance, np.random.default_rng(0))
    assert rho == pytest.approx(-1)
    # There and back, of all orders.
    assert p == pytest.approx(2 / factorial(6))
    found = []
    for seed in range(40):
        noise = np.random.default_rng(seed).normal(size=(6, 6))
        found.append(mantel(noise + noise.T, distance, np.random.default_rng(0))[1])
    assert 0.3 < np.mean(found) < 0.7
    assert mantel(-distance[:3, :3], distance[:3, :3], np.random.default_rng(0)) is None


def test_more_than_a_few_things_are_put_into_orders_by_chance() -> None:
    places = np.arange(9)
    distance = np.abs(np.subtract.outer(places, places))
    _, p = mantel(-distance, distance, np.random.default_rng(0))
    assert 0 < p < 0.001


def test_responses_that_absorbers_decide_are_explained_by_them() -> None:
    absorber = np.repeat(METALS[:3], [5, 50, 500])
    # Three neurons, two of which the first two absorbers share; the last one never changes.
    high = np.array([[1, 1, 0, 2], [1, 1, 0, 2], [0, 0, 1, 2]])
    of = grouped(high[absorber - 24].astype(float), absorber)
    assert of.explained == pytest.approx(1)
    assert of.means.shape == (3, 3)
    # However many sites each has.
    np.testing.assert_allclose(of.means.sum(axis=0), 0, atol=1e-9)
    assert of.similarity[0, 1] == pytest.approx(1)
    assert of.similarity[0, 2] == pytest.approx(-1)
    noise = grouped(RNG.normal(size=(600, 40)), np.repeat(METALS[:2], 300))
    assert noise.explained < 0.01
    silent = grouped(np.ones((6, 4)), np.repeat(METALS[:2], 3))
    assert silent.explained == 0
    assert not silent.similarity.any()


def test_periods_count_as_groups_do() -> None:
    # Cr, Mn, Fe and, below Cr, Mo.
    distances = table_distances([24, 25, 26, 42])
    assert distances.tolist() == [[0, 1, 2, 1], [1, 0, 1, 2], [2, 1, 0, 3], [1, 2, 3, 0]]


def model(ordered: bool) -> Any:
    """An average with a network to which neighbours in the table look alike, or all are strange."""
    torch.manual_seed(3)
    network = GraphLayers(4 * N_ATOMS, len(METALS), 3)
    middles = np.linspace(22, 31, 32)
    with torch.no_grad():
        if ordered:
            alike = np.exp(-(((METALS[:, None] - middles) / 2) ** 2))
            network.elements.weight[METALS] = torch.tensor(alike, dtype=torch.float32)
    part = NetworkComponents((network,), 1.0)
    n = 4 * N_ATOMS + 2
    members = [of_part(Span(0, 4 * N_ATOMS, n, n + len(METALS)), one) for one in (part, part)]
    averaged = AverageRegressor(("graph_attention", "graph_attention"), tuple(members))
    curves = Components(np.zeros((6, 5)), np.ones(6), np.eye(5)[:3])
    return FittedCurves(curves, averaged, len(METALS))


def sites() -> TrainingSet:
    """Each metal with two to five oxygens or sulfurs, and two features beside the graph."""
    n = EACH * len(METALS)
    graphs = np.zeros((n, N_ATOMS, 4), dtype=np.float32)
    graphs[:, 0, 0] = np.repeat(METALS, EACH)
    graphs[:, 1:, 0] = RNG.choice([8, 16], (n, N_ATOMS - 1))
    graphs[:, 1:, 1:] = RNG.normal(size=(n, N_ATOMS - 1, 3))
    graphs[::2, 4:] = 0
    beside = RNG.normal(size=(n, 2))
    X = np.hstack([graphs.reshape(n, -1), beside, np.repeat(np.eye(len(METALS)), EACH, axis=0)])
    columns = Columns(np.arange(4.0 * N_ATOMS + 2))
    groups = np.repeat(np.arange(n // 2), 2).astype(str)
    y = np.zeros((n, 5))
    return TrainingSet(X.astype(np.float32), y, groups, columns, "curves", n_absorbers=len(METALS))


@pytest.mark.parametrize("ordered", [True, False])
def test_neighbours_share_neurons_where_they_look_alike_and_only_there(ordered: bool) -> None:
    fitted, data = model(ordered), sites()
    found = explanation(fitted, data, 0)
    neurons = found["neurons"]
    assert neurons["absorbers"] == ["Cr", "Mn", "Fe", "Co", "Ni", "Cu"]
    assert neurons["n_sites"] == [EACH] * 6
    same = neurons["exchanged"]
    assert (same["rho"] < -0.8 and same["p"] < 0.01) == ordered
    if not ordered:
        assert same["p"] > 0.05
    # Those with other first weights know no order, whatever is asked.
    assert all(one["rho"] > -0.6 for one in neurons["untrained"])
    assert neurons["own"]["explained"] > 3 * neurons["shuffled"]
    attention = found["attention"]
    assert attention["n_sites"] == len(data)
    assert attention["n_neighbours"] == sum(one["n"] for one in attention["elements"])
    assert {one["element"] for one in attention["elements"]} == {"O", "S"}
    # The mean of all that a site looks at is 1.
    n = (data.X[:, : 4 * N_ATOMS].reshape(len(data), -1, 4)[:, :, 0] > 0).sum()
    total = sum(one["n"] * one["mean"] for one in attention["elements"])
    assert total / n < 1 < total / n + attention["itself"]
    assert explanation(fitted, data, 0) == found


def test_one_absorber_shares_with_nobody_and_trees_look_at_nothing() -> None:
    data = sites()
    alone = data.part(np.arange(EACH))
    found = explanation(model(False), alone, 0)
    assert found["neurons"] is None
    assert found["attention"]["n_sites"] == EACH
    assert explanation(object(), data, 0) is None
