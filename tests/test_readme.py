"""Every command and every piece of Python in the README and the docs is run.

The make targets are run by `.ci/run`; here it is only seen that they exist.
"""

import json
import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import measurements
import numpy as np
import pytest
import xas_files
from campaigns import Workspace, ended, make_workspace
from crystals import polymorphs
from forks import Command
from mp_documents import exafs_documents, material_document
from mp_server import MPServer
from pages import PAGES, ROOT, blocks
from tables import copper, nio, write_table

from exafscn_flows.config.loader import load_campaign_file

LINES = [
    shlex.split(line, comments=True)
    for page in PAGES
    # Lines of these belong together, and are run by test_cluster.py and test_tutorial.py.
    if page.name not in ("cluster.md", "tutorial.md")
    for block in blocks(page, "sh")
    for line in block.splitlines()
]
MAKE = [line for line in LINES if line[0] == "make"]
COMMANDS = [line[1:] for line in LINES if line[0] == "exafscn"]
DATABASE = [line for line in COMMANDS if line[0] == "db"]
CODE = [
    (page, text)
    for page in PAGES
    # Code of these is run by tests of their own: it needs an administrator or another program, is a
    # package, asks for the measured spectra that test_predict.py writes, or for a campaign.
    if page.name not in ("mongodb.md", "extending.md", "flows.md", "predict.md", "tutorial.md")
    for text in blocks(page, "python")
]
STUDY = "configs/study_minerals.yaml"
FILES = sorted((ROOT / "configs").glob("*.yaml"))
STUDIES = {
    "study_minerals": {"random_forest", "bagging", "mlp"},
    "study_published": {"random_forest", "bagging", "mlp"},
    "study_environment": {"extra_trees", "average"},
    "study_multimodal": {"random_forest", "extra_trees", "late_fusion", "average"},
    "multimodal_minerals": {"random_forest", "late_fusion"},
    "study_beyond": {"extra_trees"},
}
"""Kinds of models that each study looks into: those of what was published, or in their place."""
(PYMONGO,) = (text for _, text in CODE if "found = predictions.find(" in text)


def run_python(code: str) -> dict[str, Any]:
    """Run a piece of Python; returns its variables."""
    names: dict[str, Any] = {}
    exec(compile(code, "example", "exec"), names)
    return names


@pytest.fixture(scope="module")
def quickstart(server_uri: str) -> Iterator[Workspace]:
    """A finished campaign of the README's name, on crystals whose coordination is known."""
    settings = {
        "campaign": "quickstart",
        "absorbers": ["Cu"],
        "spectra": {"kind": "feff", "cards": {"RPATH": 4, "NLEG": 2}},
    }
    workspace = make_workspace(server_uri, polymorphs("Cu"), **settings)
    workspace.run()
    yield workspace
    workspace.remove()


@pytest.fixture(scope="module")
def own_server() -> Iterator[dict[str, str]]:
    """Environment in which exafscn runs a database of its own, in a short path for its socket."""
    with tempfile.TemporaryDirectory(prefix="exafscn-") as folder:
        environment = {**os.environ, "EXAFSCN_DATA_DIR": folder}
        environment.pop("EXAFSCN_MONGODB_URI", None)
        yield environment
        with Command(["db", "stop"], known=True, env=environment) as process:
            ended(process, 0)


def test_every_line_is_of_a_kind_that_is_tested_here():
    activate = ["source", ".venv/bin/activate"]
    assert [line for line in LINES if line[0] not in ("make", "exafscn")] == [activate] * 2
    assert {tuple(line[:2]) for line in DATABASE} == {
        ("db", name) for name in ("status", "export", "import", "stop")
    }


