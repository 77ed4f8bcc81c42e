import pytest
from crystals import rock_salt, zinc_blende

from exafscn_flows.errors import CampaignError, ItemFailure, UsageError
from exafscn_flows.jobs import sites as sites_module
from exafscn_flows.jobs.sites import process_chunk, process_sites
from exafscn_flows.jobs.states import State, site_states
from exafscn_flows.spectra import feff
from exafscn_flows.store.documents import FailureDoc, LabelDoc, SpectrumDoc
from exafscn_flows.store.store import Store

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


@pytest.fixture
def without_feff(monkeypatch):
    """Every run of FEFF fails, at once."""

    def fail(*_):
        raise ItemFailure("feff_timeout", "FEFF did not end", "raise time_limit")

    monkeypatch.setattr(feff, "compute_spectrum", fail)


def test_failure_is_that_of_its_stage_and_holds_up_what_needs_it(plan, store, without_feff):
    config = plan({"NiO": rock_salt("Ni", "O", 4.18)}, **SETTINGS)
    counts = process(store)
    assert (counts["labels done"], counts["spectra done"], counts["spectra failed"]) == (1, 0, 1)
    (failure,) = store.find(FailureDoc, {})
    (site,) = store.active_sites("test")
    assert (failure.stage, failure.item, failure.absorber) == ("spectra", site.site, "Ni")
    assert (failure.kind, failure.message) == ("feff_timeout", "FEFF did not end")
    (state,) = site_states(store, config, [site])
    assert (state.label, state.spectrum) == (State.DONE, State.FAILED)
    assert set(state.features.values()) == {State.BLOCKED}
    assert process(store) == {}  # it is not tried again
    store.forget_failures("test")
    assert process(store)["spectra failed"] == 1  # unless somebody asks for it


def test_results_that_cannot_be_written_end_the_job(plan, store, monkeypatch, without_feff):
    def refuse(self, docs):
        raise CampaignError("MongoDB went away")

    plan({"NiO": rock_salt("Ni", "O", 4.18)}, **SETTINGS)
    (site,) = store.active_sites("test")
    monkeypatch.setattr(Store, "write", refuse)
    with pytest.raises(CampaignError, match="went away"):
        process_chunk("test", [site.site])


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
