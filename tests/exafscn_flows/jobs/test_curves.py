"""Curves as labels: they are features, and what these are out of date for, is not learned."""

from typing import Any

import numpy as np
import pytest
from crystals import polymorphs
from markupsafe import escape

from exafscn_flows.features import Inputs
from exafscn_flows.jobs.dataset import (
    Dataset,
    DatasetName,
    all_labelled_sites,
    dataset_hashes,
    feature_matrix,
    labelled_sites,
)
from exafscn_flows.jobs.report import collect_report
from exafscn_flows.jobs.train import train
from exafscn_flows.keys import ALL, item_key
from exafscn_flows.report.html import render
from exafscn_flows.report.summary import to_json
from exafscn_flows.store.documents import FeatureDoc
from exafscn_flows.store.results import MetricsDoc, ModelDoc, PredictionDoc
from exafscn_flows.store.store import Store
from exafscn_flows.store.versions import stored_model

NAME = DatasetName("spectrum", "site_descriptor")
SETTINGS: dict[str, Any] = {
    "targets": [{"kind": "spectrum", "of": "xanes"}],
    "features": {"sets": [{"kind": "xanes"}, {"kind": "site_descriptor"}]},
    "models": [{"kind": "extra_trees", "n_estimators": 4}],
}


def found(store: Store) -> Dataset:
    """The data set, whose hash is the same where its rows are not kept."""
    config = store.config("test")
    dataset = labelled_sites(store, config, "Ni", NAME)
    assert dataset_hashes(store, config, ["Ni"], [NAME])["Ni", NAME] == dataset.hash
    return dataset


def test_labels_are_the_vectors_and_nothing_else_is_stored(with_features, store):
    with_features(polymorphs("Ni"), **SETTINGS)
    dataset = found(store)
    assert not list(store.database["labels"].find())
    assert dataset.y.shape == (8, 81)
    keys = [item_key(site.site, "xanes") for site in dataset.sites]
    docs = store.read(FeatureDoc, "test", keys)
    np.testing.assert_array_equal(dataset.y, [docs[key].vector for key in keys])
    assert feature_matrix(store, dataset).shape == (8, 242)
    assert dataset.energies.tolist() == np.arange(0, 40.5, 0.5).tolist()
    part = dataset.part([2, 5])
    assert (part.y == dataset.y[[2, 5]]).all()


@pytest.mark.parametrize("feature_set", ["xanes", "site_descriptor"])
def test_curves_and_inputs_that_are_out_of_date_are_not_learned_from(
    with_features, store, feature_set
):
    with_features(polymorphs("Ni"), **SETTINGS)
    before = found(store)
    old = {"site": before.sites[3].site, "feature_set": feature_set}
    store.database["features"].update_one(old, {"$set": {"hash": "0"}})
    after = found(store)
    assert [site.site for site in after.sites] == [
        site.site for site in before.sites if site.site != old["site"]
    ]
    assert after.hash != before.hash


def test_curves_of_other_settings_are_all_out_of_date_and_other_data(with_features, plan, store):
    with_features(polymorphs("Ni"), **SETTINGS)
    first = found(store).hash
    sets = [{"kind": "xanes", "estep": 1.0}, {"kind": "site_descriptor"}]
    plan(**{**SETTINGS, "features": {"sets": sets}})
    assert found(store).sites == []
    with_features(**{**SETTINGS, "features": {"sets": sets}})
    assert found(store).y.shape == (8, 41)
    assert found(store).hash != first


