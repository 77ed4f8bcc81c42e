from hashlib import sha256

import pytest
from crystals import polymorphs

from exafscn_flows import Campaign
from exafscn_flows.errors import CampaignError
from exafscn_flows.jobs import train as train_module
from exafscn_flows.jobs.dataset import labelled_sites
from exafscn_flows.jobs.report import collect_report
from exafscn_flows.jobs.samples import Samples
from exafscn_flows.jobs.train import train
from exafscn_flows.store.documents import FailureDoc
from exafscn_flows.store.results import MetricsDoc, ModelDoc, PredictionDoc, PromotionDoc
from exafscn_flows.store.versions import current_metrics

FOREST = {"kind": "random_forest", "n_estimators": 5}
CHI_ONLY = {"sets": [{"kind": "r_space", "input": "chi"}]}


def trained(store, absorber="Ni"):
    """Train, and count the documents of the versions that queries mean."""
    counts = train.original("test", absorber)
    current = [doc.hash for doc in store.find(PromotionDoc, {"absorber": absorber})]
    query = {"campaign": "test", "hash": {"$in": current}}
    found = [store.count(kind, query) for kind in (MetricsDoc, ModelDoc, PredictionDoc)]
    files = store.database["model_files.files"].distinct("_id")
    chunks = store.database["model_files.chunks"].distinct("files_id")
    assert set(files) == set(chunks) == {doc.file for doc in store.find(ModelDoc, {})}
    return counts, found


def probabilities(store):
    return {doc.key: doc.probabilities for doc in store.find(PredictionDoc, {})}


def test_predictions_come_back_with_a_feature_set(with_features, store):
    with_features(polymorphs("Ni"))
    _, complete = trained(store)
    assert complete == [2, 2, 16]
    with_features(features=CHI_ONLY)
    assert trained(store) == ({"trained": 0, "skipped": 0, "up to date": 1}, [1, 1, 8])
    with_features()
    assert trained(store)[1] == complete


def test_predictions_come_back_with_an_absorber(with_features, store):
    with_features(polymorphs("Ni") | polymorphs("Cu"), absorbers=["Ni", "Cu"])
    complete = trained(store), trained(store, "Cu")
    assert complete[1][1] == [2, 2, 16]
    with_features(absorbers=["Ni"])
    assert not store.count(PromotionDoc, {"absorber": "Cu"})
    assert {row.absorber for row in current_metrics(store, "test")} == {"Ni"}
    with_features(absorbers=["Ni", "Cu"])
    up_to_date = {"trained": 0, "skipped": 0, "up to date": 2}
    assert trained(store, "Cu") == (up_to_date, complete[1][1])
    assert trained(store) == (up_to_date, complete[0][1])


def test_models_that_cannot_be_fitted_any_more_are_not_meant(with_features, store):
    with_features(polymorphs("Ni"))
    trained(store)
    with_features(evaluation={"n_folds": 5})
    assert trained(store)[1] == [0, 0, 0]
    assert {doc.kind for doc in store.find(FailureDoc, {})} == {"too_few_sites"}
    with_features()
    assert trained(store)[1] == [2, 2, 16]
    assert not store.count(FailureDoc, {})


@pytest.mark.parametrize("killed_after", [PredictionDoc, ModelDoc])
def test_half_written_model_is_not_taken_for_the_one_before(
    with_features, store, monkeypatch, killed_after
):
    with_features(polymorphs("Ni"))
    trained(store)
    before = probabilities(store)
    meant = {doc.hash for doc in store.find(PromotionDoc, {})}
    write = type(store).write

    def killed(self, docs):
        docs = list(docs)
        write(self, docs)
        if isinstance(docs[0], killed_after):
            raise KeyboardInterrupt

    with_features(models=[{**FOREST, "n_estimators": 3}])
    with monkeypatch.context() as patch:
        patch.setattr(type(store), "write", killed)
        with pytest.raises(KeyboardInterrupt):
            train.original("test", "Ni")
    assert {doc.hash for doc in store.find(PromotionDoc, {})} == meant
    assert len(probabilities(store)) > len(before)
    with_features()
    assert trained(store)[1] == [2, 2, 16]
    assert probabilities(store) == before


def test_chunks_of_a_killed_upload_are_removed(with_features, store):
    with_features(polymorphs("Ni"))
    trained(store)
    for absorber in ("Ni", "Co"):
        chunk = {"files_id": f"test/{absorber}/r_space/random_forest/abc", "n": 0, "data": b"x"}
        store.database["model_files.chunks"].insert_one(chunk)
    train.original("test", "Ni")
    chunks = store.database["model_files.chunks"].distinct("files_id")
    assert len(chunks) == 3
    assert chunk["files_id"] in chunks  # of another absorber, which may be in training


