"""A small study, from its campaign file to experiments: killed, and run in another database."""

import os
import signal
import time

import pytest
from campaigns import make_workspace
from crystals import polymorphs

TIMES = ("created_at", "run_at", "seconds", "uploadDate")

STUDY = {
    "features": {"sets": [{"kind": "r_space", "input": "chi", "name": "r"}, {"kind": "r_space"}]},
    "models": [
        {"kind": "random_forest", "n_estimators": 40},
        {"kind": "extra_trees", "search": {"n_estimators": [10, 20]}, "feature_sets": ["r"]},
        {"kind": "gradient_boosting", "max_iter": 10, "feature_sets": ["r"]},
        {"kind": "mlp", "max_epochs": 5, "feature_sets": ["r"]},
    ],
    "evaluation": {"n_folds": 4, "seed": 3, "chemical_systems": True},
    "study": {
        "importance": ["random_forest", "mlp"],
        "curves": ["random_forest", "extra_trees"],
        "rmax": [2.0, 4.0],
        "rmin": [2.0],
        "learning_curve": [1.0],
    },
}
N_MODELS, N_EXPERIMENTS = 5, 2 + 2 * 4


def everything(workspace):
    """All documents of all collections, without times; models by their files' checksums."""
    found = {}
    for collection in sorted(workspace.database.list_collection_names()):
        documents = workspace.documents(collection)
        if collection == "model_files.chunks":
            documents = {(doc["files_id"], doc["n"]): doc["data"] for doc in documents.values()}
        else:
            for doc in documents.values():
                for name in TIMES:
                    doc.pop(name, None)
        found[collection] = documents
    return found


def kill_in(workspace, collection):
    """Kill the whole process group as soon as a collection has a document that was not there."""
    before = workspace.database[collection].count_documents({})
    process = workspace.start("run", str(workspace.file))
    deadline = time.monotonic() + 120
    while workspace.database[collection].count_documents({}) == before:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.fixture
def workspace(server_uri):
    workspace = make_workspace(server_uri, polymorphs("Ni"), **STUDY)
    first = workspace.database
    yield workspace
    first.client.drop_database(first.name)
    workspace.remove()


def test_a_study_ends_the_same_in_every_database_and_after_every_kill(workspace):
    out = workspace.run()
    assert f"{N_MODELS} models, {N_EXPERIMENTS} experiments" in " ".join(out.split())
    undisturbed = everything(workspace)
    assert len(undisturbed["metrics"]) == N_MODELS
    assert len(undisturbed["experiments"]) == N_EXPERIMENTS
    assert not undisturbed["failures"]
    assert len({doc["sha256"] for doc in undisturbed["models"].values()}) == N_MODELS
    for doc in undisturbed["experiments"].values():
        is_importance = doc["experiment"] == "importance"
        assert (doc["drop"] is not None) == is_importance
        assert (doc["gradients"] is not None) == (is_importance and doc["model"] == "mlp")

    workspace.uri += "-again"
    kept = {}
    for collection, complete in (("metrics", N_MODELS), ("experiments", N_EXPERIMENTS)):
        kill_in(workspace, collection)
        now = workspace.written("features", "metrics", "experiments")
        assert kept.items() <= now.items()
        assert 0 < len(workspace.documents(collection)) < complete
        kept = now
    workspace.run()
    now = workspace.written("features", "metrics", "experiments")
    assert kept.items() <= now.items()
    assert everything(workspace) == undisturbed

    database = workspace.database
    database.create_collection("system.profile", capped=True, size=2**24)
    database.command("profile", 2)
    workspace.run()
    database.command("profile", 0)
    changing = {
        "op": {"$in": ["insert", "update", "remove"]},
        "ns": {"$not": {"$regex": "profile"}},
    }
    changed = list(database["system.profile"].find(changing))
    # The campaign itself says when it was run, and by whom.
    assert {op["ns"].removeprefix(f"{database.name}.") for op in changed if not idle(op)} == {
        "campaigns"
    }
    assert workspace.written("features", "metrics", "experiments") == now
    assert not list((workspace.folder / "scratch").iterdir())


def idle(op):
    """Whether a command, such as a deletion of what is out of date, changed no document."""
    return op["op"] == "remove" and not op.get("ndeleted")
