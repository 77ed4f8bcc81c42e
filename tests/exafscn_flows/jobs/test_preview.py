"""What a run would do, told before, is what it does; and nothing is written for it."""

from typing import Any

import pytest
from crystals import polymorphs, rock_salt, write_cifs

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.jobs import catalog
from exafscn_flows.jobs.plan import plan_sites
from exafscn_flows.jobs.preview import Preview, preview
from exafscn_flows.jobs.states import site_states
from exafscn_flows.spectra import FeffSettings
from exafscn_flows.store.documents import FailureDoc, ListingDoc, SiteDoc, SpectrumDoc

SETTINGS: dict[str, Any] = {
    "campaign": "test",
    "absorbers": ["Ni"],
    "models": [{"kind": "random_forest", "n_estimators": 5}],
    "evaluation": {"n_folds": 2},
}


@pytest.fixture
def config(cifs):
    def make(**changes: Any) -> CampaignConfig:
        sources = [{"kind": "files", "path": str(cifs)}]
        return CampaignConfig.model_validate({**SETTINGS, "sources": sources, **changes})

    return make


def contents(store):
    names = store.database.list_collection_names()
    return {name: sorted(map(str, store.database[name].find())) for name in names}


def told(store, config, **arguments) -> Preview:
    """What a preview says; it must not have written anything."""
    before = contents(store)
    found = preview(store, config, **arguments)
    assert contents(store) == before
    return found


def counts(found: Preview) -> dict[tuple[str, str | None], tuple[int, int, int, int]]:
    return {
        (work.stage, work.absorber): (work.missing, work.outdated, work.done, work.failed)
        for work in found.work
    }


def write_spectra(store, config, seconds=2.0):
    for state in site_states(store, config, list(store.active_sites(config.campaign))):
        site = state.site
        store.write(
            [
                SpectrumDoc(
                    campaign=site.campaign,
                    hash=state.wanted.spectra[config.spectra[0].name],
                    site=site.site,
                    spectrum=config.spectra[0].name,
                    absorber=site.absorber,
                    edge="K",
                    e0=0.0,
                    k=[0.0],
                    chi=[0.0],
                    energy_rel=[0.0],
                    mu=[0.0],
                    mu0=[0.0],
                    program="FEFF",
                    version="8.5L",
                    cards=config.spectra[0].feff_cards(),
                    seconds=seconds,
                )
            ]
        )


def test_a_new_campaign_is_told_without_writing_and_then_planned_so(store, cifs, config):
    write_cifs(cifs, polymorphs("Ni") | polymorphs("Cu"))
    (cifs / "broken.cif").write_text("nonsense")
    wanted = config(absorbers=["Ni", "Cu"])
    found = told(store, wanted)
    assert (found.come, found.go, found.active) == (16, 0, 0)
    assert counts(found)["structures", None] == (17, 0, 0, 0)
    for absorber in ("Ni", "Cu"):
        assert counts(found)["spectra", absorber] == (8, 0, 0, 0)
        assert counts(found)["features", absorber] == (16, 0, 0, 0)
        assert counts(found)["models", absorber] == (2, 0, 0, 0)
    store.save_config(wanted)
    plan_sites.original("test")
    assert store.count(SiteDoc, {"active": True}) == found.come
    assert counts(told(store, wanted))["structures", None] == (0, 0, 16, 1)
    assert counts(told(store, wanted, retry_failed=True))["structures", None] == (1, 0, 16, 0)


@pytest.mark.parametrize("sample", [{"per_absorber": 3}, {"structures": 3, "seed": 5}], ids=str)
def test_a_sample_is_told_as_it_will_be_taken(store, cifs, config, sample):
    write_cifs(cifs, polymorphs("Ni"))
    wanted = config(sample=sample)
    found = told(store, wanted)
    store.save_config(wanted)
    plan_sites.original("test")
    assert found.come == store.count(SiteDoc, {"active": True}) == 3
    again = told(store, wanted)
    assert (again.come, again.go, again.active) == (0, 0, 3)


def test_changed_settings_are_told_by_stage(with_features, store, config):
    before = with_features(polymorphs("Ni"))
    write_spectra(store, before)
    assert counts(told(store, before))["features", "Ni"] == (0, 0, 16, 0)
    found = counts(told(store, config(features={"xftf": {"kmax": 11.0}})))
    assert found["spectra", "Ni"] == (0, 0, 8, 0)
    assert found["features", "Ni"] == (0, 16, 0, 0)
    found = counts(told(store, config(spectra={"cards": {"RPATH": 5}})))
    assert found["labels", "Ni"] == (0, 0, 8, 0)
    assert found["spectra", "Ni"] == (0, 8, 0, 0)
    assert found["features", "Ni"] == (0, 16, 0, 0)