def test_fit_that_fails_is_a_failure_and_the_others_go_on(with_features, store, monkeypatch):
    def fit_task(key, part, *args):
        # The final model is written before a fold of it fails.
        if "r_space_chi" in key and part is not None:
            raise MemoryError("too large")
        return train_module_fit_task(key, part, *args)

    train_module_fit_task = train_module.fit_task
    monkeypatch.setattr(train_module, "fit_task", fit_task)
    with_features(polymorphs("Ni"))
    assert trained(store) == ({"trained": 1, "skipped": 1, "up to date": 0}, [1, 1, 8])
    (failure,) = store.find(FailureDoc, {})
    assert (failure.kind, failure.item) == ("fit_failed", "Ni/r_space_chi/random_forest")
    assert "MemoryError: too large" in failure.message


def test_nothing_to_fit_needs_no_scratch_folder(with_features, store, monkeypatch, tmp_path):
    with_features(polymorphs("Ni"))
    trained(store)
    monkeypatch.setenv("EXAFSCN_SCRATCH_DIR", str(tmp_path / "gone"))
    assert trained(store)[0] == {"trained": 0, "skipped": 0, "up to date": 2}


def test_metrics_name_the_classes_with_fewer_formulas_than_folds(with_features, store):
    crystals = polymorphs("Ni")
    del crystals["NiO-zb"], crystals["NiS-zb"]
    with_features(crystals, features=CHI_ONLY)
    trained(store)
    (metrics,) = store.find(MetricsDoc, {})
    assert (metrics.classes, metrics.class_counts, metrics.rare) == ([4, 6], [2, 4], [])
    with_features(features=CHI_ONLY, evaluation={"n_folds": 3})
    trained(store)
    (metrics,) = current_metrics(store, "test")
    assert (metrics.class_counts, metrics.rare) == ([2, 4], [4])


def test_metrics_have_the_splits_that_are_asked_for(with_features, store):
    evaluation = {"n_folds": 2, "chemical_systems": True}
    with_features(polymorphs("Ni"), features=CHI_ONLY, evaluation=evaluation)
    trained(store)
    (metrics,) = store.find(MetricsDoc, {})
    assert list(metrics.splits) == ["grouped", "random", "chemical_system"]
    # One formula in each system: both hold out the same sites together.
    assert metrics.splits["chemical_system"] == metrics.splits["grouped"]


def test_a_search_is_kept_with_what_it_chose(with_features, store):
    search = {"min_samples_leaf": [1, 2], "max_features": ["sqrt"]}
    folds = {"n_folds": 2}
    models = [FOREST | {"search": search, "feature_sets": ["r_space_chi"]}]
    with_features(polymorphs("Ni"), models=models, evaluation=folds)
    assert trained(store)[1] == [0, 0, 0]
    (failure,) = store.find(FailureDoc, {})
    # Half of eight sites cannot be searched by three folds, but all of them could.
    assert failure.message.startswith("in the search over parameters, no label has as many sites")
    with_features(models=models, evaluation={"n_folds": 4})
    assert trained(store)[1] == [1, 1, 8]
    (model,) = store.find(ModelDoc, {})
    assert model.parameters.pop("min_samples_leaf") in (1, 2)
    assert model.parameters == {
        **FOREST,
        "name": "random_forest",
        "max_features": "sqrt",
        "class_weight": None,
    }


def test_a_model_from_the_database_is_the_one_that_was_fitted(with_features, store):
    config = with_features(polymorphs("Ni"), features=CHI_ONLY)
    trained(store)
    dataset = labelled_sites(store, config, "Ni", "r_space_chi")
    samples = Samples.of(store, dataset)
    fitted = config.models[0].fit(samples.X, samples.y, samples.groups, config.evaluation.seed)
    loaded = Campaign("test", store).model("Ni")
    assert (loaded.predict_proba(samples.X) == fitted.predict_proba(samples.X)).all()


@pytest.mark.parametrize(("sum_too", "words"), [(False, "checksum"), (True, "cannot be read")])
def test_a_model_that_was_tampered_with_is_refused(with_features, store, sum_too, words):
    with_features(polymorphs("Ni"), features=CHI_ONLY)
    trained(store)
    chunk = store.database["model_files.chunks"].find_one({"n": 0})
    data = bytearray(chunk["data"])
    data[len(data) // 2] ^= 1
    change = {"$set": {"data": bytes(data)}}
    store.database["model_files.chunks"].update_one({"_id": chunk["_id"]}, change)
    if sum_too:
        store.database.models.update_one({}, {"$set": {"sha256": sha256(data).hexdigest()}})
    with pytest.raises(CampaignError, match=words):
        Campaign("test", store).model("Ni")


def test_report_shows_only_models_that_are_up_to_date(with_features, store):
    with_features(polymorphs("Ni"))
    trained(store)
    assert len(collect_report(store, "test").models) == 2
    with_features(models=[{**FOREST, "n_estimators": 3}])
    assert collect_report(store, "test").models == []
