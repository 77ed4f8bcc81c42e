"""The model of the package in a campaign: what it names, what it keeps, what corrects it."""

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exafscn_flows.errors import CampaignError, ItemFailure
from exafscn_flows.features.columns import Columns
from exafscn_flows.models import Average, PretrainedNetwork
from exafscn_flows.models.correction import corrected, correction
from exafscn_flows.models.persistence import load_model
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.pretrained import general_card, load_general
from exafscn_flows.tasks.fitted import has_seen

DATA = Path(__file__).parents[2] / "data"
K = 0.05 * np.arange(1, 321)
CLASSES = tuple(general_card()["classes"])
UNKNOWN = ["NiS", "CuO", "CuS", "CuP"]
"""Formulas that it was not trained on."""


def features(name: str) -> np.ndarray:
    """Return k^2 chi(k) that FEFF has computed."""
    found = np.load(DATA / f"feff_{name}.npz")
    return (K**2 * np.interp(K, found["k"], found["chi"])).astype(np.float32)


NIO, COPPER = features("nio"), features("fcc_cu")
RNG = np.random.default_rng(0)


def sites(X: np.ndarray, absorbers: tuple[str, ...] = ("Ni",), **changes: Any) -> TrainingSet:
    n_absorbers = len(absorbers) if len(absorbers) > 1 else 0
    y = np.full(len(X), CLASSES.index(6))
    groups = np.resize(UNKNOWN, len(X))
    data = TrainingSet(X, y, groups, Columns(K), "classes", n_absorbers=n_absorbers)
    return replace(data, **{"classes": CLASSES, "absorbers": absorbers, **changes})


def fitted(data: TrainingSet, **settings: Any) -> Any:
    return PretrainedNetwork(**settings).fit(data, 0)


def noisy(n: int) -> np.ndarray:
    return (NIO + 0.5 * RNG.normal(size=(n, len(K)))).astype(np.float32)


def test_it_names_the_neighbours_of_feffs_spectra() -> None:
    for spectrum, absorber, cn in ((NIO, "Ni", 6), (COPPER, "Cu", 12)):
        model = fitted(sites(spectrum[None], (absorber,)))
        assert CLASSES[model.predict(spectrum[None])[0]] == cn
        assert model.predict_proba(spectrum[None]).max() > 0.7


def test_of_several_absorbers_each_row_is_asked_as_its_own() -> None:
    alone = [
        fitted(sites(one[None], (absorber,))).predict_proba(one[None])[0]
        for one, absorber in ((NIO, "Ni"), (COPPER, "Cu"))
    ]
    # In another order than that of the model, and with features between that mean nothing to it.
    both = np.hstack([[NIO, COPPER], RNG.normal(size=(2, 7)), [[0, 1], [1, 0]]])
    parts = Columns(np.append(K, np.arange(7.0)), (K, np.arange(7.0)))
    data = sites(both.astype(np.float32), ("Cu", "Ni"), columns=parts)
    np.testing.assert_allclose(fitted(data).predict_proba(data.X), alone, atol=1e-6)
    assert not np.allclose(alone[0], fitted(sites(NIO[None], ("Zn",))).predict_proba(NIO[None]))


def test_of_fewer_classes_probabilities_are_on_condition_of_them() -> None:
    X = noisy(5)
    every = fitted(sites(X)).predict_proba(X)
    fewer = fitted(sites(X, classes=(4, 6, 99)))
    assert fewer.classes_.tolist() == [0, 1]  # 99 is nothing that it could name
    kept = every[:, [CLASSES.index(4), CLASSES.index(6)]]
    np.testing.assert_allclose(fewer.predict_proba(X), kept / kept.sum(axis=1, keepdims=True))
    assert PretrainedNetwork().classes_with([6, 99]) == [*CLASSES, 99]


def test_absorbers_that_it_does_not_know_are_refused() -> None:
    for absorbers in (("Mo",), ("Ni", "Mo")):
        with pytest.raises(ItemFailure, match="does not know Mo: it knows Ti, V") as error:
            fitted(sites(np.zeros((3, 322), dtype=np.float32), absorbers))
        assert error.value.kind == "unknown_absorber"


def test_its_file_names_the_card_and_holds_no_weights() -> None:
    model = fitted(sites(noisy(40)), refine=True)
    data = PretrainedNetwork.dump(model)
    assert len(data) < 20_000
    content = json.loads(data)
    assert content["model"] == "general"
    loaded = PretrainedNetwork.load(data)
    np.testing.assert_array_equal(loaded.predict_proba(NIO[None]), model.predict_proba(NIO[None]))


def test_a_file_about_another_card_is_refused_in_one_line() -> None:
    content = json.loads(PretrainedNetwork.dump(fitted(sites(noisy(1)))))
    for change in ({"sha256": "0" * 64}, {"model": "special"}):
        with pytest.raises(CampaignError, match="of the package, which has general with") as error:
            load(json.dumps(content | change).encode())
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"axis": [0.0, 1.0]},
        {"axis": []},
        {"absorbers": ["Mo"]},
        {"absorbers": []},
        {"values": [6]},
        {"values": [99], "numbers": [0]},
        {"numbers": [-1], "values": [6]},
        {"n_features": 10},
        {"correction": [1.0]},
        {"correction": [float("nan")] * 18},
    ],
)
def test_a_file_made_by_hand_is_refused(change: dict[str, Any]) -> None:
    content = json.loads(PretrainedNetwork.dump(fitted(sites(noisy(1)))))
    with pytest.raises(CampaignError, match="cannot be read as one of kind pretrained"):
        load(json.dumps(content | change).encode())


