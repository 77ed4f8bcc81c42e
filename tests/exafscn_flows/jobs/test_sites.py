from types import SimpleNamespace

import numpy as np
import pytest
from crystals import rock_salt, zinc_blende

from exafscn_flows.errors import CampaignError, ItemFailure, UsageError
from exafscn_flows.jobs import sites as sites_module
from exafscn_flows.jobs.context import Silent
from exafscn_flows.jobs.sites import process_chunk, process_sites
from exafscn_flows.jobs.stages import Sources, _spectrum
from exafscn_flows.jobs.states import State, site_states
from exafscn_flows.spectra import FeffSettings, PdfSettings, feff
from exafscn_flows.store.documents import FailureDoc, FeatureDoc, LabelDoc, SpectrumDoc
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
    assert (failure.stage, failure.item, failure.absorber) == (
        "spectra",
        f"{site.site}/exafs",
        "Ni",
    )
    assert (failure.kind, failure.message) == ("feff_timeout", "FEFF did not end")
    (state,) = site_states(store, config, [site])
    assert (*state.labels.values(), *state.spectra.values()) == (State.DONE, State.FAILED)
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
    assert set(plain.details) == {"mean", "average"}
    rivals = ["voronoi_nn", "minimum_distance_nn"]
    plan(targets=[{"kind": "coordination_number", "rivals": rivals}], **SETTINGS)
    assert process(store) == {"labels done": 1, "labels failed": 0}
    (label,) = store.find(LabelDoc, {})
    assert [label.details[name] for name in rivals] == [16, 4]
    assert (label.value, label.weights) == (plain.value, plain.weights)


SHORT = {"kind": "feff", "name": "short", "cards": {"RPATH": 3, "NLEG": 2}}
TWO = {
    "spectra": [SETTINGS["spectra"], SHORT],
    "features": {
        "sets": [
            {"kind": "r_space", "input": "chi"},
            {"kind": "k_space", "input": "chi", "spectrum": "short"},
            {
                "kind": "concatenation",
                "name": "both",
                "parts": [
                    {"kind": "r_space", "input": "chi"},
                    {"kind": "r_space", "input": "chi", "spectrum": "short"},
                ],
            },
        ]
    },
}
KNOWN = FeffSettings(cards={"RPATH": 4, "NLEG": 2})
compute = feff.compute_spectrum
NIO = {"NiO": rock_salt("Ni", "O", 4.18)}


def test_features_are_made_from_the_spectra_that_they_name(plan, store):
    plan(NIO, **TWO)
    counts = process(store)
    assert (counts["spectra done"], counts["features done"]) == (2, 3)
    exafs, short = store.find(SpectrumDoc, {}, sort=[("spectrum", 1)])
    assert (exafs.cards["RPATH"], short.cards["RPATH"]) == ("4", "3")
    vectors = {doc.feature_set: doc.vector for doc in store.find(FeatureDoc, {})}
    half = len(vectors["both"]) // 2
    assert (vectors["both"][:half] == vectors["r_space_chi"]).all()
    # Neighbours beyond 3 Å are in one of them only.
    assert not np.allclose(vectors["both"][half:], vectors["r_space_chi"], atol=0.1)


def test_a_spectrum_that_fails_holds_up_only_what_is_made_from_it(plan, store, monkeypatch):
    compute = feff.compute_spectrum

    def fail(structure, index, settings, scratch):
        if settings.name == "short":
            raise ItemFailure("feff_timeout", "FEFF did not end", "raise time_limit")
        return compute(structure, index, settings, scratch)

    monkeypatch.setattr(feff, "compute_spectrum", fail)
    config = plan(NIO, **TWO)
    counts = process(store)
    assert (counts["spectra done"], counts["spectra failed"], counts["features done"]) == (1, 1, 1)
    (failure,) = store.find(FailureDoc, {})
    (site,) = store.active_sites("test")
    assert failure.item == f"{site.site}/short"
    (state,) = site_states(store, config, [site])
    blocked = State.BLOCKED
    assert state.features == {"r_space_chi": State.DONE, "k_space_chi": blocked, "both": blocked}
    assert not state.pending


