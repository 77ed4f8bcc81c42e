import os
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
    assert ":2: absorbers[1]: " in message
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
        "campaign: " + "[" * 1000,
    ],
)
def test_nonsense_is_refused_with_the_file_named(tmp_path, text):
    message = complaint(tmp_path, text)
    assert str(tmp_path / "c.yaml") in message
    assert "\n" not in message


HEAD = "campaign: a\nabsorbers: [Ni]\nsources: [{kind: amcsd}]\n"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("campaign: a\nabsorbers:\n  - Ni\n  - Xx  #\nsources: [{kind: amcsd}]\n", "absorbers[1]"),
        ("campaign: a\nabsorbers:\n- Ni\n- Cu\n- Ni #\nsources: [{kind: amcsd}]\n", "absorbers[2]"),
        (
            "campaign: a\nabsorbers: [Ni]\nsources:\n  - kind: amcsd\n  - path: x\n"
            "    kind: files\n    pathh: y  #\n",
            "sources[1].pathh",
        ),
        (
            "campaign: a\nabsorbers: [Ni]\nsources:\n  - kind: amcsd\n  - kind: cod #\n",
            "sources[1].kind",
        ),
        (
            "campaign: a\nabsorbers: [Ni]\nsources:\n  - kind: amcsd\n  - kind: table #\n"
            "    path: x.parquet\n",
            "sources[1]",
        ),
        (HEAD + "models:\n  - kind: mlp\n  - kind: bagging\n  - kind: mlp  #\n", "models[2]"),
        (
            HEAD + "models:\n  - kind: mlp\n    feature_sets:\n      - r_space\n      - other #\n",
            "models[0].feature_sets[1]",
        ),
        (
            HEAD + "models:\n  - kind: extra_trees\n    search:\n      n_estimators:\n"
            "        - 5\n        - -1 #\n",
            "models[0].search.n_estimators[1]",
        ),
        (
            HEAD + "models: [{kind: mlp},\n {kind: mlp,\n  name: b,\n  dropot: 0.1}] #\n",
            "models[1].dropot",
        ),
        (
            HEAD
            + "features:\n  sets:\n    - kind: r_space\n    - kind: r_space #\n      rmin: 2.0\n",
            "features.sets[1]",
        ),
        (
            HEAD + "features:\n  sets:\n    - kind: concatenation\n      parts:\n"
            "        - kind: r_space\n        - kind: peaks\n          n: -3 #\n",
            "features.sets[0].parts[1].n",
        ),
        (
            HEAD + "features:\n  sets:\n    - kind: concatenation\n      parts:\n"
            "        - kind: r_space\n        - kind: r_space #\n          rmax: 20.0\n",
            "features.sets[0].parts[1]",
        ),
        (
            HEAD + "features:\n  sets:\n    - &a\n      kind: r_space\n      rmax: 5.0\n"
            "    - <<: *a\n      name: b\n      rmaxx: 3.0 #\n",
            "features.sets[1].rmaxx",
        ),
        # Where a value comes from an anchor, the line is that of the anchor.
        (
            HEAD + "features:\n  sets:\n    - kind: r_space\n      xftf: &a\n        kmin: 1.0\n"
            "    - kind: k_space\n      <<: {kmin: -1.0} #\n",
            "features.sets[1].kmin",
        ),
        (HEAD + "study:\n  rmax:\n    - 2.0\n    - 2.0 #\n", "study.rmax[1]"),
        (HEAD + "study:\n  curves:\n    - mlp #\n", "study.curves[0]"),
        (HEAD + "spectra:\n  cards:\n    NLEG: 4\n    RPATH: far #\n", "spectra.cards.RPATH"),
        (
            HEAD + "targets:\n  - kind: coordination_number\n    rivals:\n      - voronoi_nn\n"
            "      - other #\n",
            "targets[0].rivals[1]",
        ),
        (HEAD + "filters:\n  required: [O]\n  required: [S] #\n", "not valid YAML"),
        ("campaign: a\nabsorbers:[Ni] #\nsources: [{kind: amcsd}]\n", "not valid YAML"),
        (HEAD + "filters:\n\trequired: [O] #\n", "not valid YAML"),
        (HEAD + "models:\n  - kind: mlp\n    5: x #\n", "the key 5 is no text"),
        (HEAD + "evaluation:\n  seed: 1\n  n_folds: five #\n", "evaluation.n_folds"),
    ],
)
def test_the_line_is_that_of_the_faulty_key_or_item(tmp_path, text, key):
    """The faulty line ends with #."""
    (line,) = [n for n, line in enumerate(text.splitlines(), 1) if line.endswith("#")]
    message = complaint(tmp_path, text)
    assert message.startswith(f"{tmp_path / 'c.yaml'}:{line}: {key}"), message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is a mapping that begins with `campaign: NAME`"),
        ("- campaign\n", "is a mapping"),
        ("campaign: a\n---\ncampaign: b\n", "a single document"),
        ("campaign: a: b\n", ":1: not valid YAML"),
        ("campaign: a\nabsorbers: [Ni\nsources: [{kind: amcsd}]\n", "a flow sequence, line 2"),
        (
            "campaign: a\nabsorbers: [Ni]\n sources: [{kind: amcsd}]\n",
            "the indentation does not fit",
        ),
        ("campaign: a\x07\n", ":1: not valid YAML: the character U+0007 is not allowed"),
        ("campaign: " + "[" * 1000, "nested too deeply"),
        ("campaign: !!int a\n", "not valid YAML"),
        ("campaign: 2001-13-45\n", "not valid YAML"),
        (HEAD.replace("a\n", "größe\n", 1), "a name has up to 64 letters, digits, _ and -"),
        (HEAD.replace("a\n", "2024\n", 1), "campaign: input should be a valid string, not 2024"),
        (HEAD.replace("[Ni]", "Nj"), "absorber 'Nj' is not an element symbol"),
        (HEAD.replace("[Ni]", "[28]"), "absorbers[0]: input should be a valid string, not 28"),
        (HEAD.replace("[Ni]", "[NO]"), "absorber 'NO' is not an element symbol"),
        (
            HEAD.replace("[Ni]", ""),
            "absorbers: input should be a valid list, such as [...], not null",
        ),
        (
            HEAD.replace("{kind: amcsd}", "amcsd"),
            "sources[0]: should be a mapping of keys to values",
        ),
        (HEAD.replace("{kind: amcsd}", "{kind: amcs}"), "did you mean 'amcsd'?"),
        (HEAD.replace("{kind: amcsd}", '{kind: files, path: "a\\0b"}'), "is no path"),
        (HEAD.replace("{kind: amcsd}", "{kind: files, path: ~nobody-here/x}"), "who is not known"),
        (
            HEAD + "features: {xftf: {dk: 1e400}}\n",
            "xftf.dk: input should be a finite number, not inf",
        ),
        (HEAD + "features: {xftf: {kmax: .nan}}\n", "a finite number, not nan"),
        (
            HEAD + "models: [{kind: random_forest, max_features: all}]\n",
            "'sqrt' or input should be",
        ),
        (HEAD + "spectra: {command: ''}\n", "'' names no program: it is empty"),
    ],
    ids=lambda text: text[-40:],
)
def test_mistakes_of_strangers_end_in_one_line(tmp_path, text, words):
    message = complaint(tmp_path, text)
    assert words in message
    assert "\n" not in message
    assert len(message) < 500


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("campaign: größe\n".encode("utf-16"), "it is UTF-16: save it as UTF-8"),
        ("campaign: a\nabsorbers: [ä]\n".encode("latin-1"), ":2: not text in UTF-8"),
        (bytes(range(128, 256)), ":1: not text in UTF-8"),
        (b"\x89PNG\r\n\x1a\n\0\0", "not text in UTF-8"),
        (b"campaign: a\0\n", "the character U+0000 is not allowed"),
        (b"a: 1\n" * 2**18, "it has 1.2 MB"),
    ],
    ids=["utf-16", "latin-1", "binary", "png", "nul", "large"],
)
def test_files_that_are_no_text_are_refused_in_one_line(tmp_path, raw, words):
    path = tmp_path / "c.yaml"
    path.write_bytes(raw)
    with pytest.raises(UsageError) as refusal:
        load_campaign_file(path)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_mark_of_utf_8_at_the_beginning_is_no_part_of_the_first_key(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + HEAD.encode())
    assert load_campaign_file(path).campaign == "a"


