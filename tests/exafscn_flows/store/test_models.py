"""Files and documents of models: what nobody names goes, what somebody may be at stays."""

import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from predictions import made_predictions, promotions

from exafscn_flows.errors import UsageError
from exafscn_flows.keys import ALL, ModelKey
from exafscn_flows.store.fitted import FittedModel
from exafscn_flows.store.results import MetricsDoc, ModelDoc, PredictionDoc
from exafscn_flows.store.store import Store

FILES = ("model_files.files", "model_files.chunks")


def model(absorber: str, hash_: str, file: str, **fields: Any) -> ModelDoc:
    values = {
        "campaign": "test",
        "hash": hash_,
        "target": "environment",
        "absorber": absorber,
        "feature_set": "r_space",
        "model": "forest",
        "task": "classes",
        "unit": "",
        "classes": ["cube", "octahedron"],
        "absorbers": [],
        "features": {},
        "doubt": {},
        "n_sites": 1,
        "n_formulas": 1,
        "parameters": {"kind": "random_forest"},
        "importances": None,
        "axis": [],
        "axis_label": "",
        "file": file,
        "sha256": "s",
        "versions": {},
        "learned": {},
        "takes": "t",
    }
    return ModelDoc(**values | fields)


def metrics(doc: ModelDoc) -> MetricsDoc:
    shared = set(MetricsDoc.model_fields) & set(ModelDoc.model_fields)
    fields = {name: getattr(doc, name) for name in shared}
    return MetricsDoc(**fields, class_counts=[], splits={})


def predictions(doc: ModelDoc) -> Iterator[PredictionDoc]:
    for one in made_predictions(3):
        yield one.model_copy(update={"hash": doc.hash, "absorber": doc.absorber})


def file_of(absorber: str, sha256: str = "s", campaign: str = "test") -> str:
    return f"{campaign}/{ModelKey('environment', absorber, 'r_space', 'forest')}/{sha256}"


def write_file(store: Store, file: str) -> str:
    store.models.write_file(file.partition("/")[0], file, b"x" * 300_000, "s")
    return file


def write(store: Store, doc: ModelDoc, *, complete: bool) -> None:
    store.write([*predictions(doc), write_model(store, doc)])
    if complete:
        store.write([metrics(doc)])


def write_model(store: Store, doc: ModelDoc) -> ModelDoc:
    write_file(store, doc.file)
    return doc


def files(store: Store) -> set[str]:
    """Names of files that are whole; there is nothing left of any other."""
    whole, chunks = (
        store.database[name].distinct(key) for name, key in zip(FILES, KEYS, strict=True)
    )
    assert set(whole) == set(chunks)
    return set(whole)


KEYS = ("_id", "files_id")


def hashes(store: Store) -> dict[str, set[str]]:
    return {
        name: set(store.database[name].distinct("hash"))
        for name in ("models", "predictions", "metrics")
    }


def test_what_was_never_complete_goes_and_what_others_write_stays(store):
    ni, cu = file_of("Ni"), file_of("Cu")
    write(store, model("Ni", "done", ni), complete=True)
    write(store, model("Ni", "killed", file_of("Ni", "s2")), complete=False)
    write_file(store, file_of("Ni", "s3"))
    half = write_file(store, file_of("Ni", "s4"))
    store.database[FILES[0]].delete_one({"_id": half})  # a kill left chunks alone
    write(store, model("Cu", "at work", cu), complete=False)
    before = write_file(store, file_of("Cu", "s5"))  # its document comes next
    other = write_file(store, file_of("Ni", campaign="test2"))
    store.models.drop_unfinished("test", "Ni")
    assert files(store) == {ni, cu, before, other}
    left = {"done", "at work"}
    assert hashes(store) == {"models": left, "predictions": left, "metrics": {"done"}}
    store.models.drop_unfinished("test", "Cu")
    assert files(store) == {ni, other}


