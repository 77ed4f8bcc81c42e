"""`exafscn simulate`: spectra of structures, for people and programs, and what is refused."""

import csv
import io
import json
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from crystals import rock_salt, spinel, write_cifs
from pages import PAGES, blocks
from pymatgen.core import Lattice, Molecule, Structure
from simulators import ENERGIES, paper_simulator, simulator_file

from exafscn_flows.spectra import Feff10Settings
from exafscn_flows.spectra.base import Spectrum
from launcher import simulate as command
from launcher.cli import main

MAGNETITE = spinel(8.39, 0.254, "Fe", "Fe")


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run the command with a model on paper; returns exit code, standard output and error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(command, "load_shipped", paper_simulator)
    write_cifs(tmp_path, {"tio": rock_salt("Ti", "O", 4.2), "magnetite": MAGNETITE})

    def simulated(*arguments):
        monkeypatch.setattr(sys, "argv", ["exafscn", "simulate", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        shown = capsys.readouterr()
        return end.value.code, shown.out, shown.err

    return simulated


def test_a_table_of_all_sites_of_all_files(run, monkeypatch):
    code, out, err = run("tio.cif", "magnetite.cif")
    assert (code, err) == (0, "")
    rows = [line.split() for line in out.splitlines() if ".cif" in line]
    assert [row[:3] for row in rows] == [
        ["tio.cif", "TiO", "(seen)"],
        ["magnetite.cif", "Fe3O4", "Fe"],
        ["magnetite.cif", "Fe3O4", "Fe"],
    ]
    assert sorted(row[4] for row in rows[1:]) == ["2", "4"]
    assert "ms a site" in out
    monkeypatch.setenv("COLUMNS", "60")
    _, narrow, _ = run("magnetite.cif")
    assert max(map(len, narrow.splitlines())) <= 60
    assert "…" not in narrow


def test_json_and_csv_hold_the_curves(run):
    code, out, _ = run("magnetite.cif", "--json", "--absorber", "Fe")
    found = json.loads(out)
    assert code == 0
    assert [one["multiplicity"] for one in found] in ([2, 4], [4, 2])
    for one in found:
        assert one["structure"] == "magnetite.cif"
        assert one["axis"] == ENERGIES.tolist()
        assert len(one["values"]) == len(ENERGIES)
        assert one["expected_error"] > 0
        assert one["edge"] == pytest.approx(0, abs=0.3)
        assert one["seen"] is False
    _, out, _ = run("magnetite.cif", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert len(rows) == 2 * len(ENERGIES)
    simulator = paper_simulator()
    assert float(rows[3][simulator.axis_label]) == ENERGIES[3]
    assert float(rows[3][simulator.value_label]) == found[0]["values"][3]


def test_a_folder_and_one_bad_file_do_not_stop_the_others(run, tmp_path):
    (tmp_path / "bad.cif").write_text("data_x\n_cell_length_a 4\n")
    code, out, err = run(tmp_path, "--json")
    assert code == 1
    found = json.loads(out)
    assert sum("values" in one for one in found) == 3
    (failed,) = (one for one in found if "error" in one)
    assert failed["structure"].endswith(": bad")
    assert err.count("\n") == 1
    assert "bad" in err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["tio.cif", "--absorber", "Cu"], 1, "does not know Cu as absorber (it knows Fe, Ti)"),
        (["magnetite.cif", "--absorber", "Ti"], 1, "there is no Ti in Fe3O4 (it holds Fe, O)"),
        (["tio.cif", "--absorber", "ti"], 2, "absorber: "),
        (["tio.cif", "--absorber", "Xx"], 2, "'Xx'"),
        (["tio.cif", "--json", "--csv"], 2, "exclude each other"),
        (["tio.cif", "--plot", "tio.gif"], 2, ".pdf, .png, .svg"),
        (["tio.cif", "--model", "nowhere.zip"], 2, "there is no such file"),
        (["tio.cif", "--plot", "none/tio.png"], 2, "none/tio.png: there is no folder none"),
        (["tio.cif", "--model", "tio.cif"], 1, "holds no model"),
        (["tio.cif", ""], 2, "a structure without a name"),
        (["mol.json"], 1, "exafscn: mol.json: it has no lattice, such as a molecule, and only"),
    ],
)
def test_one_line_for_what_cannot_be_done(run, arguments, code, words):
    molecule = Molecule(["Fe", "O"], [[0, 0, 0], [0, 0, 1.8]])
    Path("mol.json").write_text(json.dumps(molecule.as_dict()))
    found, out, err = run(*arguments)
    assert found == code
    assert words in err
    assert err.count("\n") == 1
    assert out == ""


