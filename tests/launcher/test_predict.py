"""`exafscn predict`, for files as they are and as they should not be."""

import csv
import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from measurements import absorption, energies
from pages import PAGES, blocks
from predictor import pretrained
from xas_files import COLUMNS, IRON, project, record, rows, xdi

from exafscn_flows import predict
from launcher.cli import main

ENERGY = energies()
MU = absorption(ENERGY)
I0 = np.full(len(ENERGY), 1e5)
FOIL = xdi(rows(ENERGY, I0, I0 * np.exp(-MU)), *COLUMNS, *IRON)
KEYS = {
    *("file", "group", "absorber", "cn", "probability", "probabilities", "set", "expected_cn"),
    *("kmin", "kmax", "e0", "edge_step", "edge", "format", "model", "warnings"),
    *("bond_length", "bond_length_sd", "near_edge"),
}


@pytest.fixture(autouse=True)
def _model(monkeypatch):
    monkeypatch.setitem(sys.modules, "exafscn_flows.pretrained", pretrained())


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run the command in a folder of its own; returns exit code, standard output and error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "foil.xdi").write_bytes(FOIL)

    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["exafscn", "predict", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        shown = capsys.readouterr()
        return end.value.code, shown.out, shown.err

    return command


def two_groups(**packed):
    found = [record(name, ENERGY, factor * MU) for name, factor in (("[red] a", 1), ("b", 2))]
    return project(*found, **packed)


def test_a_table_for_people_that_fits_on_a_terminal(run, tmp_path):
    (tmp_path / "two.prj").write_bytes(two_groups())
    long = tmp_path / f"{'a_long_name_' * 10}.xdi"
    long.write_bytes(FOIL)
    code, out, err = run("foil.xdi", "two.prj", long)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    (foil,) = (line.split() for line in lines if "foil.xdi" in line)
    edge, rest = ["6", "0.90"], ["2.00±0.01", "13.0"]
    assert foil == ["foil.xdi", "Fe", "6", "0.96", "5,", "6", *edge, "6.0", *rest]
    assert "two.prj: [red] a" in out
    assert "…" not in out


def test_every_warning_is_said_once_after_its_spectra(run, tmp_path):
    for name in ("a", "b", "c", "d"):
        (tmp_path / name).write_text(rows(ENERGY, MU))
    code, out, _ = run("a", "b", "c", "d", "foil.xdi")
    text = " ".join(out.split())
    assert code == 0
    assert text.count("have no names") == 1
    assert "a, b, c and 1 more: the columns have no names" in text


def test_json_is_a_list_of_objects(run, tmp_path):
    (tmp_path / "two.prj").write_bytes(two_groups(packed=True))
    code, out, _ = run("foil.xdi", "none.xdi", "two.prj", "--json")
    foil, none, *two = json.loads(out)
    assert code == 1
    assert set(foil) == KEYS
    assert (foil["file"], foil["group"], foil["format"]) == ("foil.xdi", "foil", "XDI")
    assert foil["cn"] == 6
    assert set(none) == {"file", "group", "error", "hint"}
    assert none["error"] == "none.xdi: there is no such file"
    assert [one["group"] for one in two] == ["[red] a", "b"]
    assert two[1]["edge_step"] == pytest.approx(2 * two[0]["edge_step"])
    in_python = predict(ENERGY, MU, "Fe").to_dict()
    assert foil["probabilities"] == pytest.approx(in_python["probabilities"], rel=1e-3)


def test_csv_is_one_row_a_spectrum(run):
    code, out, err = run("foil.xdi", "none.xdi", "--csv")
    found = list(csv.DictReader(io.StringIO(out)))
    assert code == 1
    assert [row["cn"] for row in found] == ["6", ""]
    assert json.loads(found[0]["set"]) == [5, 6]
    assert found[1]["error"] in err
    assert set(found[0]) == KEYS | {"error", "hint"}


def test_groups_are_chosen_by_their_labels(run, tmp_path):
    (tmp_path / "two.prj").write_bytes(two_groups())
    code, out, _ = run("two.prj", "--group", "b", "--json")
    assert (code, [one["group"] for one in json.loads(out)]) == (0, ["b"])
    code, _, err = run("two.prj", "--group", "c")
    assert code == 1
    assert err == "exafscn: two.prj: there is no group c in it: its groups are [red] a, b\n"


def test_elements_of_the_sample(run):
    code, out, _ = run("foil.xdi", "--elements", "Fe, S", "--json")
    (answer,) = json.loads(out)
    assert (code, answer["near_edge"]["cn"]) == (0, None)
    assert "has no O" in answer["near_edge"]["missing"]
    code, _, err = run("foil.xdi", "--elements", "Cu,O")
    assert code == 1
    assert err.startswith("exafscn: foil.xdi: the absorber, Fe, is not among the elements")


def test_columns_mode_and_settings_reach_their_places(run, tmp_path):
    table = rows(I0 * np.exp(-MU), ENERGY, I0 * (1 + MU), I0)
    (tmp_path / "scan.dat").write_text(table)
    columns = "energy=2,i0=4,it=1,if=3"
    (answer,) = json.loads(run("scan.dat", "--columns", columns, "--json")[1])
    assert answer["edge_step"] == pytest.approx(1, abs=0.05)
    options = ("--mode=fluorescence", "--e0=7118", "--kmin=2.5", "--kmax=11", "--rbkg=0.9")
    (answer,) = json.loads(run("scan.dat", "--columns", columns, *options, "--json")[1])
    assert any("self-absorption" in text for text in answer["warnings"])
    assert [answer[name] for name in ("e0", "kmin", "kmax")] == [7118, 2.5, 11]


def test_normalised_mu_that_begins_at_its_edge_and_chi(run, tmp_path):
    at_edge = ENERGY > 7110
    near = (MU - 0.4 + 5e-4 * (ENERGY - 7120))[at_edge]
    (tmp_path / "norm.prj").write_bytes(
        project(record("n", ENERGY[at_edge], near, is_nor=1), record("mu", ENERGY[at_edge], near))
    )
    code, out, err = run("norm.prj", "--json")
    answer, failed = json.loads(out)
    assert (code, answer["cn"]) == (1, 6)
    assert any("taken for 0 before it begins" in text for text in answer["warnings"])
    assert "there is no pre-edge" in failed["error"]
    seen = predict(ENERGY, MU, "Fe")
    (tmp_path / "chi.dat").write_text("# k chi\n" + rows(seen.k, seen.chi))
    code, out, err = run("chi.dat", "--absorber", "Fe", "--json")
    (found,) = json.loads(out)
    assert (code, found["cn"], found["e0"]) == (0, 6, None)
    assert found["expected_cn"] == pytest.approx(seen.expected_cn, abs=0.05)
    assert any("Only chi(k) is given" in text for text in found["warnings"])
    code, _, err = run("chi.dat")
    assert code == 1
    assert "does not tell it: name it: --absorber Fe" in err


def damaged():
    """Files that hold no spectrum that could be answered, and what is said of each."""
    plain = rows(ENERGY, MU)
    scaled = rows(ENERGY / 1000, MU)
    lines = plain.splitlines(keepends=True)
    zinc = (IRON[0].replace("Fe", "Zn"), IRON[1])
    cobalt = rows(ENERGY + 597, I0, I0 * np.exp(-MU))
    of_cobalt = (IRON[0].replace("Fe", "Co"), IRON[1])
    table = rows(ENERGY, I0, I0 * np.exp(-MU))
    short = ENERGY < 7250
    return {
        "words": (b"no numbers at all\nnone here\n", "number"),
        "zinc.xdi": (xdi(table, *COLUMNS, *zinc), "K edge of Zn is at 9659 eV"),
        "cobalt.xdi": (xdi(cobalt, *COLUMNS, *of_cobalt), "does not know Co"),
        "l3.xdi": (xdi(table, *COLUMNS, "Element.symbol: Fe", "Element.edge: L3"), "L3"),
        "ten": ("".join(lines[:10]).encode(), "10"),
        "nan": (plain.replace("0.", "nan ").encode(), ""),
        "dark": (
            f"# energy i0 it\n{rows(ENERGY, 0 * I0, 0 * I0)}".encode(),
            "needs counts above 0",
        ),
        "two\nlines": (b"none", "two lines: there is no table"),
        "flat": (rows(ENERGY, 0 * MU).encode(), "same at all energies"),
        "short": (rows(ENERGY[short], MU[short]).encode(), "6 is the least"),
        "binary": (bytes(range(256)) * 40, "neither text nor"),
        "empty": (b"", "empty"),
        "kev_and_no_edge": (scaled.replace("7.", "3.").encode(), ""),
    }


@pytest.mark.parametrize("name", damaged())
def test_a_bad_file_is_one_line_and_the_others_are_answered(run, tmp_path, name):
    content, words = damaged()[name]
    (tmp_path / name).write_bytes(content)
    code, out, err = run(name, "foil.xdi", "--json")
    *bad, good = json.loads(out)
    assert code == 1
    assert good["cn"] == 6
    (line,) = err.splitlines()
    assert line.startswith(f"exafscn: {' '.join(name.split())}: ")
    assert words in line
    assert "unexpected" not in line
    (failed,) = (one for one in bad if "error" in one)
    assert line == f"exafscn: {failed['error']}: {failed['hint']}"


def test_of_a_project_that_is_cut_off_the_rest_is_answered(run, tmp_path):
    whole = two_groups(packed=True)
    (tmp_path / "cut.prj").write_bytes(whole[: -len(whole) // 6])
    code, out, err = run("cut.prj", "foil.xdi", "--json")
    assert code == 1
    assert [one["cn"] for one in json.loads(out) if "cn" in one] == [6, 6]
    lines = err.splitlines()
    assert all(line.startswith("exafscn: cut.prj") for line in lines)
    assert "the end of the project is missing" in lines[-1]


def test_paths_that_are_no_files(run, tmp_path):
    (tmp_path / "folder").mkdir()
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(2 * 2**30)
    os.mkfifo(tmp_path / "pipe")
    code, out, err = run("folder", "huge", "pipe", "no/such/file", "", "foil.xdi", "--csv")
    assert code == 1
    lines = err.splitlines()
    words = ("a folder", "larger than 100 MB", "not a regular file", "no such file", "folder")
    assert len(lines) == len(words)
    assert all(word in line for word, line in zip(words, lines, strict=True))
    assert "exafscn: no/such/file: there is" in lines[3]
    assert out.splitlines()[-1].startswith("foil.xdi,foil,Fe,K,XDI,amplitude,6,")


def test_energies_in_kev_nan_and_infinite_points_are_read(run, tmp_path):
    text = rows(ENERGY / 1000, MU).splitlines()
    text[100] = text[100].split()[0] + " nan"
    text[200] = text[200].split()[0] + " inf"
    (tmp_path / "kev.dat").write_text("\n".join(text))
    code, out, err = run("kev.dat", "--absorber=Fe", "--json")
    (answer,) = json.loads(out)
    assert (code, err, answer["cn"]) == (0, "", 6)
    assert any("keV" in text for text in answer["warnings"])
    assert any("no usable number: 2 of" in text for text in answer["warnings"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Missing argument 'files'"),
        (["foil.xdi", "--json", "--csv"], "exclude each other"),
        (["foil.xdi", "--mode=absorption"], "'absorption' is none of transmission, fluorescence"),
        (["foil.xdi", "--columns=energy"], "columns: 'energy' is no pair"),
        (["foil.xdi", "--columns=energy=1,mu=2", "--mode=transmission"], "needs i0 and it"),
        (["foil.xdi", "--columns=energy=1,mu=1"], "column 1 cannot be two things"),
        (["foil.xdi", "--columns=energy=1,i0=2,if=3+3"], "column 3 cannot be two things"),
        (["foil.xdi", "--absorber=fe"], "did you mean 'Fe'"),
        (["foil.xdi", "--kmax=5"], "kmax is 5 1/Å, and 6 is the least"),
        (["foil.xdi", "--kmax=nan"], "kmax: input should be a finite number"),
        (["foil.xdi", "--rbkg=-1"], "rbkg: input should be greater than 0"),
        (["foil.xdi", "--kmin=4.9", "--kmax=3"], "kmin (4.9) must be less than kmax (3)"),
        (["foil.xdi", "--elements=Cu,x"], "elements: 'x' is not an element symbol"),
        (["foil.xdi", "--plot=x.jpg"], "x.jpg: its name has to end in one of .pdf, .png, .svg"),
        (["foil.xdi", "--plot=no/such/x.png"], "no/such/x.png cannot be made"),
    ],
)
def test_a_wrong_command_is_one_line_and_exit_code_2(run, arguments, words):
    code, _, err = run(*arguments)
    (line,) = err.splitlines()
    assert code == 2
    assert words in line


def test_an_error_that_nobody_foresaw_stops_no_other_file(run, monkeypatch, tmp_path):
    from exafscn_flows.prediction import files

    def broken(path, **options):
        if path == "bad.xdi":
            raise ZeroDivisionError("by\nzero")
        return read(path, **options)

    read = files.read_measured
    monkeypatch.setattr(files, "read_measured", broken)
    code, out, err = run("bad.xdi", "foil.xdi", "--json")
    assert (code, len(json.loads(out))) == (1, 2)
    assert err.startswith("exafscn: bad.xdi: unexpected ZeroDivisionError: by zero")
    monkeypatch.setenv("EXAFSCN_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        run("bad.xdi", "foil.xdi")


@pytest.mark.parametrize(("suffix", "begin"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_a_figure_for_each_spectrum(run, tmp_path, suffix, begin):
    (tmp_path / "two.prj").write_bytes(two_groups())
    code, out, err = run("foil.xdi", "--plot", f"one.{suffix}", "--json")
    assert (code, len(json.loads(out))) == (0, 1)
    assert err == f"figure: {tmp_path / f'one.{suffix}'}\n"
    assert (tmp_path / f"one.{suffix}").read_bytes().startswith(begin)
    if suffix == "svg":
        text = (tmp_path / "one.svg").read_text()
        for word in ("foil.xdi", "Fe K edge", "pre-edge line", "E0 71", "prediction set"):
            assert word in text
        assert "looked at: 3 to 13 1/Å" in text
        run("two.prj", "--plot", "of.svg")
        assert "[red] a" in (tmp_path / "of_1.svg").read_text()
        assert (tmp_path / "of_2.svg").exists()


def test_a_page_for_each_spectrum(run, tmp_path):
    seen = predict(ENERGY, MU, "Fe")
    (tmp_path / "chi.dat").write_text("# k chi\n" + rows(seen.k, seen.chi))
    run("foil.xdi", "chi.dat", "--absorber=Fe", "--plot", "both.PDF")
    content = (tmp_path / "both.PDF").read_bytes()
    assert content.startswith(b"%PDF")
    assert content.count(b"/Type /Page ") == 2


COMMANDS = [
    shlex.split(line, comments=True)[2:]
    for page in PAGES
    for block in blocks(page, "sh")
    for line in block.splitlines()
    # Those of campaigns are run by test_readme.py.
    if line.startswith("exafscn predict ") and not {"--campaign", "--model"} & {*line.split()}
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_commands_of_the_pages(run, tmp_path, arguments):
    named = [word for word in arguments if Path(word).suffix in (".xdi", ".prj", ".dat")]
    for name in named:
        content = two_groups() if name.endswith(".prj") else FOIL
        (tmp_path / name).write_bytes(content)
    code, out, err = run(*arguments)
    assert code == 0
    assert len(named) >= 1
    assert all(Path(name).name in out for name in named)
    assert all(line.startswith("figure: ") for line in err.splitlines())


def test_python_of_the_page(monkeypatch, tmp_path):
    (page,) = (page for page in PAGES if page.name == "predict.md")
    (code,) = blocks(page, "python")
    monkeypatch.chdir(tmp_path)
    Path("scan_1.dat").write_text(rows(ENERGY, MU))
    names: dict[str, object] = {}
    exec(compile(code, page.name, "exec"), names)
    assert names["answer"].cn == 6
    assert [one.cn for one in names["answers"]] == [6, 6]


COLD = """\
import sys
from launcher.cli import main
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""


def test_nothing_heavy_is_loaded_for_it(tmp_path):
    (tmp_path / "foil.xdi").write_bytes(FOIL)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", COLD, "predict", "foil.xdi", "--json"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (answer,) = json.loads(done.stdout)
    assert answer["model"] == "general"
    assert answer["near_edge"]["cn"] in (4, 5, 6)
    loaded = set(done.stderr.split())
    heavy = ("torch", "larch", "scipy", "pymatgen", "pymongo", "pandas", "matplotlib", "h5py")
    assert loaded.isdisjoint(heavy)
