"""Held-out spectra, changed as measurements are."""

import numpy as np
import pytest

from exafscn_flows.evaluation.changes import CHANGES
from exafscn_flows.evaluation.robustness import changed_outputs
from exafscn_flows.models.measured_fitted import MeasuredClassifier
from exafscn_flows.pretrained.network import Network, Networks
from exafscn_flows.processing.real_space import N_SHOWN
from exafscn_flows.tasks import task_named

K = 0.05 * np.arange(1, 261)
"""To 13 1/Å."""
RANDOM = np.random.default_rng(3)
FOUND = np.array([np.sin(2 * K * r) * np.exp(-0.006 * K**2) for r in (1.9, 2.4, 3.0)])
X = (K * FOUND).astype(np.float32)
"""k² chi(k) of one shell each."""


@pytest.fixture(scope="module")
def model() -> MeasuredClassifier:
    weight = RANDOM.standard_normal((2, N_SHOWN)).astype(np.float32)
    mean, scale = np.zeros(N_SHOWN, np.float32), np.ones(N_SHOWN, np.float32)
    network = Network(mean, scale, ((weight / 9, np.zeros(2, np.float32)),))
    return MeasuredClassifier(Networks((network,)), K, 2, 3.0, 12.0, np.array([0, 1]))


def asked(model: MeasuredClassifier) -> dict[str, np.ndarray]:
    return changed_outputs(task_named("classes"), model, X, list(CHANGES), 0, [0, 1])


def test_where_nothing_is_changed_the_model_says_what_it_says(model):
    found, said = asked(model), model.predict_proba(X)
    unchanged = {"sigma2": 0.0, "noise": 0.0, "kmax": 12.0, "e0": 0.0, "rbkg": 1.0, "edge_step": 0}
    assert set(found) == set(unchanged) == set(CHANGES)
    for name, value in unchanged.items():
        values = CHANGES[name].values
        assert found[name].shape == (len(values), len(X), 2)
        np.testing.assert_allclose(found[name][values.index(value)], said, atol=1e-3)
        for other, output in zip(values, found[name], strict=True):
            assert other == value or np.abs(output - said).max() > 1e-4


def test_changes_are_those_of_their_names(model, monkeypatch):
    """Of one shell, disorder damps by exp(-2 sigma² k²), and an edge step divides."""
    seen = []
    monkeypatch.setattr(MeasuredClassifier, "predict_proba", lambda own, X: seen.append(X) or X)
    task = task_named("classes")
    monkeypatch.setattr(
        type(task), "output", lambda own, fitted, X, classes: fitted.predict_proba(X)
    )
    changed_outputs(task, model, X, ["edge_step"], 0, [0, 1])
    np.testing.assert_allclose(seen[-1], X / 1.3, rtol=1e-4, atol=1e-5)
    seen.clear()
    changed_outputs(task, model, X, ["sigma2"], 0, [0, 1])
    inside = (K > 4) & (K < 11)
    damped = X * np.exp(-2 * 0.005 * K**2)
    # The nearest shell has no more than that; those beyond are split in bands.
    error = np.abs(seen[2][0] - damped[0])[inside].max()
    assert error < 0.03 * np.abs(damped[0]).max()
