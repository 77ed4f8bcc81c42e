"""What models learn from: what is up to date, and a hash that tells every change of it."""

from typing import Any

from crystals import polymorphs

from exafscn_flows.jobs.dataset import (
    Dataset,
    DatasetName,
    all_labelled_sites,
    dataset_hashes,
    feature_matrix,
    labelled_sites,
)
from exafscn_flows.keys import ALL
from exafscn_flows.store.store import Store

NAME = DatasetName("coordination_number", "r_space")


def found(store: Store) -> Dataset:
    """The data set, whose hash is the same where its rows are not kept."""
    config = store.config("test")
    dataset = labelled_sites(store, config, "Ni", NAME)
    assert dataset_hashes(store, config, ["Ni"], [NAME])["Ni", NAME] == dataset.hash
    return dataset


def test_what_is_out_of_date_is_not_learned_from(with_features, plan, store):
    with_features(polymorphs("Ni"))
    before = found(store)
    assert len(before.sites) == 8
    old = {"labels": before.sites[3], "features": before.sites[5]}
    for collection, site in old.items():
        store.database[collection].update_many({"site": site.site}, {"$set": {"hash": "0"}})
    after = found(store)
    assert after.sites == [site for site in before.sites if site not in old.values()]
    assert len(after.y) == 6
    assert after.hash != before.hash
    # Labels of other settings are all out of date.
    plan(targets=[{"kind": "coordination_number", "rivals": ["voronoi_nn"]}])
    assert found(store).sites == []


CHANGES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("labels", {"value": 5}),
    ("labels", {"neighbours": {"O": 6}}),
    ("sites", {"formula": "Ni2O2"}),
    ("sites", {"active": False}),
)


def test_data_that_change_are_other_data(with_features, store):
    with_features(polymorphs("Ni"))
    dataset = found(store)
    site = {"site": dataset.sites[0].site}
    hashes = [dataset.hash]
    for collection, change in CHANGES:
        before = store.database[collection].find_one(site)
        store.database[collection].update_one(site, {"$set": change})
        hashes.append(found(store).hash)
        store.database[collection].replace_one(site, before)
        assert found(store).hash == hashes[0]
    assert len(set(hashes)) == 1 + len(CHANGES)


def test_sites_of_all_absorbers_say_which_they_are_of(with_features, store):
    crystals = polymorphs("Ni") | polymorphs("Cu")
    config = with_features(crystals, absorbers=["Ni", "Cu"])
    every = all_labelled_sites(store, config, ALL, [NAME])[NAME]
    assert [site.site for site in every.sites] == sorted(site.site for site in every.sites)
    X = feature_matrix(store, every)
    assert X.shape == (16, 326 + 2)
    assert [site.absorber for site in every.sites] == [
        ["Ni", "Cu"][column] for column in X[:, 326:].argmax(axis=1)
    ]
    assert (X[:, 326:].sum(axis=1) == 1).all()
    hashes = dataset_hashes(store, config, ["Ni", "Cu"], [NAME])
    assert hashes[ALL, NAME] == every.hash
    # Any change at one absorber is one for all.
    site = {"site": every.sites[0].site}
    store.database.labels.update_one(site, {"$set": {"value": 5}})
    assert labelled_sites(store, config, ALL, NAME).hash != every.hash


def test_targets_have_labels_of_their_own(with_features, store):
    targets = ["coordination_number", "bond_length"]
    config = with_features(polymorphs("Ni"), targets=targets)
    names = [DatasetName(target, "r_space") for target in targets]
    cn, length = all_labelled_sites(store, config, "Ni", names).values()
    assert (cn.classes, cn.y.dtype.kind) == ([4, 6], "i")
    assert (length.classes, length.y.dtype.kind) == ([], "f")
    assert length.y.tolist() == [value / 3 for value in cn.values]
    store.database.labels.delete_one({"site": cn.sites[0].site, "target": "bond_length"})
    cn, length = all_labelled_sites(store, config, "Ni", names).values()
    assert (len(cn.sites), len(length.sites)) == (8, 7)
