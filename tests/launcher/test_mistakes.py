"""Mistakes that people make, in campaign files and at the command line.

Each gets one line. What it has to say is checked by rule, whatever its words: where the mistake is
(file, line and key, or the option), what is wrong (what was written), and what to do (an
alternative, a range, a rule, or a command that helps).
"""

import re
import shlex
from pathlib import Path

import pytest

from exafscn_flows.config.loader import load_campaign_file
from exafscn_flows.errors import UsageError
from launcher.cli import main

HEAD = "campaign: x\nabsorbers: [Cu]\nsources: [{kind: amcsd}]\n"

REMEDY = re.compile(
    r"did you mean|see `|look at|known here|which has|is none of|not one of|Possible options|"
    r"there are|it has|takes |should be|should have|must |needs |has up to|has small letters|"
    r"\b(give|write|name|use|leave|save|indent|copy|exclude|set|install|make)\b|"
    r"has to end in|from -?\d+ to \d+|is (above|below|outside)|whole numbers|can do|begins with|"
    r"expected|`exafscn|--yes|is this|Z = \d+|shows|such as"
)
"""What to do: another value, those that are allowed, a rule that they follow, or where to look."""

YAML = {
    "no name": ("", "campaign", "absorbers: [Cu]\nsources: [{kind: amcsd}]\n"),
    "no absorbers": ("", "absorbers", "campaign: x\nsources: [{kind: amcsd}]\n"),
    "no sources": ("", "sources", "campaign: x\nabsorbers: [Cu]\n"),
    "a blank in the name": (
        "my oxides",
        "campaign",
        "campaign: my oxides  # here\nabsorbers: [Cu]\nsources: [{kind: amcsd}]\n",
    ),
    "a number as name": (
        "12",
        "campaign",
        "campaign: 12  # here\nabsorbers: [Cu]\nsources: [{kind: amcsd}]\n",
    ),
    "no element": (
        "Xx",
        "absorbers[1]",
        "campaign: x\nabsorbers:\n- Cu\n- Xx  # here\nsources: [{kind: amcsd}]\n",
    ),
    "an element in small letters": (
        "cu",
        "absorbers[0]",
        "campaign: x\nabsorbers: [cu]  # here\nsources: [{kind: amcsd}]\n",
    ),
    "an element without a K edge": (
        "H",
        "absorbers[0]",
        "campaign: x\nabsorbers: [H]  # here\nsources: [{kind: amcsd}]\n",
    ),
    "an absorber twice": (
        "twice",
        "absorbers[1]",
        "campaign: x\nabsorbers: [Cu, Cu]  # here\nsources: [{kind: amcsd}]\n",
    ),
    "a kind misspelt": (
        "amscd",
        "sources[0].kind",
        "campaign: x\nabsorbers: [Cu]\nsources:\n- kind: amscd  # here\n",
    ),
    "no kind": (
        "",
        "sources[0].kind",
        "campaign: x\nabsorbers: [Cu]\nsources:\n- path: cifs  # here\n",
    ),
    "no path": (
        "",
        "sources[0].path",
        "campaign: x\nabsorbers: [Cu]\nsources:\n- kind: files  # here\n",
    ),
    "a source twice": (
        "twice",
        "sources[1]",
        "campaign: x\nabsorbers: [Cu]\nsources:\n- kind: amcsd\n- kind: amcsd  # here\n",
    ),
    "an id misspelt": (
        "mp_19009",
        "sources[0].ids[0]",
        "campaign: x\nabsorbers: [Cu]\nsources:\n- kind: materials_project\n"
        "  ids: [mp_19009]  # here\n",
    ),
    "spectra that a source brings": (
        "table",
        "sources[0]",
        "campaign: x\nabsorbers: [Cu]\nsources:\n- {kind: table, path: t.parquet}  # here\n",
    ),
    "a section misspelt": ("filter", "filter", f"{HEAD}filter: {{required: [O]}}  # here\n"),
    "a name for a symbol": (
        "Oxygen",
        "filters.required[0]",
        f"{HEAD}filters:\n  required: [Oxygen]  # here\n",
    ),
    "a key misspelt": (
        "max_atom",
        "filters.max_atom",
        f"{HEAD}filters:\n  max_atom: 50  # here\n",
    ),
    "a number out of range": (
        "0",
        "filters.max_atoms",
        f"{HEAD}filters:\n  max_atoms: 0  # here\n",
    ),
    "a word for a number": (
        "many",
        "filters.max_atoms",
        f"{HEAD}filters:\n  max_atoms: many  # here\n",
    ),
    "a list for a section": ("mapping", "filters", f"{HEAD}filters: [O]  # here\n"),
    "a sample of no size": ("per_absorber", "sample", f"{HEAD}sample: {{seed: 3}}  # here\n"),
    "a sample of two sizes": (
        "structures",
        "sample",
        f"{HEAD}sample: {{per_absorber: 10, structures: 20}}  # here\n",
    ),
    "a target misspelt": (
        "coordination",
        "targets[0].kind",
        f"{HEAD}targets:\n- coordination  # here\n",
    ),
    "no target": ("", "targets", f"{HEAD}targets: []  # here\n"),
    "two targets of one name": (
        "coordination_number",
        "targets[1]",
        f"{HEAD}targets:\n- coordination_number\n- coordination_number  # here\n",
    ),
    "a card misspelt": (
        "RPTH",
        "spectra.cards.RPTH",
        f"{HEAD}spectra:\n  kind: feff\n  cards:\n    RPTH: 6  # here\n",
    ),
    "a word for a card": (
        "far",
        "spectra.cards.RPATH",
        f"{HEAD}spectra:\n  kind: feff\n  cards:\n    RPATH: far  # here\n",
    ),
    "a card that this FEFF has not": (
        "XANES",
        "spectra.cards.XANES",
        f"{HEAD}spectra:\n  kind: feff\n  cards: {{XANES: 4}}  # here\n",
    ),
    "a range from right to left": (
        "12",
        "features.xftf",
        f"{HEAD}features:\n  xftf: {{kmin: 12, kmax: 3}}  # here\n",
    ),
    "an input that there is not": (
        "chi_k",
        "features.sets[0].input",
        f"{HEAD}features:\n  sets:\n  - {{kind: r_space, input: chi_k}}  # here\n",
    ),
    "a model misspelt": (
        "randomforest",
        "models[0].kind",
        f"{HEAD}models:\n- kind: randomforest  # here\n",
    ),
    "a set that the file has not": (
        "q_space",
        "models[0].feature_sets[0]",
        f"{HEAD}models:\n- kind: random_forest\n  feature_sets: [q_space]  # here\n",
    ),
    "two models of one name": (
        "random_forest",
        "models[1]",
        f"{HEAD}models:\n- kind: random_forest\n- kind: random_forest  # here\n",
    ),
    "a name for an absorber": (
        "'Cu'",
        "absorbers[0]",
        "campaign: x\nabsorbers: [Copper]  # here\nsources: [{kind: amcsd}]\n",
    ),
    "a symbol for a list": (
        "O",
        "filters.required",
        f"{HEAD}filters:\n  required: O  # here\n",
    ),
    "an element that is required and excluded": (
        "O",
        "filters.excluded[1]",
        f"{HEAD}filters:\n  required: [O]\n  excluded: [H, O]  # here\n",
    ),
    "an absorber that is excluded": (
        "Cu",
        "filters.excluded[0]",
        f"{HEAD}filters:\n  excluded: [Cu]  # here\n",
    ),
    "a colon without a blank": (
        "colon",
        "",
        "campaign:x\nabsorbers: [Cu]  # here\n",
    ),
    "two campaigns in one file": (
        "---",
        "",
        f"{HEAD}---  # here\ncampaign: y\n",
    ),
    "too few folds": ("1", "evaluation.n_folds", f"{HEAD}evaluation:\n  n_folds: 1  # here\n"),
    "a bracket left open": (
        ":",
        "",
        "campaign: x\nabsorbers: [Cu\nsources: [{kind: amcsd}]  # here\n",
    ),
    "a tab": ("\\t", "", "campaign: x\nabsorbers: [Cu]\n\tsources: [{kind: amcsd}]  # here\n"),
    "a key twice": (
        "campaign",
        "",
        "campaign: x\ncampaign: y  # here\nabsorbers: [Cu]\nsources: [{kind: amcsd}]\n",
    ),
}
"""By what is wrong: what was written, the key, and the file, with a mark at the line."""


