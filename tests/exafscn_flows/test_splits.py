import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exafscn_flows.errors import ItemFailure
from exafscn_flows.splits import grouped_folds, random_folds
from exafscn_flows.tasks import task_named


def problem(n_groups: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and groups: formulas of 1 to 4 sites that mostly share their label."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_groups), rng.integers(1, 5, n_groups))
    label = rng.choice([4, 5, 6], n_groups, p=[0.3, 0.1, 0.6])
    y = np.where(rng.random(len(groups)) < 0.9, label[groups], 8)
    return y, np.array([f"formula{g:04}" for g in groups])


@settings(max_examples=60, deadline=None)
@given(
    n_groups=st.integers(12, 80),
    n_folds=st.integers(2, 6),
    seed=st.integers(0, 99),
)
def test_one_formula_is_in_one_fold_and_every_site_is_held_out_once(
    n_groups: int, n_folds: int, seed: int
) -> None:
    y, groups = problem(n_groups, seed)
    folds = grouped_folds(y, groups, n_folds, seed)
    assert folds.shape == y.shape
    assert set(folds) == set(range(n_folds))
    assert all(len(set(folds[groups == group])) == 1 for group in set(groups))


def test_classes_are_spread_as_evenly_as_formulas_allow() -> None:
    y, groups = problem(400)
    for folds in (grouped_folds(y, groups, 5, 1), random_folds(y, 5, 1)):
        for label in (4, 5, 6):
            shares = [np.mean(y[folds == fold] == label) for fold in range(5)]
            assert np.ptp(shares) < 0.04


def test_a_random_split_spreads_formulas_over_folds() -> None:
    y, groups = problem(100)
    folds = random_folds(y, 5, 0)
    assert any(len(set(folds[groups == group])) > 1 for group in set(groups))


@pytest.mark.parametrize("seed", [0, 1, 17])
def test_one_seed_gives_one_split_and_another_seed_another(seed: int) -> None:
    y, groups = problem(60)
    for folds, again, other in (
        [grouped_folds(y, groups, 5, s) for s in (seed, seed, seed + 1)],
        [random_folds(y, 5, s) for s in (seed, seed, seed + 1)],
    ):
        assert (folds == again).all()
        assert (folds != other).any()


def test_grouped_folds_do_not_depend_on_the_order_of_the_rows() -> None:
    y, groups = problem(60)
    order = np.random.default_rng(3).permutation(len(y))
    folds = grouped_folds(y, groups, 5, 0)
    assert (grouped_folds(y[order], groups[order], 5, 0) == folds[order]).all()


def test_rare_classes_are_no_reason_to_warn() -> None:
    y, groups = problem(60)
    y[:2] = 12
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        grouped_folds(y, groups, 5, 0)
        random_folds(y, 5, 0)


def test_too_few_formulas_or_sites_are_failures_with_a_reason() -> None:
    y = np.array([4, 6] * 20)
    with pytest.raises(ItemFailure, match="3 formulas cannot fill 5 folds") as error:
        grouped_folds(y, np.arange(40) % 3, 5, 0)
    assert error.value.kind == "too_few_sites"
    with pytest.raises(ItemFailure, match="3 systems cannot fill 5 folds"):
        grouped_folds(y, np.arange(40) % 3, 5, 0, "systems")
    with pytest.raises(ItemFailure, match="3 sites cannot fill 5 folds") as error:
        random_folds(np.array([4, 6, 6]), 5, 0)
    assert error.value.kind == "too_few_sites"


@settings(max_examples=30, deadline=None)
@given(n=st.integers(5, 60), n_folds=st.integers(2, 5), seed=st.integers(0, 99))
def test_a_handful_of_numbers_fill_folds_whose_means_are_alike(
    n: int, n_folds: int, seed: int
) -> None:
    y = np.random.default_rng(seed).lognormal(size=n)
    strata = task_named("numbers").strata(y)
    for folds in (random_folds(strata, n_folds, seed), grouped_folds(strata, y, n_folds, seed)):
        assert set(folds) == set(range(n_folds))
        assert np.ptp(np.bincount(folds)) <= 5
        if n >= 10 * n_folds:
            ranks = np.argsort(np.argsort(y)) / n
            assert np.ptp([ranks[folds == fold].mean() for fold in range(n_folds)]) < 0.2
