"""Dropped files: what is taken, and that reading them is limited."""

import base64
import gzip
import os
import pickle
import time

import numpy as np
import pytest
from xas_files import COLUMNS, IRON, project, record, rows, scan, xdi

from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.sources.measured.reading import read_content
from exafscn_flows.web import reading_process
from exafscn_flows.web.reading import HowToRead, Reader
from exafscn_flows.web.uploads import MOST_BYTES, Upload, uploads

ENERGY, I0, IT = scan()
FOIL = xdi(rows(ENERGY, I0, IT), *COLUMNS, *IRON)


def url(content: bytes) -> str:
    return "data:application/octet-stream;base64," + base64.b64encode(content).decode()


@pytest.fixture(scope="module")
def reader():
    reader = Reader()
    yield reader
    reader.close()


def test_files_are_taken_by_name_and_content():
    (one, two), refused = uploads([url(b"abc"), url(b"")], ["a.xdi", "C:\\data\\b.xdi"])
    assert refused == []
    assert [one, two] == [Upload("a.xdi", b"abc"), Upload("b.xdi", b"")]


def test_too_many_files_are_refused_at_once():
    with pytest.raises(UsageError, match="200 files at once: drop at most 20"):
        uploads([url(b"a")] * 200, ["a"] * 200)


def test_a_file_that_is_too_large_or_damaged_is_a_sentence_and_the_others_are_taken():
    given = [url(b"x" * (MOST_BYTES + 1)), url(b"y" * MOST_BYTES), "data:;base64,%%%"]
    taken, (large, damaged) = uploads(given, ["a", "b", "c"])
    assert [one.name for one in taken] == ["b"]
    assert "a: larger than 10 MB" in large
    assert "c: it came damaged" in damaged


def test_a_file_is_read_as_the_command_line_reads_it(reader):
    (found,), (expected,) = (
        reader.read(Upload("foil.xdi", FOIL), HowToRead()),
        read_content(FOIL, "foil.xdi"),
    )
    for name in reading_process.ARRAYS:
        one, other = getattr(found, name), getattr(expected, name)
        assert (one is None and other is None) or np.array_equal(one, other)
    for name in reading_process.WORDS:
        assert getattr(found, name) == getattr(expected, name)


def test_what_a_user_says_of_a_file_counts(reader):
    plain = Upload("scan.dat", rows(IT, ENERGY, I0).encode())
    how = HowToRead("Fe", "energy=2,i0=3,it=1", "transmission")
    (found,) = reader.read(plain, how)
    assert found.absorber == "Fe"
    assert np.allclose(found.energy, ENERGY)
    assert np.allclose(found.mu, np.log(I0 / IT))
    for wrong in (HowToRead("Xx"), HowToRead("", "energy"), HowToRead("", "", "x-ray")):
        with pytest.raises(UsageError):
            reader.read(plain, wrong)


def test_groups_that_cannot_be_used_are_said(reader):
    content = project(record("good", ENERGY, np.log(I0 / IT)), record("bad", ENERGY[:3], IT[:3]))
    good, bad = reader.read(Upload("two.prj", content), HowToRead())
    assert good.group == "good"
    assert "bad" in bad.failure.message


@pytest.mark.parametrize(
    "content",
    [b"", b"not a spectrum\n", os.urandom(5000), pickle.dumps([1, 2]), FOIL[:200], b"PK\x03\x04"],
    ids=["empty", "text", "bytes", "pickle", "cut", "zip"],
)
def test_what_is_no_spectrum_is_one_line(reader, content):
    with pytest.raises(ItemFailure, match=r"^odd\.dat") as error:
        reader.read(Upload("odd.dat", content), HowToRead())
    assert len(str(error.value).splitlines()) == 1


def test_a_bomb_does_no_harm(reader):
    bomb = gzip.compress(bytes(110_000_000), compresslevel=1)
    assert len(bomb) < 1_000_000
    with pytest.raises(ItemFailure, match="larger than 100 MB"):
        reader.read(Upload("bomb.gz", bomb), HowToRead())


def test_reading_ends_when_it_takes_too_long(monkeypatch):
    monkeypatch.setattr(reading_process, "SECONDS", 1)
    monkeypatch.setattr(reading_process, "read_content", lambda *_, **__: time.sleep(60))
    began = time.monotonic()
    assert reading_process._read_apart({"name": "x"}, b"") == b""
    assert time.monotonic() - began < 10


def test_reading_ends_when_it_takes_too_much_memory_or_writes(monkeypatch, tmp_path):
    for greedy in (
        lambda *_, **__: bytearray(8 * 1024**3),
        lambda *_, **__: (tmp_path / "written").write_text("x"),
    ):
        monkeypatch.setattr(reading_process, "read_content", greedy)
        assert reading_process._read_apart({"name": "x"}, b"") == b""
    assert not (tmp_path / "written").exists() or not (tmp_path / "written").read_text()


def test_a_reader_that_was_killed_is_replaced(reader):
    reader.read(Upload("foil.xdi", FOIL), HowToRead())
    reader._process.kill()
    reader._process.wait()
    (found,) = reader.read(Upload("foil.xdi", FOIL), HowToRead())
    assert found.absorber == "Fe"


def test_the_reader_does_not_know_the_database(monkeypatch):
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", "mongodb://me:secret@db.example/")
    reader = Reader()
    reader.start()
    try:
        with open(f"/proc/{reader._process.pid}/environ", "rb") as file:
            assert b"secret" not in file.read()
    finally:
        reader.close()
