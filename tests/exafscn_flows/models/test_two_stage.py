"""Two stages: the atoms around a site, and what is learned from them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.special import ndtr

from exafscn_flows.errors import CampaignError, ItemFailure
from exafscn_flows.features.columns import Columns
from exafscn_flows.models import Average, ExtraTrees, SpectralNetwork, TwoStage
from exafscn_flows.models.base import ModelBase
from exafscn_flows.models.fourier import radii
from exafscn_flows.models.persistence import dump_model
from exafscn_flows.models.site_kernel import SiteKernel
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.models.two_stage_fitted import spectral_inputs
from exafscn_flows.models.two_stage_training import fit_first, with_copies

N = 120
K = np.arange(2.0, 12.001, 0.05)
R = np.arange(1.0, 4.001, 0.1)


def shells(r: np.ndarray, n: np.ndarray) -> np.ndarray:
    """k^2 chi(k) of shells of n atoms at r, Å, each shape (n_sites, n_shells)."""
    waves = np.sin(2 * K * r[:, :, None]) * (n / r**2)[:, :, None]
    curves: np.ndarray = (waves.sum(axis=1) * K * np.exp(-0.01 * K**2)).astype(np.float32)
    return curves


def around(r: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Atoms up to each distance, shape (n_sites, n_r)."""
    found: np.ndarray = (n[:, :, None] * ndtr((R - r[:, :, None]) / 0.1)).sum(axis=1)
    return found


