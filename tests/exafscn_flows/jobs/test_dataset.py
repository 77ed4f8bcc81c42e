"""What models learn from: what is up to date, and a hash that tells every change of it."""

from typing import Any

from crystals import polymorphs

from exafscn_flows.jobs.dataset import Dataset, dataset_hashes, labelled_sites
from exafscn_flows.store.store import Store


def found(store: Store) -> Dataset:
    """The data set, whose hash is the same where its rows are not kept."""
    config = store.config("test")
    dataset = labelled_sites(store, config, "Ni", "r_space")
    assert dataset_hashes(store, config, "Ni", ["r_space"]) == {"r_space": dataset.hash}
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
    plan(labels={"rivals": ["voronoi_nn"]})
    assert found(store).sites == []


CHANGES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("labels", {"cn": 5}),
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