def test_what_is_no_file_is_refused_at_once(tmp_path):
    with pytest.raises(UsageError, match="is a folder: give the campaign file in it"):
        load_campaign_file(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="is no file"):
        load_campaign_file(tmp_path / "pipe")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused_in_one_line(tmp_path):
    path = write(tmp_path, HEAD)
    path.chmod(0)
    with pytest.raises(UsageError, match=r"cannot read campaign file .*: Permission denied"):
        load_campaign_file(path)


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
    (way,) = load_campaign_file(write(tmp_path, GOOD + spectra)).spectra
    assert way.kind == "feff"


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
            "spectra.kind: 'fef' is none of 'feff', 'feff10', 'pdf', 'stored', 'surrogate'; "
            "did you mean 'feff'?",
        ),
        ("spectra: {cards: {RPAHT: 6}}", "spectra.cards.RPAHT: 'RPAHT' is not a FEFF card"),
        (
            "spectra: {cards: {XANES: 4}, command: feff}",
            "spectra.cards.XANES: FEFF card XANES needs FMS, the radius of full multiple",
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
    (way,) = load_campaign_file(write(tmp_path, GOOD + text)).spectra
    assert way.command == f"{tmp_path}/bin/feff9 -n 1"
    # One that is on the PATH stays what it is, and one that is complete, too.
    for command in ("feff9", "/opt/feff9 a"):
        text = f"spectra: {{command: {command}}}\n"
        (way,) = load_campaign_file(write(tmp_path, GOOD + text)).spectra
        assert way.command == command


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
            "peaks is made from EXAFS in mu(E)",
        ),
    ],
)
def test_features_that_the_spectra_cannot_give_are_refused(tmp_path, stored, sets, missing):
    message = complaint(tmp_path, STORED % (stored, sets))
    assert missing in message
    assert f"but stored holds {'EXAFS in' if stored == 'EXAFS' else 'the near edge in'} mu(E)" in (
        message
    )


