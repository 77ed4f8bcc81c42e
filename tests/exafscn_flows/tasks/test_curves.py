"""Curves: what is predicted beyond their mean, where edges are, and how far off they are."""

import json
from typing import Any

import numpy as np
import pytest

from exafscn_flows.errors import ItemFailure
from exafscn_flows.tasks import task_named
from exafscn_flows.tasks.curves import edges

TASK = task_named("curves")
ENERGIES = np.arange(-10.0, 21.0)


def steps(places: np.ndarray) -> np.ndarray:
    """Edges of arctangents at some energies, eV; shape (n, n_axis)."""
    return 0.5 + np.arctan(ENERGIES - places[:, None]) / np.pi


def problem(n: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Curves with errors that are, on the mean, as large as 0.01 + spread says; with folds."""
    rng = np.random.default_rng(0)
    y = steps(rng.normal(0, 2, n))
    spreads = rng.gamma(2, 0.02, n)
    noise = rng.normal(size=y.shape)
    noise /= np.sqrt((noise**2).mean(axis=1, keepdims=True))
    output = np.column_stack([y + (0.01 + spreads)[:, None] * noise, spreads])
    return y.astype(np.float32), output, np.arange(n) % 5


def scored(y: np.ndarray, output: np.ndarray, folds: np.ndarray, **keys: Any) -> dict[str, Any]:
    return TASK.metrics(y, output, folds, [], np.ones(len(y)), **keys)


def test_a_case_worked_out_by_hand() -> None:
    y = np.array([[0.0, 1.0], [0.0, 3.0], [2.0, 1.0], [2.0, 3.0]])
    errors = np.array([[0.0, 0.0], [0.0, 2.0], [1.0, 1.0], [0.0, 0.0]])
    output = np.column_stack([y + errors, np.zeros(4)])
    found = scored(y, output, np.array([0, 0, 1, 1]))
    # The mean of fold 1 is (2, 2), that of fold 0 (0, 2): squared errors 5, 5, 5, 5.
    assert found["mean_rmse"] == pytest.approx(np.sqrt(20 / 8))
    assert found["rmse"] == pytest.approx(np.sqrt(6 / 8))
    assert found["fold_rmse"] == pytest.approx([1.0, np.sqrt(2 / 4)])
    assert found["r2_over_mean"] == pytest.approx(1 - 6 / 20)
    assert found["fold_r2_over_mean"] == pytest.approx([1 - 4 / 10, 1 - 2 / 10])
    # All eight points have the mean 1.5, and 10 as the sum of their squared distances from it.
    assert found["r2"] == pytest.approx(1 - 6 / 10)
    assert found["relative_mse"] == pytest.approx(np.median([0, 4 / 5, 2 / 5, 0]))
    assert found["gain"] == pytest.approx(2.5 / np.median([0, 2, 1, 0]))
    assert (found["edge_error"], found["n_edges"]) == (None, 0)
    assert json.loads(json.dumps(found)) == found
    assert TASK.scores(found) == {
        key: found[key] for key in ("rmse", "rmse_std", "r2", "r2_over_mean")
    }


def test_the_mean_curve_of_the_other_folds_is_exactly_nothing_over_itself() -> None:
    y, _, folds = problem()
    means = np.stack([y[folds != fold].astype(float).mean(axis=0) for fold in folds])
    found = scored(y, np.column_stack([means, np.zeros(len(y))]), folds)
    assert found["r2_over_mean"] == 0
    assert set(found["fold_r2_over_mean"]) == {0}
    assert found["relative_mse"] == found["gain"] == 1
    assert found["rmse"] == found["mean_rmse"]
    # What looks like success is the shape that all curves have.
    assert found["r2"] > 0.7
    right = scored(y, np.column_stack([y, np.zeros(len(y))]), folds)
    assert (right["r2_over_mean"], right["rmse"], right["gain"]) == (1, 0, None)


def test_the_edge_is_where_a_curve_last_rises_through_half_of_its_step() -> None:
    places = np.array([-3.2, 0.0, 4.7])
    # On straight lines between points 1 eV apart, an arctangent is within 0.05 eV.
    np.testing.assert_allclose(edges(steps(places), ENERGIES), places, atol=0.05)
    pre_edge = steps(np.array([5.0]))
    pre_edge[0, 3] = 0.9
    assert edges(pre_edge, ENERGIES) == pytest.approx([5], abs=0.05)
    assert np.isnan(edges(np.full((1, len(ENERGIES)), 0.2), ENERGIES)).all()


def test_edges_that_are_off_are_told_in_ev_and_only_of_curves_that_have_one() -> None:
    y, _, folds = problem()
    shifted = steps(edges(y, ENERGIES) + 1.5)
    found = scored(y, np.column_stack([shifted, np.zeros(len(y))]), folds, energies=ENERGIES)
    assert found["edge_error"] == pytest.approx(1.5, abs=0.1)
    assert found["mean_edge_error"] == pytest.approx(1.35, abs=0.3)  # the median of |N(0, 2)|
    flat = y.copy()
    flat[:150] = 0.2
    # Nor has the mean of the other folds, then.
    assert (
        scored(flat, np.column_stack([flat, np.zeros(200)]), folds, energies=ENERGIES)["n_edges"]
        == 50
    )


def test_expected_errors_are_those_that_are_found_and_know_no_label() -> None:
    y, output, folds = problem(3000)
    rows = list(TASK.predictions(output, [], y, folds, {}))
    observed = np.array([row["error"] for row in rows])
    expected = np.array([row["expected_error"] for row in rows])
    np.testing.assert_allclose(expected, observed, rtol=0.02)
    assert not any(row["disagrees"] for row in rows)
    for one in scored(y, output, folds)["calibration"]:
        assert one["observed"] == pytest.approx(one["expected"], rel=0.05)
    changed = y.copy()
    changed[7] += 1
    after = list(TASK.predictions(output, [], changed, folds, {}))
    assert after[7]["disagrees"]
    for row, same in enumerate(folds == folds[7]):
        assert (rows[row]["expected_error"] == after[row]["expected_error"]) == same


def test_new_sites_get_the_doubt_of_their_model_and_their_curve() -> None:
    output = np.array([[1.0, 2.0, 0.1], [1.0, 2.0, 0.3]])
    doubt = {"constant": 0.1, "slope": 2.0}
    first, second = TASK.predictions(output, [], np.array([[1, 2], [2, 2]]), None, doubt)
    assert first["curve"].tolist() == [1, 2]
    assert (first["error"], first["expected_error"]) == (0, pytest.approx(0.3))
    assert second["error"] == pytest.approx(np.sqrt(0.5))
    assert second["expected_error"] == pytest.approx(0.7)
    assert first["value"] is first["label"] is first["probability"] is None


def test_without_spread_all_curves_have_one_expected_error() -> None:
    y, output, _ = problem()
    output[:, -1] = 0
    errors = np.sqrt(((output[:, :-1] - y) ** 2).mean(axis=1))
    assert TASK.doubt(y, output, []) == {"constant": pytest.approx(errors.mean()), "slope": 0}


def test_curves_that_cannot_be_learned_or_held_out_are_a_failure() -> None:
    with pytest.raises(ItemFailure, match="all 6 sites have the same label"):
        TASK.check(np.ones((6, 3)), 3)
    with pytest.raises(ItemFailure, match="2 sites cannot fill 3 folds"):
        TASK.check(np.eye(2), 3)
    y, output, _ = problem(10)
    with pytest.raises(ItemFailure, match="in one fold"):
        scored(y, output, np.zeros(10))
    assert (TASK.strata(y) == 0).all()
    assert TASK.encode(list(y), []).tobytes() == y.tobytes()
    assert TASK.encode([], []).size == 0
