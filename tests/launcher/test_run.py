import json
import os
import signal
import time

import pytest
from crystals import cesium_chloride, cuprite, fcc, rock_salt, write_cifs, zinc_blende

from exafscn_flows.store.documents import STAGES

TIMES = ("created_at", "run_at", "seconds")


def without_times(documents):
    return {
        key: {name: value for name, value in doc.items() if name not in TIMES}
        for key, doc in documents.items()
    }


def written(workspace, *collections):
    """When each document was written: shows what a run computed again."""
    return {
        key: doc["created_at"]
        for collection in collections
        for key, doc in workspace.documents(collection).items()
    }


SITE_COLLECTIONS = ("structures", "sites", "labels", "spectra")


def test_every_site_gets_every_document(finished):
    sites = finished.documents("sites")
    assert len(sites) == 12
    assert "test/NiO-rs:Ni:0" in sites
    assert set(finished.documents("labels")) == set(sites) == set(finished.documents("spectra"))
    for collection in ("features", "predictions"):
        assert len(finished.documents(collection)) == 2 * len(sites)
    assert len(finished.documents("models")) == len(finished.documents("metrics")) == 2
    assert not finished.documents("failures")


def test_rock_salt_is_six_and_zinc_blende_four(finished):
    for key, doc in finished.documents("labels").items():
        assert doc["cn"] == (6 if "-rs:" in key else 4), key


def test_forest_tells_rock_salt_from_zinc_blende(finished):
    # Every formula is there in both structures, so only the spectrum tells them apart.
    for doc in finished.documents("metrics").values():
        assert doc["splits"]["grouped"]["majority"] <= 0.5
        assert doc["splits"]["grouped"]["accuracy"] >= 10 / 12


def test_out_of_fold_means_the_formula_was_never_seen(finished):
    folds = {}
    for doc in finished.documents("predictions").values():
        folds.setdefault((doc["feature_set"], doc["formula"]), set()).add(doc["fold"])
    assert all(len(found) == 1 for found in folds.values())


def test_nothing_is_left_in_the_scratch_folder(finished):
    assert not list((finished.folder / "scratch").iterdir())


def test_coordination_of_known_crystals(workspace):
    for path in (workspace.folder / "cifs").iterdir():
        path.unlink()
    structures = {
        "NiO": rock_salt("Ni", "O", 4.18),
        "ZnS": zinc_blende("Zn", "S", 5.41),
        "Cu": fcc("Cu", 3.61),
        "TlCl": cesium_chloride("Tl", "Cl", 3.83),
        "Cu2O": cuprite(),
    }
    write_cifs(workspace.folder / "cifs", structures)
    workspace.run(absorbers=["Ni", "Zn", "Cu", "Tl"])
    labels = {key.split("/")[1]: doc["cn"] for key, doc in workspace.documents("labels").items()}
    assert {key.split(":")[0]: cn for key, cn in labels.items()} == {
        "NiO": 6,
        "ZnS": 4,
        "Cu": 12,
        "TlCl": 8,
        "Cu2O": 2,
    }


def test_second_run_computes_nothing_and_a_new_absorber_only_itself(workspace):
    workspace.run()
    everything = (*SITE_COLLECTIONS, "features", "models", "metrics", "predictions")
    before = written(workspace, *everything)
    workspace.run()
    assert written(workspace, *everything) == before

    workspace.run(absorbers=["Ni", "Cu"])
    after = written(workspace, *everything)
    assert {key: after[key] for key in before} == before
    new = set(after) - set(before)
    assert {doc["absorber"] for doc in workspace.documents("spectra").values()} == {"Ni", "Cu"}
    assert all("Cu" in key for key in new)

    # A changed transform redoes the features and what follows, but not FEFF.
    workspace.run(features={"xftf": {"kmax": 11.0}})
    latest = written(workspace, *everything)
    same = written(workspace, *SITE_COLLECTIONS)
    assert {key: after[key] for key in same} == same
    assert all(latest[key] > after[key] for key in written(workspace, "features", "predictions"))
    assert set(latest) == set(after)

    # Changed FEFF cards redo spectra and features, but not labels.
    workspace.run(spectra={"kind": "feff", "cards": {"RPATH": 4, "NLEG": 2}}, absorbers=["Ni"])
    assert all(
        latest[key] == time for key, time in written(workspace, "labels", "structures").items()
    )
    nickel = {k: t for k, t in written(workspace, "spectra").items() if ":Ni:" in k}
    assert all(latest[key] < time for key, time in nickel.items())
    # An absorber that was taken out is not predicted any more, but its spectra are kept.
    assert {doc["absorber"] for doc in workspace.documents("predictions").values()} == {"Ni"}
    assert {doc["absorber"] for doc in workspace.documents("spectra").values()} == {"Ni", "Cu"}