def sites(seed: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spectra, atoms around, and whether the first shell has six."""
    rng = np.random.default_rng(seed)
    y = rng.choice(2, size)
    r = np.stack([1.9 + 0.1 * rng.normal(size=size), rng.uniform(2.6, 3.4, size)], axis=1)
    n = np.stack([4.0 + 2 * y, rng.choice([2.0, 6.0, 12.0], size)], axis=1)
    return shells(r, n), around(r, n), y


X, ATOMS, Y = sites(0, N)
GROUPS = np.arange(N) // 4
DATA = TrainingSet(X, Y, GROUPS, Columns(K), "classes", None, ATOMS, Columns(R, (R,)))


def model(**keys: Any) -> TwoStage:
    plain = {"first": "running_coordination", "second": {"n_estimators": 20}, "n_copies": 1}
    return TwoStage(**{**plain, **keys})


def first(data: TrainingSet = DATA, **keys: Any) -> tuple[SiteKernel, np.ndarray]:
    """The first stage, and what it says of spectra of which it has not learned the formula."""
    inputs = spectral_inputs(X, K)
    learned = np.arange(N)
    return fit_first(model(**keys), data, inputs, np.empty((N, 0)), GROUPS, learned)


def test_chi_of_r_peaks_where_the_atoms_are() -> None:
    curve = shells(np.array([[2.4]]), np.array([[6.0]]))
    made = spectral_inputs(np.hstack([curve, [[0.5]]]), K)[0]
    real, imaginary, size = made[:-1].reshape(3, -1)
    np.testing.assert_allclose(size, np.hypot(real, imaginary), rtol=1e-4, atol=1e-6)
    assert radii()[size.argmax()] == pytest.approx(2.4, abs=0.06)
    assert made[-1] == 0.5


def test_the_first_stage_tells_the_atoms_around_new_sites() -> None:
    spectra, truth, _ = sites(1, 300)
    said = first()[0].predict(spectral_inputs(spectra, K), np.empty((300, 0)))
    error = said[:, : len(R)] - truth
    spread = truth - ATOMS.mean(axis=0)
    assert (error**2).sum() < 0.2 * (spread**2).sum()


def test_noise_is_not_learned_from_oneself() -> None:
    noise = np.random.default_rng(1).normal(size=(N, 1))
    stage, said = first(replace(DATA, auxiliary=noise), ridge=1e-9, width=0.3)
    seen = stage.predict(spectral_inputs(X, K), np.empty((N, 0)))
    assert np.corrcoef(seen[:, 0], noise[:, 0])[0, 1] > 0.9
    assert abs(np.corrcoef(said[:, 0], noise[:, 0])[0, 1]) < 0.3


def test_of_copies_and_of_sites_left_out_nothing_is_said_by_their_own_formula() -> None:
    """Noise that a formula has in common: copies of its sites must not tell it either."""
    noise = np.random.default_rng(1).normal(size=(N // 4, 1))[GROUPS]
    data = replace(DATA, auxiliary=noise)
    rows = with_copies(data, 1, 0.001, np.random.default_rng(0))
    inputs = spectral_inputs(rows.X, K)
    settings = model(ridge=1e-9, width=0.3)
    none, learned = np.empty((2 * N, 0)), np.arange(0, N, 2)
    stage, said = fit_first(settings, data, inputs, none, rows.groups, learned)
    both = np.tile(noise[:, 0], 2)
    seen = stage.predict(inputs, none)[:, 0]
    known = np.tile(np.arange(N) % 2 == 0, 2)
    assert np.corrcoef(seen[known], both[known])[0, 1] > 0.9
    assert abs(np.corrcoef(said[:, 0], both)[0, 1]) < 0.3


def test_labels_in_doubt_are_learned_as_what_their_weights_say() -> None:
    shares = np.full((N, 2), 0.5)
    said = {
        softness: first(replace(DATA, shares=shares), softness=softness)[1][:, len(R) :]
        for softness in (0.0, 1.0)
    }
    np.testing.assert_allclose(said[1.0], 0.5, atol=1e-6)
    assert (said[0.0].argmax(axis=1) == Y).mean() > 0.8


def test_copies_are_as_if_all_distances_were_longer() -> None:
    r, n = np.array([[1.9, 3.0]]), np.array([[6.0, 8.0]])
    one = TrainingSet(
        shells(r, n), Y[:1], GROUPS[:1], Columns(K), "classes", None, around(r, n), Columns(R, (R,))
    )
    both = with_copies(one, 1, 0.04, np.random.default_rng(3))
    assert len(both) == 2
    np.testing.assert_array_equal(both.X[0], one.X[0])
    size = spectral_inputs(both.X, K)[:, 2 * len(radii()) : 3 * len(radii())]
    factor = 1 + 0.04 * (2 * np.random.default_rng(3).random() - 1)
    assert abs(factor - 1) > 0.02
    truth = spectral_inputs(shells(r * factor, n), K)[:, 2 * len(radii()) :]
    assert np.corrcoef(size[1], truth[0])[0, 1] > 0.98
    # Other features, such as the absorber, stay as they are, and so do labels and formulas.
    wide = replace(one, X=np.hstack([one.X, [[0.0, 1.0]]]))
    copies = with_copies(wide, 3, 0.04, np.random.default_rng(0))
    np.testing.assert_array_equal(copies.X[:, -2:], [[0, 1]] * 4)
    assert (copies.groups == GROUPS[0]).all()
    assert (copies.y == Y[0]).all()


def test_two_stages_learn_from_the_first() -> None:
    spectra, _, truth = sites(1, 400)
    fitted: Any = model().fit(DATA, 0)
    joined = fitted.joined(spectra)
    assert joined.shape == (400, len(R) + 2 + 3 * len(radii()))
    right = (fitted.predict(spectra) == truth).mean()
    assert right > 0.9
    # What the first stage says comes first: of another site, it misleads the trees.
    joined[:, : len(R) + 2] = joined[::-1, : len(R) + 2]
    assert (fitted.second.predict(joined) == truth).mean() < right


def test_which_absorber_a_row_is_of_stays_last() -> None:
    hot = np.eye(2, dtype=np.float32)[np.arange(N) % 2]
    both = replace(DATA, X=np.hstack([X, hot]), n_absorbers=2)
    fitted: Any = model(second={"n_estimators": 5, "class_weight": 0.5}).fit(both, 0)
    np.testing.assert_array_equal(fitted.joined(both.X)[:, -2:], hot)


def test_numbers_are_learned_without_copies() -> None:
    """A bond length would change with all distances."""
    numbers = replace(DATA, y=ATOMS[:, 5], task="numbers")
    some, none = (model(n_copies=n).fit(numbers, 0) for n in (3, 0))
    assert dump_model(model(), some) == dump_model(model(), none)


def test_a_part_of_the_sites_keeps_what_is_theirs() -> None:
    rows = GROUPS < 10
    part = DATA.part(rows)
    assert part.auxiliary is not None
    np.testing.assert_array_equal(part.auxiliary, ATOMS[rows])


def _said(fitted: Any, rows: np.ndarray) -> np.ndarray:
    proba: np.ndarray = fitted.predict_proba(rows)
    return proba


@pytest.mark.parametrize("kind", [TwoStage, SpectralNetwork])
def test_what_follows_chi_in_a_concatenation_is_taken_as_it_is(kind: type[ModelBase]) -> None:
    short: dict[str, Any] = {"epochs": 2} if kind is SpectralNetwork else {}
    one = kind(**short) if kind is SpectralNetwork else model()
    others = np.random.default_rng(0).normal(size=(N, 2)).astype(np.float32)
    beyond = replace(DATA, X=np.hstack([X, others]))
    n = len(K) + 2
    both = replace(beyond, columns=Columns(np.arange(float(n)), (K, np.arange(2.0))))
    fitted = one.fit(both, 0)
    assert fitted.n_features_in_ == n
    again = one.fit(beyond, 0)
    np.testing.assert_array_equal(_said(fitted, both.X), _said(again, both.X))
    moved = both.X + np.append(np.zeros(len(K)), [3, 3]).astype(np.float32)
    assert (_said(fitted, moved) != _said(fitted, both.X)).any()


def test_it_is_told_what_it_predicts_first_and_takes_k() -> None:
    with pytest.raises(ValueError, match="learns what its first stage predicts"):
        model().fit(replace(DATA, auxiliary=None), 0)
    with pytest.raises(ItemFailure, match="k is not positive") as caught:
        model().fit(replace(DATA, columns=Columns(K - 2)), 0)
    assert caught.value.kind == "no_curve"


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


@pytest.mark.parametrize(
    "arrays",
    [
        {"scale": np.zeros(300, dtype=np.float32)},
        {"turn": np.zeros((300, 7), dtype=np.float32)},
        {"offset": np.full(len(R) + 2, np.nan, dtype=np.float32)},
        {"weights": np.zeros((N, 3), dtype=np.float32)},
        {"mean": np.zeros(300)},
    ],
)
def test_arrays_that_cannot_be_used_are_refused(arrays: dict[str, Any]) -> None:
    stage, _ = first()
    with pytest.raises(ValueError, match="kernel"):
        SiteKernel(**{**vars(stage), **arrays})


def test_one_site_is_too_few() -> None:
    with pytest.raises(ItemFailure, match="there is one site"):
        model().fit(DATA.part(np.array([0])), 0)


def test_stages_that_do_not_fit_together_are_refused() -> None:
    fitted: Any = model().fit(DATA, 0)
    with pytest.raises(ValueError, match="equal steps"):
        replace(fitted, k=K**2)
    with pytest.raises(ValueError, match="do not fit together"):
        replace(fitted, second=ExtraTrees(n_estimators=2).fit(DATA, 0))


def test_a_file_of_another_kind_is_refused() -> None:
    fitted = ExtraTrees(n_estimators=2).fit(DATA, 0)
    with pytest.raises(TypeError, match="no model of two stages"):
        dump_model(model(), fitted)
    file: bytes = dump_model(ExtraTrees(n_estimators=2), fitted)
    kind: type[ModelBase] = TwoStage
    with pytest.raises((CampaignError, ValueError, KeyError)):
        kind.load(file)
