"""The experiments of a study: made once, dropped when out of date, failures recorded."""

from typing import Any

import numpy as np
import pytest
from crystals import polymorphs
from pydantic import ValidationError

from exafscn_flows.jobs.experiments import experiments
from exafscn_flows.jobs.fits import wanted_experiments, wanted_fits
from exafscn_flows.jobs.status import campaign_status
from exafscn_flows.jobs.train import train
from exafscn_flows.keys import ALL
from exafscn_flows.store.documents import FailureDoc
from exafscn_flows.store.results import ExperimentDoc, MetricsDoc

CN = "coordination_number"
FOREST = {"kind": "random_forest", "n_estimators": 5}
MLP = {"kind": "mlp", "max_epochs": 1}
STUDY = {
    "importance": ["random_forest"],
    "rmax": [2.0, 99.0],
    "rmin": [3.0],
    "learning_curve": [0.5, 1.0],
}
KEYS = {
    f"{CN}/Ni/r_space/random_forest/{name}"
    for name in ("importance", "rmax/2.0", "rmax/99.0", "rmin/3.0", "learning_curve/0.5")
} | {f"{CN}/Ni/r_space/random_forest/learning_curve/1.0"}


def made(store: Any) -> dict[str, ExperimentDoc]:
    return {doc.key: doc for doc in store.find(ExperimentDoc, {})}


def counts(store: Any, *, made: int = 0, skipped: int = 0, up_to_date: int = 0) -> None:
    """Run the job: so much is made, and the status says that nothing is left."""
    found = experiments.original("test", "Ni")
    assert found == {"made": made, "skipped": skipped, "up to date": up_to_date}
    every = campaign_status(store, "test").counts
    (stage,) = (c for c in every if (c.stage, c.absorber) == ("experiments", "Ni"))
    failed = store.count(FailureDoc, {"stage": "experiments"})
    done = made + skipped + up_to_date - failed
    assert (stage.done, stage.failed, stage.pending) == (done, failed, 0)


def test_experiments_are_made_once_and_agree_with_the_metrics(with_features, store):
    with_features(polymorphs("Ni"), models=[FOREST], study=STUDY)
    train.original("test", "Ni")
    counts(store, made=6)
    found = made(store)
    assert set(found) == KEYS
    (metrics,) = store.find(MetricsDoc, {"feature_set": "r_space"})
    grouped = metrics.splits["grouped"]
    # All formulas, or all of R, is the fit that the metrics are of.
    for name in ("learning_curve/1.0", "rmax/99.0", "importance"):
        doc = found[f"{CN}/Ni/r_space/random_forest/{name}"]
        assert doc.scores == {name: grouped[name] for name in doc.scores}
        assert {"accuracy", "accuracy_std", "macro_f1"} == set(doc.scores)
        assert doc.n_train == 4
    assert found[f"{CN}/Ni/r_space/random_forest/learning_curve/0.5"].n_train == 2
    importance = found[f"{CN}/Ni/r_space/random_forest/importance"]
    assert importance.bands is not None
    assert importance.drop is not None
    np.testing.assert_array_equal(importance.bands, np.arange(0, 10.5, 0.5))
    assert importance.drop.shape == (20,)
    assert importance.gradients is None

    counts(store, up_to_date=6)
    again = made(store)
    assert {key: doc.created_at for key, doc in again.items()} == {
        key: doc.created_at for key, doc in found.items()
    }