def load(data: bytes) -> Any:
    return load_model("pretrained", data, hashlib.sha256(data).hexdigest())


def test_another_card_makes_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = PretrainedNetwork().parameters()
    changed = general_card() | {"date": "2000-01-01"}
    monkeypatch.setattr("exafscn_flows.pretrained.general_card", lambda: changed)
    assert PretrainedNetwork().parameters() != before


def test_without_sites_a_correction_changes_nothing_and_with_few_little() -> None:
    proba = RNG.dirichlet(np.ones(4), size=300)
    nothing = correction(proba[:0], np.empty(0, dtype=int))
    np.testing.assert_allclose(corrected(proba, nothing), proba, atol=1e-3)
    few = corrected(proba, correction(proba[:3], np.array([0, 1, 2])))
    many = corrected(proba, correction(proba, np.zeros(300, dtype=int)))
    assert 0.001 < np.abs(few - proba).mean() < 0.1
    assert many[:, 0].min() > 0.7


def test_a_correction_finds_how_frequent_classes_are_and_how_sure_the_model_should_be() -> None:
    """Labels are drawn from what a model says of other shares of the classes, and half as sure."""
    rng = np.random.default_rng(1)
    truth = rng.dirichlet(np.full(4, 0.4), size=1200)
    y = np.array([rng.choice(4, p=one) for one in truth])
    shares = np.array([8.0, 1.0, 1.0, 0.25])
    said = (np.maximum(truth, 0.01) / shares) ** 2
    said /= said.sum(axis=1, keepdims=True)
    found = corrected(said[600:], correction(said[:600], y[:600]))

    def loss(proba: np.ndarray) -> float:
        return -float(np.log(np.maximum(proba[np.arange(600), y[600:]], 0.01)).mean())

    assert loss(found) < loss(said[600:]) - 0.2
    assert loss(found) < loss(truth[600:]) + 0.05


def test_refining_learns_from_new_formulas_alone() -> None:
    X = noisy(60)
    y = np.full(60, CLASSES.index(4))  # which it would not say of one of them
    plain = fitted(sites(X, y=y)).predict(X)
    assert (plain != y).all()
    refined = fitted(sites(X, y=y), refine=True)
    assert (refined.predict(X) == y).mean() > 0.9
    seen = fitted(sites(X, y=y, groups=np.full(60, "NiO")), refine=True)
    np.testing.assert_array_equal(seen.predict(X), plain)


def test_in_an_average_it_says_what_it_has_seen_and_all_it_knows() -> None:
    members = [{"kind": "extra_trees", "n_estimators": 3}, {"kind": "pretrained"}]
    average = Average.model_validate({"members": members})
    assert (average.learns, average.tasks) == ("coordination_number", {"classes"})
    assert [(part, one.takes) for part, one in average.taken(())] == [(None, "k_space")]
    assert average.classes_with([6]) == list(CLASSES)
    X = noisy(20)
    data = sites(X, y=np.resize([CLASSES.index(4), CLASSES.index(6)], 20))
    model: Any = average.fit(data, 0)
    trees, shipped = (one.predict_proba(X) for one in model.members)
    found = model.predict_proba(X)
    assert model.classes_.tolist() == list(range(len(CLASSES)))
    # Trees know two of the classes.
    wide = np.zeros_like(shipped)
    wide[:, model.members[0].classes_] = trees
    np.testing.assert_allclose(found, (wide + shipped) / 2)
    loaded: Any = Average.load(Average.dump(model))
    np.testing.assert_array_equal(loaded.predict_proba(X), found)
    assert has_seen(loaded, ["NiO", "NiS"]).tolist() == [True, False]
    assert has_seen(model.members[0], ["NiO", "NiS"]).tolist() == [False, False]


def test_neither_torch_nor_pymatgen_is_needed() -> None:
    code = (
        "import sys, json; import numpy as np;"
        "from exafscn_flows.models import PretrainedNetwork;"
        "from exafscn_flows.models.training_set import TrainingSet;"
        "from exafscn_flows.features.columns import Columns;"
        "k = 0.05 * np.arange(1, 321); X = np.sin(4 * k)[None] * np.ones((9, 1));"
        "d = TrainingSet(X, np.zeros(9, int), np.array(['NiS'] * 9), Columns(k), 'classes',"
        " classes=(4, 6), absorbers=('Ni',));"
        "m = PretrainedNetwork(refine=True).fit(d, 0); m.predict_proba(X);"
        "PretrainedNetwork.load(PretrainedNetwork.dump(m)); print(json.dumps(list(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert not {"torch", "larch", "pymatgen"} & set(json.loads(found.stdout))


def test_the_formulas_of_the_card_are_those_of_its_model() -> None:
    model = load_general()
    assert has_seen(fitted(sites(noisy(1))), ["NiO"]).tolist() == [True]
    assert not model.has_seen(UNKNOWN).any()
