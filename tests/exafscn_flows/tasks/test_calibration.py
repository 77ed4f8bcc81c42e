"""Probabilities at another temperature."""

import numpy as np
import pytest

from exafscn_flows.tasks.calibration import FEWEST, temperature, tempered


def problem(n: int, seed: int, power: float) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are right but for a power, and labels."""
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet([0.6, 0.4, 0.3], size=n) + 1e-6
    proba /= proba.sum(axis=1, keepdims=True)
    y = (proba.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    said = proba**power
    return said / said.sum(axis=1, keepdims=True), y


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0, 3.0])
def test_the_power_by_which_probabilities_are_off_is_found(power: float) -> None:
    proba, y = problem(20_000, 0, power)
    assert temperature(proba, y) == pytest.approx(power, rel=0.06)
    others, labels = problem(20_000, 1, power)
    right = tempered(others, temperature(proba, y))
    sure = right.max(axis=1) > 0.8
    found = (right.argmax(axis=1) == labels)[sure].mean()
    assert found == pytest.approx(right.max(axis=1)[sure].mean(), abs=0.01)


def test_the_order_of_classes_stays_and_nothing_becomes_possible() -> None:
    proba = np.array([[0.7, 0.3, 0.0], [0.2, 0.2, 0.6], [0.0, 1.0, 0.0]])
    for hot in (0.2, 0.7, 1.0, 5.0):
        found = tempered(proba, hot)
        np.testing.assert_allclose(found.sum(axis=1), 1)
        assert (found.argsort(axis=1, kind="stable") == proba.argsort(axis=1, kind="stable")).all()
        assert ((found == 0) == (proba == 0)).all()
    assert tempered(proba, 2.0)[0, 0] < 0.7 < tempered(proba, 0.5)[0, 0]
    assert np.isfinite(tempered(np.full((1, 400), 1 / 400), 0.2)).all()


def test_few_sites_change_nothing() -> None:
    proba, y = problem(FEWEST - 1, 0, 3.0)
    assert temperature(proba, y) == 1
    assert tempered(proba, 1.0) is proba


def test_a_label_that_nothing_speaks_for_does_not_decide() -> None:
    proba, y = problem(2000, 0, 1.0)
    proba[0], y[0] = [1, 0, 0], 2
    assert temperature(proba, y) == pytest.approx(1, rel=0.15)
    # All labels are certain, and right: within limits.
    certain = np.eye(3)[y] * 0.98 + 0.01 * (1 - np.eye(3)[y])
    assert temperature(certain, y) == pytest.approx(0.2, abs=0.01)
