import pytest
from crystals import rock_salt, zinc_blende

from exafscn_flows.errors import UsageError
from exafscn_flows.jobs import sites as sites_module
from exafscn_flows.jobs.sites import process_sites
from exafscn_flows.jobs.states import site_states
from exafscn_flows.store.documents import FailureDoc, LabelDoc, SpectrumDoc

SETTINGS = {
    "spectra": {"kind": "feff", "cards": {"RPATH": 4, "NLEG": 2}},
    "features": {"sets": [{"kind": "r_space", "input": "chi"}]},
}


def process(store):
    (site,) = store.active_sites("test")
    return process_sites.original("test", site.site, site.site)


def test_site_that_takes_its_process_down_is_a_failure_whatever_the_stage(plan, store, monkeypatch):
    def die(campaign, keys, until):
        raise ConnectionError

    plan({"NiO": rock_salt("Ni", "O", 4.18)}, **SETTINGS)
    # Only features are left to do.
    counts = process(store)
    assert counts["spectra done"] == counts["features done"] == 1
    store.database.features.delete_many({})
    with monkeypatch.context() as patch:
        patch.setattr(sites_module, "process_chunk", die)
        assert process(store) == {"features done": 0, "features failed": 1}
        (failure,) = store.find(FailureDoc, {})
        assert (failure.stage, failure.kind) == ("features", "worker_died")
        assert process(store) == {}  # it is not tried again
        # Everything is left to do.
        config = plan(spectra={"kind": "feff", "cards": {"RPATH": 4.5, "NLEG": 2}})
        store.database.labels.delete_many({})
        process(store)
    assert {doc.stage for doc in store.find(FailureDoc, {})} == {"labels", "spectra"}
    (state,) = site_states(store, config, list(store.active_sites("test")))
    assert not state.pending


def test_campaign_that_is_taken_away_ends_the_job(plan, store, monkeypatch):
    def die(campaign, keys, until):
        raise UsageError("no campaign")

    plan({"NiO": rock_salt("Ni", "O", 4.18)})
    monkeypatch.setattr(sites_module, "process_chunk", die)
    with pytest.raises(UsageError):
        process(store)
    assert not store.count(FailureDoc, {})
    assert not store.count(SpectrumDoc, {})


def test_rivals_are_kept_beside_the_label_and_asking_for_them_computes_labels_alone(plan, store):
    plan({"NiS": zinc_blende("Ni", "S", 5.4)}, **SETTINGS)
    process(store)
    (plain,) = store.find(LabelDoc, {})
    assert plain.rivals == {}
    plan(labels={"rivals": ["voronoi_nn", "minimum_distance_nn"]}, **SETTINGS)
    assert process(store) == {"labels done": 1, "labels failed": 0}
    (label,) = store.find(LabelDoc, {})
    assert label.rivals == {"minimum_distance_nn": 4, "voronoi_nn": 16}
    assert (label.cn, label.cn_weights) == (plain.cn, plain.cn_weights)
