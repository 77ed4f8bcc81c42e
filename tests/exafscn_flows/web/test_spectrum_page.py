"""The page of measured spectra answers what `exafscn predict` answers."""

import base64
import contextlib
import csv
import io
import json
import shlex
import sys

import numpy as np
import pytest
from measurements import absorption, energies
from predictor import pretrained
from web_client import texts
from xas_files import COLUMNS, IRON, project, record, rows, xdi

from exafscn_flows.errors import UsageError
from exafscn_flows.prediction import Failed, answer_file, general
from exafscn_flows.processing import ProcessingSettings
from exafscn_flows.web import figures
from exafscn_flows.web.copies import predict_command, predict_python
from exafscn_flows.web.library import Wish
from exafscn_flows.web.reading import HowToRead
from exafscn_flows.web.spectrum_layout import CONTROLS
from exafscn_flows.web.spectrum_page import sentences
from exafscn_flows.web.uploads import Upload
from launcher.cli import main

ENERGY = energies()
MU = absorption(ENERGY)
I0 = np.full(len(ENERGY), 1e5)
FOIL = xdi(rows(ENERGY, I0, I0 * np.exp(-MU)), *COLUMNS, *IRON)
TWO = project(record("one", ENERGY, MU), record("two", ENERGY, 2 * MU))
WISHES = [
    Wish(),
    Wish(e0=7119.0, rbkg=1.2, kmin=3.5, kmax=11.0),
    Wish(elements="Fe,O", how=HowToRead("Fe", "energy=1,i0=2,it=3", "transmission")),
]


@pytest.fixture(autouse=True)
def _model(monkeypatch):
    monkeypatch.setitem(sys.modules, "exafscn_flows.pretrained", pretrained())


@pytest.fixture
def foil(client):
    (key,) = client.library.add([Upload("foil.xdi", FOIL)])
    return key


