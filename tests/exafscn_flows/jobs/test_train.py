import pytest
from crystals import polymorphs

from exafscn_flows.jobs import train as train_module
from exafscn_flows.jobs.report import collect_report
from exafscn_flows.jobs.train import train
from exafscn_flows.store.documents import FailureDoc, MetricsDoc, ModelDoc, PredictionDoc

FOREST = {"kind": "random_forest", "n_estimators": 5}
CHI_ONLY = {"sets": [{"kind": "r_space", "input": "chi"}]}


def trained(store, absorber="Ni"):
    counts = train.original("test", absorber)
    query = {"campaign": "test", "absorber": absorber}
    found = [store.count(kind, query) for kind in (MetricsDoc, ModelDoc, PredictionDoc)]
    files = store.database["model_files.files"].distinct("_id")
    chunks = store.database["model_files.chunks"].distinct("files_id")
    assert sorted(files) == sorted(chunks) == sorted(d.file for d in store.find(ModelDoc, {}))
    return counts, found


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
    assert not store.count(PredictionDoc, {"absorber": "Cu"})
    assert not store.count(MetricsDoc, {"absorber": "Cu"})
    with_features(absorbers=["Ni", "Cu"])
    assert trained(store, "Cu") == complete[1]
    assert trained(store)[1] == complete[0][1]


def test_models_that_cannot_be_fitted_any_more_are_dropped(with_features, store):
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
    before = {doc.key: doc.probabilities for doc in store.find(PredictionDoc, {})}
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
    with_features()
    assert trained(store)[1] == [2, 2, 16]
    assert {doc.key: doc.probabilities for doc in store.find(PredictionDoc, {})} == before


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
    def fit_task(campaign, key, *args):
        if "r_space_chi" in key:
            raise MemoryError("too large")
        return train_module_fit_task(campaign, key, *args)

    train_module_fit_task = train_module.fit_task
    monkeypatch.setattr(train_module, "fit_task", fit_task)
    with_features(polymorphs("Ni"))
    assert trained(store) == ({"trained": 1, "skipped": 1, "up to date": 0}, [1, 1, 8])
    (failure,) = store.find(FailureDoc, {})
    assert (failure.kind, failure.item) == ("fit_failed", "Ni/r_space_chi/random_forest")
    assert "MemoryError: too large" in failure.message


def test_report_shows_only_models_that_are_up_to_date(with_features, store):
    with_features(polymorphs("Ni"))
    trained(store)
    assert len(collect_report(store, "test").models) == 2
    with_features(models=[{**FOREST, "n_estimators": 3}])
    assert collect_report(store, "test").models == []
