"""`exafscn import` of measured spectra, and what queries find of them."""

import csv
import io
import json
from collections.abc import Iterator

import numpy as np
import pytest
from campaigns import Workspace, make_workspace
from crystals import rock_salt, spinel, write_cifs
from measurements import E0, absorption, energies, shell
from xas_files import COLUMNS, IRON, project, record, rows, xdi

from exafscn_flows.pretrained import load_general

ENERGY = energies()
MU = absorption(ENERGY)
I0 = np.full(len(ENERGY), 1e5)
FOIL = xdi(rows(ENERGY, I0, I0 * np.exp(-MU)), *COLUMNS, *IRON)
STATED = FOIL.replace(b"# ///", b"# Sample.formula: Fe4O6\n# ///")
FAR = absorption(ENERGY, lambda k: shell(k, r=2.4, n=12))


@pytest.fixture(scope="module")
def lab(server_uri: str) -> Iterator[Workspace]:
    """A campaign of a foil without structure, two oxides with one, and a file that is none."""
    workspace = make_workspace(server_uri, {})
    folder = workspace.folder
    (folder / "foil.xdi").write_bytes(STATED)
    (folder / "wustite.xdi").write_bytes(STATED)
    (folder / "magnetite.xdi").write_bytes(FOIL)
    (folder / "bad.dat").write_text("hello")
    (folder / "two.prj").write_bytes(project(record("[a]", ENERGY, MU), record("b", ENERGY, FAR)))
    structures = {"wustite": rock_salt("Fe", "O", 4.33), "m": spinel(8.396, 0.2549, "Fe", "Fe")}
    write_cifs(folder, structures)
    files = ["foil.xdi", "wustite.xdi", "two.prj", "bad.dat"]
    err = workspace.exafscn("import", *files, "--campaign", "lab", rc=1)
    assert [line for line in err.splitlines() if line.startswith("exafscn: ")] == [
        "exafscn: bad.dat: there is no table of numbers in it: is this a measured spectrum?"
    ]
    workspace.exafscn("import", "magnetite.xdi", "-c", "lab", "--structure", "m.cif")
    yield workspace
    workspace.remove()


def found(workspace: Workspace, *conditions: str) -> list[dict[str, object]]:
    rows_: list[dict[str, object]] = json.loads(
        workspace.exafscn("query", "-c", "lab", *conditions, "--json")
    )
    return rows_


def test_bad_files_are_failures_and_all_others_are_there(lab):
    spectra = lab.documents("spectra")
    sites = {"foil.xdi", "wustite.xdi", "magnetite.xdi", "two.prj/_a_", "two.prj/b"}
    assert set(spectra) == {f"lab/{site}:Fe:all/stored" for site in sites}
    foil = spectra["lab/foil.xdi:Fe:all/stored"]
    assert foil["e0"] == pytest.approx(E0, abs=1)
    assert (foil["kmin"], foil["kmax"], foil["computed"]) == (3, 13, False)
    (bad,) = (one for one in lab.documents("failures").values() if one["stage"] == "structures")
    assert (bad["item"], bad["kind"]) == ("bad.dat", "no_table")


def test_labels_are_those_of_the_structure_and_of_no_single_site(lab):
    labels = lab.documents("labels")
    assert labels["lab/wustite.xdi:Fe:all/coordination_number"]["value"] == 6
    # A third of the iron in a spinel has four neighbours, and the others have six.
    assert "lab/magnetite.xdi:Fe:all/coordination_number" not in labels
    failed = lab.documents("failures")["lab/labels/magnetite.xdi:Fe:all/coordination_number"]
    assert failed["kind"] == "mixed_sites"
    # Without a structure there is no label, and nothing that has failed.
    assert not any("foil" in key for key in [*labels, *lab.documents("failures")])
    status = json.loads(lab.exafscn("status", "lab", "--json"))
    assert status["complete"]
    assert lab.documents("sites")["lab/foil.xdi:Fe:all"]["formula"] is None


def test_queries_find_the_answers_of_predict(lab):
    asked = lab.exafscn("predict", "foil.xdi", "two.prj", "--json")
    answers = {(one["file"], one["group"]): one for one in json.loads(asked)}
    screened = found(lab, "--absorber", "Fe")
    assert len(screened) == 5
    for row in screened:
        assert row["measured"] is True
        assert (row["model"], row["feature_set"]) == ("general", "measured")
    by_name = {(row["file"], row["group"]): row for row in screened}
    docs = lab.documents("predictions").values()
    ranges = {(one["file"], one["group"]): (one["kmin"], one["kmax"]) for one in docs}
    for name, answer in answers.items():
        row = by_name[name]
        assert row["value"] == answer["cn"]
        assert row["probability"] == pytest.approx(answer["probability"], abs=6e-4)
        assert row["expected_value"] == pytest.approx(answer["expected_cn"], abs=2e-3)
        assert row["prediction_set"] == answer["set"]
        assert ranges[name] == (answer["kmin"], pytest.approx(answer["kmax"]))
    foil = answers["foil.xdi", "foil"]
    least = str(foil["probability"] - 0.01)
    names = {row["file"] for row in found(lab, "--cn", str(foil["cn"]), "--min-probability", least)}
    assert {"foil.xdi", "wustite.xdi"} <= names
    lengths = {row["file"]: row for row in found(lab, "--target", "bond_length")}
    assert lengths["foil.xdi"]["value"] == pytest.approx(foil["bond_length"], abs=1e-3)
    assert lengths["foil.xdi"]["label"] is None