def test_make_targets_exist_and_are_run_by_ci():
    ci = (ROOT / ".ci" / "run").read_text()
    ends = {
        "campaign": "exafscn run configs/quickstart.yaml",
        "test": "-m 'not engine'",
        "test-engines": "-m engine",
        "docs": "sphinx-build -W --keep-going -q -b html docs docs/_build",
        "lint": "lint-imports",
        "wheel": "pip wheel",
    }
    assert {line[1] for line in MAKE} == set(ends)
    for target, end in ends.items():
        command = ["make", "--no-print-directory", "--dry-run", target]
        dry = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert dry.returncode == 0, dry.stderr
        assert end in dry.stdout.strip().splitlines()[-1]
        assert re.search(rf"^make {target}\b", ci, re.MULTILINE)
    config = load_campaign_file(ROOT / "configs" / "quickstart.yaml")
    assert config.campaign == "quickstart"
    assert "Cu" in config.absorbers


def test_commands_on_a_finished_campaign(quickstart):
    # Those of measured spectra need no campaign, and are run by test_predict.py.
    # Those of one that is imported are run below; those of structures by test_simulate.py, and
    # with a model of a campaign by test_curves.py; those that go on until they are ended by
    # test_serve.py and test_watch.py.
    elsewhere = ("db", "import", "predict", "run", "serve", "simulate", "watch")
    commands = [
        line
        for line in COMMANDS
        if line[0] not in elsewhere and "foils" not in line and line[:2] != ["models", "export"]
    ]
    assert {line[0] for line in commands} == {"export", "models", "report", "query", "status"}
    running = [(line, quickstart.start(*line)) for line in commands]
    for line, process in running:
        with process:
            out, err = process.communicate(timeout=120)
        assert process.returncode == 0, f"{line}: {err}"
        assert out.strip(), line
        assert err == "", line
        if "--json" in line:
            assert all(row["value"] == 4 and "O" in row["formula"] for row in json.loads(out))
    assert (quickstart.folder / "quickstart_report.html").stat().st_size > 10_000


def test_campaigns_on_the_materials_project(server_uri, scratch, monkeypatch):
    crystals = {f"mp-{n}": c for n, c in enumerate([*polymorphs("Ni").values()][:4], start=1)}
    spectra = exafs_documents(crystals, ["Ni"], scratch)
    materials = [material_document(id_, structure) for id_, structure in crystals.items()]
    files = {line[1] for line in COMMANDS if line[0] == "run"}
    assert (ROOT / STUDY).exists()
    files.remove(STUDY)
    assert files == {f"configs/{file.name}" for file in (ROOT / "configs").glob("mat*.yaml")}
    with MPServer(materials, spectra) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        workspace = make_workspace(server_uri, {})
        for file in sorted(files):
            workspace.exafscn("run", str(ROOT / file))
        found = workspace.documents("features")
        workspace.remove()
    assert {key.split("/")[0] for key in found} == {"materials-project", "materials-project-exafs"}
    assert len(found) == 2 * len(crystals)


def test_a_table_is_imported(server_uri):
    (command,) = (line for line in COMMANDS if line[0] == "import" and "foils" not in line)
    workspace = make_workspace(server_uri, {})
    write_table(workspace.folder / command[1], nio(), copper())
    out = workspace.exafscn(*command)
    assert set(workspace.documents("spectra")) == {
        "my-spectra/NiO:Ni:0/stored",
        "my-spectra/Cu:Cu:0/stored",
    }
    (workspace.folder / "next.yaml").write_text(out[out.index("campaign: ") :])
    assert load_campaign_file(workspace.folder / "next.yaml").models
    workspace.remove()


def foil(e0: float, *stated: str) -> bytes:
    """A measured spectrum of an edge."""
    energy = measurements.energies()
    mu = measurements.absorption(energy)
    i0 = np.full(len(energy), 1e5)
    table = xas_files.rows(energy - measurements.E0 + e0, i0, i0 * np.exp(-mu))
    return xas_files.xdi(table, *xas_files.COLUMNS, *stated)


def test_measured_spectra_are_imported(server_uri):
    commands = [line for line in COMMANDS if "foils" in line]
    assert [line[0] for line in commands] == ["import", "query", "query"]
    workspace = make_workspace(server_uri, {})
    (workspace.folder / "fe_foil.xdi").write_bytes(foil(7120, *xas_files.IRON))
    energy = measurements.energies()
    record = xas_files.record("b", energy, measurements.absorption(energy))
    (workspace.folder / "foils.prj").write_bytes(xas_files.project(record, record))
    for command in commands:
        assert workspace.exafscn(*command).strip()
    found = workspace.documents("predictions").values()
    assert {doc["file"] for doc in found} == {"fe_foil.xdi", "foils.prj"}
    assert {doc["target"] for doc in found} == {"coordination_number", "bond_length"}
    workspace.remove()


