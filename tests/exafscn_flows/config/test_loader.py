from pathlib import Path

import pytest

from exafscn_flows.config.loader import load_campaign_file
from exafscn_flows.errors import UsageError

GOOD = """\
campaign: test
absorbers: [Cu]
sources:
  - kind: amcsd
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "c.yaml"
    path.write_text(text)
    return path


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(UsageError) as caught:
        load_campaign_file(write(folder, text))
    return str(caught.value)


def test_smallest_file_has_defaults(tmp_path):
    config = load_campaign_file(write(tmp_path, GOOD))
    assert config.campaign == "test"
    assert config.features.xftf.kmax == 12.0
    assert config.evaluation.n_folds == 5


@pytest.mark.parametrize(
    ("extra", "line", "key", "nearest"),
    [
        ("absorber: [Cu]\n", 5, "absorber", "absorbers"),
        ("features:\n  xftf:\n    kmaxx: 12\n", 7, "features.xftf.kmaxx", "kmax"),
        ("sites: {symprek: 0.1}\n", 5, "sites.symprek", "symprec"),
        (
            "models:\n  - n_estimator: 3\n    kind: random_forest\n",
            6,
            "models[0].n_estimator",
            "n_estimators",
        ),
    ],
)
def test_misspelt_key_names_line_key_and_nearest(tmp_path, extra, line, key, nearest):
    message = complaint(tmp_path, GOOD + extra)
    assert message == f"{tmp_path / 'c.yaml'}:{line}: {key}: unknown key; did you mean `{nearest}`?"


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("evaluation: {n_folds: five}\n", ["evaluation.n_folds", "integer", "'five'"]),
        ("evaluation: {n_folds: 1}\n", ["evaluation.n_folds", "greater than or equal to 2"]),
        ("features: {xftf: {kmax: '12'}}\n", ["features.xftf.kmax", "number"]),
        ("features: {xftf: {kmin: 13}}\n", ["features.xftf", "kmin", "kmax"]),
        ("sample: {seed: 3}\n", ["sample", "per_absorber or structures"]),
        ("absorbers: [Zn]\n", ["duplicate key"]),
        ("evaluation: {seed: 4294967296}\n", ["evaluation.seed", "less than 4294967296"]),
        ("filters: {max_atoms: 10000000000000000000000}\n", ["filters.max_atoms", "size"]),
        ("sample: {structures: 1, seed: -10000000000000000000000}\n", ["sample.seed", "size"]),
    ],
)
def test_wrong_value_says_what_is_expected(tmp_path, extra, words):
    message = complaint(tmp_path, GOOD + extra)
    assert all(word in message for word in words), message
    assert "\n" not in message


@pytest.mark.parametrize("symbol", ["H", "Xx", "CU", "Fm", "copper"])
def test_absorber_that_feff_cannot_do(tmp_path, symbol):
    message = complaint(tmp_path, GOOD.replace("[Cu]", f"[Cu, {symbol}]"))
    assert ":2: absorbers: " in message
    assert symbol in message


def test_nobelium_is_no_boolean(tmp_path):
    # YAML 1.1 reads No as false.
    assert "No" in complaint(tmp_path, GOOD.replace("[Cu]", "[No]"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- a\n- b\n",
        "campaign: [unclosed",
        "campaign: !!python/object/apply:os.system ['true']\n",
        "campaign: ../../etc\nabsorbers: [Cu]\nsources: [{kind: amcsd}]\n",
        "campaign: {$where: 'sleep(1000)'}\nabsorbers: [Cu]\nsources: [{kind: amcsd}]\n",
        "campaign: x\nabsorbers: [Cu]\nsources: []\n",
        "campaign: x\nabsorbers: []\nsources: [{kind: amcsd}]\n",
        "campaign: x\nabsorbers: [Cu]\nsources: [{kind: amcds}]\n",
        "campaign: x\nabsorbers: [Cu]\nsources: [{path: x}]\n",
        "campaign: x\nabsorbers: [Cu, Cu]\nsources: [{kind: amcsd}]\n",
        "campaign: x\nabsorbers: [Cu]\nsources: [{kind: amcsd}, {kind: amcsd}]\n",
        "campaign: " + "[" * 2000,
    ],
)
def test_nonsense_is_refused_with_the_file_named(tmp_path, text):
    message = complaint(tmp_path, text)
    assert str(tmp_path / "c.yaml") in message
    assert "\n" not in message


def test_several_errors_are_all_named(tmp_path):
    message = complaint(tmp_path, GOOD + "siets: {}\nfeaturess: {}\n")
    assert len(message.splitlines()) == 2


def test_missing_file(tmp_path):
    with pytest.raises(UsageError, match="no campaign file"):
        load_campaign_file(tmp_path / "nothing.yaml")


def test_relative_path_starts_at_the_campaign_file(tmp_path, monkeypatch):
    (tmp_path / "cifs").mkdir()
    text = GOOD.replace("kind: amcsd", "{kind: files, path: cifs}").replace("- {", "- {")
    path = write(tmp_path, text)
    monkeypatch.chdir("/")
    (source,) = load_campaign_file(path).sources
    assert source.path == str(tmp_path / "cifs")


@pytest.mark.parametrize("spectra", ["", "spectra: {}\n", "spectra: {time_limit: 5}\n"])
def test_spectra_are_computed_by_feff_where_nothing_else_is_said(tmp_path, spectra):
    assert load_campaign_file(write(tmp_path, GOOD + spectra)).spectra.kind == "feff"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("spectra: {cadrs: {RPATH: 6}}", "spectra.cadrs: unknown key; did you mean `cards`?"),
        (
            "spectra: {kind: stored, cards: {RPATH: 6}}",
            "spectra.cards: unknown key; known here: kind",
        ),
        (
            "spectra: {kind: fef}",
            "spectra: input tag 'fef' found using 'kind' does not match any of the expected tags: "
            "'feff', 'stored'",
        ),
        ("spectra: {cards: {RPAHT: 6}}", "spectra.cards: 'RPAHT' is not a FEFF card"),
        (
            "spectra: {cards: {XANES: 4}, command: feff}",
            "spectra: FEFF card XANES needs FMS, the radius of full multiple scattering",
        ),
        ("spectra: {time_limit: soon}", "spectra.time_limit: input should be a valid number"),
        ("spectra: 8", "spectra: "),
        ("spectra: {command: 7}", "spectra.command: input should be a valid string, not 7"),
    ],
)
def test_wrong_spectra_are_refused_like_everything_else(tmp_path, text, message):
    complaint_ = complaint(tmp_path, GOOD + text + "\n")
    assert complaint_.startswith(f"{tmp_path / 'c.yaml'}:5: {message}")
    assert "\n" not in complaint_


def test_command_with_a_folder_starts_at_the_campaign_file(tmp_path):
    text = "spectra: {command: 'bin/feff9 -n 1'}\n"
    config = load_campaign_file(write(tmp_path, GOOD + text))
    assert config.spectra.command == f"{tmp_path}/bin/feff9 -n 1"
    # One that is on the PATH stays what it is, and one that is complete, too.
    for command in ("feff9", "/opt/feff9 a"):
        text = f"spectra: {{command: {command}}}\n"
        assert load_campaign_file(write(tmp_path, GOOD + text)).spectra.command == command


STORED = """\
campaign: test
absorbers: [Cu]
sources:
  - {kind: materials_project, stored_spectra: %s}
spectra: {kind: stored}
features: {sets: [%s]}
"""


@pytest.mark.parametrize(
    ("stored", "sets", "missing"),
    [
        ("EXAFS", "{kind: r_space, input: chi}", "r_space_chi is made from chi(k)"),
        ("EXAFS", "{kind: xanes}", "xanes is made from the near edge in mu(E)"),
        ("XANES", "{kind: k_space}", "k_space is made from EXAFS in mu(E)"),
        (
            "XANES",
            "{kind: concatenation, parts: [{kind: xanes}, {kind: peaks}]}",
            "xanes+peaks is made from EXAFS in mu(E)",
        ),
    ],
)
def test_features_that_the_spectra_cannot_give_are_refused(tmp_path, stored, sets, missing):
    message = complaint(tmp_path, STORED % (stored, sets))
    assert missing in message
    assert "but materials_project brings" in message


@pytest.mark.parametrize(("stored", "kind"), [("EXAFS", "r_space"), ("XANES", "xanes")])
def test_features_that_the_spectra_can_give_are_taken(tmp_path, stored, kind):
    load_campaign_file(write(tmp_path, STORED % (stored, f"{{kind: {kind}}}")))