def test_a_file_stays_as_long_as_any_document_names_it(store):
    """One model on all absorbers, with a version of each absorber."""
    joint = file_of(ALL)
    for absorber in ("Ni", "Cu"):
        write(store, model(absorber, f"joint-{absorber}", joint), complete=True)
    store.models.drop_version("test", "Ni", "joint-Ni")
    assert files(store) == {joint}
    store.models.drop_version("test", "Cu", "joint-Cu")
    assert files(store) == set()
    assert hashes(store) == {"models": set(), "predictions": set(), "metrics": set()}


def test_training_of_one_absorber_leaves_models_on_all_alone(store):
    joint = write_file(store, file_of(ALL))
    write(store, model("Ni", "joint-Ni", joint), complete=True)
    write(store, model("Cu", "joint-Cu", joint), complete=False)
    store.models.drop_unfinished("test", "Ni")
    assert files(store) == {joint}
    assert hashes(store)["models"] == hashes(store)["predictions"] == {"joint-Ni", "joint-Cu"}


def test_a_killed_training_of_all_absorbers_leaves_nothing(store):
    """Ni was complete, Cu was not; the file is that of both, another is of nobody."""
    joint, unused = file_of(ALL), file_of(ALL, "s2")
    write(store, model("Ni", "joint-Ni", joint), complete=True)
    write(store, model("Cu", "joint-Cu", joint), complete=False)
    write_file(store, unused)
    ni = file_of("Ni")
    write(store, model("Ni", "of Ni", ni), complete=True)
    store.models.drop_unfinished("test", ALL)
    assert files(store) == {joint, ni}
    assert hashes(store)["models"] == hashes(store)["predictions"] == {"joint-Ni", "of Ni"}


def test_queries_mean_no_model_that_is_withdrawn(store):
    store.write(promotions())
    store.write(doc.model_copy(update={"target": "environment"}) for doc in promotions())
    key = ModelKey("environment", "Ni", "r_space", "random_forest")
    store.models.withdraw("test", "Ni", keep=[str(key)])
    left = set(store.database.promotions.distinct("_id", {"absorber": "Ni"}))
    assert left == {f"test/{key}"}
    assert store.database.promotions.count_documents({"absorber": "Cu"}) == 2


@pytest.fixture
def _plain_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outputs are what the model is given."""
    task = SimpleNamespace(output=lambda fitted, X, classes: fitted(X))
    tasks = SimpleNamespace(task_named=lambda name: task)
    monkeypatch.setitem(sys.modules, "exafscn_flows.tasks", tasks)


@pytest.mark.usefixtures("_plain_outputs")
def test_a_loaded_model_says_names_of_classes():
    loaded = FittedModel(model("Ni", "h", "f"), lambda X: X)
    X = [[0.2, 0.8], [0.5, 0.5]]
    assert loaded.predict(X).tolist() == ["octahedron", "cube"]  # the first of equals
    assert loaded.predict_proba(X) == pytest.approx(np.array(X))
    assert loaded.classes_ == ["cube", "octahedron"]


@pytest.mark.usefixtures("_plain_outputs")
def test_a_model_on_all_absorbers_is_told_which_one_it_is():
    doc = model("Cu", "h", "f", absorbers=["Cr", "Cu", "Fe"], classes=[2, 4, 6, 8, 10])
    loaded = FittedModel(doc, lambda X: X)
    assert loaded.predict_proba([[7, 8]]).tolist() == [[7, 8, 0, 1, 0]]
    assert loaded.predict([[0, 1]]).tolist() == [4]


@pytest.mark.usefixtures("_plain_outputs")
def test_a_loaded_model_of_numbers_says_numbers_without_probabilities():
    doc = model("Cu", "h", "f", task="numbers", target="bond_length", classes=[])
    loaded = FittedModel(doc, lambda X: X)
    assert loaded.predict([[1.9, 0.1], [2.1, 0]]) == pytest.approx([1.9, 2.1])
    with pytest.raises(UsageError, match="bond_length is numbers: use predict"):
        loaded.predict_proba([[1.9, 0.1]])
