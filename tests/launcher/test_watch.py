"""`exafscn watch` and its page: spectra are answered as they come."""

import json
import os
import signal
import sys
from urllib.parse import urlencode

import numpy as np
import pytest
from campaigns import ended
from forks import Command
from measurements import absorption, energies
from web_client import clients, texts
from xas_files import COLUMNS, IRON, rows, xdi

from exafscn_flows.web.watch_page import trend
from launcher import serve
from launcher.cli import main

ENERGY = energies()
MU = absorption(ENERGY)
I0 = np.full(len(ENERGY), 1e5)
LINES = rows(ENERGY, I0, I0 * np.exp(-MU)).splitlines(keepends=True)
HALF = len(LINES) // 4


def scan(n_points=None):
    return xdi("".join(LINES[:n_points]), *COLUMNS, *IRON)


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "beamline"
    place.mkdir()
    return place


def test_new_and_grown_files_are_answered_until_it_is_ended(folder, tmp_path):
    (folder / "scan_1.xdi").write_bytes(scan())
    command = ["watch", str(folder), "--json"]
    with Command(command, known=True, cwd=tmp_path, env=dict(os.environ)) as process:
        first = json.loads(process.stdout.readline())
        assert (first["number"], first["absorber"], first["group"]) == (1, "Fe", "scan_1")
        (folder / "scan_2.xdi").write_bytes(scan(HALF))
        assert "error" in json.loads(process.stdout.readline())
        (folder / "scan_2.xdi").write_bytes(scan())
        second = json.loads(process.stdout.readline())
        assert (second["number"], second["cn"]) == (2, first["cn"])
        process.send_signal(signal.SIGINT)
        assert ended(process, 0) == ""


def test_a_folder_that_is_none_is_one_line(tmp_path):
    with Command(["watch", "none"], known=True, cwd=tmp_path, env=dict(os.environ)) as process:
        assert "none: there is no such folder" in ended(process, 2)


@pytest.fixture(scope="module")
def client():
    yield from clients()


def look(client, folder):
    name = next(
        one["output"]
        for one in client.get("/_dash-dependencies").get_json()
        if one["output"].startswith("..watch-said.children")
    )
    watched = {"folder": str(folder), "absorber": ""}
    return client.call(name, [("watch-look", "n_intervals", 1)], [("watched", "data", watched)])


def test_the_page_draws_the_trend_over_scan_numbers(client, folder):
    for number in (1, 2, 10):
        (folder / f"scan_{number}.xdi").write_bytes(scan())
    look(client, folder)
    made = look(client, folder)
    (trace,) = made["trend"]["figure"]["data"]
    assert trace["x"] == [1, 2, 10]
    assert len(set(trace["y"])) == 1
    assert trace["error_y"]["array"][0] > 0
    (folder / "notes.txt").write_text("no spectrum")
    look(client, folder)
    text = texts(look(client, folder)["watch-table"]["children"])
    assert "notes.txt" in text
    assert "scan_10" in text
    assert trend([])["layout"]["annotations"][0]["text"] == "nothing was answered yet"


def test_the_page_says_what_is_wrong_with_a_folder(client, tmp_path):
    made = look(client, tmp_path / "none")
    assert "there is no such folder" in texts(made["watch-said"]["children"])
    assert "trend" not in made
    page = client.call(
        "..page.children...nav.children..",
        [
            ("address", "pathname", "/watch"),
            ("address", "search", f"?{urlencode({'folder': '/x <b>'})}"),
        ],
    )
    assert "/x <b>" in json.dumps(page)


def test_a_page_without_its_extra_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(serve, "find_spec", lambda name: None if name == "dash" else True)
    monkeypatch.setattr(sys, "argv", ["exafscn", "serve"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert "the page needs dash: pip install 'exafscn[web]'" in capsys.readouterr().err
