"""The network for near edges: it stands what measurements do, and its files are checked."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features.columns import Columns
from exafscn_flows.models import NearEdgeNetwork
from exafscn_flows.models.near_edge_augmentation import NearEdgeAugmentation, near_edges
from exafscn_flows.models.near_edge_fitted import NearEdgeClassifier
from exafscn_flows.models.training_set import TrainingSet

ENERGY = np.arange(-15.0, 18.01, 0.5)
STEP = 1 / (1 + np.exp(-ENERGY))
NONE = {
    name: 0.0 for name in ("clean", "broadening", "stretch", "shift", "contrast", "scale", "noise")
}


def problem(seed: int, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """A pre-edge peak and a low white line, or a high one; normalised mu(E)."""
    rng = np.random.default_rng(seed)
    y = rng.choice(2, n)
    pre = 0.3 * (1 - y) * np.exp(-0.5 * ((ENERGY[:, None] + 9) / 1.0) ** 2)
    white = (0.2 + 0.3 * y) * np.exp(-0.5 * ((ENERGY[:, None] - 4) / 2.0) ** 2)
    curves = STEP[:, None] + pre * rng.uniform(0.5, 1.5, n) + white * rng.uniform(0.8, 1.2, n)
    return curves.T.astype(np.float32), y


X, Y = problem(0)
DATA = TrainingSet(X, Y, np.arange(400) // 4, Columns(ENERGY), "classes")
SMALL = NearEdgeNetwork(epochs=8, n_networks=2)


@pytest.fixture(scope="module")
def fitted() -> Any:
    return SMALL.fit(DATA, 0)


PEAK = 0.5 * np.exp(-0.5 * ((ENERGY - 4) / 1.0) ** 2)


def only(curve: np.ndarray = STEP + PEAK, **settings: float) -> np.ndarray:
    """A curve, changed in one respect, many times."""
    changes = NearEdgeAugmentation(**{**NONE, **settings})
    return near_edges(np.tile(curve, (200, 1)), ENERGY, changes, np.random.default_rng(0))


def place(curves: np.ndarray) -> np.ndarray:
    """Where the white line is, eV, by its highest points."""
    high = curves - STEP
    top = ENERGY[high.argmax(axis=1)]
    near = np.abs(ENERGY - top[:, None]) < 1.6
    found: np.ndarray = (high * near * ENERGY).sum(axis=1) / (high * near).sum(axis=1)
    return found


def test_each_change_does_what_its_name_says() -> None:
    plain = only()
    np.testing.assert_allclose(plain, np.tile(plain[:1], (200, 1)))
    assert place(plain).std() < 1e-6
    assert place(only(shift=0.7)).std() == pytest.approx(0.7, rel=0.25)
    # Energies are scaled from the edge on: 4 eV move by 4 %.
    assert place(only(stretch=0.04)).std() == pytest.approx(0.16, rel=0.3)
    heights = (only(contrast=0.2) - STEP).max(axis=1)
    assert heights.std() / heights.mean() == pytest.approx(0.2, rel=0.25)
    ends = only(scale=0.03)[:, -1]
    assert 0.02 < ends.std() < 0.06
    assert only(noise=0.01)[:, 0].std() == pytest.approx(0.01, rel=0.25)
    broad = only(PEAK, broadening=2.0)
    # The widest are a Gaussian of sqrt(1 + 4) instead of 1 eV.
    assert broad.max(axis=1).min() == pytest.approx(0.5 / np.sqrt(5), rel=0.15)
    assert broad.max(axis=1).max() == pytest.approx(0.5, rel=0.01)


def test_it_learns_and_stands_what_measurements_are_like(fitted: Any) -> None:
    rows, y = problem(1)
    assert (fitted.predict(rows) == y).mean() > 0.97
    changes = NearEdgeAugmentation(clean=0.0)
    seen = near_edges(rows, ENERGY, changes, np.random.default_rng(0))
    assert (fitted.predict(seen) == y).mean() > 0.9
    plain: Any = SMALL.model_copy(update={"changes": NearEdgeAugmentation(clean=1.0)}).fit(DATA, 0)
    moved = near_edges(
        rows, ENERGY, NearEdgeAugmentation(clean=0.0, shift=2.0), np.random.default_rng(0)
    )
    assert (fitted.predict(moved) == y).mean() > (plain.predict(moved) == y).mean() + 0.02


def test_other_features_are_taken_as_they_are(fitted: Any) -> None:
    assert fitted.n_features_in_ == len(ENERGY)
    # Nothing but the last two columns tells the class.
    same, hot = np.tile(X[:1], (400, 1)), np.eye(2, dtype=np.float32)[Y]
    both: Any = SMALL.fit(replace(DATA, X=np.hstack([same, hot]), n_absorbers=2), 0)
    said = both.predict(np.hstack([same[:2], np.eye(2, dtype=np.float32)]))
    assert said.tolist() == [0, 1]


def test_energies_in_unequal_steps_are_no_near_edge() -> None:
    with pytest.raises(ItemFailure, match="equal steps"):
        SMALL.fit(replace(DATA, columns=Columns(ENERGY**3)), 0)
    with pytest.raises(ItemFailure, match="there is one site"):
        SMALL.fit(DATA.part(np.array([0])), 0)


def test_what_does_not_fit_together_is_refused(fitted: NearEdgeClassifier) -> None:
    with pytest.raises(ValueError, match="energies"):
        replace(fitted, n_axis=1000)
    with pytest.raises(ValueError, match="energies"):
        replace(fitted, step=-1.0)
    with pytest.raises(ValueError, match="classes"):
        replace(fitted, classes_=fitted.classes_[::-1])
    with pytest.raises(ValueError, match="finite"):
        fitted.predict(X * np.nan)
    with pytest.raises(ValueError, match="features have shape"):
        fitted.predict(X[:, 1:])