def test_what_is_neither_a_file_nor_a_material(run, monkeypatch, tmp_path):
    monkeypatch.delenv("EXAFSCN_MONGODB_URI", raising=False)
    monkeypatch.setenv("EXAFSCN_DATA_DIR", str(tmp_path / "none"))
    gone = "gone.cif: there is no such file"
    model = "a/spectrum/Fe/graph/network"
    for arguments, line in (
        (["gone.cif"], gone),
        (["tio.cif", "gone.cif"], gone),
        (["gone.cif", "-c", "a"], f"{gone}, and no campaign a"),
        (["tio.cif", "--model", model], f"model {model}: there is no such file, and no campaign"),
    ):
        code, out, err = run(*arguments)
        assert (code, out) == (2, "")
        assert err.startswith(f"exafscn: {line}")
        assert err.count("\n") == 1
    assert not (tmp_path / "none").exists()


def test_a_model_in_a_file(run, tmp_path):
    (tmp_path / "own.zip").write_bytes(simulator_file(0.5))
    (own,) = json.loads(run("tio.cif", "--json", "--model", "own.zip")[1])
    (shipped,) = json.loads(run("tio.cif", "--json")[1])
    np.testing.assert_allclose(own["values"], 0.5 * np.array(shipped["values"]), atol=0.02)
    assert own["version"] != shipped["version"]


def test_figures(run, tmp_path):
    code, _, err = run("tio.cif", "magnetite.cif", "--plot", "figure.png")
    assert code == 0
    files = sorted(path.name for path in tmp_path.glob("*.png"))
    assert files == ["figure_1.png", "figure_2.png"]
    assert err.count("figure: ") == 2
    run("tio.cif", "magnetite.cif", "--plot", "figure.pdf")
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")
    run("magnetite.cif", "--plot", "figure.svg")
    drawn = (tmp_path / "figure.svg").read_text()
    for words in ("Fe3O4", "mean of all sites", "normalised", "(eV)", "alike"):
        assert words in drawn


def test_feff_beside_it(run, monkeypatch):
    none = np.empty(0)

    def compute(self, structure, site_index, scratch):
        (said,) = paper_simulator().curves(structure, [site_index], "Ti")
        wide = np.linspace(-30, 60, 500)
        mu = np.interp(wide, ENERGIES, said.values)
        return Spectrum("K", "XANES", 0.0, none, none, wide, mu, mu, "FEFF", "10", {}, 13.0)

    monkeypatch.setattr(Feff10Settings, "compute", compute)
    monkeypatch.setattr(Feff10Settings, "check", lambda self: None)
    (one,) = json.loads(run("tio.cif", "--json", "--feff")[1])
    assert one["computed"]["seconds"] == 13.0
    assert one["computed"]["difference"] < 0.03
    assert len(one["computed"]["values"]) == len(ENERGIES)
    code, out, _ = run("tio.cif", "--feff")
    assert code == 0
    assert "13.0" in out


def lines() -> list[list[str]]:
    """Commands of the pages that need no campaign."""
    found = [
        shlex.split(line, comments=True)[1:]
        for page in PAGES
        for block in blocks(page, "sh")
        for line in block.splitlines()
        if line.startswith("exafscn simulate")
    ]
    return [line for line in found if not any("/spectrum/" in word for word in line)]


def test_commands_of_the_pages(run, monkeypatch, tmp_path):
    hematite = Structure(
        Lattice.rhombohedral(5.427, 55.28),
        ["Fe"] * 4 + ["O"] * 6,
        [[u, u, u] for u in (0.355, 0.145, 0.645, 0.855)]
        + [[0.553, 0.947, 0.25], [0.947, 0.25, 0.553], [0.25, 0.553, 0.947]]
        + [[0.447, 0.053, 0.75], [0.053, 0.75, 0.447], [0.75, 0.447, 0.053]],
    )
    write_cifs(tmp_path, {"hematite": hematite})
    write_cifs(tmp_path / "cifs", {"hematite": hematite})
    (tmp_path / "own.zip").write_bytes(simulator_file())
    monkeypatch.setattr(command, "_way", lambda simulator: Computed())
    assert len(lines()) >= 5
    for line in lines():
        code, out, _ = run(*line[1:])
        assert code == 0, line
        assert "Fe2O3" in out, line
    assert (tmp_path / "hematite.png").stat().st_size > 10_000


class Computed:
    """Says of every site what it says of all."""

    kind = "feff10"

    def compute(self, structure, site_index, scratch):
        (said,) = paper_simulator().curves(structure, [site_index], "Fe")
        none, wide = np.empty(0), np.linspace(-30, 60, 500)
        mu = np.interp(wide, ENERGIES, said.values)
        return Spectrum("K", "XANES", 0.0, none, none, wide, mu, mu, "FEFF", "10", {}, 13.0)
