"""Versions of models: what queries use, and what stays."""

import pytest
from crystals import polymorphs

from exafscn_flows import Campaign
from exafscn_flows.errors import UsageError
from exafscn_flows.jobs.train import train
from exafscn_flows.jobs.versions import drop, list_versions, old_versions, promote
from exafscn_flows.store.results import MetricsDoc, ModelDoc, PredictionDoc, PromotionDoc

CHI_ONLY = {"sets": [{"kind": "r_space", "input": "chi"}]}
FOREST = {"kind": "random_forest", "n_estimators": 5}
LARGER = {"kind": "random_forest", "n_estimators": 7}


@pytest.fixture
def campaign(with_features, store):
    """Run a campaign of one model on one feature set, with changes."""

    def run(crystals=None, model=FOREST, **changes):
        config = with_features(crystals, features=CHI_ONLY, models=[model], **changes)
        train.original("test", "Ni")
        return config

    return run


def versions(store, config):
    return {one.version: one for one in list_versions(store, config)}


def current(store, config):
    (version,) = (one.version for one in list_versions(store, config) if one.current)
    return version


def test_new_settings_make_a_version_beside_the_old_one(campaign, store):
    first = current(store, campaign(polymorphs("Ni")))
    old = Campaign("test", store).predictions()
    config = campaign(model=LARGER)
    second = current(store, config)
    found = versions(store, config)
    assert set(found) == {first, second}
    assert [one.version for one in old_versions(list(found.values()))] == [first]
    table = Campaign("test", store)
    assert set(table.predictions()["version"]) == {second}
    assert table.predictions(version=first).equals(old)
    assert table.predictions(version=first, absorber="Ni", contains=["Ni"]).equals(old)
    assert table.predictions(version=first, excludes=["Ni"]).empty
    assert set(table.metrics()["version"]) == {second}


def test_an_older_version_that_is_promoted_stays_until_other_settings_ask_for_a_new_one(
    campaign, store
):
    first = current(store, campaign(polymorphs("Ni")))
    config = campaign(model=LARGER)
    second = current(store, config)
    assert promote(store, config, first) == 0
    assert current(store, config) == first
    assert len(Campaign("test", store).model("Ni").fitted.estimators_) == 5
    assert current(store, campaign(model=LARGER)) == first
    config = campaign(model=LARGER | {"n_estimators": 3})
    assert current(store, config) not in (first, second)


def test_a_promoted_version_has_predicted_the_sites_that_came_after_it(campaign, store):
    crystals = polymorphs("Ni")
    new = {name: crystals.pop(name) for name in ("NiO-rs", "NiS-zb")}
    first = current(store, campaign(crystals))
    config = campaign(new)
    out_of_fold = Campaign("test", store).predictions(version=first)
    assert promote(store, config, first) == 2
    table = Campaign("test", store).predictions()
    assert len(table) == 8
    assert set(table["version"]) == {first}
    known = table[table["site"].isin(out_of_fold["site"])]
    assert known.reset_index(drop=True).equals(out_of_fold)
    added = list(store.find(PredictionDoc, {"hash": first, "fold": None}))
    assert {doc.material_id for doc in added} == set(new)
    model = Campaign("test", store).model("Ni")
    for doc in added:
        vector = store.database.features.find_one({"site": doc.site})["vector"].as_vector().data
        (expected,) = model.predict_proba([vector])
        assert list(doc.probabilities.values()) == pytest.approx(expected.tolist())
        assert doc.label == (6 if "-rs" in doc.site else 4)
    assert promote(store, config, first) == 0


def test_a_switch_comes_after_the_last_prediction(campaign, store, monkeypatch):
    crystals = polymorphs("Ni")
    new = {"NiO-rs": crystals.pop("NiO-rs")}
    first = current(store, campaign(crystals))
    config = campaign(new)
    second = current(store, config)
    write = type(store).write

    def killed(self, docs):
        docs = list(docs)
        write(self, docs)
        if isinstance(docs[0], PredictionDoc):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(store), "write", killed)
        with pytest.raises(KeyboardInterrupt):
            promote(store, config, first)
    assert current(store, config) == second
    assert promote(store, config, first) == 0


def test_features_of_other_settings_are_not_given_to_a_model(with_features, campaign, store):
    crystals = polymorphs("Ni")
    new = {"NiO-rs": crystals.pop("NiO-rs")}
    first = current(store, campaign(crystals))
    xftf = CHI_ONLY | {"xftf": {"kmin": 2.0}}
    config = with_features(new, features=xftf, models=[FOREST])
    train.original("test", "Ni")
    with pytest.raises(UsageError, match=r"features of other settings .* predict 1 sites"):
        promote(store, config, first)
    assert current(store, config) != first


def test_dropped_versions_are_gone_with_all_they_made(campaign, store):
    first = current(store, campaign(polymorphs("Ni")))
    config = campaign(model=LARGER)
    second = current(store, config)
    with pytest.raises(UsageError, match="is the one that queries use"):
        drop(store, config, second)
    drop(store, config, first)
    for kind in (MetricsDoc, ModelDoc, PredictionDoc, PromotionDoc):
        assert {doc.hash for doc in store.find(kind, {})} == {second}
    (model,) = store.find(ModelDoc, {})
    assert store.database["model_files.files"].distinct("_id") == [model.file]
    for unknown in (first, "", "$ne"):
        with pytest.raises(UsageError, match="no version"):
            drop(store, config, unknown)
        with pytest.raises(UsageError, match="no version"):
            promote(store, config, unknown)


def test_versions_of_a_model_that_the_file_lacks_are_found_and_not_promoted(
    campaign, with_features, store
):
    first = current(store, campaign(polymorphs("Ni")))
    config = campaign(model=FOREST | {"name": "other"})
    assert len(Campaign("test", store).predictions(version=first)) == 8
    with pytest.raises(UsageError, match="no longer has"):
        promote(store, config, first)
    assert not any(one.current for one in list_versions(store, config) if one.version == first)


def test_a_version_of_another_kind_of_target_is_not_promoted(with_features, store):
    def run(**target):
        with_features(crystals, features=CHI_ONLY, models=[FOREST], targets=[target])
        train.original("test", "Ni")
        return store.config("test")

    crystals = polymorphs("Ni")
    first = current(store, run(kind="coordination_number", name="mine"))
    config = run(kind="bond_length", name="mine")
    second = current(store, config)
    assert first != second
    with pytest.raises(UsageError, match="is of coordination_number, and target mine of campaign"):
        promote(store, config, first)
    assert current(store, config) == second