def test_versions_hold_all_that_their_curves_need(with_features, store):
    crystals = polymorphs("Ni") | polymorphs("Cu")
    models = [{"kind": "extra_trees", "n_estimators": 4, "per": "campaign"}]
    changes = {**SETTINGS, "absorbers": ["Ni", "Cu"], "models": models}
    config = with_features(crystals, **changes)
    for absorber in ("Ni", "Cu", ALL):
        train.original("test", absorber)
    docs = {doc.absorber: doc for doc in store.find(ModelDoc, {})}
    doc = docs["Cu"]
    assert (doc.task, doc.absorbers, doc.classes) == ("curves", ["Ni", "Cu"], [])
    np.testing.assert_array_equal(doc.curve_axis, np.arange(0, 40.5, 0.5))
    assert (doc.curve_axis_label, doc.curve_label) == ("E − E₀ (eV)", "normalised μ(E)")
    assert doc.features["learned"]["kind"] == "xanes"
    assert len(doc.importances) == 242
    assert doc.explanation is None
    every = all_labelled_sites(store, config, ALL, [NAME])[NAME]
    curves = stored_model(store, doc).predict(feature_matrix(store, every))
    assert curves.shape == (16, 81)
    # Noise has been learned by heart, and the formulas that were held out have not.
    np.testing.assert_allclose(curves, every.y, atol=0.05)
    predictions = list(store.find(PredictionDoc, {"hash": doc.hash}))
    assert len(predictions) == 8
    assert all(one.curve.shape == (81,) and one.error > 0.2 for one in predictions)
    metrics = {one.absorber: one for one in store.find(MetricsDoc, {})}["Cu"]
    grouped = metrics.splits["grouped"]
    errors = [one.error for one in predictions]
    assert grouped["rmse"] == pytest.approx(np.sqrt(np.mean(np.square(errors))), abs=1e-3)
    assert grouped["mean_rmse"] > 0.2
    assert metrics.classes == metrics.class_counts == []


def test_a_formula_that_is_held_out_is_never_learned_from(with_features, store):
    """Both crystals of a formula share a curve: a model that has seen one knows the other."""
    with_features(polymorphs("Ni"), **SETTINGS)
    for doc in list(store.find(FeatureDoc, {"feature_set": "xanes"})):
        of_formula = np.random.default_rng(len(doc.site.partition("-")[0]) + ord(doc.site[2]))
        store.write([doc.model_copy(update={"vector": of_formula.random(81, dtype=np.float32)})])
    train.original("test", "Ni")
    grouped = next(store.find(MetricsDoc, {})).splits["grouped"]
    assert grouped["r2_over_mean"] < 0.2
    dataset = found(store)
    for doc in store.find(PredictionDoc, {}):
        others = [row for row, site in enumerate(dataset.sites) if site.formula != doc.formula]
        (own,) = (row for row, site in enumerate(dataset.sites) if site.site == doc.site)
        # A mean of others is nowhere beyond them.
        assert (doc.curve <= dataset.y[others].max(axis=0) + 0.05).all()
        assert np.abs(doc.curve - dataset.y[own]).max() > 0.2


def test_a_graph_network_is_explained(with_features, store):
    """By the sites of all absorbers, once for what is trained once."""
    metals = ["Ni", "Cu"]
    crystals = {name: one for metal in metals for name, one in polymorphs(metal).items()}
    graph = {"kind": "site_graph", "max_atoms": 20}
    network = {"kind": "graph_attention", "epochs": 1, "per": "campaign"}
    models = [network | {"feature_sets": ["site_graph"]}]
    sets = {"sets": [{"kind": "xanes"}, graph]}
    config = with_features(
        crystals, **{**SETTINGS, "absorbers": metals, "features": sets, "models": models}
    )
    for doc in list(store.find(FeatureDoc, {"feature_set": "site_graph"})):
        name, metal, index = doc.site.split(":")
        inputs = Inputs({}, crystals[name], int(index))
        assert inputs.structure[inputs.site_index].specie.symbol == metal
        vector = config.features.sets[1].vector(inputs, config.features)
        store.write([doc.model_copy(update={"vector": vector})])
    train.original("test", ALL)
    found, again = (doc.explanation for doc in store.find(ModelDoc, {}))
    assert found == again
    assert found["neurons"]["absorbers"] == metals
    assert found["neurons"]["n_sites"] == [8, 8]
    assert found["attention"]["n_sites"] == 16
    data = collect_report(store, "test")
    (explained,) = to_json(data)["targets"]["spectrum"]["explanations"]
    assert explained["fitted_on"] == metals
    text = render(data)
    assert text.count("Where graph networks look") == 1
    assert "Attention of each head" in text
    for sentence in (*explained["says"]["attention"], *explained["says"]["neurons"]):
        assert str(escape(sentence)) in text