@pytest.mark.parametrize(("stored", "kind"), [("EXAFS", "r_space"), ("XANES", "xanes")])
def test_features_that_the_spectra_can_give_are_taken(tmp_path, stored, kind):
    load_campaign_file(write(tmp_path, STORED % (stored, f"{{kind: {kind}}}")))


def test_what_stands_alone_is_taken_as_it_is_meant(tmp_path):
    alone = GOOD.replace("[Cu]", "Cu") + "models: [random_forest, {kind: extra_trees}]\n"
    in_full = GOOD + "models: [{kind: random_forest}, {kind: extra_trees}]\n"
    assert load_campaign_file(write(tmp_path, alone)) == load_campaign_file(
        write(tmp_path, in_full)
    )
    given = load_campaign_file(write(tmp_path, alone), ["models.0.n_estimators=7"])
    assert given.models[0].n_estimators == 7


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("models: [random_frest]", "models[0].kind: 'random_frest' is none of"),
        ("models: [random_frest]", "did you mean 'random_forest'?"),
        ("models: [{kind: forest}]", "did you mean 'random_forest'?"),
        ("targets: [coordination]", "did you mean 'coordination_number'?"),
        ("targets: [{kind: oxidation}]", "did you mean 'oxidation_state'?"),
        ("spectra: {kind: feff9}", "did you mean 'feff'?"),
        ("features: {xftf: {window: kaizer}}", "did you mean 'kaiser'?"),
        (
            "features: {sets: [{kind: r_space}]}\n"
            "models: [{kind: random_forest, feature_sets: [rspace]}]",
            "did you mean 'r_space'?",
        ),
    ],
)
def test_what_was_meant_is_asked_of_kinds_and_names_as_of_keys(tmp_path, text, words):
    assert words in complaint(tmp_path, f"{GOOD}{text}\n")


@pytest.mark.parametrize(
    ("settings", "is_warned"),
    [
        ("{cards: {SCF: 4.5}}", True),
        ("{cards: {SCF: 4.5}, time_limit: 300}", False),
        ("{cards: {RPATH: 6}}", False),
    ],
)
def test_self_consistency_within_a_minute_is_warned_of(tmp_path, capsys, settings, is_warned):
    from launcher.run import check_files

    check_files(load_campaign_file(write(tmp_path, f"{GOOD}spectra: {settings}\n")))
    shown = capsys.readouterr().err
    assert ("warning: spectra exafs: with SCF" in shown and "time_limit: 300" in shown) == is_warned