def test_other_sources_put_all_sites_aside(plan, store, config, tmp_path):
    plan(polymorphs("Ni"))
    write_cifs(tmp_path / "others", {"x": rock_salt("Ni", "O", 4.18)})
    other = config(sources=[{"kind": "files", "path": str(tmp_path / "others")}])
    found = told(store, other)
    assert (found.come, found.go, found.active) == (1, 8, 8)


def test_an_absorber_taken_out_goes_and_one_added_comes(plan, store, config):
    plan(polymorphs("Ni") | polymorphs("Cu"))
    added = told(store, config(absorbers=["Ni", "Cu"]))
    assert (added.come, added.go, added.outdated) == (8, 0, 0)
    other = told(store, config(absorbers=["Cu"]))
    assert (other.come, other.go) == (8, 8)


def test_failures_are_told_and_with_retry_they_are_work(plan, store):
    config = plan({"NiO": rock_salt("Ni", "O", 4.18)})
    (state,) = site_states(store, config, list(store.active_sites("test")))
    head = {"campaign": "test", "absorber": "Ni", "kind": "x", "message": "x", "hint": "x"}
    item, wanted = f"{state.site.site}/exafs", state.wanted.spectra["exafs"]
    failure = FailureDoc(**head, hash=wanted, stage="spectra", item=item)
    store.write([failure])
    assert counts(told(store, config))["spectra", "Ni"] == (0, 0, 0, 1)
    assert counts(told(store, config))["features", "Ni"] == (0, 0, 0, 2)
    found = counts(told(store, config, retry_failed=True))
    assert found["spectra", "Ni"] == (1, 0, 0, 0)
    assert found["features", "Ni"] == (2, 0, 0, 0)


def test_time_comes_from_what_was_recorded_first_with_the_same_cards(
    plan, store, config, cifs, monkeypatch
):
    monkeypatch.setenv("EXAFSCN_CORES", "2")
    before = plan(polymorphs("Ni"))
    (rule,) = told(store, before).feff
    assert (rule.recorded, rule.seconds) == (0, 8 * FeffSettings.seconds / 2)
    write_spectra(store, before, seconds=3.0)
    assert told(store, before).feff == []
    (others,) = told(store, config(spectra={"cards": {"RPATH": 5}})).feff
    assert (others.recorded, others.same_cards, others.seconds) == (8, False, 8 * 3.0 / 2)
    sulfide = {"NiS": rock_salt("Ni", "S", 4.99)}
    write_cifs(cifs, sulfide)
    (same,) = told(store, config(campaign="other")).feff
    assert (same.runs, same.recorded, same.same_cards, same.seconds) == (1, 8, True, 3.0 / 2)


def test_what_pdfs_took_says_nothing_of_feff(plan, store, config):
    before = plan(polymorphs("Ni"), spectra={"kind": "pdf"}, features={"sets": [{"kind": "pdf"}]})
    assert told(store, before).feff == []
    write_spectra(store, before, seconds=0.01)
    (rule,) = told(store, config(campaign="other")).feff
    assert (rule.recorded, rule.seconds_per_run) == (0, FeffSettings.seconds)


def test_what_another_campaign_has_computed_is_found(plan, store, config):
    before = plan(polymorphs("Ni"))
    write_spectra(store, before)
    found = told(store, config(campaign="other"))
    assert (found.known, found.feff) == (8, [])
    two = [{"kind": "feff"}, {"kind": "feff", "name": "short", "cards": {"RPATH": 4}}]
    found = told(store, config(campaign="other", spectra=two))
    assert (found.known, [(one.spectrum, one.runs) for one in found.feff]) == (8, [("short", 8)])


def test_remote_sources_are_not_asked(store, config, monkeypatch):
    remote = {"kind": "materials_project", "oxides": True}
    monkeypatch.setattr(
        "exafscn_flows.sources.materials_project.MaterialsProjectSource.connect",
        lambda source: pytest.fail("asked the network"),
    )
    found = told(store, config(sources=[remote]))
    assert found.unlisted == ["sources[0] (materials_project) for Ni"]
    assert found.come == 0


def test_structures_that_were_listed_but_not_fetched_fill_the_sample_and_are_counted_apart(
    store, config
):
    remote = {"kind": "materials_project", "oxides": True}
    wanted = config(sources=[remote], sample={"per_absorber": 3})
    page = ListingDoc(
        campaign="test",
        hash=catalog._listing_hash(wanted.sources[0]),
        absorber="Ni",
        page=0,
        version="1",
        entries=[(f"mp-{n}", ["Ni", "O"], str(n)) for n in range(10)],
        total=10,
        more=False,
    )
    store.write([page])
    found = told(store, wanted)
    assert (found.unlisted, found.unfetched, found.come) == ([], 3, 0)
