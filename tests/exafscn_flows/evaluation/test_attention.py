"""Where a network looks: numbers that known networks and known attention must give."""

from typing import Any

import numpy as np
import pytest

from exafscn_flows.evaluation.attention import Neighbours, explained, left_out
from exafscn_flows.evaluation.attention_heads import head_numbers
from exafscn_flows.models.graph_traces import Traces

RNG = np.random.default_rng(0)
HALF = np.arange(2000) % 2 == 0


def test_groups_explain_what_they_decide_and_by_chance_nothing() -> None:
    group = RNG.integers(0, 5, 2000)
    noise = RNG.normal(size=2000)
    assert explained(3.0 * group, [group], HALF) == pytest.approx(1)
    # Half of the variance.
    assert explained(group / group.std() + noise, [group], HALF) == pytest.approx(0.5, abs=0.05)
    # A hundred groups that mean nothing explain 5 % of the values that their means are of.
    assert explained(noise, [RNG.integers(0, 100, 2000)], HALF) < 0
    assert explained(np.ones(2000), [group], HALF) is None
    assert explained(noise, [group], np.full(2000, True)) is None


def test_a_group_that_the_other_half_hardly_has_is_as_its_coarser_one() -> None:
    coarse = np.arange(2000) % 2
    fine = coarse.copy()
    fine[:3] = [7, 8, 9]
    values = coarse.astype(float)
    half = RNG.permutation(2000) % 2 == 0
    assert explained(values, [coarse, fine], half) == pytest.approx(1)
    assert explained(values, [fine], half) < 1


def graphs(n: int) -> np.ndarray:
    """Iron and up to six oxygens or sulfurs along x, at distances of their own."""
    found = np.zeros((n, 7, 4), dtype=np.float32)
    found[:, 0, 0] = 26
    found[:, 1:, 0] = RNG.choice([8, 16], (n, 6))
    found[:, 1:, 1] = np.cumsum(RNG.uniform(0.3, 0.9, (n, 6)), axis=1) + 1.5
    found[::2, 5:] = 0
    return found


def test_an_even_look_is_one_whatever_the_number_of_atoms() -> None:
    some = graphs(10)
    there = some[:, :, 0] > 0
    of = Neighbours(some, there / there.sum(axis=1, keepdims=True))
    assert len(of.looked) == 5 * 6 + 5 * 4
    np.testing.assert_allclose(of.looked, 1, rtol=1e-6)
    assert set(of.absorber) == {26}
    assert set(of.element) == {8, 16}
    np.testing.assert_allclose(of.r[:4], some[0, 1:5, 1])


class Nearest:
    """Answers with the sum of exp(-r) over the atoms."""

    def graphs(self, X: np.ndarray) -> np.ndarray:
        return X.reshape(len(X), -1, 4)

    def traces(self, X: np.ndarray) -> Traces:
        found = self.graphs(X)
        # As the layers do, up to the first atom that is not there.
        there = np.cumprod(found[:, :, 0] > 0, axis=1).astype(bool)
        each = np.where(there, np.exp(-np.linalg.norm(found[:, :, 1:], axis=2)), 0)
        return Traces(each.sum(axis=1, keepdims=True), np.empty(0), np.empty(0))


def test_leaving_atoms_out_tells_attention_from_what_an_answer_rests_on() -> None:
    some = graphs(20)
    network: Any = Nearest()
    near = 1 / (1 + np.linalg.norm(some[:, :, 1:], axis=2))
    rows = some.reshape(20, -1)
    found = left_out(network, rows, near, np.random.default_rng(0))
    assert found == {"n_sites": 20, "attention": pytest.approx(1), "near": pytest.approx(1)}
    found = left_out(network, rows, 1 - near, np.random.default_rng(0))
    assert found["attention"] == pytest.approx(-1)
    assert found["near"] == pytest.approx(1)
    few = some[:, :3].reshape(20, -1)
    assert left_out(network, few, near[:, :3], np.random.default_rng(0)) is None


class TwoHeads(Nearest):
    """One head looks at oxygen alone, the other one evenly; of two layers, the second is even."""

    def heads(self, X: np.ndarray) -> np.ndarray:
        numbers = self.graphs(X)[:, :, 0]
        even, oxygen = (one / one.sum(axis=1, keepdims=True) for one in (numbers > 0, numbers == 8))
        return np.array([[oxygen, even], [even, even]])


def test_heads_are_told_apart_by_where_they_look() -> None:
    some = graphs(400)
    # Sulfur is far: whoever looks at oxygen alone looks near.
    some[:, 1, 0] = 8
    some[:, 1:, 1] = np.where(some[:, 1:, 0] == 8, 2.1, np.where(some[:, 1:, 0] == 16, 3.4, 0))
    untrained = Nearest()
    untrained.heads = lambda X: TwoHeads().heads(X)[1:]  # type: ignore[attr-defined]
    half = np.arange(400) % 4 < 2
    networks: Any = TwoHeads()
    others: Any = [untrained]
    found = head_numbers(networks, some.reshape(400, -1), others, half, np.random.default_rng(0))
    (oxygen, even), second = found["layers"]
    assert oxygen["r"] == pytest.approx(2.1)
    assert even["r"] == second[0]["r"] == pytest.approx(found["even"])
    assert found["untrained"] == [pytest.approx(found["even"])] * 2
    assert 2.5 < found["even"] < 3
    assert oxygen["element"] > 0.5
    assert even["element"] is None or even["element"] < 0.01
    assert found["distance"][8] == 2.0
    assert oxygen["curve"][8] > 1.5
    assert oxygen["curve"][13] == 0
    assert even["curve"][8] == pytest.approx(1)
