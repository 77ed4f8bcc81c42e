"""Sites that differ in twelve numbers, of which one says what they are."""

import numpy as np
import pytest

from exafscn_flows.models import metric
from exafscn_flows.models.metric import _outer_product, with_learned_metric
from exafscn_flows.models.site_kernel import Fit, Kernel

KERNEL = Kernel(width=2.0, shared=0.8, ridge=1e-3)
N, WIDTH = 400, 12
GROUPS = np.arange(N) // 4


def inputs_of(seed: int, n: int = N) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, WIDTH))


def truth(inputs: np.ndarray) -> np.ndarray:
    """Two columns: a step of what is counted along one direction, and another with more steps."""
    along = inputs[:, 0] + inputs[:, 1]
    return np.column_stack([along > 0, np.sin(2 * along)]).astype(np.float64)


def fit_of(inputs: np.ndarray, absorbers: np.ndarray | None = None) -> Fit:
    none = np.zeros((len(inputs), 0)) if absorbers is None else absorbers
    return Fit.of(inputs, none, [1] * WIDTH, KERNEL)


def error(fit: Fit, new: np.ndarray) -> float:
    none = np.zeros((len(new), fit.absorbers.shape[1]))
    wanted = truth(inputs_of(0))
    said = fit.solve(wanted).predict(new, none)
    return float(((said - truth(new)) ** 2).mean())


def test_the_direction_that_tells_is_found_and_new_sites_are_told_better() -> None:
    inputs, new = inputs_of(0), inputs_of(1)
    plain = fit_of(inputs)
    learned = with_learned_metric(plain, truth(inputs), GROUPS, 3, 0)
    assert error(learned, new) < 0.6 * error(plain, new)
    # How far apart sites are by one unit of each input.
    size = np.linalg.norm(learned.turn, axis=1)
    assert size[:2].min() > 2 * size[2:].max()
    # Along the direction in which both go up, and not across it.
    up, across = (np.linalg.norm(np.array(d) @ learned.turn[:2]) for d in ((1, 1), (1, -1)))
    assert up > 3 * across
    spread = [one.sites.var(axis=0).sum() for one in (plain, learned)]
    assert spread[1] == pytest.approx(spread[0], rel=0.01)


def test_of_many_inputs_those_directions_count_along_which_sites_differ(monkeypatch) -> None:
    monkeypatch.setattr(metric, "DIRECTIONS", 5)
    inputs = inputs_of(0)
    twice = np.hstack([inputs[:, :3], inputs[:, :3], 1e-3 * inputs[:, :3] + 1, inputs[:, :3]])
    plain = fit_of(twice)
    learned = with_learned_metric(plain, truth(inputs), GROUPS, 3, 0)
    new = inputs_of(1)
    asked = np.hstack([new[:, :3], new[:, :3], 1e-3 * new[:, :3] + 1, new[:, :3]])
    assert learned.turn is not None
    assert learned.turn.shape[1] <= 5
    wrong = [
        fit.solve(truth(inputs)).predict(asked, np.zeros((N, 0))) - truth(new)
        for fit in (plain, learned)
    ]
    size = [float((one**2).mean()) for one in wrong]
    assert size[1] < 0.8 * size[0]


@pytest.mark.parametrize("seed", range(5))
def test_what_no_input_tells_leaves_the_metric_as_it_is(seed) -> None:
    noise = np.random.default_rng(seed).normal(size=(N // 4, 2))[GROUPS]
    assert with_learned_metric(fit_of(inputs_of(0)), noise, GROUPS, 3, seed).turn is None


@pytest.mark.parametrize("n_groups", [1, 4])
def test_without_formulas_to_try_it_on_no_metric_is_learned(n_groups) -> None:
    inputs = inputs_of(0)
    plain = fit_of(inputs)
    assert with_learned_metric(plain, truth(inputs), np.arange(N) % n_groups, 3, 0).turn is None


def test_no_rounds_learn_nothing_and_sites_that_are_all_alike_are_no_fault() -> None:
    inputs = inputs_of(0)
    plain = fit_of(inputs)
    assert with_learned_metric(plain, truth(inputs), GROUPS, 0, 0) is plain
    same = fit_of(np.ones((N, WIDTH)))
    with np.errstate(all="raise"):
        learned = with_learned_metric(same, truth(inputs), GROUPS, 3, 0)
    assert learned.turn is None or np.isfinite(learned.turn).all()
    constant = with_learned_metric(plain, np.ones((N, 2)), GROUPS, 3, 0)
    np.testing.assert_array_equal(constant.sites, plain.sites)


def test_sites_of_several_absorbers_have_one_metric() -> None:
    inputs = inputs_of(0)
    absorbers = np.eye(2)[np.arange(N) % 2]
    learned = with_learned_metric(fit_of(inputs, absorbers), truth(inputs), GROUPS, 3, 0)
    size = np.linalg.norm(learned.turn, axis=1)
    assert size[:2].min() > 2 * size[2:].max()
    np.testing.assert_array_equal(learned.absorbers, absorbers)


def test_the_slopes_are_those_of_what_is_predicted() -> None:
    """The outer product of differences of predictions, step by step."""
    inputs = inputs_of(0, 60)
    fit = fit_of(inputs, np.eye(2)[np.arange(60) % 2])
    wanted = truth(inputs)
    kernel = fit.solve(wanted)
    asked = np.array([3, 10, 40])
    identity = kernel.__class__(
        kernel.shared,
        np.zeros(WIDTH, dtype=np.float32),
        np.ones(WIDTH, dtype=np.float32),
        *(kernel.sites, kernel.absorbers, kernel.weights, kernel.offset),
    )
    step = 1e-3
    found = np.zeros((WIDTH, WIDTH))
    for row in asked:
        near = [fit.sites[row] + sign * step * np.eye(WIDTH) for sign in (1, -1)]
        own = np.repeat(fit.absorbers[[row]], WIDTH, axis=0)
        up, down = (identity.predict(one.astype(np.float32), own) for one in near)
        # The site itself has a peak there, from both sides of which one comes down alike.
        slopes = (up - down) / (2 * step)
        found += slopes @ slopes.T / len(asked)
    made = _outer_product(fit, kernel.weights.astype(np.float64), asked)
    np.testing.assert_allclose(made, found, rtol=0.05, atol=0.02 * np.abs(found).max())
