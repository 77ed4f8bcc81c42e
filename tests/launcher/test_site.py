"""`exafscn site`: all of one site, as a table, as JSON, drawn, and as files of other programs."""

import json

import numpy as np
import pytest
import xas_files
from campaigns import make_workspace
from crystals import rock_salt

from exafscn_flows.sources.measured import read_measured

KEY = "NiO-rs:Ni:1"


@pytest.fixture(scope="module")
def shown(finished):
    return json.loads(finished.exafscn("site", KEY, "--json"))


def test_json_holds_every_stage_as_it_is_stored(finished, shown):
    label = finished.documents("labels")[f"test/{KEY}/coordination_number"]
    assert shown["name"] == "NiO-rs.cif"
    assert shown["labels"][0]["value"] == label["value"] == 6
    assert shown["labels"][0]["weights"] == label["weights"]
    assert [one["element"] for one in shown["neighbours"] if one["counted"]] == ["O"] * 6
    stored = finished.documents("spectra")[f"test/{KEY}/exafs"]
    np.testing.assert_array_equal(
        np.float32(shown["spectra"][0]["chi"]), stored["chi"].as_vector().data
    )
    sets = {doc["feature_set"] for doc in finished.documents("features").values()}
    assert {one["feature_set"] for one in shown["features"]} == sets
    assert shown["structure"]["structure"]["lattice"]["a"] > 0
    assert shown["failures"] == []


def test_predictions_of_all_versions_are_there_and_the_current_ones_are_marked(finished, shown):
    stored = [doc for doc in finished.documents("predictions").values() if doc["site"] == KEY]
    assert {one["hash"] for one in shown["predictions"]} == {doc["hash"] for doc in stored}
    promoted = {doc["hash"] for doc in finished.documents("promotions").values()}
    assert {one["hash"] for one in shown["predictions"] if one["current"]} == promoted


def test_older_versions_stay_visible(server_uri):
    crystals = {f"Ni{x}": rock_salt("Ni", x, a) for x, a in (("O", 4.18), ("S", 4.9), ("Se", 5.2))}
    workspace = make_workspace(server_uri, crystals)
    workspace.run()
    workspace.run(models=[{"kind": "random_forest", "n_estimators": 10}])
    predictions = json.loads(workspace.exafscn("site", "NiO:Ni:1", "--json"))["predictions"]
    workspace.remove()
    assert len({one["hash"] for one in predictions}) == len(predictions)
    assert sum(one["current"] for one in predictions) == len(predictions) / 2
    assert [one["current"] for one in predictions][: len(predictions) // 2] == [True] * (
        len(predictions) // 2
    )


def test_table_says_what_a_person_looks_for(finished):
    out = finished.exafscn("site", KEY)
    assert f"{KEY} in campaign test" in out
    assert "structure: NiO-rs.cif, NiO, Fm-3m, 2 atoms" in out
    assert "neighbours: 6 O at " in out
    for title in ("labels", "spectra", "features", "predictions of coordination_number, *"):
        assert title in out
    assert "failures" not in out
    assert KEY not in finished.exafscn("site", "NiO-zb:Ni:1")


def test_a_measured_spectrum_without_a_structure_is_shown(server_uri):
    workspace = make_workspace(server_uri, {})
    energy, i0, it = xas_files.scan()
    name = "fe [b] foil.xdi"
    table = xas_files.rows(energy, i0, it)
    (workspace.folder / name).write_bytes(xas_files.xdi(table, *xas_files.COLUMNS, *xas_files.IRON))
    workspace.exafscn("import", name, "--campaign", "foils")
    (row, *_) = json.loads(workspace.exafscn("query", "--json", "--columns", "name,bond_length"))
    assert (row["name"], row["bond_length"]) == (name, None)
    out = workspace.exafscn("site", row["site"], "--plot", "foil.svg", "--export", "foil.prj")
    assert f"structure: not known; measured spectrum {name}" in out
    assert "absorber: Fe\n" in out
    mu, chi = read_measured(workspace.folder / "foil.prj")
    assert mu.energy[0] == pytest.approx(energy[0])  # nothing is put before a pre-edge
    assert len(chi.chi) > 200
    workspace.remove()


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_figure_is_written(finished, suffix):
    name = f"site{suffix}"
    finished.exafscn("site", KEY, "--plot", name)
    begins = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[suffix]
    assert (finished.folder / name).read_bytes().startswith(begins)


