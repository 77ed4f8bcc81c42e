"""Measured spectra without a label, which the models of a campaign predict."""

import numpy as np
import pytest
from crystals import polymorphs

from exafscn_flows import Campaign
from exafscn_flows.jobs.report import collect_report
from exafscn_flows.jobs.train import train
from exafscn_flows.jobs.unlabelled import predict_unlabelled, predict_with
from exafscn_flows.jobs.versions import promote
from exafscn_flows.report.summary import to_json
from exafscn_flows.store.documents import FeatureDoc, LabelDoc, SiteDoc
from exafscn_flows.store.results import MetricsDoc, ModelDoc, PredictionDoc
from exafscn_flows.store.wanted import wanted_hashes

TARGETS = ["coordination_number", "bond_length"]


@pytest.fixture
def campaign(with_features, store):
    """A campaign of eight crystals, whose models are trained."""
    sets = [{"kind": "r_space"}]
    config = with_features(polymorphs("Ni"), targets=TARGETS, features={"sets": sets})
    train.original("test", "Ni")
    return config


def measure(store, config, name, value, formula=None):
    """Write a site whose spectrum was measured, with its features; returns its key."""
    site = SiteDoc(
        campaign="test",
        hash=f"{name} {value}",
        site=f"{name}:Ni:all",
        material_id=name,
        absorber="Ni",
        site_index=0,
        multiplicity=1,
        averaged=True,
        formula=formula,
        elements=["Ni"],
        n_atoms=0,
        file=name,
        group=name,
        stored=str(value),
        active=True,
    )
    wanted = wanted_hashes(config, site)
    features = [
        FeatureDoc(
            campaign="test",
            hash=hash_,
            site=site.site,
            absorber="Ni",
            feature_set=fset,
            vector=np.full(326, value, dtype=np.float32),
        )
        for fset, hash_ in wanted.features.items()
    ]
    store.write([site, *features])
    return site.site


def measured(store, target="coordination_number"):
    query = {"measured": True, "target": target}
    return {doc.site: doc for doc in store.find(PredictionDoc, query)}


def test_they_are_predicted_as_sites_that_came_after_the_training(campaign, store):
    foil = measure(store, campaign, "foil.xdi", 0.5)
    before = [doc.splits for doc in store.find(MetricsDoc, {})]
    assert predict_unlabelled(store, campaign, "Ni") == 2
    found = measured(store)[foil]
    assert (found.label, found.disagrees, found.fold, found.formula) == (None, False, None, None)
    assert found.value in found.prediction_set
    assert sum(found.probabilities.values()) == pytest.approx(1)
    assert found.expected_value == pytest.approx(
        sum(int(cn) * share for cn, share in found.probabilities.items()), abs=1e-3
    )
    length = measured(store, "bond_length")[foil]
    assert length.label is None
    assert length.value > 0
    # They count nowhere, and queries find them.
    assert [doc.splits for doc in store.find(MetricsDoc, {})] == before
    rows = Campaign("test", store).predictions(measured=True)
    assert list(rows["file"]) == ["foil.xdi"]
    (target, _) = to_json(collect_report(store, "test"))["targets"].values()
    assert [one["n_sites"] for one in target["models"]] == [8]


def test_only_what_is_new_is_predicted_and_what_is_gone_goes(campaign, store):
    foil, other = (measure(store, campaign, name, 0.5) for name in ("foil.xdi", "other.xdi"))
    assert predict_unlabelled(store, campaign, "Ni") == 4
    assert predict_unlabelled(store, campaign, "Ni") == 0
    before = measured(store)[foil]
    measure(store, campaign, "foil.xdi", 0.1)
    assert predict_unlabelled(store, campaign, "Ni") == 2
    assert measured(store)[foil].features != before.features
    store.database.sites.update_one({"_id": f"test/{other}"}, {"$set": {"active": False}})
    assert predict_unlabelled(store, campaign, "Ni") == 0
    assert set(measured(store)) == {foil}


def test_what_has_a_label_is_left_to_the_training(campaign, store):
    site = measure(store, campaign, "nio.xdi", 0.5, formula="NiO")
    (doc,) = store.find(SiteDoc, {"site": site})
    label = LabelDoc(
        campaign="test",
        hash=wanted_hashes(campaign, doc).labels["coordination_number"],
        site=site,
        absorber="Ni",
        target="coordination_number",
        value=6,
        weights={"6": 1.0},
        spread=None,
        details={},
        neighbours={},
    )
    store.write([label])
    # It has no bond length.
    assert predict_unlabelled(store, campaign, "Ni") == 1
    assert not measured(store)
    assert set(measured(store, "bond_length")) == {site}


def test_a_model_whose_features_they_lack_is_named_once(campaign, store, caplog, monkeypatch):
    said = []
    monkeypatch.setattr("exafscn_flows.jobs.unlabelled.watcher", lambda: Watcher(said))
    for name in ("a.xdi", "b.xdi"):
        site = measure(store, campaign, name, 0.5)
        store.database.features.delete_many({"site": site})
    measure(store, campaign, "c.xdi", 0.5)
    assert predict_unlabelled(store, campaign, "Ni") == 2
    lines = [line for line in said if "coordination_number" in line]
    assert len(lines) == 1
    assert "predicts 1 measured spectra without a label, and not 2 others" in lines[0]
    assert "exafscn status test --failures" in lines[0]


def test_a_version_that_is_promoted_predicts_them_too(campaign, store):
    (old,) = store.find(ModelDoc, {"target": "coordination_number"})
    foil = measure(store, campaign, "foil.xdi", 0.5)
    assert promote(store, campaign, old.hash) == 1
    assert measured(store)[foil].hash == old.hash
    assert predict_with(store, campaign, old) == 0


class Watcher:
    def __init__(self, said):
        self.say = said.append

    def expect(self, *_):
        pass

    advance = expect