def test_models_of_a_campaign_answer_for_measured_spectra(quickstart):
    commands = [line for line in COMMANDS if line[0] == "predict" and "cu_foil.xdi" in line]
    (quickstart.folder / "cu_foil.xdi").write_bytes(
        foil(8987, "Element.symbol: Cu", "Element.edge: K")
    )
    table, text = (quickstart.exafscn(*line) for line in commands)
    (answer,) = json.loads(text)
    assert answer["model"] == "quickstart/coordination_number/Cu/r_space/random_forest"
    assert f"model: {answer['model']}, version {answer['version']}" in table
    assert answer["value"] in (4, 6)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_campaign_files_can_be_read(file):
    """They are read, not run: most take minutes. Small ones are run by tests of their own."""
    options = re.findall(r"--set (sources\.\d\.path=\S+)", file.read_text())
    config = load_campaign_file(file, options)
    assert (config.study is not None) == (file.stem in STUDIES)
    if config.study is None:
        return
    target = config.studied_target
    kinds = {model.kind for model in config.models_on(config.studied_set, target)}
    assert kinds >= STUDIES[file.stem]
    # One model on every feature set: else sets could not be compared.
    assert any(
        all(model in config.models_on(fset.name, target) for fset in config.features.sets)
        for model in config.models
    )


@pytest.mark.parametrize(("page", "text"), CODE, ids=lambda value: getattr(value, "name", ""))
def test_python_runs(page, text, quickstart, monkeypatch):
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", quickstart.uri)
    names = run_python(text)
    if "frame" in names:
        assert set(names["frame"]["absorber"]) <= {"Cu"}
        assert names["model"].n_features_in_ == 326
        assert set(names["metrics"]["split"]) == {"grouped", "random"}
    if "pipeline" in names:
        assert names["prediction"]["value"] == 4
        assert names["label"]["target"] == names["prediction"]["target"] == "coordination_number"
        assert names["k"].shape == names["chi"].shape
        assert names["k"][-1] > 12


def test_pymongo_and_the_command_find_the_same(quickstart, monkeypatch):
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", quickstart.uri)
    # Conditions that crystals of this small campaign meet.
    names = run_python(PYMONGO.replace("0.8", "0.5").replace('"O", "O*"', '"S", "S*"'))
    arguments = ["--absorber=Cu", "--cn=4", "--min-probability=0.5", "--contains=S", "--json"]
    rows = json.loads(quickstart.exafscn("query", *arguments))
    assert [doc["site"] for doc in names["found"]] == [row["site"] for row in rows]
    assert rows


def test_database_commands_on_a_server_of_its_own(quickstart, own_server, tmp_path):
    quickstart.exafscn("db", "export", str(tmp_path / "first.zip"))

    def run(*arguments: str) -> str:
        with Command(arguments, known=True, cwd=tmp_path, env=own_server) as process:
            return ended(process, 0)

    run("db", "import", "first.zip")
    outputs = {line[1]: run(*line) for line in DATABASE}
    assert re.search(r"^running +True", outputs["status"], re.MULTILINE)
    assert outputs["export"].splitlines()[:-1] == outputs["import"].splitlines()[:-1]
    assert outputs["stop"].strip() == "MongoDB is stopped"
    assert not Path(own_server["EXAFSCN_DATA_DIR"], "mongodb", "mongod.sock").exists()


def test_address_that_db_start_prints_is_one_for_pymongo(quickstart, own_server, monkeypatch):
    with Command(["db", "start"], known=True, env=own_server) as process:
        (uri,) = re.findall(r"mongodb://\S+", ended(process, 0))
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", uri)
    assert list(run_python(PYMONGO)["found"]) == []