def test_bad_crystals_become_failures_and_the_rest_goes_on(workspace):
    cifs = workspace.folder / "cifs"
    (cifs / "broken.cif").write_text("data_x\n_cell_length_a nonsense\n")
    disordered = rock_salt("Ni", "O", 4.18)
    disordered[0] = {"Ni": 0.5, "Fe": 0.5}
    disordered.to(filename=str(cifs / "disordered.cif"))
    overlapping = rock_salt("Ni", "O", 4.18)
    overlapping.append("O", [0.02, 0, 0])
    overlapping.to(filename=str(cifs / "overlapping.cif"))
    write_cifs(cifs, {"nacl": rock_salt("Na", "Cl", 5.64)})
    out = workspace.run(absorbers=["Ni"])
    failures = {doc["item"]: doc for doc in workspace.documents("failures").values()}
    bad = {"broken", "disordered", "overlapping", "nacl"}
    assert bad < set(failures)
    # The copper compounds hold no nickel either.
    assert all(failures[item]["kind"] == "no_absorber" for item in set(failures) - bad)
    assert failures["nacl"]["kind"] == "no_absorber"
    assert len(workspace.documents("predictions")) == 24
    assert "12 labels" in out
    assert "no_absorber" not in json.loads(workspace.exafscn("status", "--json"))["counts"]
    # With sodium among the absorbers, the failure of its chloride is out of date.
    workspace.run(absorbers=["Ni", "Na"])
    assert "nacl" not in {doc["item"] for doc in workspace.documents("failures").values()}


def test_absorber_with_one_class_is_skipped_with_the_reason(workspace):
    for path in (workspace.folder / "cifs").glob("Cu*-zb.cif"):
        path.unlink()
    out = workspace.run(absorbers=["Ni", "Cu"])
    failures = list(workspace.documents("failures").values())
    assert {(doc["stage"], doc["absorber"], doc["kind"]) for doc in failures} == {
        ("models", "Cu", "one_class")
    }
    assert "all 6 sites have the label 6" in " ".join(out.split())
    assert {doc["absorber"] for doc in workspace.documents("models").values()} == {"Ni"}


def test_hanging_feff_is_a_failure(workspace):
    out = workspace.run(spectra={"kind": "feff", "time_limit": 0.01})
    failures = workspace.documents("failures").values()
    spectra = [doc for doc in failures if doc["stage"] == "spectra"]
    assert len(spectra) == 12
    assert {doc["kind"] for doc in spectra} == {"feff_timeout"}
    assert "time_limit" in out
    # A failure is not tried again, unless asked for or with other settings.
    before = written(workspace, "failures")
    workspace.run()
    assert written(workspace, "failures") == before
    workspace.exafscn("run", str(workspace.file), "--retry-failed")
    again = written(workspace, "failures")
    assert set(again) == set(before)
    assert all(again[key] > before[key] for key in before)


def test_second_runner_is_turned_away(workspace):
    workspace.write(absorbers=["Ni", "Cu"])
    with workspace.start("run", str(workspace.file)) as first:
        deadline = time.monotonic() + 60
        while not workspace.database.spectra.count_documents({}):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        message = workspace.exafscn("run", str(workspace.file), rc=1)
        assert "is being run already" in message
        assert str(first.pid) in message
        assert len(message.splitlines()) == 1
        first.communicate(timeout=300)
    assert first.returncode == 0
    assert len(workspace.documents("spectra")) == 24


def test_killed_runs_end_up_as_an_undisturbed_one(workspace, finished):
    """Kill the whole process group at several moments; each rerun goes on."""
    acknowledged = {}
    for delay in (3.0, 5.0, 6.0, 7.0, 8.0):
        process = workspace.start("run", str(workspace.file))
        time.sleep(delay)
        spectra = written(workspace, "spectra")
        assert {key: spectra[key] for key in acknowledged} == acknowledged
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        acknowledged = written(workspace, "spectra")
    workspace.run()
    spectra = written(workspace, "spectra")
    assert {key: spectra[key] for key in acknowledged} == acknowledged
    for collection in ("structures", "sites", "labels", "spectra", "features", "predictions"):
        mine = without_times(workspace.documents(collection))
        theirs = without_times(finished.documents(collection))
        for doc in (*mine.values(), *theirs.values()):
            doc.pop("hash")  # depends on when the crystal files were written
            doc.pop("source", None)
        assert {key: doc for key, doc in mine.items() if "Cu" not in key} == theirs
    mine, theirs = (
        [doc["sha256"] for doc in w.documents("models").values()] for w in (workspace, finished)
    )
    assert mine == theirs
    files = workspace.documents("model_files.files")
    chunks = workspace.database["model_files.chunks"].distinct("files_id")
    assert (
        set(chunks) == set(files) == {doc["file"] for doc in workspace.documents("models").values()}
    )
    assert not list((workspace.folder / "scratch").iterdir())


@pytest.mark.parametrize("stage", STAGES)
def test_status_counts_every_stage(finished, stage):
    counts = json.loads(finished.exafscn("status", "test", "--json"))["counts"]
    (count,) = (count for count in counts if count["stage"] == stage)
    expected = {"structures": 12, "labels": 12, "spectra": 12, "features": 24, "models": 2}
    assert (count["done"], count["failed"], count["pending"]) == (expected[stage], 0, 0)
