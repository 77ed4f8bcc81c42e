"""The tutorial, from its first line to its last, and the notebook that goes on from it."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from campaigns import Workspace, make_workspace
from crystals import polymorphs
from nbclient import NotebookClient
from pages import ROOT

PAGE = ROOT / "docs" / "tutorial.md"
NOTEBOOK = ROOT / "docs" / "notebook.ipynb"

FEWER = {
    "per_absorber: 60": "per_absorber: 6",
    "sample.per_absorber=65": "sample.per_absorber=7",
    "RPATH: 6": "RPATH: 4",
    "{kind: random_forest}": "{kind: random_forest, n_estimators: 5}",
}
"""What takes minutes is done with fewer minerals and trees, and smaller clusters of atoms."""


def steps() -> list[tuple[str, str]]:
    """Fenced blocks of the page, in order: language and text."""
    text = PAGE.read_text()
    for many, few in FEWER.items():
        assert many in text
        text = text.replace(many, few)
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_every_step_of_the_tutorial_works(server_uri, monkeypatch):
    workspace = make_workspace(server_uri, {})
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", workspace.uri)
    names: dict[str, object] = {}
    key, done = "", []
    for language, text in steps():
        if language == "yaml":
            (workspace.folder / "copper.yaml").write_text(text)
        elif language == "python":
            exec(compile(text, "tutorial", "exec"), names)
        else:
            assert language == "sh"
            for line in text.splitlines():
                program, *arguments = shlex.split(line)
                assert program == "exafscn"
                if "KEY" in arguments:
                    arguments[arguments.index("KEY")] = key
                out = workspace.exafscn(*arguments)
                done.append(arguments[0])
                if arguments[0] == "query" and not key:
                    found = workspace.exafscn("query", "-c", "copper", "--csv", "--limit", "1")
                    key = found.splitlines()[1].split(",")[0]
                if "--dry-run" in arguments:
                    assert not workspace.documents("spectra")
                if arguments[:2] == ["models", "list"]:
                    # Two trainings, on two feature sets, of two targets.
                    assert len(re.findall(r"Cu/\w+/random_forest", out)) == 8
    expected = {"run", "status", "query", "site", "models", "report", "campaigns"}
    assert set(done) == expected
    X, y = names["X"], names["y"]
    assert len(X) == len(y) >= 5
    for name in ("short_bonds.csv", "site.png", "site.prj", "copper_report.html"):
        assert (workspace.folder / name).stat().st_size
    assert not workspace.documents("spectra")  # the last line deletes the campaign
    workspace.remove()


@pytest.fixture(scope="module")
def quickstart(server_uri: str) -> Iterator[Workspace]:
    settings = {
        "campaign": "quickstart",
        "absorbers": ["Cu"],
        "spectra": {"kind": "feff", "cards": {"RPATH": 4, "NLEG": 2}},
    }
    workspace = make_workspace(server_uri, polymorphs("Cu"), **settings)
    workspace.run()
    yield workspace
    workspace.remove()


def test_the_notebook_runs(quickstart, monkeypatch):
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", quickstart.uri)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)  # they would soon be old
    where = {"metadata": {"path": str(quickstart.folder)}}
    NotebookClient(notebook, timeout=300, resources=where).execute()
    shown = {
        kind
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        for kind in output.get("data", {})
    }
    assert {"text/html", "image/png"} <= shown
    text = str([cell.get("outputs") for cell in notebook.cells])
    assert "Campaign quickstart" in text


def test_pages_are_on_the_site(tmp_path: Path):
    index = (ROOT / "docs" / "index.md").read_text()
    listed = set(re.findall(r"^([a-z-]+)$", index, re.MULTILINE))
    pages = {page.stem for page in (ROOT / "docs").glob("*.*") if page.suffix in (".md", ".ipynb")}
    assert listed == pages - {"index"}
