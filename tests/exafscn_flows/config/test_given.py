"""Keys that the command line gives beside a campaign file, by --set KEY=VALUE."""

import pickle
from pathlib import Path

import pytest
from pages import ROOT

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.config.loader import load_campaign_file
from exafscn_flows.errors import UsageError

FILE = """\
campaign: test
absorbers: [Cu]
sources:
  - {kind: files, path: cifs}
  - {kind: amcsd}
features: {xftf: {kmin: 3.0}}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A campaign file in another folder than the current one."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    path = tmp_path / "c.yaml"
    path.write_text(FILE)
    return path


def loaded(file: Path, *settings: str, more: str = "") -> CampaignConfig:
    file.write_text(FILE + more)
    return load_campaign_file(file, settings)


def complaint(file: Path, *settings: str, more: str = "") -> str:
    with pytest.raises(UsageError) as caught:
        loaded(file, *settings, more=more)
    (line,) = str(caught.value).splitlines()
    return line


def test_values_are_yaml_and_keys_are_as_errors_print_them(file):
    assert loaded(file, "absorbers=[Ti, V]").absorbers == ["Ti", "V"]
    assert loaded(file, "absorbers[0]=Fe").absorbers == ["Fe"]
    assert loaded(file, "evaluation.n_folds=3").evaluation.n_folds == 3
    assert loaded(file, "sample=null", more="sample: {structures: 5}\n").sample is None
    config = loaded(file, "features.xftf.kmax=10", "features.xftf.kweight=1")
    assert config.features.xftf.model_dump(include={"kmin", "kmax", "kweight"}) == {
        "kmin": 3.0,
        "kmax": 10.0,
        "kweight": 1,
    }


def test_a_key_of_what_is_left_out_is_that_of_its_default(file):
    config = loaded(
        file, "models.0.n_estimators=7", "features.sets[1].rmax=5", "targets.0.mode=averaged"
    )
    assert [(model.kind, model.n_estimators) for model in config.models] == [("random_forest", 7)]
    assert [(s.name, s.rmax) for s in config.features.sets] == [
        ("r_space", None),
        ("r_space_chi", 5.0),
    ]
    assert [target.mode for target in config.targets] == ["averaged"]


def test_a_kind_that_stands_alone_gets_keys(file):
    more = "targets: [coordination_number]\n"
    assert loaded(file, "targets.0.name=cn", more=more).targets[0].name == "cn"


@pytest.mark.parametrize("key", ["spectra.cards.RPATH", "spectra.0.cards.RPATH"])
@pytest.mark.parametrize("more", ["", "spectra: {time_limit: 5}\n"])
def test_one_spectrum_may_be_written_without_a_list(file, key, more):
    (way,) = loaded(file, f"{key}=6", more=more).spectra
    assert way.cards["RPATH"] == "6"
    assert way.cards["NLEG"] == "4"  # the other defaults stay
    assert way.time_limit == (5 if more else 60)


def test_spectra_in_a_list_are_numbered(file):
    more = "spectra: [{kind: feff}, {kind: feff, name: far}]\n"
    ways = loaded(file, "spectra.1.cards.RPATH=9", more=more).spectra
    assert [way.cards["RPATH"] for way in ways] == ["8", "9"]
    assert complaint(file, "spectra.cards.RPATH=9", more=more) == (
        "--set spectra.cards.RPATH: spectra is a list: say which item, such as spectra[0].cards"
    )
    assert complaint(file, "spectra.1.time_limit=9", more="spectra: {}\n") == (
        "--set spectra.1.time_limit: there is no spectra[1]: spectra is one, not a list"
    )


def test_aliases_do_not_share_what_is_given(file):
    more = "models:\n  - &m {kind: mlp, name: a}\n  - {<<: *m, name: b}\n"
    a, b = loaded(file, "models.0.dropout=0.1", more=more).models
    assert (a.dropout, b.dropout) == (0.1, 0.5)
    more = "spectra:\n  - {cards: &c {RPATH: 6}}\n  - {cards: *c, name: b}\n"
    ways = loaded(file, "spectra.0.cards.RPATH=7", more=more).spectra
    assert [way.cards["RPATH"] for way in ways] == ["7", "6"]


def test_relative_paths_start_where_they_are_written(file):
    (source, _) = loaded(file, "absorbers=[Ni]").sources
    assert source.path == str(file.parent / "cifs")
    (source, _) = loaded(file, "sources.0.path=cifs").sources
    assert source.path == str(file.parent / "here" / "cifs")
    more = "spectra: {kind: stored}\n"
    (source,) = loaded(file, "sources=[{kind: table, path: t.parquet}]", more=more).sources
    assert source.path == str(file.parent / "here" / "t.parquet")
    (source, _) = loaded(file, "sources.0.path=/cifs").sources
    assert source.path == "/cifs"
    more = "spectra: {command: bin/feff}\n"
    assert loaded(file, more=more).spectra[0].command == f"{file.parent}/bin/feff"
    (way,) = loaded(file, "spectra.command=bin/feff -n 1", more=more).spectra
    assert way.command == f"{file.parent}/here/bin/feff -n 1"


def test_texts_that_are_given_are_texts_like_others(file):
    config = loaded(file, "models=[{kind: extra_trees, search: {max_features: [sqrt, 0.5]}}]")
    copy = pickle.loads(pickle.dumps(config))
    assert copy == config
    assert type(copy.models[0].search["max_features"][0]) is str


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("evaluation.n_fold=3", ": unknown key; did you mean `n_folds`?"),
        ("features.xftf.kmaxx=3", ": unknown key; did you mean `kmax`?"),
        ("feature.xftf.kmax=3", ": feature: unknown key; did you mean `features`?"),
        ("sources.0.pth=x", ": unknown key; did you mean `path`?"),
        ("features={xftf: {kmx: 3}}", ": features.xftf.kmx: unknown key; did you mean `kmax`?"),
        ("sources.2.path=x", ": there is no sources[2]: the last is sources[1]"),
        ("filters.required.0=O", ": there is no filters.required[0]: there is none"),
        ("sources.path=x", ": sources is a list: say which item, such as sources[0].path"),
        ("sources.0.path.x=3", ": sources[0].path is 'cifs', so there is no x in it"),
        ("sources.0.path=", ": input should be a valid string, not null"),
        ("sources.0.path=''", ": string should have at least 1 character, not ''"),
        ("evaluation.n_folds=three", ": input should be a valid integer, not 'three'"),
        ("absorbers[0]=Xx", ": absorber 'Xx' is not an element symbol"),
        ("absorbers=[Ti, Xx]", ": absorbers[1]: absorber 'Xx' is not an element symbol"),
        ("absorbers=[Ti", ": not valid YAML: expected ',' or ']'"),
        ("absorbers=&a [*a]", ": it is nested too deeply"),
        ("spectra.cards={6: 1}", ": the key 6 is no text: write it in quotes"),
        ("spectra.cards.RPAHT=6", ": 'RPAHT' is not a FEFF card: did you mean RPATH?"),
        ("sample.seed=1", ": sample: give either per_absorber or structures"),
        ("models.0={kind: mpl}", ": models[0].kind: 'mpl' is none of"),
    ],
)
def test_what_is_wrong_with_a_value_names_its_option(file, setting, message):
    key = setting.partition("=")[0]
    assert complaint(file, setting).startswith(f"--set {key}{message}")


def test_what_is_shown_of_it_is_one_line(file):
    assert complaint(file, "sources\n a").startswith("--set sources a: write KEY=VALUE")
    assert complaint(file, "sour\nces=a").startswith("--set sour ces: unknown key")


@pytest.mark.parametrize("setting", ["sources", "", "=3", "a..b=1", "a[x]=1", ".a=1", "a.=1"])
def test_what_is_no_key_and_value_is_refused(file, setting):
    assert complaint(file, setting).startswith(f"--set {setting}: write KEY=VALUE, such as")


def test_what_does_not_go_together_with_the_file_names_both(file):
    assert complaint(file, "features.xftf.kmax=2") == (
        f"{file}:6: features.xftf (with --set features.xftf.kmax): "
        "kmin (3) must be less than kmax (2)"
    )
    # What is wrong elsewhere has nothing to do with it.
    assert complaint(file, "absorbers=[Ti]", more="siets: {}\n").startswith(
        f"{file}:7: siets: unknown key"
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("sources.0.path=a", "sources[0].path=b"),
        ("spectra.cards.RPATH=6", "spectra.0.cards.RPATH=7"),
        ("spectra.cards.RPATH=6", "spectra={kind: feff}"),
    ],
)
def test_a_value_that_replaces_an_earlier_one_is_refused(file, first, second):
    one, other = (text.partition("=")[0] for text in (first, second))
    assert complaint(file, first, second) == (
        f"--set {other}: --set {one} is given before: give one of them"
    )


def test_a_key_inside_an_earlier_value_is_set(file):
    (way,) = loaded(file, "spectra={kind: feff, time_limit: 9}", "spectra.cards.RPATH=6").spectra
    assert (way.time_limit, way.cards["RPATH"]) == (9, "6")


def test_the_study_asks_for_its_table():
    study = ROOT / "configs" / "study_published.yaml"
    with pytest.raises(UsageError) as error:
        load_campaign_file(study)
    assert str(error.value) == (
        f"{study}:8: sources[0].path: required, but not given: write it there, or give "
        "`--set sources.0.path=VALUE`"
    )
    (source,) = load_campaign_file(study, ["sources.0.path=/t.parquet"]).sources
    assert source.path == "/t.parquet"
