"""Models of curves: what they learn of them, how well, and what they keep."""

import hashlib
import io
import zipfile
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from exafscn_flows.errors import CampaignError
from exafscn_flows.evaluation.importance import gini_importance
from exafscn_flows.features.columns import Columns
from exafscn_flows.models import Average, ExtraTrees, KernelRidge, Mlp, RandomForest
from exafscn_flows.models.base import ModelBase
from exafscn_flows.models.canonical_zip import read_array, write_array
from exafscn_flows.models.curves import Components, FittedCurves
from exafscn_flows.models.persistence import dump_model, load_model
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.tasks import task_named

ENERGIES = np.linspace(-5, 30, 40)
MODELS = (
    ExtraTrees(n_estimators=20, max_features=0.5),
    RandomForest(n_estimators=20, max_features=0.5),
    Mlp(learning_rate=3e-3, dropout=0.0, max_epochs=15),
    KernelRidge(),
    Average(
        members=[
            ExtraTrees(n_estimators=10, max_features=0.5),
            Mlp(learning_rate=3e-3, dropout=0, max_epochs=15),
        ]
    ),
)
by_kind = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.kind)


def spectra(distances: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """XANES on paper: an edge, and a resonance at an energy that goes as 1/R² (Natoli's rule)."""
    place = 60 / distances**2 + shifts
    edge = 0.5 + np.arctan(ENERGIES - shifts[:, None]) / np.pi
    return edge + np.exp(-(((ENERGIES - place[:, None]) / 3) ** 2))


def problem(n: int = 240, n_absorbers: int = 0) -> TrainingSet:
    """Sites whose spectrum is a known function of their distances, and of the absorber."""
    rng = np.random.default_rng(0)
    distances = rng.uniform(1.8, 2.4, n)
    which = np.arange(n) % max(n_absorbers, 1)
    X = np.column_stack([distances, rng.normal(size=(n, 3))])
    if n_absorbers:
        X = np.hstack([X, np.eye(n_absorbers)[which]])
    y = spectra(distances, 2.0 * which)
    columns = Columns(np.arange(4.0))
    groups = np.array([f"g{i // 2}" for i in range(n)])
    return TrainingSet(
        X.astype(np.float32),
        y.astype(np.float32),
        groups,
        columns,
        "curves",
        n_absorbers=n_absorbers,
    )


def over_mean(model: ModelBase, data: TrainingSet) -> tuple[float, Any]:
    """R² over the mean curve of the training rows, of the last third, and the fitted model."""
    train = np.arange(len(data)) < 2 * len(data) // 3
    fitted: Any = model.fit(data.part(train), 0)
    test = data.part(~train)
    error = ((fitted.predict(test.X) - test.y) ** 2).sum()
    return 1 - error / ((test.y - data.part(train).y.mean(axis=0)) ** 2).sum(), fitted


@by_kind
def test_a_spectrum_that_follows_from_a_distance_is_learned(model: ModelBase) -> None:
    r2, fitted = over_mean(model, problem())
    assert r2 > 0.8
    assert fitted.predict(problem().X).shape == (240, 40)
    assert fitted.n_features_in_ == 4


def test_what_has_nothing_to_do_with_the_sites_is_not_learned() -> None:
    data = problem()
    order = np.random.default_rng(1).permutation(len(data))
    noise = replace(data, y=data.y[order])
    r2, _ = over_mean(KernelRidge(ridge=1.0), noise)
    assert r2 < 0.1


def test_each_absorber_has_its_mean_and_its_scale() -> None:
    data = problem(n_absorbers=3)
    rows = data.X[:, -3:].argmax(axis=1)
    # The second absorber varies ten times less than the others.
    y = data.y.astype(np.float64)
    small = rows == 1
    y[small] = y[small].mean(axis=0) + 0.1 * (y[small] - y[small].mean(axis=0))
    found = Components.of(
        TrainingSet(data.X, y, data.groups, data.columns, "curves", n_absorbers=3)
    )
    for one in range(3):
        np.testing.assert_allclose(found.means[one], y[rows == one].mean(axis=0), atol=1e-12)
        components = found.encode(y[rows == one], rows[rows == one])
        assert (components**2).sum(axis=1).mean() == pytest.approx(len(ENERGIES), rel=0.01)
    assert found.scales[1] == pytest.approx(found.scales[0] / 10, rel=0.2)
    # What the components leave out is a thousandth of the variance.
    rebuilt = found.decode(found.encode(y, rows), rows)
    left = ((rebuilt - y) / found.scales[rows][:, None]) ** 2
    assert left.mean() < 0.0011
    assert len(found.directions) < 20
    np.testing.assert_allclose(
        found.directions @ found.directions.T, np.eye(len(found.directions)), atol=1e-10
    )


def test_an_absorber_that_was_never_seen_has_the_mean_of_all() -> None:
    data = problem(n_absorbers=3)
    seen = data.part(data.X[:, -1] == 0)
    found = Components.of(seen)
    np.testing.assert_allclose(found.means[2], seen.y.astype(float).mean(axis=0), atol=1e-6)
    fitted: Any = ExtraTrees(n_estimators=5).fit(seen, 0)
    assert np.isfinite(fitted.predict(data.X)).all()


def test_equal_curves_are_predicted_as_they_are() -> None:
    data = problem(40)
    same = replace(data, y=np.tile(data.y[:1], (40, 1)))
    for model in (ExtraTrees(n_estimators=3), Mlp(max_epochs=1), KernelRidge()):
        fitted: Any = model.fit(same, 0)
        np.testing.assert_allclose(fitted.predict(data.X), same.y, atol=1e-5)


def test_the_spread_is_that_of_the_curves_of_the_trees() -> None:
    data = problem(120, n_absorbers=2)
    fitted: Any = ExtraTrees(n_estimators=12).fit(data, 0)
    rows = data.X[:, -2:].argmax(axis=1)
    curves = np.stack(
        [
            fitted.components.decode(tree.predict(data.X), rows)
            for tree in fitted.regressor.estimators_
        ]
    )
    wanted = np.sqrt(curves.var(axis=0).mean(axis=1))
    np.testing.assert_allclose(fitted.spread(data.X), wanted, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(fitted.predict(data.X), curves.mean(axis=0), atol=1e-9)
    output = task_named("curves").output(fitted, data.X, [])
    assert (output[:, -1] == fitted.spread(data.X)).all()
    network: Any = Mlp(max_epochs=1).fit(data, 0)
    assert (network.spread(data.X) == 0).all()


def test_a_network_is_not_carried_away_by_what_no_training_site_has() -> None:
    data = problem(120)
    trace = np.random.default_rng(3).random((120, 1), dtype=np.float32) * 1e-6
    rare = replace(data, X=np.hstack([data.X[:, :3], trace]))
    model = Mlp(learning_rate=3e-3, dropout=0, max_epochs=10)
    fitted: Any = model.fit(rare, 0)
    one = rare.X.copy()
    one[:, 3] = 1  # a million standard deviations
    assert np.abs(fitted.predict(one)).max() < 2 * np.abs(data.y).max()
    with pytest.raises(ValueError, match="not finite"):
        fitted.predict(np.where(one == 1, np.inf, one))


def test_trees_say_where_they_look() -> None:
    importance = gini_importance(ExtraTrees(n_estimators=20).fit(problem(), 0))
    assert importance is not None
    assert importance.argmax() == 0
    assert gini_importance(Mlp(max_epochs=1).fit(problem(60), 0)) is None


def test_a_search_chooses_by_curves() -> None:
    model = ExtraTrees(n_estimators=10, search={"max_features": [1, 1.0]})
    # Of one feature in four that are drawn, most say nothing.
    assert model.chosen(problem(), 0).max_features == 1.0  # type: ignore[attr-defined]


def reloaded(model: ModelBase, data: bytes) -> Any:
    return load_model(model.kind, data, hashlib.sha256(data).hexdigest())


def changed(data: bytes, **files: bytes | None) -> bytes:
    """Return a zip with other files, without those that are None."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            content = files.get(name.partition(".")[0], old.read(name))
            if content is not None:
                new.writestr(name, content)
    return file.getvalue()


@by_kind
def test_files_that_were_changed_are_refused(model: ModelBase) -> None:
    small = model.model_copy(update={"max_epochs": 1, "n_estimators": 2})
    fitted: Any = small.fit(problem(60, n_absorbers=2), 0)
    data = dump_model(model, fitted)
    assert reloaded(model, data).predict(problem(9, 2).X).tobytes() == (
        fitted.predict(problem(9, 2).X).tobytes()
    )
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        directions = read_array(file.read("directions.npy"))
    bad = np.full_like(directions, np.nan)
    for files in (
        {"directions": write_array(directions[:-1])},
        {"directions": write_array(bad)},
        {"directions": write_array(directions.astype(np.float32))},
        {"scales": write_array(np.zeros(2))},
        {"scales": write_array(np.ones(3))},
        {"means": write_array(np.ones((2, 3)))},
        {"curves": b'{"version":2,"n_absorbers":2}'},
        {"curves": b'{"version":1,"n_absorbers":0}'},
        {"curves": b'{"version":1,"n_absorbers":true}'},
        {"model": b"no model"},
        {"model": None},
    ):
        with pytest.raises(CampaignError):
            reloaded(model, changed(data, **files))
    with pytest.raises(CampaignError, match="checksum"):
        load_model(model.kind, data, "0" * 64)


def test_a_model_of_components_alone_is_no_model_of_curves() -> None:
    fitted: Any = ExtraTrees(n_estimators=2).fit(problem(30), 0)
    with pytest.raises(ValueError, match="do not fit together"):
        FittedCurves(fitted.components, fitted.regressor, 2)
    short = Components(
        fitted.components.means, fitted.components.scales, fitted.components.directions[:-1]
    )
    with pytest.raises(ValueError, match="do not fit together"):
        FittedCurves(short, fitted.regressor, 0)
