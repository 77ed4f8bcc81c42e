"""A model that comes trained: its sites of known formulas are marked, and count nowhere."""

import pytest
from crystals import polymorphs

from exafscn_flows import Campaign
from exafscn_flows.jobs.report import collect_report
from exafscn_flows.jobs.train import train
from exafscn_flows.jobs.versions import promote
from exafscn_flows.pretrained import general_card
from exafscn_flows.report.html import render
from exafscn_flows.report.summary import to_json
from exafscn_flows.store.documents import FailureDoc, LabelDoc
from exafscn_flows.store.results import MetricsDoc, ModelDoc, PredictionDoc

# As many values as the vectors of these tests have.
SETS = [{"kind": "k_space", "input": "chi", "kmin": 0.05, "kmax": 16.3}]
GENERAL = {"kind": "pretrained", "name": "general"}
TREES = {"kind": "extra_trees", "n_estimators": 3}
SEEN = {"NiO", "NiP"}
"""Of the crystals here; it was trained on neither NiS nor NiN."""


@pytest.fixture
def campaign(with_features, store):
    def run(crystals=None, models=(GENERAL,), n_folds=4):
        # With four folds, each of the formulas has one of its own.
        changes = {"models": list(models), "evaluation": {"n_folds": n_folds}}
        config = with_features(crystals, features={"sets": SETS}, **changes)
        train.original("test", "Ni")
        return config

    return run


def predictions(store, model="general"):
    return list(store.find(PredictionDoc, {"model": model}))


def metrics(store, model="general"):
    (doc,) = store.find(MetricsDoc, {"model": model})
    return doc


def test_seen_formulas_are_predicted_and_marked_and_left_out_of_metrics(campaign, store):
    average = {"kind": "average", "name": "both", "members": [TREES, {"kind": "pretrained"}]}
    campaign(polymorphs("Ni"), [GENERAL, TREES, average])
    for model in ("general", "both"):
        found = predictions(store, model)
        assert len(found) == 8
        assert {one.formula for one in found if one.seen} == SEEN
        assert all(one.seen == (one.fold is None) for one in found)
        new = [one for one in found if not one.seen]
        doc = metrics(store, model)
        assert (doc.n_sites, doc.n_seen, doc.n_formulas) == (4, 4, 2)
        right = sum(not one.disagrees for one in new) / len(new)
        assert doc.splits["grouped"]["accuracy"] == right
        assert sum(map(sum, doc.splits["grouped"]["confusion"])) == 4
    assert metrics(store, "extra_trees").n_seen == 0
    assert not any(one.seen for one in predictions(store, "extra_trees"))


def test_what_seen_sites_are_labelled_changes_nothing_for_the_others(campaign, store):
    """Neither metrics nor what is calibrated, nor a correction, has anything of them."""
    refined = {**GENERAL, "refine": True}

    def found():
        docs = [one for one in predictions(store) if not one.seen]
        said = {one.site: (one.value, one.probabilities, one.prediction_set) for one in docs}
        (model,) = store.find(ModelDoc, {})
        return said, model.doubt, metrics(store).splits["grouped"]["confusion"]

    campaign(polymorphs("Ni"), [refined])
    before = found()
    for doc in store.find(LabelDoc, {}):
        if doc.site.split("-")[0] in SEEN:
            other = {4: 6, 6: 4}[doc.value]
            store.database.labels.update_one({"_id": f"test/{doc.key}"}, {"$set": {"value": other}})
    old = metrics(store).hash
    train.original("test", "Ni")
    store.models.drop_version("test", "Ni", old)
    assert metrics(store).hash != old
    assert found() == before


def test_it_may_name_numbers_that_the_campaign_lacks(campaign, store):
    campaign(polymorphs("Ni"))
    (doc,) = store.find(ModelDoc, {})
    assert doc.comes_trained
    assert doc.classes == general_card()["classes"]
    for one in predictions(store):
        assert list(map(int, one.probabilities)) == doc.classes
        assert sum(one.probabilities.values()) == pytest.approx(1)
    # Classes that no site has, and that it names nowhere, are in no table.
    assert set(metrics(store).classes) < set(doc.classes)


def test_a_campaign_of_seen_formulas_alone_is_a_failure(campaign, store):
    crystals = {name: one for name, one in polymorphs("Ni").items() if name[:3] in SEEN}
    campaign(crystals, n_folds=2)
    (failure,) = store.find(FailureDoc, {"stage": "models"})
    assert failure.kind == "too_few_sites"
    assert "of 4 sites of Ni, 0 have a formula that the model was not trained on" in failure.message
    assert not predictions(store)


def test_sites_that_come_later_are_marked_too(campaign, store):
    crystals = polymorphs("Ni")
    later = {name: crystals.pop(name) for name in ("NiO-zb", "NiS-zb")}
    campaign(crystals)
    version = metrics(store).hash
    config = campaign(later)
    assert promote(store, config, version) == 2
    of_version = store.find(PredictionDoc, {"hash": version, "fold": None})
    found = {one.material_id: one.seen for one in of_version if one.material_id in later}
    assert found == {"NiO-zb": True, "NiS-zb": False}


def test_queries_and_the_report_show_them(campaign, store):
    campaign(polymorphs("Ni"), [GENERAL, TREES])
    table = Campaign("test", store)
    assert set(table.predictions(seen=True)["formula"]) == SEEN
    assert set(table.predictions(seen=False)["formula"]) == {"NiS", "NiN"}
    rows = table.predictions()
    assert set(rows["formula"][rows["seen"]]) == SEEN
    assert table.predictions(model="extra_trees", seen=True).empty
    data = collect_report(store, "test")
    (target,) = to_json(data)["targets"].values()
    assert [(one["n_sites"], one["n_seen"]) for one in target["models"]] == [(4, 4), (8, 0)]
    assert "4 seen" in render(data)


def test_an_older_prediction_that_does_not_say_it_is_unseen(campaign, store):
    campaign(polymorphs("Ni"), [TREES])
    store.database.predictions.update_many({}, {"$unset": {"seen": ""}})
    found = Campaign("test", store).predictions(seen=False)
    assert len(found) == 8
    assert not found["seen"].any()


def test_absorbers_that_it_does_not_know_fail_and_others_go_on(with_features, store):
    crystals = polymorphs("Ni") | polymorphs("Mg")
    changes = {"models": [GENERAL, TREES], "evaluation": {"n_folds": 4}}
    with_features(crystals, absorbers=["Ni", "Mg"], features={"sets": SETS}, **changes)
    for absorber in ("Ni", "Mg"):
        train.original("test", absorber)
    (failure,) = store.find(FailureDoc, {"stage": "models"})
    assert (failure.absorber, failure.kind) == ("Mg", "unknown_absorber")
    assert {one.absorber for one in predictions(store)} == {"Ni"}
    assert {one.absorber for one in predictions(store, "extra_trees")} == {"Ni", "Mg"}
