from collections import Counter
from hashlib import sha256

import numpy as np
import pytest
from crystals import polymorphs
from pymatgen.core import Lattice, Structure

from exafscn_flows import Campaign
from exafscn_flows.errors import CampaignError
from exafscn_flows.jobs import train as train_module
from exafscn_flows.jobs.dataset import DatasetName, labelled_sites
from exafscn_flows.jobs.report import collect_report
from exafscn_flows.jobs.samples import Samples
from exafscn_flows.jobs.train import train
from exafscn_flows.jobs.versions import promote
from exafscn_flows.keys import ALL
from exafscn_flows.models import network_checkpoint
from exafscn_flows.models.guarded import GuardedClassifier
from exafscn_flows.store.checkpoints import FitCheckpoints
from exafscn_flows.store.documents import FailureDoc, LabelDoc
from exafscn_flows.store.results import MetricsDoc, ModelDoc, PredictionDoc, PromotionDoc
from exafscn_flows.store.versions import current_metrics

FOREST = {"kind": "random_forest", "n_estimators": 5}
CN = "coordination_number"
CHI_ONLY = {"sets": [{"kind": "r_space", "input": "chi"}]}


def trained(store, absorber="Ni"):
    """Train, and count the documents of the versions that queries use."""
    counts = train.original("test", absorber)
    current = [doc.hash for doc in store.find(PromotionDoc, {"absorber": absorber})]
    query = {"campaign": "test", "hash": {"$in": current}}
    found = [store.count(kind, query) for kind in (MetricsDoc, ModelDoc, PredictionDoc)]
    files = store.database["model_files.files"].distinct("_id")
    chunks = store.database["model_files.chunks"].distinct("files_id")
    assert set(files) == set(chunks) == {doc.file for doc in store.find(ModelDoc, {})}
    return counts, found