def test_a_site_that_lacks_one_pattern_is_left_out_of_what_is_made_from_two(plan, store):
    pytest.importorskip("diffpy.pdffit2")
    parts = [
        {"kind": "pdf", "spectrum": "pdf"},
        {"kind": "pdf", "spectrum": "neutrons", "pattern": "differential"},
    ]
    # PDFfit2 has no scattering length of Po.
    config = plan(
        {"NiO": rock_salt("Ni", "O", 4.18), "NiPo": rock_salt("Ni", "Po", 5.6)},
        spectra=[{"kind": "pdf"}, {"kind": "pdf", "name": "neutrons", "radiation": "neutron"}],
        features={"sets": [parts[0], {"kind": "concatenation", "name": "both", "parts": parts}]},
    )
    first, last = (site.site for site in store.active_sites("test"))
    counts = process_sites.original("test", first, last)
    assert (counts["spectra done"], counts["spectra failed"], counts["features done"]) == (3, 1, 3)
    (failure,) = store.find(FailureDoc, {})
    assert (failure.item, failure.kind) == (f"{last}/neutrons", "unknown_element")
    without = site_states(store, config, list(store.active_sites("test")))[1]
    assert without.features == {"pdf": State.DONE, "both": State.BLOCKED}
    (neutrons,) = store.find(SpectrumDoc, {"spectrum": "neutrons"})
    (both,) = store.find(FeatureDoc, {"feature_set": "both"})
    assert (len(neutrons.r), len(neutrons.chi), neutrons.spectrum_type) == (500, 0, "PDF")
    np.testing.assert_allclose(both.vector[91:], neutrons.dpdf[49::5], rtol=1e-4, atol=1e-4)


def test_a_mean_over_sites_has_the_pdf_of_its_element_and_no_exafs_of_one_site(tmp_path):
    pytest.importorskip("diffpy.pdffit2")
    state = SimpleNamespace(
        site=SimpleNamespace(
            campaign="test", site="NiO:Ni:all", absorber="Ni", site_index=0, averaged=True
        ),
        wanted=SimpleNamespace(spectra={"pdf": "h", "exafs": "h"}),
    )
    where = (state, SimpleNamespace(structure=NIO["NiO"]), Sources({}, {}, None, tmp_path))
    found = _spectrum(PdfSettings(kind="pdf"), *where)
    assert (found.spectrum_type, found.site, len(found.dpdf)) == ("PDF", "NiO:Ni:all", 500)
    with pytest.raises(ItemFailure, match="mean over several sites"):
        _spectrum(FeffSettings(), *where)


def test_what_feff_has_computed_is_found_whatever_campaign_had_it_computed(
    plan, store, monkeypatch
):
    plan(NIO, **SETTINGS)
    process(store)
    (first,) = store.find(SpectrumDoc, {})
    monkeypatch.setattr(feff, "compute_spectrum", lambda *_: pytest.fail("FEFF ran"))
    plan(campaign="other", **SETTINGS)
    (site,) = store.active_sites("other")
    said: list[str] = []
    monkeypatch.setattr(Silent, "say", lambda _, line: said.append(line))
    counts = process_sites.original("other", site.site, site.site)
    assert (counts["spectra done"], counts["spectra found"]) == (1, 1)
    assert said == ["1 spectra had been computed before, and are not computed again"]
    (found,) = store.find(SpectrumDoc, {"campaign": "other"})
    assert found.found_in == "test"
    assert first.found_in is None
    assert (found.hash, found.seconds) == (first.hash, first.seconds)
    assert (found.chi == first.chi).all()
    # By another name in the same campaign, too; where it comes from stays known.
    plan(campaign="other", **SETTINGS | {"spectra": SETTINGS["spectra"] | {"name": "ours"}})
    assert process_sites.original("other", site.site, site.site)["spectra found"] == 1
    (ours,) = store.find(SpectrumDoc, {"spectrum": "ours"})
    assert ours.found_in == "test"


def test_other_cards_or_another_crystal_are_computed(plan, store):
    plan(NIO, **SETTINGS)
    process(store)
    plan(campaign="other", **SETTINGS | {"spectra": {"cards": {"RPATH": 3.9, "NLEG": 2}}})
    (site,) = store.active_sites("other")
    assert "spectra found" not in process_sites.original("other", site.site, site.site)
    plan({"NiO": rock_salt("Ni", "O", 4.19)}, campaign="third", **SETTINGS)
    (site,) = store.active_sites("third")
    assert "spectra found" not in process_sites.original("third", site.site, site.site)


def test_what_a_command_has_computed_is_not_found(plan, store, tmp_path, monkeypatch):
    """Nobody knows what is behind its name elsewhere, or was before."""
    runs = []
    monkeypatch.setattr(
        feff,
        "compute_spectrum",
        lambda *args: runs.append(args) or compute(*args[:2], KNOWN, *args[3:]),
    )
    settings = SETTINGS | {"spectra": {"command": "/bin/true", "cards": {"RPATH": 4, "NLEG": 2}}}
    for campaign in ("test", "other"):
        plan(NIO, campaign=campaign, **settings)
        (site,) = store.active_sites(campaign)
        process_sites.original(campaign, site.site, site.site)
    assert len(runs) == 2