def test_experiments_are_made_again_when_what_they_come_from_changes_and_not_else(
    with_features, store
):
    def hashes(**changes: Any) -> dict[str, str]:
        config = with_features(**{"models": [FOREST, MLP], "study": STUDY, **changes})
        return {one.key: one.hash for one in wanted_experiments(store, config, "Ni")}

    with_features(polymorphs("Ni"))
    before = hashes()
    same = [
        {"evaluation": {"n_folds": 2, "chemical_systems": True}},
        {"models": [MLP, FOREST], "study": STUDY | {"curves": ["random_forest"]}},
        {"models": [FOREST | {"feature_sets": ["r_space"]}, MLP | {"max_epochs": 2}]},
        {"study": STUDY | {"feature_set": "r_space"}},
    ]
    for changes in same:
        assert hashes(**changes) == before, changes
    other = [
        {"evaluation": {"n_folds": 3}},
        {"evaluation": {"n_folds": 2, "seed": 1}},
        {"models": [FOREST | {"n_estimators": 6}]},
        {"models": [FOREST | {"search": {"n_estimators": [5]}}]},
        {"features": {"xftf": {"kmax": 11.0}}},
    ]
    for changes in other:
        found = hashes(**changes)
        assert set(found) == set(before)
        assert all(found[key] != before[key] for key in before), changes
    assert len({*before.values()}) == len(before)


def test_a_new_element_beside_the_others_and_alone(with_features, store):
    crystals = polymorphs("Ni") | polymorphs("Cu")
    joint = {"kind": "extra_trees", "n_estimators": 5, "per": "campaign"}
    study = {"few_shot": [0, 2, 99]}
    with_features(crystals, absorbers=["Ni", "Cu"], models=[FOREST, joint], study=study)
    for absorber in ("Ni", "Cu", ALL):
        train.original("test", absorber)
    counts(store, made=6)
    found = made(store)
    key = f"{CN}/Ni/r_space/extra_trees"
    names = ("few_shot/0.0", "few_shot/2.0", "few_shot/99.0", "few_shot_alone/2.0")
    assert {f"{key}/{name}" for name in (*names, "few_shot_alone/99.0")} < set(found)
    trained = {name: found[f"{key}/{name}"].n_train for name in names}
    assert trained == dict(zip(names, (0, 2, 4, 2), strict=True))
    # With all of its sites it is the model that the metrics are of.
    (metrics,) = store.find(
        MetricsDoc, {"feature_set": "r_space", "model": "extra_trees", "absorber": "Ni"}
    )
    scores = found[f"{key}/few_shot/99.0"].scores
    assert scores == {name: metrics.splits["grouped"][name] for name in scores}
    counts(store, up_to_date=6)
    # What changes at another absorber changes what is learned beside it.
    store.database.labels.update_one({"absorber": "Cu"}, {"$set": {"value": 5}})
    counts(store, made=6)


def test_what_the_study_no_longer_asks_for_is_dropped(with_features, store):
    with_features(polymorphs("Ni"), models=[FOREST], study=STUDY)
    counts(store, made=6)
    before = made(store)
    with_features(models=[FOREST], study=STUDY | {"rmax": [2.0, 4.0], "learning_curve": []})
    counts(store, made=1, up_to_date=3)
    found = made(store)
    gone = {"rmax/99.0", "learning_curve/0.5", "learning_curve/1.0"}
    stay = KEYS - {f"{CN}/Ni/r_space/random_forest/{name}" for name in gone}
    assert set(found) == stay | {f"{CN}/Ni/r_space/random_forest/rmax/4.0"}
    assert all(found[key].created_at == before[key].created_at for key in stay)
    # Without a study, or without the absorber, the planner drops all of them.
    with_features(models=[FOREST])
    assert not made(store)


def test_experiments_go_with_their_absorber(with_features, store):
    both = polymorphs("Ni") | polymorphs("Cu")
    with_features(both, absorbers=["Ni", "Cu"], models=[FOREST], study=STUDY)
    for absorber in ("Ni", "Cu"):
        experiments.original("test", absorber)
    assert len(made(store)) == 12
    with_features(absorbers=["Ni"], models=[FOREST], study=STUDY)
    assert set(made(store)) == KEYS


