"""Before a run: what it would do, and whose campaign it would take over."""

import io

import pytest
from campaigns import SETTINGS
from crystals import rock_salt, write_cifs
from ruamel.yaml import YAML

from exafscn_flows.config.loader import load_campaign_file
from exafscn_flows.errors import UsageError
from exafscn_flows.jobs.context import SerialExecutor, Silent, surroundings
from exafscn_flows.jobs.plan import plan_sites
from exafscn_flows.store.store import Store
from launcher import preview

pytestmark = pytest.mark.filterwarnings("ignore")


class Serial(SerialExecutor):
    def prepare(self):
        pass


@pytest.fixture
def planned(workspace, monkeypatch):
    """The campaign of a file, whose eight sites are chosen."""
    monkeypatch.setattr(preview, "make_executor", lambda *_: Serial())
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", workspace.uri)
    store = Store.open()
    store.prepare()
    store.save_config(load_campaign_file(workspace.file), workspace.file.resolve())
    plan_sites.original("test")
    return workspace


def write_other(workspace, **changes):
    """Write a file of the same campaign in another folder, with a structure of its own."""
    folder = workspace.folder / "others"
    write_cifs(folder / "cifs", {"x": rock_salt("Ni", "O", 4.18)})
    file = folder / "other.yaml"
    YAML(typ="safe", pure=True).dump({**SETTINGS, **changes}, file)
    return file


def contents(workspace):
    names = workspace.database.list_collection_names()
    return {name: workspace.documents(name) for name in names}


@pytest.mark.parametrize("command", ["run", "submit"])
def test_another_file_does_not_take_a_campaign_over_where_nobody_can_be_asked(planned, command):
    before = contents(planned)
    message = planned.exafscn(command, str(write_other(planned)), rc=2)
    (line,) = message.splitlines()
    assert f"a campaign test already, last run from {planned.file}" in line
    assert "8 of 8 sites are put aside; 1 sites come" in line
    assert "--yes" in line
    assert contents(planned) == before


def takeover(planned, file, **arguments):
    preview.check_takeover(Store.open(), load_campaign_file(file), file.resolve(), **arguments)


def test_nobody_is_asked_who_changes_a_file_of_ones_own_or_takes_nothing_away(planned):
    for changes in (
        {"absorbers": ["Ni", "Cu"]},
        {"absorbers": ["Cu"]},
        {"spectra": {"kind": "feff", "cards": {"RPATH": 6}}},
        {"sources": [{"kind": "amcsd"}]},
    ):
        planned.write(**{**SETTINGS, **changes})
        takeover(planned, planned.file, yes=False)
    planned.write(**SETTINGS)
    moved = planned.folder / "renamed.yaml"
    planned.file.rename(moved)
    takeover(planned, moved, yes=False)
    takeover(planned, write_other(planned, campaign="new"), yes=False)
    takeover(planned, write_other(planned), yes=True)


def test_results_that_another_file_would_compute_again_are_asked_for_too(planned):
    site = next(iter(planned.documents("sites")))
    planned.database.spectra.insert_one(
        {"_id": f"{site}/exafs", "campaign": "test", "hash": "0", "seconds": 0, "cards": {}}
    )
    copy = planned.folder / "copy.yaml"
    copy.write_text(planned.file.read_text().replace("RPATH: 5", "RPATH: 6"))
    with pytest.raises(UsageError, match=r"computed again \(1 spectra\)"):
        takeover(planned, copy, yes=False)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("answer", [True, False])
def test_somebody_at_a_terminal_is_asked(planned, monkeypatch, answer):
    shown, questions = Terminal(), []
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("sys.stderr", shown)
    monkeypatch.setattr(
        preview.typer, "confirm", lambda text, **_: questions.append(text) or answer
    )
    other = write_other(planned)
    if answer:
        takeover(planned, other, yes=False)
    else:
        with pytest.raises(UsageError, match="is left as it is"):
            takeover(planned, other, yes=False)
    assert len(questions) == 1
    assert "8 of 8 sites are put aside" in shown.getvalue()


def test_dry_run_says_what_would_be_done_and_writes_nothing(planned):
    before = contents(planned)
    out = planned.exafscn("run", "--dry-run", str(planned.file))
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines()]
    assert ["spectra", "Ni", "8", "0", "0", "0"] in rows
    assert ["models", "Ni", "2", "0", "0", "0"] in rows
    assert "Spectrum exafs: about 8 s on 1 cores, for 8 sites at 1 s" in out
    out = planned.exafscn("run", "--dry-run", str(write_other(planned)))
    assert "8 of 8 sites are put aside" in out
    assert contents(planned) == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"absorbers": ["Ti"]}, "No structure of its sources holds Ti (after filters)"),
        (
            {"sources": [{"kind": "materials_project"}]},
            "sources[0] (materials_project) for Ni: not listed yet",
        ),
        ({"sources": [{"kind": "materials_project"}]}, "How long spectra would take is known when"),
    ],
)
def test_dry_run_says_what_it_cannot_know(planned, changes, words):
    planned.write(campaign="new", **changes)
    assert words in planned.exafscn("run", "--dry-run", str(planned.file))


def test_dry_run_of_a_new_campaign_leaves_an_empty_database(workspace, monkeypatch):
    monkeypatch.setattr(preview, "make_executor", lambda *_: Serial())
    out = workspace.exafscn("run", "--dry-run", str(workspace.file))
    assert "8 sites come" in out
    assert workspace.database.list_collection_names() == []


class Listener(Silent):
    def __init__(self):
        super().__init__()
        self.said = []

    def say(self, line):
        self.said.append(line)


def test_the_planner_says_what_it_puts_aside(planned):
    planned.write(filters={"required": ["O"]})
    Store.open().save_config(load_campaign_file(planned.file), planned.file.resolve())
    listener = Listener()
    with surroundings(SerialExecutor(), listener):
        plan_sites.original("test")
    (line,) = listener.said
    assert line.startswith("6 sites are put aside")
