"""Folders into which spectra come: what is read, when, and how often."""

import os
import sys

import numpy as np
import pytest
from measurements import absorption, energies
from predictor import pretrained

from exafscn_flows import predict
from exafscn_flows.errors import UsageError
from exafscn_flows.prediction import Failed, watching
from exafscn_flows.prediction.watching import FolderWatch, mean_and_doubt, scan_number


class Folder:
    """A watched folder, with what was read at each look."""

    def __init__(self, path):
        self.path = path
        self.read = []
        self.watch = FolderWatch(path, self.answer)

    def answer(self, path):
        self.read.append(path.name)
        text = path.read_text()
        return [Failed(str(path), "", "too short", "")] if len(text) < 5 else [text]

    def write(self, name, text, when=1000.0):
        (self.path / name).write_text(text)
        os.utime(self.path / name, (when, when))

    def look(self):
        return [(one.path.name, one.number, one.found) for one in self.watch.look()]


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def test_a_file_is_read_when_nobody_writes_to_it_any_more(folder):
    assert folder.look() == []
    folder.write("scan_1.dat", "abcdef")
    assert folder.look() == []
    assert folder.look() == [("scan_1.dat", 1, ("abcdef",))]
    assert folder.look() == []
    assert folder.read == ["scan_1.dat"]


def test_a_file_that_has_grown_is_read_again(folder):
    folder.write("scan_1.dat", "abcdef")
    folder.look(), folder.look()
    folder.write("scan_1.dat", "abcdefgh", 1001.0)
    assert folder.look() == []
    assert folder.look() == [("scan_1.dat", 1, ("abcdefgh",))]
    assert [one.found for one in folder.watch.files.values()] == [("abcdefgh",)]


def test_a_file_that_grows_all_the_time_is_read_now_and_then(folder, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(watching.time, "monotonic", lambda: now[0])
    text = ""
    found = []
    for second in range(25):
        now[0] = float(second)
        text += "x" if second < 12 else "xxx"
        folder.write("scan.dat", text[: 4 if second < 12 else None], 1000.0 + second)
        found += folder.look()
    # At 11 s there was nothing to answer yet, which is no failure.
    assert folder.read == ["scan.dat"] * 2
    assert len(found) == 1


def test_what_cannot_be_answered_is_said_once(folder):
    folder.write("notes.txt", "abc")
    folder.look()
    ((name, number, (failed,)),) = folder.look()
    assert (name, number, failed.error) == ("notes.txt", None, "too short")
    assert folder.look() == []


def test_files_come_in_the_order_of_writing_and_hidden_ones_not_at_all(folder):
    folder.write("b.dat", "abcdef", 1000.0)
    folder.write("a.dat", "abcdef", 1002.0)
    folder.write(".part.dat", "abcdef", 1001.0)
    (folder.path / "more").mkdir()
    folder.look()
    assert [name for name, *_ in folder.look()] == ["b.dat", "a.dat"]


def test_a_folder_that_goes_away_and_comes_back(folder):
    folder.write("scan_1.dat", "abcdef")
    folder.look(), folder.look()
    away = folder.path.with_name("away")
    folder.path.rename(away)
    with pytest.raises(UsageError, match="No such file"):
        folder.watch.look()
    away.rename(folder.path)
    folder.write("scan_2.dat", "abcdef", 1001.0)
    folder.look()
    assert [name for name, *_ in folder.look()] == ["scan_2.dat"]
    with pytest.raises(UsageError, match="there is no such folder"):
        FolderWatch(folder.path / "none", folder.answer)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("scan_12.dat", 12),
        ("fe2o3_300K_0007.xdi", 7),
        ("sample.0012", 12),
        ("foil", None),
        ("foil.h5", None),
        ("20261201123456789012.dat", None),
    ],
)
def test_scan_numbers(name, number):
    assert scan_number(name) == number


def test_doubt_is_the_standard_deviation_of_the_probabilities(monkeypatch):
    monkeypatch.setitem(sys.modules, "exafscn_flows.pretrained", pretrained())
    answer = predict(energies(), absorption(energies()), "Fe")
    mean, doubt = mean_and_doubt(answer)
    drawn = np.repeat(
        [*answer.probabilities], [round(1e6 * p) for p in answer.probabilities.values()]
    )
    assert mean == pytest.approx(drawn.mean(), abs=1e-3)
    assert doubt == pytest.approx(drawn.std(), abs=1e-3)
