"""Files that are no spectra, columns that users name, and real spectra where they are at hand."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest
from xas_files import COLUMNS, IRON, edge, energies, project, record, rows, scan, xdi

from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.sources.measured import (
    MeasuredSpectrum,
    parse_columns,
    read_content,
    read_measured,
)
from exafscn_flows.sources.measured.content import MAX_BYTES
from exafscn_flows.spectra.edge_table import edge_energy

EXPERIMENTAL = Path(__file__).parents[5] / "shared" / "data" / "experimental"

FOIL = xdi(rows(*scan()), *COLUMNS, *IRON)


def refusal(path: Path) -> ItemFailure:
    with pytest.raises(ItemFailure) as raised:
        read_measured(path)
    assert "\n" not in raised.value.message
    assert raised.value.message.startswith(path.name)
    assert raised.value.hint
    return raised.value


@pytest.mark.parametrize("name", ["foil", "foil.prj", "foil.nxs.gz", "foil.larix"])
def test_the_content_tells_the_format_and_not_the_suffix(tmp_path, name):
    path = tmp_path / name
    for content in (FOIL, gzip.compress(FOIL)):
        path.write_bytes(content)
        (found,) = read_measured(path)
        assert (found.format, found.group, found.absorber) == ("XDI", "foil", "Fe")
    path.write_bytes(project(record("a", energies(), edge(energies()))))
    assert read_measured(str(path))[0].format == "Athena project"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (gzip.compress(b"", mtime=0), "empty"),
        (b"\x1f\x8b", "empty"),
        (bytes(range(256)) * 40, "binary"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "binary"),
        (b"PK\x03\x04" + bytes(100), "binary"),
        (gzip.compress(FOIL, mtime=0)[:-3000], "unreadable"),
        (gzip.compress(FOIL, mtime=0)[:400] + b"damaged" * 400, "unreadable"),
        (gzip.compress(gzip.compress(FOIL, mtime=0), mtime=0), "binary"),
        (b"# XDI/1.0\n# Element.symbol: Fe\n", "no_table"),
    ],
)
def test_content_that_is_no_spectrum(tmp_path, content, kind):
    path = tmp_path / "foil.xdi"
    path.write_bytes(content)
    assert refusal(path).kind == kind


def test_paths_that_are_no_files(tmp_path):
    assert refusal(tmp_path / "none.xdi").kind == "missing"
    assert "folder" in refusal(tmp_path).message
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in refusal(tmp_path / "pipe").message
    with pytest.raises(ItemFailure):
        read_measured(tmp_path / "a\0b")


def test_sizes_are_limited_before_anything_is_read(tmp_path):
    path = tmp_path / "huge.dat"
    with path.open("wb") as file:
        file.truncate(2 * 10**9)
    assert refusal(path).kind == "too_large"
    path.write_bytes(gzip.compress(b"0" * (MAX_BYTES + 1), compresslevel=1))
    assert path.stat().st_size < MAX_BYTES / 100
    assert refusal(path).kind == "too_large"


def test_columns_as_text():
    assert parse_columns("energy=1, i0=2,IT=3") == {"energy": 1, "i0": 2, "it": 3}
    assert parse_columns("energy=1,i0=I0,if=4+5+6") == {"energy": 1, "i0": "I0", "if": "4+5+6"}
    assert parse_columns("k=1,chi=chi") == {"k": 1, "chi": "chi"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no pair"),
        ("energy", "no pair"),
        ("energy=1,i0=", "no pair"),
        ("energy=1,energy=2,mu=3", "twice"),
        ("energy=1,ir=2", "none of"),
        ("energy=0,mu=2", "from 1"),
        ("energy=1,mu=2+3", "only those of if"),
        ("energy=1,i0=2,if=3+", "empty part"),
        ("energy=1,i0=2", "a spectrum is"),
        ("mu=2", "a spectrum is"),
        ("k=1", "a spectrum is"),
    ],
)
def test_columns_that_make_no_sense(text, words):
    with pytest.raises(UsageError, match=words):
        read_content(FOIL, "foil.xdi", columns=parse_columns(text))


def test_wishes_that_make_no_sense():
    with pytest.raises(UsageError, match="did you mean 'Fe'"):
        read_content(FOIL, "foil.xdi", absorber="fe")
    with pytest.raises(UsageError, match="mode fluorescence needs i0 and if"):
        read_content(FOIL, "foil.xdi", mode="fluorescence", columns={"energy": 1, "i0": 2, "it": 3})
    with pytest.raises(ItemFailure, match="which is I0 and If"):
        read_content(FOIL, "foil.xdi", mode="fluorescence")


def test_importing_is_light():
    code = (
        "import sys, exafscn_flows.sources.measured\n"
        "print([m for m in ('larch', 'h5py', 'scipy', 'xraydb', 'torch') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


@pytest.mark.skipif(not EXPERIMENTAL.is_dir(), reason="measured spectra are not at hand")
def test_all_measured_spectra_at_hand_are_read():
    files = [file for file in EXPERIMENTAL.iterdir() if file.suffix in (".xdi", ".prj")]
    found = {file.name: read_measured(file) for file in files}
    everything = [item for items in found.values() for item in items]
    assert everything
    assert all(isinstance(item, MeasuredSpectrum) for item in everything)
    for line in (EXPERIMENTAL / "labels.csv").read_text().splitlines()[1:]:
        name, group, element, *_ = line.split(",")
        (item,) = [item for item in found[name] if item.group == (group or Path(name).stem)]
        assert item.absorber == element
        assert item.edge == "K"
        # mu rises where the element has its edge.
        above = item.energy - edge_energy(element, "K")
        before, after = (
            item.mu[(above > low) & (above < high)].mean() for low, high in ((-60, -15), (25, 70))
        )
        assert after > before + 0.02