def test_one_that_cannot_be_fitted_is_a_failure_and_tried_again_when_asked(with_features, store):
    # Half of the training formulas is one, and a network that watches itself needs two.
    study = {"importance": ["random_forest"], "curves": ["mlp"], "learning_curve": [0.5, 1.0]}
    with_features(polymorphs("Ni"), models=[FOREST, MLP], study=study)
    counts(store, made=2, skipped=1)
    (failure,) = store.find(FailureDoc, {})
    assert failure.stage == "experiments"
    assert failure.item == f"{CN}/Ni/r_space/mlp/learning_curve/0.5"
    assert (failure.absorber, failure.kind) == ("Ni", "too_few_sites")
    counts(store, up_to_date=3)
    assert store.read(FailureDoc, "test", [failure.key])[failure.key] == failure
    store.forget_failures("test")
    assert not campaign_status(store, "test").complete
    counts(store, skipped=1, up_to_date=2)
    # With another study its failure is out of date.
    with_features(models=[FOREST, MLP], study=study | {"learning_curve": [1.0]})
    counts(store, up_to_date=2)
    assert not store.count(FailureDoc, {})


def test_too_few_sites_are_the_failure_of_every_experiment(with_features, store, scratch):
    with_features(polymorphs("Ni"), models=[FOREST], study=STUDY, evaluation={"n_folds": 5})
    counts(store, skipped=6)
    failures = list(store.find(FailureDoc, {}))
    assert {f.item for f in failures} == KEYS
    assert {(f.stage, f.kind) for f in failures} == {("experiments", "too_few_sites")}
    assert not list(scratch.iterdir())


def test_a_model_is_fitted_on_the_feature_sets_that_it_names(with_features, store):
    models = [FOREST | {"feature_sets": ["r_space_chi"]}, MLP]
    config = with_features(polymorphs("Ni"), models=models, study={"rmax": [2.0]})
    assert [fit.key for fit in wanted_fits(store, config, ["Ni"])] == [
        f"{CN}/Ni/r_space/mlp",
        f"{CN}/Ni/r_space_chi/random_forest",
        f"{CN}/Ni/r_space_chi/mlp",
    ]
    # The first model of the studied set is meant where none is named.
    assert {one.key for one in wanted_experiments(store, config, "Ni")} == {
        f"{CN}/Ni/r_space/mlp/importance",
        f"{CN}/Ni/r_space/mlp/rmax/2.0",
    }


@pytest.mark.parametrize("curve", ["rmax", "rmin", "learning_curve"])
def test_values_that_are_nearly_equal_are_two_experiments(with_features, store, curve):
    near = [0.5, 0.5000001]
    config = with_features(polymorphs("Ni"), models=[FOREST], study={curve: near})
    found = [one.value for one in wanted_experiments(store, config, "Ni") if one.name == curve]
    assert found == near
    assert len({one.key for one in wanted_experiments(store, config, "Ni")}) == 3


def test_robustness_is_asked_of_a_network_that_is_fitted_once(with_features, store):
    sets = [{"kind": "k_space", "input": "chi", "kmin": 0.05, "kmax": 16.3}]
    network = {"kind": "measured_network", "epochs": 1}
    study = {"importance": ["random_forest"], "curves": ["measured_network"]}
    changes = {"models": [FOREST, network], "features": {"sets": sets}}
    asked = study | {"robustness": ["kmax", "edge_step"]}
    with_features(polymorphs("Ni"), **changes, study=asked)
    counts(store, made=2)
    found = made(store)
    (key,) = (key for key in found if key.endswith("measured_network/robustness"))
    assert [point["value"] for point in found[key].changed["kmax"]] == [6.0, 8.0, 10.0, 12.0]
    (same,) = (one for one in found[key].changed["edge_step"] if one["value"] == 0)
    assert same["accuracy"] == found[key].scores["accuracy"]
    # Another list is another experiment.
    with_features(**changes, study=study | {"robustness": ["kmax"]})
    counts(store, made=1, up_to_date=1)
    assert set(made(store)[key].changed) == {"kmax"}


def test_robustness_is_for_networks_of_measured_spectra(with_features):
    with pytest.raises(ValidationError, match="takes models of kind measured_network"):
        with_features(polymorphs("Ni"), models=[FOREST], study={"robustness": ["e0"]})