def test_a_formula_that_is_known_says_whether_the_model_was_trained_on_it(lab):
    """Of a structure, or by the header of the file, as one of a computed spectrum does."""
    assert load_general().has_seen(["Fe2O3", "FeO", "Fe3O4"]).tolist() == [True, False, False]
    assert {row["file"] for row in found(lab) if row["seen"]} == {"foil.xdi"}
    unseen = {row["file"] for row in found(lab, "--unseen")}
    # A structure is believed before a header is.
    assert unseen == {"wustite.xdi", "magnetite.xdi", "two.prj"}
    assert lab.documents("spectra")["lab/foil.xdi:Fe:all/stored"]["formula"] == "Fe2O3"


def test_nothing_is_known_of_what_has_no_structure(lab):
    every, with_oxygen = found(lab), found(lab, "--contains", "O")
    assert {row["file"] for row in with_oxygen} == {"wustite.xdi", "magnetite.xdi"}
    # Neither is oxygen in the foil, as far as anybody knows, nor is it not.
    for conditions in (["--no-oxide"], ["--excludes", "O"], ["--excludes", "Pb", "--no-oxide"]):
        assert found(lab, *conditions) == []
    assert {row["file"] for row in found(lab, "--excludes", "Pb")} == {
        "wustite.xdi",
        "magnetite.xdi",
    }
    assert {row["file"] for row in found(lab, "--contains", "Fe")} == {row["file"] for row in every}
    (wustite,) = (row for row in every if row["file"] == "wustite.xdi")
    assert (wustite["label"], wustite["formula"]) == (6, "FeO")
    judged = found(lab, "--agrees") + found(lab, "--disagrees")
    assert [row["file"] for row in judged] == ["wustite.xdi"]
    assert found(lab, "--computed") == []
    assert len(found(lab, "--measured")) == len(every)


def test_tables_name_files_and_groups_and_fit_on_a_terminal(lab, monkeypatch):
    monkeypatch.setattr(
        Workspace,
        "environment",
        property(lambda own, get=Workspace.environment.fget: {**get(own), "COLUMNS": "80"}),
    )
    out = lab.exafscn("query", "-c", "lab")
    assert max(map(len, out.splitlines())) <= 80
    assert "two.prj: [a]" in out
    assert "None" not in out
    written = list(csv.DictReader(io.StringIO(lab.exafscn("query", "-c", "lab", "--csv"))))
    assert {row["group"] for row in written if row["file"] == "two.prj"} == {"[a]", "b"}
    lab.exafscn("query", "-c", "lab", "--export", "found.parquet")
    assert lab.exafscn("report", "lab").strip()


def test_importing_again_computes_nothing_anew(lab):
    names = ("structures", "sites", "labels", "spectra", "features", "predictions", "promotions")
    before = lab.written(*names)
    lab.exafscn("import", "foil.xdi", "-c", "lab")
    assert lab.written(*names) == before


def test_what_makes_no_sense_is_one_line(lab):
    def refused(*arguments: str, rc: int = 2) -> str:
        *_, line = lab.exafscn("import", *arguments, rc=rc).splitlines()
        return line

    assert "name the campaign" in refused("foil.xdi", "two.prj")
    assert "2 for 3 files" in refused(
        *("foil.xdi", "two.prj", "wustite.xdi", "-c", "x"),
        *("--structure", "m.cif", "--structure", "m.cif"),
    )
    assert "no group z" in refused("two.prj", "--group", "z")
    assert "mode: 'x' is none of" in refused("foil.xdi", "--mode", "x")
    assert "kmin" in refused("foil.xdi", "--kmin", "12", "--kmax", "7")
    assert "absorber 'Xx' is not an element" in refused("foil.xdi", "--absorber", "Xx")
    for name, why in (("bad.dat", "there is no table"), ("none.xdi", "No such file")):
        (line,) = lab.exafscn("import", name, rc=1).splitlines()
        assert line.startswith(f"exafscn: {name}: {why}")
    assert "no campaign 'bad'" in lab.exafscn("query", "-c", "bad", rc=2)
    assert "one table at a time" in refused("foil.xdi", "x.parquet", "-c", "x")
    assert "measured spectra" in refused("x.parquet", "--kmax", "9")
    sources = [{"kind": "measured", "path": "foil.xdi"}]
    lab.write(
        campaign="own", absorbers=["Fe"], sources=sources, spectra={"kind": "stored"}, models=[]
    )
    lab.exafscn("run", str(lab.file))
    assert "campaign own is that of" in refused("foil.xdi", "-c", "own")
