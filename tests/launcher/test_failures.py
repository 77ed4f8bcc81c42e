import json

from crystals import cesium_chloride, cuprite, fcc, rock_salt, write_cifs, zinc_blende


def test_coordination_of_known_crystals(workspace):
    for path in (workspace.folder / "cifs").iterdir():
        path.unlink()
    structures = {
        "NiO": rock_salt("Ni", "O", 4.18),
        "ZnS": zinc_blende("Zn", "S", 5.41),
        "Cu": fcc("Cu", 3.61),
        "FeTi": cesium_chloride("Fe", "Ti", 2.976),
        "Cu2O": cuprite(),
    }
    write_cifs(workspace.folder / "cifs", structures)
    workspace.run(absorbers=["Ni", "Zn", "Cu", "Fe"])
    labels = {key.split("/")[1]: doc["value"] for key, doc in workspace.documents("labels").items()}
    assert {key.split(":")[0]: cn for key, cn in labels.items()} == {
        "NiO": 6,
        "ZnS": 4,
        "Cu": 12,
        "FeTi": 8,
        "Cu2O": 2,
    }


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
    assert len(workspace.documents("predictions")) == 16
    assert "8 labels" in out
    # What holds no nickel has not failed: it is counted by itself.
    status = json.loads(workspace.exafscn("status", "--json"))
    structures = status["counts"][0]
    assert (structures["failed"], structures["left_out"]) == (3, 9)
    assert status["left_out"] == {"no_absorber": 9}
    assert {group["kind"] for group in status["failures"]}.isdisjoint({"no_absorber"})
    assert "structures that hold none of the absorbers: 9" in out
    # Everything that failed is listed, with the name of its file, and by stage and kind.
    shown = workspace.exafscn("status", "--failures")
    assert {line.split()[1] for line in shown.splitlines()} == {
        "broken",
        "disordered",
        "overlapping",
    }
    assert "(broken.cif)" in shown
    listed = workspace.exafscn("status", "--failures", "--kind", "disordered", "--json")
    (row,) = json.loads(listed)
    assert (row["stage"], row["item"], row["name"]) == (
        "structures",
        "disordered",
        "disordered.cif",
    )
    wrong = workspace.exafscn("status", "--failures", "--kind", "no_such_kind", rc=2)
    assert "disordered" in wrong
    assert "--failures" in workspace.exafscn("status", "--kind", "disordered", rc=2)
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
    assert "all 4 sites have the label 6" in " ".join(out.split())
    assert {doc["absorber"] for doc in workspace.documents("models").values()} == {"Ni"}


def test_hanging_feff_is_a_failure(workspace):
    out = workspace.run(spectra={"kind": "feff", "time_limit": 0.01})
    failures = workspace.documents("failures").values()
    spectra = [doc for doc in failures if doc["stage"] == "spectra"]
    assert len(spectra) == 8
    assert {doc["kind"] for doc in spectra} == {"feff_timeout"}
    assert "time_limit" in out
    # Where no model came of it, there is nothing to query.
    assert "nothing to query" in out
    assert "exafscn query" not in out
    assert "status test --failures" in out
    listed = json.loads(workspace.exafscn("status", "--failures", "--stage", "spectra", "--json"))
    assert {row["name"] for row in listed} == {
        path.name for path in (workspace.folder / "cifs").glob("Ni*.cif")
    }
    # A failure is not tried again, unless asked for or with other settings.
    before = workspace.written("failures")
    workspace.run()
    assert workspace.written("failures") == before
    assert len(before) == 8 + 8 + 2  # no absorber in the copper compounds; FEFF; models
    workspace.exafscn("run", str(workspace.file), "--retry-failed")
    again = workspace.written("failures")
    assert set(again) == set(before)
    assert all(again[key] > before[key] for key in before)


def test_campaign_without_models_ends_with_its_features(workspace):
    out = workspace.run(models=[])
    assert "16 features, 0 models" in " ".join(out.split())
    assert "has no models" in workspace.exafscn("query", rc=2)
    workspace.exafscn("report")
