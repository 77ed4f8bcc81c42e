import json

from crystals import polymorphs

from exafscn_flows.store.documents import STAGES


def test_every_site_gets_every_document(finished):
    sites = finished.documents("sites")
    assert {doc["material_id"] for doc in sites.values()} == set(polymorphs("Ni"))
    assert len(sites) == 8
    assert all(
        key == f"test/{doc['material_id']}:Ni:{doc['site_index']}" for key, doc in sites.items()
    )
    assert set(finished.documents("labels")) == {f"{key}/coordination_number" for key in sites}
    assert set(finished.documents("spectra")) == {f"{key}/exafs" for key in sites}
    for collection in ("features", "predictions"):
        assert len(finished.documents(collection)) == 2 * len(sites)
    assert len(finished.documents("models")) == len(finished.documents("metrics")) == 2
    assert not finished.documents("failures")


def test_rock_salt_is_six_and_zinc_blende_four(finished):
    for key, doc in finished.documents("labels").items():
        assert doc["value"] == (6 if "-rs:" in key else 4), key


def test_forest_tells_rock_salt_from_zinc_blende(finished):
    # Every formula is there in both structures, so only the spectrum tells them apart.
    for doc in finished.documents("metrics").values():
        assert doc["splits"]["grouped"]["majority"] <= 0.5
        assert doc["splits"]["grouped"]["accuracy"] > 0.5


def test_out_of_fold_means_the_formula_was_never_seen(finished):
    folds = {}
    for doc in finished.documents("predictions").values():
        folds.setdefault((doc["feature_set"], doc["formula"]), set()).add(doc["fold"])
    assert all(len(found) == 1 for found in folds.values())


def test_nothing_is_left_in_the_scratch_folder(finished):
    assert not list((finished.folder / "scratch").iterdir())


def test_status_counts_every_stage(finished):
    counts = json.loads(finished.exafscn("status", "test", "--json"))["counts"]
    found = {c["stage"]: (c["done"], c["failed"], c["pending"]) for c in counts}
    done = {"structures": 8, "labels": 8, "spectra": 8, "features": 16, "models": 2}
    assert found == {stage: (number, 0, 0) for stage, number in done.items()}
    # Experiments are a stage of campaigns with a study.
    assert set(STAGES) == {*done, "experiments"}