def test_there_are_as_many_as_are_told():
    assert (len(YAML), len(COMMANDS)) == (44, 54)


@pytest.mark.parametrize("name", YAML)
def test_a_mistake_in_a_file_is_told_with_place_fault_and_remedy(name, tmp_path):
    wrong, key, text = YAML[name]
    file = tmp_path / "campaign.yaml"
    file.write_text(text)
    with pytest.raises(UsageError) as refused:
        load_campaign_file(file)
    (line,) = str(refused.value).splitlines()
    number = next((n for n, one in enumerate(text.splitlines(), 1) if "# here" in one), 1)
    place = f"{file}:{number}: " + (f"{key}: " if key else "")
    assert line.startswith(place), line
    rest = line[len(place) :]
    assert wrong in line, line
    assert REMEDY.search(rest), line
    assert len(rest) < 500
    assert "pydantic" not in rest
    assert "^[" not in rest, "a pattern is no explanation"


COMMANDS = [
    ("frobnicate", "frobnicate"),
    ("qurey", "qurey"),
    ("run", "file"),
    ("run nothing.yaml", "nothing.yaml"),
    ("run goood.yaml", "goood.yaml"),
    ("run folder", "folder"),
    ("run text.txt", "text.txt"),
    ("run good.yaml --retry", "--retry"),
    ("run good.yaml --set", "--set"),
    ("run good.yaml --set campaign", "--set campaign"),
    ("run good.yaml --set absorber=Cu", "--set absorber"),
    ("run good.yaml good.yaml", "good.yaml"),
    ("run good.yaml --keep-runs good.yaml", "--keep-runs"),
    ("submit nothing.yaml", "nothing.yaml"),
    ("launch --queue", "--queue"),
    ("launch -n 0", "-n"),
    ("status nothing", "nothing"),
    ("status test extra", "extra"),
    ("report nothing", "nothing"),
    ("report test -o r.pdf", "r.pdf"),
    ("report test -o no/where.html", "no/where.html"),
    ("query --cn four", "--cn"),
    ("query --cn 1000", "cn"),
    ("query --min-probability 80", "min_probability"),
    ("query --absorber cu", "absorber 'cu'"),
    ("query --target shape", "target 'shape'"),
    ("query --value red", "value"),
    ("query --contains Oxygen", "contains"),
    ("query --formula cuo", "formula"),
    ("query --model mlp", "model 'mlp'"),
    ("query --version abc", "version 'abc'"),
    ("query --sort best", "--sort"),
    ("query --limit many", "--limit"),
    ("query --after x", "'x'"),
    ("query --export found.xlsx", "found.xlsx"),
    ("query --json --csv", "--json"),
    ("query --columns lenght", "columns"),
    ("query -c nothing", "nothing"),
    ("query --cn 4 --value 4", "cn"),
    ("query --min-valu 3", "--min-valu"),
    ("site", "KEY"),
    ("site NiO-rs:Ni:9", "NiO-rs:Ni:9"),
    ("site NiO-rs:Ni:1 --plot s.gif", "s.gif"),
    ("site NiO-rs:Ni:1 --export s.txt", "s.txt"),
    ("predict nothing.xdi", "nothing.xdi"),
    ("predict text.txt", "text.txt"),
    ("predict text.txt --columns energy", "columns"),
    ("predict text.txt --mode reflection", "mode"),
    ("import text.txt --campaign a/b", "campaign"),
    ("models drop", "--old"),
    ("campaigns drop test", "test"),
    ("db import text.txt", "text.txt"),
    ("cluster check --queue", "--queue"),
    ("cluster init new --scheduler lsf", "scheduler"),
]
"""What is typed, and the argument or option that the line has to name."""