@pytest.mark.parametrize("wish", WISHES)
def test_answers_and_copies_are_those_of_the_command_line(
    client, foil, wish, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "foil.xdi").write_bytes(FOIL)
    found = client.library.answer(foil, "foil", wish).to_dict()

    command = shlex.split(predict_command("foil.xdi", "", wish))
    monkeypatch.setattr(sys, "argv", [*command, "--json"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    assert json.loads(capsys.readouterr().out) == [found]

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(predict_python("foil.xdi", "", wish), {})
    assert printed.getvalue().strip() == str(found)


def test_each_spectrum_of_a_file_has_an_answer(client, tmp_path):
    (key,) = client.library.add([Upload("two.prj", TWO)])
    path = tmp_path / "two.prj"
    path.write_bytes(TWO)
    expected = answer_file(str(path), general(), ProcessingSettings())
    found = client.library.answers(key, {"two": Wish(kmax=9.0)})
    assert [(one.group, one.cn) for one in found] == [(one.group, one.cn) for one in expected]
    assert [one.kmax for one in found] == [13.0, 9.0]
    words = shlex.split(predict_command("two.prj", "two", Wish()))
    assert words == ["exafscn", "predict", "two.prj", "--group", "two"]


def test_what_makes_no_sense_is_one_line(client, foil):
    for wish, says in (
        (Wish(kmin=4.0, kmax=3.0), "kmax"),
        (Wish(elements="Fe,Xx"), "elements: 'Xx'"),
        (Wish(rbkg=-1.0), "rbkg"),
        (Wish(how=HowToRead(columns="energy")), "columns"),
    ):
        with pytest.raises(UsageError, match=says):
            client.library.answer(foil, "foil", wish)
    with pytest.raises(UsageError, match="drop it again"):
        client.library.answer("0" * 24, "foil", Wish())
    assert isinstance(client.library.answer(foil, "foil", Wish(elements="Cu")), Failed)


def drop(client, files, dropped=()):
    encoded = ["data:;base64," + base64.b64encode(content).decode() for content in files.values()]
    return client.call(
        callback(client, "drop-said.children"),
        [("drop", "contents", encoded)],
        [("drop", "filename", [*files]), ("dropped", "data", [*dropped])],
    )


def callback(client, output):
    """Name of the callback that makes an output first."""
    names = [one["output"] for one in client.get("/_dash-dependencies").get_json()]
    return next(one for one in names if one.strip(".").startswith(output))


def test_files_that_are_dropped_are_answered_and_others_are_said(client):
    said = drop(client, {"foil.xdi": FOIL, "empty.dat": b"", "text.txt": b"no spectrum\n"})
    keys = said["dropped"]["data"]
    assert len(keys) == 3
    failed = texts(said["drop-said"]["children"])
    assert "empty.dat: the file is empty" in failed
    assert "text.txt" in failed
    (chosen,) = (one["data"] for name, one in said.items() if name.startswith("chosen"))
    assert chosen == {"key": keys[0], "group": "foil"}
    made = client.call("answers.children", [("dropped", "data", keys), ("wishes", "data", {})])
    shown = texts(made["answers"]["children"])
    assert "0.96" in shown
    assert "5, 6" in shown
    again = drop(client, {"foil.xdi": FOIL}, keys)
    assert again["dropped"]["data"] == keys


def test_a_drop_that_is_too_much_loses_nothing(client):
    said = drop(client, {f"{n}.dat": b"x" for n in range(200)}, ["kept"])
    assert "200 files at once" in texts(said["drop-said"]["children"])
    assert "dropped" not in said


def redo(client, key, values, shown=(), wishes=None, changed="chosen.data"):
    given = [(f"give-{name}", "value", values.get(name)) for name in CONTROLS]
    return client.call(
        callback(client, "redo-said.children"),
        [("chosen", "data", {"key": key, "group": "foil"}), *given],
        [("shown", "data", dict(shown)), ("wishes", "data", wishes or {})],
        changed,
    )


def test_controls_show_what_was_found_and_redo_the_answer(client, foil):
    first = redo(client, foil, {})
    shown = first["shown"]["data"]
    assert first["give-e0"]["value"] == pytest.approx(7120, abs=1)
    assert (first["give-kmin"]["value"], first["give-kmax"]["value"]) == (3.0, 13.0)
    assert "wishes" not in first
    assert "--" not in first["as-command"]["children"]
    changed = redo(client, foil, shown | {"kmax": 10}, shown, {}, "give-kmax.value")
    assert changed["wishes"]["data"] == {foil: {"foil": {"kmax": 10}}}
    assert first["figure-distance"] != changed["figure-distance"]
    assert changed["as-command"]["children"].endswith("--kmax 10")
    back = redo(client, foil, {}, shown, changed["wishes"]["data"])
    assert back["give-kmax"]["value"] == 10
    wrong = redo(client, foil, shown | {"kmax": 1}, shown, {}, "give-kmax.value")
    assert "kmax" in texts(wrong["redo-said"]["children"])
    assert "figure-mu" not in wrong


def test_models_of_a_campaign_are_loaded_once_for_each_of_their_versions(client, foil, monkeypatch):
    loaded, versions = [], {"Fe": "first"}

    def load(store, campaign):
        loaded.append(dict(versions))
        return general()

    monkeypatch.setattr("exafscn_flows.store.store.Store.open", lambda: None)
    module = "exafscn_flows.store.measured_models"
    monkeypatch.setattr(f"{module}.campaign_models", load)
    monkeypatch.setattr(f"{module}.meant_versions", lambda store, campaign: dict(versions))
    wish = Wish(campaign="trained")
    first = client.library.answer(foil, "foil", wish)
    client.library.answer(foil, "foil", wish._replace(rbkg=1.3))
    assert loaded == [{"Fe": "first"}]
    versions["Fe"] = "second"
    assert client.library.answer(foil, "foil", wish) is not first
    assert loaded == [{"Fe": "first"}, {"Fe": "second"}]


def test_figures_show_what_was_computed(client, foil):
    answer = client.library.answer(foil, "foil", Wish())
    mu, pre, post, *_ = figures.mu_figure(answer)["data"]
    assert mu["name"] == "mu(E)"
    near = np.abs(np.array(post["x"]) - (answer.e0 + 400)).argmin()
    before = np.interp(post["x"][near], pre["x"], pre["y"])
    assert post["y"][near] - before == pytest.approx(answer.edge_step, rel=0.2)
    chi = figures.chi_figure(answer)["data"][0]
    assert np.allclose(chi["y"], answer.k**2 * answer.chi, rtol=1e-4, atol=1e-6)
    bars = figures.probability_figure(answer)["data"][:2]
    heights = {cn: p for one in bars for cn, p in zip(one["x"], one["y"], strict=True)}
    assert heights == {str(cn): p for cn, p in answer.probabilities.items()}
    assert set(bars[0]["x"]) == {str(cn) for cn in answer.set}


def test_downloads_hold_all_answers(client, foil):
    given = [(f"get-{kind}", "n_clicks", 1) for kind in ("csv", "json", "pdf")]
    state = [("dropped", "data", [foil]), ("wishes", "data", {})]
    name = callback(client, "download.data")

    def got(kind):
        made = client.call(name, given, state, f"get-{kind}.n_clicks")
        return made["download"]["data"]

    answers = json.loads(got("json")["content"])
    assert answers == [client.library.answer(foil, "foil", Wish()).to_dict()]
    (row,) = csv.DictReader(io.StringIO(got("csv")["content"]))
    assert (row["file"], row["cn"]) == ("foil.xdi", str(answers[0]["cn"]))
    pdf = got("pdf")
    assert base64.b64decode(pdf["content"]).startswith(b"%PDF")


def test_what_is_wrong_with_many_spectra_of_a_file_is_said_once() -> None:
    wrong = [Failed("a.prj", str(n), "a.prj: an edge of Eu", "") for n in range(9)]
    other = Failed("b.xdi", "", "b.xdi: no numbers", "look at it")
    assert sentences([*wrong, other]) == [
        "a.prj: an edge of Eu (9 spectra)",
        "b.xdi: no numbers: look at it",
    ]
