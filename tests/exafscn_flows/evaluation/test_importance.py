import numpy as np
import pytest

from exafscn_flows.evaluation.importance import gini_importance, share_below
from exafscn_flows.models import RandomForest


def test_importance_is_where_the_information_is() -> None:
    rng = np.random.default_rng(0)
    y = rng.choice([4, 6], 200)
    X = rng.normal(size=(200, 10))
    X[:, 3] += 2 * y
    importance = gini_importance(RandomForest(n_estimators=30).build(0).fit(X, y))
    assert importance.sum() == pytest.approx(1)
    r = np.arange(10.0)
    assert share_below(importance, r, 3.0) < 0.2
    assert share_below(importance, r, 3.5) > 0.6


def test_shares_end_below_the_limit() -> None:
    importance, r = np.array([1.0, 2.0, 3.0, 2.0]), np.array([1.0, 2.0, 3.0, 4.0])
    assert share_below(importance, r, 3.0) == pytest.approx(3 / 8)
    assert share_below(importance, r, 5.0) == 1
    assert share_below(np.zeros(4), r, 3.0) == 0