def layered(one, other, anion, a):
    """Rock salt with two metals in alternate layers."""
    metals = [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    anions = [[0.5, 0.5, 0.5], [0, 0, 0.5], [0, 0.5, 0], [0.5, 0, 0]]
    return Structure(Lattice.cubic(a), [one] * 2 + [other] * 2 + [anion] * 4, metals + anions)


def vary_labels(store):
    """Give half of the sites of each absorber another label, not the same ones."""
    for absorber, values in (("Ni", [4, 6, 4, 6, 4, 6]), ("Cu", [4, 4, 4, 6, 6, 6])):
        docs = list(store.find(LabelDoc, {"absorber": absorber}, sort=[("site", 1)]))
        for doc, value in zip(docs, values, strict=True):
            key = {"_id": f"test/{doc.key}"}
            store.database.labels.update_one(key, {"$set": {"value": value}})


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
        chunk = {
            "files_id": f"test/{CN}/{absorber}/r_space/random_forest/abc",
            "n": 0,
            "data": b"x",
        }
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
    assert (failure.kind, failure.item) == ("fit_failed", f"{CN}/Ni/r_space_chi/random_forest")
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
    dataset = labelled_sites(store, config, "Ni", DatasetName(CN, "r_space_chi"))
    samples = Samples.of(store, dataset)
    columns = config.features.sets[0].columns(config.features)
    rows = samples.training_set(columns, "classes")
    fitted = config.models[0].fit(rows, config.evaluation.seed)
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


JOINT = {"kind": "extra_trees", "n_estimators": 5, "per": "campaign"}


def test_a_model_of_all_absorbers_has_a_version_at_each(with_features, store):
    crystals = polymorphs("Ni") | polymorphs("Cu")
    settings = {"absorbers": ["Ni", "Cu"], "features": CHI_ONLY, "models": [FOREST, JOINT]}
    with_features(crystals, **settings)
    assert trained(store)[1] == trained(store, "Cu")[1] == [1, 1, 8]
    assert train.original("test", ALL) == {"trained": 2, "skipped": 0, "up to date": 0}
    ours = {doc.absorber: doc for doc in store.find(ModelDoc, {"model": "extra_trees"})}
    assert set(ours) == {"Ni", "Cu"}
    assert ours["Ni"].file == ours["Cu"].file
    assert ours["Ni"].hash != ours["Cu"].hash
    assert ours["Cu"].absorbers == ["Ni", "Cu"]
    assert ours["Cu"].n_sites == 16
    assert len(ours["Cu"].importances) == len(ours["Cu"].axis) == 326
    metrics = {doc.absorber: doc for doc in store.find(MetricsDoc, {"model": "extra_trees"})}
    assert [doc.n_sites for doc in metrics.values()] == [8, 8]
    for absorber, doc in metrics.items():
        predicted = list(store.find(PredictionDoc, {"hash": doc.hash}))
        assert {one.absorber for one in predicted} == {absorber}
        right = sum(not one.disagrees for one in predicted)
        assert doc.splits["grouped"]["accuracy"] == right / 8
    # Another run has nothing to do; one version dropped leaves the file to the other.
    assert train.original("test", ALL) == {"trained": 0, "skipped": 0, "up to date": 2}
    store.models.drop_version("test", "Ni", ours["Ni"].hash)
    assert store.models.read_file(ours["Cu"].file)
    # Whoever trains one absorber leaves what is learned of all.
    assert train.original("test", "Cu")["up to date"] == 1
    assert store.count(MetricsDoc, {"model": "extra_trees", "absorber": "Cu"}) == 1


def test_spectra_such_as_were_learned_are_in_distribution(with_features, store, monkeypatch):
    scores = iter(np.linspace(0, 0.9, 400))
    monkeypatch.setattr(
        GuardedClassifier, "ood_score", lambda self, X: np.array([next(scores) for _ in X])
    )
    network = {"kind": "spectral_network", "epochs": 1}
    trees = {"kind": "extra_trees", "n_estimators": 2}
    average = {"kind": "average", "name": "both", "members": [network, trees]}
    sets = [{"kind": "k_space", "input": "chi"}]
    with_features(polymorphs("Ni"), features={"sets": sets}, models=[average, trees])
    assert trained(store)[1] == [2, 2, 16]
    (doc,) = store.find(ModelDoc, {"model": "both"})
    found = list(store.find(PredictionDoc, {"model": "both"}))
    values = sorted(one.ood_score for one in found)
    # Of eight sites, one in a hundred is none; all have a score of their own.
    assert doc.doubt["ood_score"] == pytest.approx(values[-1], abs=1e-3)
    assert len(set(values)) == 8
    assert all(one.in_distribution for one in found)
    others = store.find(PredictionDoc, {"model": "extra_trees"})
    assert {(one.ood_score, one.in_distribution) for one in others} == {(None, None)}
    # A site that came later is asked of the stored model, and may be outside.
    store.database.predictions.delete_one({"_id": f"test/{found[0].key}"})
    store.database.models.update_one({"model": "both"}, {"$set": {"doubt.ood_score": 0.0}})
    assert promote(store, store.config("test"), doc.hash) == 1
    (again,) = store.find(PredictionDoc, {"model": "both", "fold": None})
    assert again.ood_score > 0
    assert again.in_distribution is False
    assert "out of distribution" in again.keywords


def test_two_stages_learn_what_they_predict_first_where_it_is_known(with_features, store):
    sets = [{"kind": "k_space", "input": "chi"}, {"kind": "running_coordination"}]
    features = {"sets": sets}
    two = {
        "kind": "two_stage",
        "feature_sets": ["k_space_chi"],
        "first": "running_coordination",
        "second": {"n_estimators": 5},
    }
    models = [FOREST | {"feature_sets": ["k_space_chi"]}, two]
    with_features(polymorphs("Ni"), features=features, models=models)
    assert trained(store)[1] == [2, 2, 16]
    model = Campaign("test", store).model("Ni", feature_set="k_space_chi", model="two_stage")
    assert model.n_features_in_ == 181
    (doc,) = store.find(ModelDoc, {"model": "two_stage"})
    assert doc.parameters["first"] == "running_coordination"
    # It is another model when that is another one.
    assert trained(store)[0]["up to date"] == 2
    features["sets"][1] = {"kind": "running_coordination", "rmax": 4.0}
    with_features(features=features, models=models)
    assert trained(store)[0] == {"trained": 1, "skipped": 0, "up to date": 1}
    # A site without it is learned from by the one that does not need it alone.
    store.database.features.delete_one({"feature_set": "running_coordination"})
    assert trained(store)[0] == {"trained": 1, "skipped": 0, "up to date": 1}
    sizes = {one.model: one.n_sites for one in store.find(ModelDoc, {"n_sites": 7})}
    assert sizes == {"two_stage": 7}
    (doc,) = store.find(ModelDoc, {"n_sites": 7})
    assert doc.features["auxiliary"]["rmax"] == 4.0
    # And yet it can be asked about that site: what the first stage predicts need not be known.
    assert promote(store, store.config("test"), doc.hash) == 1


class _Killed(BaseException):
    """As nothing in the program expects it."""


def test_a_killed_training_of_a_network_goes_on_and_ends_the_same(
    with_features, store, monkeypatch
):
    network = {"kind": "convolutional_network", "epochs": 3, "n_networks": 2}
    settings = {"features": CHI_ONLY, "models": [network]}
    with_features(polymorphs("Ni"), **settings)
    monkeypatch.setattr(network_checkpoint, "SECONDS", 0.0)
    monkeypatch.setattr(train_module, "LONG", 0.0)
    written = FitCheckpoints.write
    names: list[str] = []

    def killing(self: FitCheckpoints, name: str, data: bytes) -> None:
        names.append(name)
        written(self, name, data)
        if len(names) in (4, 9, 20):
            raise _Killed

    monkeypatch.setattr(FitCheckpoints, "write", killing)
    for _ in range(3):
        with pytest.raises(_Killed):
            train.original("test", "Ni")
    assert store.database["checkpoints.files"].count_documents({})
    assert trained(store)[1] == [1, 1, 8]
    # Six epochs of each of five fits, and four folds, all of them once.
    assert Counter(names) == {"part1-0": 5 * 3, "part1-1": 5 * 3, "outputs": 4}
    assert not store.database["checkpoints.files"].count_documents({})
    assert not store.database["checkpoints.chunks"].count_documents({})
    disturbed = [(doc.file, doc.hash) for doc in store.find(ModelDoc, {})]
    predictions = {doc.site: doc.probabilities for doc in store.find(PredictionDoc, {})}
    store.models.drop_version("test", "Ni", disturbed[0][1])
    assert trained(store)[1] == [1, 1, 8]
    assert [(doc.file, doc.hash) for doc in store.find(ModelDoc, {})] == disturbed
    again = {doc.site: doc.probabilities for doc in store.find(PredictionDoc, {})}
    assert again == predictions


def test_checkpoints_of_what_is_no_longer_wanted_go(with_features, store):
    with_features(polymorphs("Ni"), features=CHI_ONLY, models=[FOREST])
    old = f"{CN}/Ni/r_space_chi/random_forest/old"
    store.checkpoints.of("test", old, "final").write("part1", b"x")
    trained(store)
    assert not store.database["checkpoints.files"].count_documents({})


def test_a_formula_is_on_one_side_at_all_absorbers(with_features, store):
    """Half of all sites have a formula that holds several absorbers."""
    crystals = {
        f"m{number}": layered("Ni", "Cu", anion, 4.2 + number / 50)
        for number, anion in enumerate(("O", "S", "Se", "Te", "F", "Cl"))
    }
    settings = {"absorbers": ["Ni", "Cu"], "features": CHI_ONLY, "evaluation": {"n_folds": 3}}
    with_features(crystals, **settings, models=[FOREST, JOINT])
    vary_labels(store)
    for absorber in ("Ni", "Cu", ALL):
        train.original("test", absorber)
    for model in ("random_forest", "extra_trees"):
        folds: dict[str, set[int]] = {}
        for doc in store.find(PredictionDoc, {"model": model}):
            folds.setdefault(doc.formula, set()).add(doc.fold)
        assert len(folds) == 6
        assert all(len(found) == 1 for found in folds.values()), model
    # Each absorber by itself has folds of its own, in which they part.
    with_features(**settings, models=[FOREST])
    vary_labels(store)
    folds = {}
    for absorber in ("Ni", "Cu"):
        train.original("test", absorber)
    promoted = [doc.hash for doc in store.find(PromotionDoc, {"model": "random_forest"})]
    for doc in store.find(PredictionDoc, {"hash": {"$in": promoted}}):
        folds.setdefault(doc.formula, set()).add(doc.fold)
    assert any(len(found) == 2 for found in folds.values())


def test_numbers_are_learned_beside_classes(with_features, store):
    targets = [CN, "bond_length"]
    with_features(polymorphs("Ni"), targets=targets, features=CHI_ONLY)
    assert trained(store)[1] == [2, 2, 16]
    metrics = {doc.target: doc for doc in store.find(MetricsDoc, {})}
    assert metrics["bond_length"].unit == "Å"
    assert metrics["bond_length"].classes == []
    quality = metrics["bond_length"].splits["grouped"]
    predictions = list(store.find(PredictionDoc, {"target": "bond_length"}))
    errors = [one.value - one.label for one in predictions]
    rmse = (sum(error**2 for error in errors) / len(errors)) ** 0.5
    assert quality["rmse"] == pytest.approx(rmse, abs=1e-6)
    assert {one.task for one in predictions} == {"numbers"}
    assert all(one.probability is None and one.expected_error > 0 for one in predictions)
    config = store.config("test")
    (model,) = store.find(ModelDoc, {"target": "bond_length"})
    assert model.features["set"] == config.features.sets[0].model_dump(mode="json")
    assert list(model.features["spectra"]) == ["exafs"]


def test_a_model_of_all_absorbers_where_there_is_one_is_like_any_other(with_features, store):
    config = with_features(polymorphs("Ni"), features=CHI_ONLY, models=[JOINT])
    assert train.original("test", ALL)["trained"] == 1
    samples = Samples.of(store, labelled_sites(store, config, "Ni", DatasetName(CN, "r_space_chi")))
    predicted = Campaign("test", store).model("Ni").predict(samples.X)
    assert set(predicted) <= {4, 6}


def test_an_absorber_without_a_site_in_a_shared_fold_is_learned_on_the_others(with_features, store):
    """Two formulas of Cu, in two of three folds of Ni and Cu."""
    crystals = polymorphs("Ni") | {
        name: crystal for name, crystal in polymorphs("Cu").items() if name[:3] in ("CuO", "CuS")
    }
    settings = {"absorbers": ["Ni", "Cu"], "features": CHI_ONLY, "evaluation": {"n_folds": 3}}
    with_features(crystals, **settings, models=[FOREST, JOINT])
    store.database.labels.update_many(
        {"absorber": "Cu", "site": {"$regex": "CuO-rs|CuS-rs"}}, {"$set": {"value": 6}}
    )
    outcome = {absorber: train.original("test", absorber) for absorber in ("Cu", ALL)}
    kinds = {doc.kind for doc in store.find(FailureDoc, {"absorber": "Cu"})}
    # Four sites, two of each label, cannot fill three folds of their own.
    assert kinds <= {"too_few_sites"}
    assert outcome[ALL]["trained"] == 2
    (metrics,) = store.find(MetricsDoc, {"absorber": "Cu", "model": "extra_trees"})
    assert metrics.n_sites == 4
    assert len(metrics.splits["grouped"]["fold_accuracy"]) <= 2


def test_only_models_beside_one_of_all_absorbers_share_its_folds(with_features, store):
    """Another feature set, or target, is as if there were none."""
    crystals = polymorphs("Ni") | polymorphs("Cu")
    settings = {"absorbers": ["Ni", "Cu"]}
    with_features(crystals, **settings, models=[FOREST])
    trained(store)
    joint = JOINT | {"feature_sets": ["r_space_chi"]}
    with_features(**settings, models=[FOREST, joint])
    assert trained(store)[0] == {"trained": 1, "skipped": 0, "up to date": 1}


def test_what_a_killed_training_of_all_absorbers_left_goes_with_the_model(
    with_features, plan, store
):
    with_features(polymorphs("Ni"), features=CHI_ONLY, models=[FOREST, JOINT])
    file = f"test/{CN}/{ALL}/r_space_chi/extra_trees/abc"
    store.database["model_files.chunks"].insert_one({"files_id": file, "n": 0, "data": b"x"})
    plan(features=CHI_ONLY, models=[FOREST])
    assert not store.database["model_files.chunks"].count_documents({})
