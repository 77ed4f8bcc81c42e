"""Kernel ridge regression on curves, and trees that know what it says."""

import io
import json
import zipfile
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features.columns import Columns
from exafscn_flows.models import Average, KernelRidge, KernelTrees
from exafscn_flows.models.curve_kernel import CurveKernel, curves_and_slopes, fit_curves
from exafscn_flows.models.kernel_fitted import KernelClassifier, KernelRegressor
from exafscn_flows.models.likeness import likeness
from exafscn_flows.models.site_kernel import Fit, Kernel
from exafscn_flows.models.training_set import TrainingSet

ENERGY = np.arange(0.0, 20.0, 0.5)
KERNEL = Kernel(width=4.0, shared=0.8, ridge=3e-3)


def peaks(place: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Curves with one peak each, float32, shape (n, n_energy)."""
    curves: np.ndarray = height[:, None] * np.exp(-((ENERGY - place[:, None]) ** 2) / 8)
    return curves.astype(np.float32)


def sites(seed: int, size: int, n_absorbers: int = 0) -> TrainingSet:
    """Peaks whose place tells the class; the atoms around are told by the height as well."""
    rng = np.random.default_rng(seed)
    place, height = rng.uniform(6, 14, size), rng.uniform(0.8, 1.2, size)
    of = rng.integers(max(n_absorbers, 1), size=size)[:, None] == np.arange(n_absorbers)
    X = np.hstack([peaks(place, height), of.astype(np.float32)])
    return TrainingSet(
        X,
        (place > 10).astype(int) + (place > 12),
        np.arange(size) // 3,
        Columns(ENERGY),
        "classes",
        None,
        np.stack([place, height], axis=1),
        Columns(np.arange(2.0), (np.arange(2.0),)),
        n_absorbers,
    )


DATA = sites(0, 150)
NUMBERS = replace(DATA, y=np.asarray(DATA.auxiliary)[:, 0] / 5, task="numbers")
KIND = pytest.mark.parametrize(
    "model", [KernelRidge(), KernelTrees(first="atoms", trees={"n_estimators": 30})]
)


@KIND
def test_classes_and_numbers_of_new_sites(model: Any) -> None:
    new = sites(1, 200)
    assert (model.fit(DATA, 0).predict(new.X) == new.y).mean() > 0.9
    error = model.fit(NUMBERS, 0).predict(new.X) - np.asarray(new.auxiliary)[:, 0] / 5
    assert np.sqrt((error**2).mean()) < 0.1 * NUMBERS.y.std()


def test_likeness_falls_with_the_distance_and_between_absorbers() -> None:
    units = np.array([[0.0, 0.0], [3.0, 4.0]])
    absorbers = np.eye(2)
    found = likeness(units, absorbers, units, absorbers, 0.25)
    np.testing.assert_allclose(found, [[1, 0.25 * np.exp(-5)], [0.25 * np.exp(-5), 1]])
    alone = np.empty((2, 0))
    np.testing.assert_allclose(likeness(units, alone, units, alone, 0.25)[0, 1], np.exp(-5))


def test_slopes_do_not_run_from_one_curve_into_the_next() -> None:
    found = curves_and_slopes(np.array([[1.0, 2.0, 4.0, 7.0, 9.0]]), (3, 1, 1))
    np.testing.assert_allclose(found, [[1, 2, 4, 7, 9, 1, 1.5, 2, 0, 0]])


def test_without_slopes_features_are_no_curve_and_their_order_does_not_count() -> None:
    order, new = np.random.default_rng(3).permutation(len(ENERGY)), sites(1, 50)
    mixed, asked = replace(DATA, X=DATA.X[:, order]), new.X[:, order]
    said = {}
    for slopes in (True, False):
        model = KernelRidge(slopes=slopes)
        plain, turned = model.fit(DATA, 0), model.fit(mixed, 0)
        said[slopes] = plain.predict_proba(new.X)  # type: ignore[union-attr]
        same = np.allclose(said[slopes], turned.predict_proba(asked), atol=1e-4)  # type: ignore[union-attr]
        assert same is not slopes
        kept: Any = KernelRidge.load(KernelRidge.dump(plain))
        np.testing.assert_array_equal(kept.predict_proba(new.X), said[slopes])
    assert not np.allclose(said[True], said[False], atol=1e-3)


def test_leaving_a_formula_out_is_as_fitting_again_without_it() -> None:
    lengths, fit = fit_curves(DATA, KERNEL)
    wanted, matrix = np.asarray(DATA.auxiliary), fit.matrix()
    without = fit.solve_without(wanted, DATA.groups)
    whole, said = CurveKernel(lengths, without.kernel).predict(DATA.X), without.of_sites()
    assert not np.allclose(said, whole, atol=0.05)
    np.testing.assert_allclose(whole, CurveKernel(lengths, fit.solve(wanted)).predict(DATA.X))
    # Rows that are asked about beside those learned, such as copies, and out of their order.
    rows = np.random.default_rng(0).permutation(150)
    inputs = curves_and_slopes(DATA.X, lengths)[rows]
    none = np.empty((150, 0))
    others = without.of_others(inputs, none, DATA.groups[rows])
    np.testing.assert_allclose(others, said[rows], atol=1e-4)
    unknown = without.of_others(inputs, none, np.full(150, 1000))
    np.testing.assert_allclose(unknown, whole[rows], atol=1e-4)
    for group in (0, 17):
        own = DATA.groups == group
        weights = np.linalg.solve(matrix[np.ix_(~own, ~own)], wanted[~own] - wanted.mean(axis=0))
        again = wanted.mean(axis=0) + matrix[np.ix_(own, ~own)] @ weights
        np.testing.assert_allclose(said[own], again, atol=1e-8)


def test_an_absorber_of_few_sites_learns_from_others() -> None:
    """Of two absorbers whose peaks mean the same, one has two sites a class."""
    data = sites(0, 200, 2)
    few = np.flatnonzero(data.X[:, -1])
    left_out = np.concatenate([few[data.y[few] == one][2:] for one in range(3)])
    kept = np.setdiff1d(np.arange(200), left_out)
    new = sites(1, 300, 2)
    own = new.X[:, -1] == 1
    right = {
        shared: (
            KernelRidge(shared=shared).fit(data.part(kept), 0).predict(new.X[own]) == new.y[own]
        ).mean()
        for shared in (0.0, 0.8)
    }
    assert right[0.8] > right[0.0] + 0.1


def test_trees_learn_what_the_kernel_says_of_formulas_it_has_not_learned() -> None:
    """All labels are noise: what is said of known sites would lead the trees astray."""
    rng = np.random.default_rng(0)
    noise = replace(DATA, y=rng.integers(2, size=150))
    fitted = KernelTrees(first="atoms", trees={"n_estimators": 30}, ridge=1e-6).fit(noise, 0)
    # The columns of the kernel's classes, which tell known labels nearly for certain.
    n = fitted.kernel.n_outputs
    of_kernel = fitted.trees.feature_importances_[n - 2 : n].sum()
    assert of_kernel < 5 * 2 / fitted.trees.n_features_in_


def test_of_many_sites_some_are_drawn() -> None:
    fitted = KernelRidge(max_sites=40).fit(DATA, 3)
    assert len(fitted.kernel.sites.sites) == 40
    other = KernelRidge(max_sites=40).fit(DATA, 4)
    assert not np.array_equal(fitted.kernel.sites.sites, other.kernel.sites.sites)


def test_a_site_by_itself_is_refused() -> None:
    with pytest.raises(ItemFailure, match="there is one site"):
        KernelRidge().fit(DATA.part(np.array([0])), 0)


def test_curves_that_are_all_alike_say_how_frequent_classes_are() -> None:
    same = replace(DATA, X=np.ones_like(DATA.X))
    proba = KernelRidge().fit(same, 0).predict_proba(same.X[:2])
    np.testing.assert_allclose(proba, [np.bincount(DATA.y) / 150] * 2, atol=1e-3)


def test_probabilities_are_at_least_a_thousandth() -> None:
    proba = KernelRidge().fit(DATA, 0).predict_proba(DATA.X)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert 0.0005 < proba.min() < 0.0011


def test_a_model_from_a_file_predicts_the_same() -> None:
    for data in (DATA, NUMBERS, sites(0, 60, 2)):
        for model in (KernelRidge(), KernelTrees(first="atoms", trees={"n_estimators": 3})):
            fitted: Any = model.fit(data, 0)
            found: Any = model.load(model.dump(fitted))
            np.testing.assert_array_equal(found.predict(data.X), fitted.predict(data.X))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("weights.npy", lambda one: one[:-1]),
        ("weights.npy", lambda one: one * np.nan),
        ("weights.npy", lambda one: one.astype(np.float64)),
        ("weights.npy", lambda one: one[0]),
        ("scale.npy", lambda one: -one),
        ("classes.npy", lambda one: one[::-1]),
        ("classes.npy", lambda one: one.astype(float)),
    ],
)
def test_a_file_that_was_changed_is_refused(name: str, change: Any) -> None:
    data = rewritten(KernelRidge.dump(KernelRidge().fit(DATA, 0)), name, change)
    with pytest.raises(ValueError, match=r"kernel|fit together"):
        KernelRidge.load(data)


def test_a_learned_metric_is_kept_and_one_that_was_changed_is_refused() -> None:
    lengths, fit = fit_curves(DATA, KERNEL)
    turn = np.random.default_rng(0).normal(size=(fit.sites.shape[1], 5))
    wanted = np.asarray(DATA.auxiliary)[:, :1]
    model = KernelRegressor(CurveKernel(lengths, fit.turned(turn).solve(wanted)))
    data = KernelRidge.dump(model)
    kept: Any = KernelRidge.load(data)
    np.testing.assert_array_equal(kept.predict(DATA.X), model.predict(DATA.X))
    plain = KernelRegressor(CurveKernel(lengths, fit.solve(wanted)))
    assert not np.allclose(plain.predict(DATA.X), model.predict(DATA.X))
    for changed in (lambda one: one[:, 1:], lambda one: one * np.nan):
        with pytest.raises(ValueError, match="kernel"):
            KernelRidge.load(rewritten(data, "turn.npy", changed))


@pytest.mark.parametrize(
    "header",
    [
        {"version": 1},
        {"shared": 7.0},
        {"shared": "0.8"},
        {"lengths": [3]},
        {"lengths": [0, 40]},
        {"lengths": ["40"]},
    ],
)
def test_a_header_that_was_changed_is_refused(header: dict[str, Any]) -> None:
    whole = KernelRidge.dump(KernelRidge().fit(DATA, 0))

    def change(old: bytes) -> bytes:
        return json.dumps(json.loads(old) | header).encode()

    with pytest.raises(ValueError, match=r"version|kernel"):
        KernelRidge.load(rewritten(whole, "kernel.json", change))


def rewritten(data: bytes, name: str, change: Any) -> bytes:
    """Change one file of a zip: an array, or the bytes of its header."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(target, "w") as new:
        for one in old.namelist():
            content = old.read(one)
            if one == name and one.endswith(".npy"):
                file = io.BytesIO()
                np.save(file, change(np.load(io.BytesIO(content))))
                content = file.getvalue()
            elif one == name:
                content = change(content)
            new.writestr(one, content)
    return target.getvalue()


def test_kernel_trees_predict_what_they_are_told_of() -> None:
    with pytest.raises(ValueError, match="learn what their kernel predicts"):
        KernelTrees(first="atoms").fit(replace(DATA, auxiliary=None), 0)
    with pytest.raises(ValidationError, match="no parameters to search"):
        KernelTrees(first="atoms", search={"width": [1.0]})
    with pytest.raises(ValidationError, match="give it to kernel trees"):
        KernelTrees(first="atoms", trees={"per": "campaign"})


def test_both_are_members_of_an_average() -> None:
    members = [KernelRidge(), KernelTrees(first="atoms", trees={"n_estimators": 5})]
    model = Average(members=members)
    assert model.auxiliary == "atoms"
    fitted: Any = model.fit(DATA, 0)
    assert isinstance(fitted.members[0], KernelClassifier)
    mean = np.mean([one.predict_proba(DATA.X) for one in fitted.members], axis=0)
    np.testing.assert_allclose(fitted.predict_proba(DATA.X), mean)


def test_points_where_curves_hardly_differ_count_less() -> None:
    """Before an edge there is nothing but noise, a thousandth of what follows."""
    rng = np.random.default_rng(0)
    before = 1e-3 * rng.normal(size=(150, 10)).astype(np.float32)
    data = replace(DATA, X=np.hstack([before, DATA.X]), columns=Columns(np.arange(50.0)))
    spread = fit_curves(data, KERNEL)[1].sites.std(axis=0)
    # The last of them has the slope of the edge.
    assert spread[:9].max() < 0.1 * spread[18:42].mean()


def test_other_features_count_a_fifth_as_much_as_curves_and_keep_their_proportions() -> None:
    rng = np.random.default_rng(5)
    curves = np.cumsum(rng.normal(size=(60, 30)), axis=1)
    shares = rng.dirichlet([5, 3, 0.1], size=60)
    sites = Fit.of(np.hstack([curves, shares]), np.zeros((60, 0)), [30], KERNEL).sites
    by_curves, by_shares = (2 * one.var(axis=0).sum() for one in np.split(sites, [30], axis=1))
    assert by_curves == pytest.approx(1 / KERNEL.width**2, rel=1e-4)
    assert by_shares == pytest.approx(0.2 * by_curves, rel=1e-4)
    # A rare element counts by its share, not by how rare it is.
    spread = sites[:, 30:].std(axis=0)
    of_shares = shares.std(axis=0)
    np.testing.assert_allclose(spread / spread[0], of_shares / of_shares[0], rtol=1e-4)