SAYS_ITSELF = (
    *("Missing argument", "requires an argument", "exclude each other", "give either", "--yes"),
    *("needs --cluster", "or give --old", "No such option"),
)
"""Faults in which nothing wrong was written."""


@pytest.fixture
def folder(finished, tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", finished.uri)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.yaml").write_text(HEAD)
    (tmp_path / "text.txt").write_text("no table\n")
    (tmp_path / "folder").mkdir()
    return tmp_path


@pytest.mark.parametrize(("typed", "place"), COMMANDS, ids=[typed for typed, _ in COMMANDS])
def test_a_mistake_at_the_command_line_is_told_with_place_fault_and_remedy(
    typed, place, folder, monkeypatch, capsys
):
    words = shlex.split(typed)
    monkeypatch.setattr("sys.argv", ["exafscn", *words])
    with pytest.raises(SystemExit) as end:
        main()
    out, err = capsys.readouterr()
    # What was asked for of a file and cannot be done ends with 1, a wrong command line with 2.
    assert end.value.code == (1 if typed in ("predict nothing.xdi", "predict text.txt") else 2)
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("exafscn: ")
    assert place in line
    said = line.removeprefix("exafscn: ")
    if not any(one in line for one in SAYS_ITSELF):
        value = words[-1].partition("=")[0]
        assert value in said or value.lstrip("-").replace("-", "_") in said, line
    assert REMEDY.search(said), line
    assert len(line) < 600
    assert "Traceback" not in err
