"""Two stages: what is predicted first, and what is learned from it."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.linear_model import Ridge

from exafscn_flows.errors import CampaignError
from exafscn_flows.features.columns import Columns
from exafscn_flows.models import Average, ExtraTrees, TwoStage
from exafscn_flows.models.base import ModelBase
from exafscn_flows.models.persistence import dump_model
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.models.two_stage_fitted import FirstStage
from exafscn_flows.models.two_stage_training import fit_first, ridge_regression

N = 120
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 4)).astype(np.float32)
HIDDEN = np.stack([np.sin(X[:, 0]) + X[:, 1], X[:, 2] ** 2], axis=1)
Y = (HIDDEN[:, 0] > 0).astype(int)
GROUPS = np.arange(N) // 4
DATA = TrainingSet(X, Y, GROUPS, Columns(np.arange(4.0)), "classes", auxiliary=HIDDEN)


def model(**keys: Any) -> TwoStage:
    second = {"n_estimators": 20}
    return TwoStage(**{"first": "running_coordination", "second": second, **keys})


def test_the_first_stage_predicts_what_it_learned_for_new_sites() -> None:
    stage, _ = fit_first(model(ridge=1e-4), DATA, 0)
    new = RNG.normal(size=(500, 4)).astype(np.float32)
    truth = np.stack([np.sin(new[:, 0]) + new[:, 1], new[:, 2] ** 2], axis=1)
    error = stage.predict(new) - truth
    assert (error.var(axis=0) < 0.3 * truth.var(axis=0)).all()


def test_leaving_a_formula_out_is_as_fitting_again_without_it() -> None:
    basis = RNG.normal(size=(N, 9))
    weights, said = ridge_regression(basis, HIDDEN, GROUPS, 2.5)
    ridge = Ridge(alpha=2.5, fit_intercept=False)
    np.testing.assert_allclose(weights, ridge.fit(basis, HIDDEN).coef_.T)
    for group in np.unique(GROUPS):
        rows = group == GROUPS
        again = ridge.fit(basis[~rows], HIDDEN[~rows])
        np.testing.assert_allclose(said[rows], again.predict(basis[rows]))


def test_noise_is_not_learned_from_oneself() -> None:
    noise = RNG.normal(size=(N, 1))
    data = TrainingSet(X, Y, GROUPS, DATA.columns, "classes", auxiliary=noise)
    stage, said = fit_first(model(ridge=1e-6, width=0.3), data, 0)
    assert np.corrcoef(stage.predict(X)[:, 0], noise[:, 0])[0, 1] > 0.9
    assert abs(np.corrcoef(said[:, 0], noise[:, 0])[0, 1]) < 0.3


def test_the_second_stage_gains_by_the_first() -> None:
    new = RNG.normal(size=(1000, 4)).astype(np.float32)
    truth = np.sin(new[:, 0]) + new[:, 1] > 0
    plain = ExtraTrees(n_estimators=20).fit(DATA, 0).predict(new) == truth
    both = model(ridge=1e-4).fit(DATA, 0).predict(new) == truth
    assert both.mean() > plain.mean()


def test_a_part_of_the_sites_keeps_what_is_theirs() -> None:
    rows = GROUPS < 10
    part = DATA.part(rows)
    assert part.auxiliary is not None
    np.testing.assert_array_equal(part.auxiliary, HIDDEN[rows])


def test_it_is_told_what_it_predicts_first() -> None:
    bare = TrainingSet(X, Y, GROUPS, DATA.columns, "classes")
    with pytest.raises(ValueError, match="learns what its first stage predicts"):
        model().fit(bare, 0)


def test_members_of_an_average_predict_the_same_first() -> None:
    plain: dict[str, Any] = {"kind": "extra_trees", "n_estimators": 5}
    own = model(name="other").model_dump(exclude_unset=True) | {"kind": "two_stage"}
    both = Average(members=[plain, own])
    assert both.auxiliary == "running_coordination"
    assert Average(members=[plain, plain]).auxiliary is None
    proba = both.fit(DATA, 0).predict_proba(X)
    parts = [one.fit(DATA, 0).predict_proba(X) for one in both.members]
    np.testing.assert_allclose(proba, np.mean(parts, axis=0))
    with pytest.raises(ValidationError, match="running_coordination and peaks"):
        Average(members=[own, own | {"first": "peaks"}])


def _spoilt(stage: FirstStage, **arrays: Any) -> FirstStage:
    return FirstStage(**{**vars(stage), **arrays})


@pytest.mark.parametrize(
    "arrays",
    [
        {"scale": np.zeros(4, dtype=np.float32)},
        {"offset": np.full(2, np.nan, dtype=np.float32)},
        {"weights": np.zeros((N, 3), dtype=np.float32)},
        {"mean": np.zeros(4)},
    ],
)
def test_arrays_that_cannot_be_used_are_refused(arrays: dict[str, Any]) -> None:
    stage, _ = fit_first(model(), DATA, 0)
    with pytest.raises(ValueError, match="first stage"):
        _spoilt(stage, **arrays)


def test_a_file_of_another_kind_is_refused() -> None:
    fitted = ExtraTrees(n_estimators=2).fit(DATA, 0)
    with pytest.raises(TypeError, match="no model of two stages"):
        dump_model(model(), fitted)
    file: bytes = dump_model(ExtraTrees(n_estimators=2), fitted)
    kind: type[ModelBase] = TwoStage
    with pytest.raises((CampaignError, ValueError, KeyError)):
        kind.load(file)