def test_exports_hold_the_spectrum(finished, shown):
    finished.exafscn("site", KEY, "--export", "nio.prj")
    mu, chi = read_measured(finished.folder / "nio.prj")
    assert (mu.kind, mu.absorber, chi.kind) == ("normalized", "Ni", "chi")
    np.testing.assert_allclose(chi.chi, shown["spectra"][0]["chi"], atol=1e-7)
    finished.exafscn("site", KEY, "--export", "nio.xdi")
    (chi,) = read_measured(finished.folder / "nio_exafs_chi.xdi")
    np.testing.assert_allclose(chi.chi, shown["spectra"][0]["chi"], atol=1e-7)
    (mu,) = read_measured(finished.folder / "nio_exafs_mu.xdi")
    assert mu.e0 == pytest.approx(shown["spectra"][0]["e0"], abs=1e-3)
    assert not (finished.folder / "nio.xdi").exists()


def test_failures_of_the_site_are_told(server_uri):
    workspace = make_workspace(server_uri, {"NiO": rock_salt("Ni", "O", 4.18)})
    workspace.run(spectra={"kind": "feff", "time_limit": 1e-6}, models=[])
    out = workspace.exafscn("site", "NiO:Ni:1")
    message = workspace.exafscn("site", "NiO:Ni:1", "--export", "x.prj", rc=2)
    workspace.remove()
    assert "did not end within" in out
    assert "raise time_limit" in out
    assert "has neither mu(E) nor chi(k)" in message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["NiO-rs:Ni:7"], "no site 'NiO-rs:Ni:7': of that material it has NiO-rs:Ni:1"),
        (["NiO_rs:Ni:1"], "do you mean NiO-rs:Ni:1"),
        (["qqq"], "`exafscn query` shows keys of sites"),
        ([KEY, "-c", "other"], "no campaign 'other' in this database (there are: test)"),
        ([KEY, "--plot", "x.gif"], "x.gif: its name has to end in one of .pdf, .png, .svg"),
        ([KEY, "--export", "x.txt"], "x.txt: its name has to end in one of .prj, .xdi"),
        ([KEY, "--export", "nowhere/x.prj"], "nowhere/x.prj cannot be made"),
        ([], "Missing argument 'KEY'"),
    ],
)
def test_mistakes_get_one_line(finished, arguments, words):
    message = finished.exafscn("site", *arguments, rc=2)
    assert words in message
    assert len(message.splitlines()) == 1


def test_folders_of_runs_are_kept_where_a_user_says(server_uri):
    workspace = make_workspace(server_uri, {"NiO": rock_salt("Ni", "O", 4.18)}, models=[])
    workspace.exafscn("run", str(workspace.file), "--keep-runs", "runs/kept", known=False)
    folder = workspace.folder / "runs/kept/test/NiO:Ni:1/exafs"
    (chi,) = read_measured(folder / "chi.dat")
    stored = workspace.documents("spectra")["test/NiO:Ni:1/exafs"]["chi"].as_vector().data
    np.testing.assert_allclose(chi.chi, stored, atol=1e-7)
    assert (folder / "feff.inp").exists()
    assert not [*(workspace.folder / "scratch").iterdir()]
    # What is computed already is not computed again.
    workspace.exafscn("run", str(workspace.file), "--keep-runs", "other")
    assert not [*(workspace.folder / "other").iterdir()]
    message = workspace.exafscn("run", str(workspace.file), "--keep-runs", "campaign.yaml", rc=2)
    assert "--keep-runs: campaign.yaml cannot be made" in message
    workspace.remove()
