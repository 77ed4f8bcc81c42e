"""Tables of spectra in Parquet."""

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pages import ROOT
from pydantic import TypeAdapter
from pymatgen.core import Structure
from tables import ARRAYS, NIO, Row, copper, nio, row, write_table

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.features import FeatureSettings
from exafscn_flows.sources import Source, TableSource, parquet
from exafscn_flows.sources.base import Entry, StoredSite
from exafscn_flows.spectra.base import Spectrum

SHARED = ROOT.parent / "shared" / "data" / "exafs" / "feff8l_sites.parquet"
METALS = ["Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn"]


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """Write rows as a table, without the columns named; the source that reads it."""

    def write_(*rows: Row, without: tuple[str, ...] = (), group: int = 2) -> TableSource:
        file = write_table(tmp_path / "sites.parquet", *rows, without=without, group=group)
        return source(file)

    return write_


def source(path: Path) -> TableSource:
    return TableSource(kind="table", path=str(path))


def locators(table: TableSource) -> dict[str, str]:
    return {entry.material_id: entry.locator or "" for entry in table.entries()}


def spectrum(table: TableSource, name: str, absorber: str, site: int = 0) -> Spectrum:
    return table.spectrum(locators(table)[name], StoredSite(absorber, site))


def failure(read: Any, *args: Any) -> ItemFailure:
    with pytest.raises(ItemFailure) as error:
        read(*args)
    assert "\n" not in error.value.message
    assert len(error.value.message) < 250
    assert error.value.hint
    return error.value


def refused(table: TableSource) -> str:
    with pytest.raises(UsageError) as error:
        table.check()
    message = str(error.value)
    assert message.startswith(f"source {table.path}: ")
    assert "\n" not in message
    return message


def test_rows_come_back_as_structures_sites_and_spectra(write):
    table = write(nio(), nio(2), copper(program="FEFF", version="8.5"))
    table.check()
    found = locators(table)
    assert list(found) == ["NiO", "Cu"]
    assert table.load(found["NiO"]) == NIO
    assert table.stored_sites(found["NiO"], ["Ni", "Cu"]) == [
        StoredSite("Ni", 0),
        StoredSite("Ni", 2),
    ]
    assert table.stored_sites(found["Cu"], ["Ni"]) == []
    assert table.provenance(found["Cu"]) == {"kind": "table", "path": table.path, "name": "Cu"}
    given = spectrum(table, "NiO", "Ni", 2)
    assert (given.edge, given.spectrum_type, given.program) == ("K", "EXAFS", "unknown")
    expected = np.load(ROOT / "tests" / "data" / "feff_nio.npz")
    assert given.e0 == expected["e0"]
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(given, name), expected[name])
    assert (spectrum(table, "Cu", "Cu").program, spectrum(table, "Cu", "Cu").version) == (
        "FEFF",
        "8.5",
    )


def test_other_columns_and_types_of_text_and_lists_do_not_matter(write):
    table = write(nio(cn=6, source="?"), copper(cn=12, source="?"))
    columns = pq.read_table(table.path)
    kinds = {
        "material_id": pa.dictionary(pa.int32(), pa.string()),
        "absorber": pa.large_string(),
        "site_index": pa.int8(),
        "mu": pa.large_list(pa.float32()),
        "chi": pa.list_(pa.float64(), 401),
    }
    for name, kind in kinds.items():
        place = columns.schema.get_field_index(name)
        values = pa.array(columns[name].to_pylist(), kind)
        columns = columns.set_column(place, name, values)
    pq.write_table(columns, table.path)
    table.check()
    assert table.stored_sites(locators(table)["Cu"], ["Cu"]) == [StoredSite("Cu", 0)]
    assert len(spectrum(table, "NiO", "Ni").chi) == 401


def test_rows_of_a_material_need_not_be_together(write):
    others = [row(f"m{i}", NIO, 1, "feff_nio") for i in range(5)]
    table = write(nio(0), *others, nio(1), copper(), nio(3), group=3)
    entries = [*table.entries()]
    assert [entry.material_id for entry in entries] == ["NiO", "m0", "m1", "m2", "m3", "m4", "Cu"]
    found = table.stored_sites(entries[0].locator, ["Ni"])
    assert [site.site_index for site in found] == [0, 1, 3]
    assert len(spectrum(table, "NiO", "Ni", 3).mu) == 401


def test_names_are_safe_and_nobody_takes_anothers(write):
    ids = ["../../x", "a b", "a_b", "a/b", "", "é" * 300]
    table = write(*(row(name, NIO, 0, "feff_nio") for name in ids))
    entries = [*table.entries()]
    names = [entry.material_id for entry in entries]
    assert names[2:4] == ["a_b", "a/b"]
    assert len(set(names)) == len(ids)
    for name in names:
        assert name.isascii()
        assert ".." not in name
        assert len(name) < 250
    origins = [table.provenance(entry.locator)["name"] for entry in entries]
    assert origins == ids


def test_fingerprints_follow_the_file(write):
    table = write(nio(), copper())
    before = [*table.entries()]
    assert [*table.entries()] == before
    os.utime(table.path, ns=(1, 1))
    after = [*table.entries()]
    assert all(a.fingerprint != b.fingerprint for a, b in zip(before, after, strict=True))
    assert [a.locator for a in after] == [b.locator for b in before]


def test_a_rewritten_table_is_never_read_by_what_was_kept(write):
    table = write(nio(), copper())
    old = locators(table)
    assert spectrum(table, "Cu", "Cu").e0 > 8500
    table = write(copper(e0=8990.0), copper(material_id="Cu2"))
    os.utime(table.path, ns=(2, 2))
    assert spectrum(table, "Cu", "Cu").e0 == 8990.0
    gone = failure(table.load, old["NiO"])
    assert (gone.kind, gone.hint) == ("unreadable", "run the campaign again")
    outside = failure(table.load, json.dumps(["Cu", [7]]))
    assert outside.kind == "unreadable"


def test_listing_reads_names_alone_and_materials_their_own_row_groups(write, monkeypatch):
    rows = [row(f"m{i}", NIO, 0, "feff_nio") for i in range(8)]
    table = write(*rows, group=2)
    read: list[tuple[int, tuple[str, ...]]] = []
    original = parquet.Table._read

    def recorded(self: parquet.Table, group: int, columns: Any) -> pa.Table:
        read.append((group, tuple(columns)))
        return original(self, group, columns)

    monkeypatch.setattr(parquet.Table, "_read", recorded)
    found = locators(table)
    assert {columns for _, columns in read} == {("material_id",)}
    read.clear()
    for name in ("m4", "m5"):
        table.stored_sites(found[name], ["Ni"])
    assert [group for group, _ in read] == [2]
    assert not {*ARRAYS} & {*read[0][1]}
    read.clear()
    for name in ("m4", "m5"):
        table.spectrum(found[name], StoredSite("Ni", 0))
    assert [group for group, _ in read] == [2]
    assert "structure" not in read[0][1]


def test_what_is_kept_in_memory_is_bounded(write, monkeypatch):
    rows = [row(f"m{i}", NIO, 0, "feff_nio") for i in range(8)]
    table = write(*rows, group=2)
    found = locators(table)
    parquet._kept.clear()
    monkeypatch.setattr(parquet, "_KEPT", 60_000)
    for name in found:
        table.spectrum(found[name], StoredSite("Ni", 0))
        held = sum(kept.nbytes for kept in parquet._kept.values())
        assert len(parquet._kept) == 1 or held <= 60_000
    monkeypatch.setattr(parquet, "_LARGEST_GROUP", 10_000)
    assert "row_group_size=1000" in refused(table)


def test_sources_travel_to_workers(write):
    table = write(nio())
    spectrum(table, "NiO", "Ni")
    assert spectrum(pickle.loads(pickle.dumps(table)), "NiO", "Ni").e0 > 8000


@pytest.mark.parametrize(
    ("site", "absorber", "text"),
    [
        (4, "Ni", "site 4 should be Ni and is O"),
        (8, "O", "site 8 should be O and is none, in a structure of 8 sites"),
        (-1, "O", "site -1 should be O"),
        (0, "Xx", "site 0 should be Xx and is Ni"),
    ],
)
def test_sites_that_are_not_in_the_structure_are_refused(write, site, absorber, text):
    table = write(nio(1), nio(site_index=site, absorber=absorber), copper())
    found = locators(table)
    error = failure(table.stored_sites, found["NiO"], ["Ni"])
    assert error.kind == "site_mismatch"
    assert text in error.message
    assert table.stored_sites(found["Cu"], ["Cu"])


def test_rows_of_one_material_share_a_structure(write):
    order = [4, 0, 1, 2, 3, 5, 6, 7]
    other = json.dumps(Structure.from_sites([NIO[i] for i in order]).as_dict())
    same = json.dumps(NIO.copy(site_properties={"magmom": [1.0] * 8}).as_dict())
    assert write(nio(), nio(1, structure=same)).load('["NiO", [0]]') == NIO
    error = failure(write(nio(), nio(1, structure=other)).load, '["NiO", [0]]')
    assert error.kind == "site_mismatch"
    assert "2 different structures" in error.message


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", '{"a": {"sites": []}}', "[[[1]]]"])
def test_rows_without_a_structure_are_refused(write, text):
    table = write(nio(structure=text), copper())
    error = failure(table.load, locators(table)["NiO"])
    assert error.kind == "unreadable"
    assert "rows" in error.hint


@pytest.mark.parametrize("name", ["site_index", "absorber"])
def test_rows_without_a_site_are_refused(write, name):
    table = write(nio(**{name: None}), copper())
    error = failure(table.stored_sites, locators(table)["NiO"], ["Ni"])
    assert error.kind == "unreadable"


@pytest.mark.parametrize(
    ("changes", "kind", "text"),
    [
        ({"mu": [1.0, 2.0]}, "bad_spectrum", "energy_rel has 401 values and mu has 2"),
        ({"mu0": [1.0, 2.0]}, "bad_spectrum", "mu0 has 2"),
        ({"chi": None}, "bad_spectrum", "chi has 0"),
        ({"chi": [float("nan")] * 401}, "bad_spectrum", "not finite"),
        ({"chi": [None] * 401}, "bad_spectrum", "not finite"),
        ({"mu": [1e300] * 401}, "bad_spectrum", "not finite"),
        ({"k": list(np.linspace(20, 0, 401))}, "bad_spectrum", "ascending"),
        ({"k": [0.0] * 100_001, "chi": [0.0] * 100_001}, "bad_spectrum", "100001 points"),
        ({name: None for name in ARRAYS}, "bad_spectrum", "neither"),
        ({"e0": None}, "bad_spectrum", "e0"),
        ({"e0": -8333.0}, "bad_spectrum", "e0"),
        ({"e0": 7112.0}, "bad_spectrum", "e0 is 7112 eV, and the K edge of Ni is at 8333 eV"),
        ({"edge": "L3"}, "other_spectrum", "its edge is 'L3', not K"),
        ({"spectrum_type": "XES"}, "other_spectrum", "XES"),
    ],
)
def test_spectra_that_cannot_be_used_are_refused(write, changes, kind, text):
    table = write(nio(**changes), copper(spectrum_type="EXAFS"))
    error = failure(spectrum, table, "NiO", "Ni")
    assert error.kind == kind
    assert text in error.message
    assert "NiO, site 0 (Ni)" in error.message
    assert len(spectrum(table, "Cu", "Cu").k) == 401


@pytest.mark.parametrize("edge", ["K", " k", "", None])
def test_the_k_edge_may_be_named(write, edge):
    assert spectrum(write(nio(edge=edge)), "NiO", "Ni").edge == "K"


def test_e0_is_that_of_the_absorber_and_may_be_some_ev_off(write):
    rows = [copper(material_id=str(e0), e0=e0) for e0 in (8900.0, 8979.0, 9000.0, 9050.0)]
    table = write(*rows, copper(material_id="Zn", e0=9659.0))
    for row_ in rows:
        assert spectrum(table, row_["material_id"], "Cu").e0 == row_["e0"]
    assert failure(spectrum, table, "Zn", "Cu").kind == "bad_spectrum"


@pytest.mark.parametrize("repeats", [[150], [0, 1, 400], [60, 60]])
def test_a_repeated_energy_counts_once(write, repeats):
    plain = nio()
    again = {name: np.array(plain[name]) for name in ARRAYS}
    for name in ARRAYS:
        for place in sorted(repeats, reverse=True):
            again[name] = np.insert(again[name], place, again[name][place])
    # What is measured twice is never measured the same.
    again["mu"][repeats[0] + 1] += 0.002
    table = write(nio(), nio(1, **{name: again[name].tolist() for name in ARRAYS}))
    once, twice = (spectrum(table, "NiO", "Ni", site) for site in (0, 1))
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(twice, name), getattr(once, name))


def test_two_spectra_in_one_are_refused(write):
    both = {name: np.repeat(nio()[name], 2).tolist() for name in ARRAYS}
    both["mu"][401] += 0.2
    error = failure(spectrum, write(nio(**both)), "NiO", "Ni")
    assert (error.kind, "mu has two values at one energy_rel" in error.message) == (
        "bad_spectrum",
        True,
    )


def test_one_site_has_one_row(write):
    table = write(nio(), nio(spectrum_type="XANES"), nio(1))
    assert len(table.stored_sites(locators(table)["NiO"], ["Ni"])) == 2
    assert failure(spectrum, table, "NiO", "Ni").kind == "several_spectra"
    assert len(spectrum(table, "NiO", "Ni", 1).k) == 401


@pytest.mark.parametrize(
    ("without", "given", "missing"),
    [(("k", "chi"), "mu", "chi"), (("energy_rel", "mu", "mu0"), "chi", "mu")],
)
def test_mu_or_chi_alone_serves_the_feature_sets_that_need_no_other(write, without, given, missing):
    sets = [{"kind": "r_space", "input": "mu"}, {"kind": "r_space", "input": "chi"}]
    settings = FeatureSettings.model_validate({"sets": sets})
    by_input = {fset.input: fset for fset in settings.sets}
    one = spectrum(write(nio(), without=without), "NiO", "Ni")
    both = spectrum(write(nio(), nio(1)), "NiO", "Ni")
    assert all(len(getattr(one, name)) == 0 for name in without)
    vector = by_input[given].transform(one, settings)
    np.testing.assert_array_equal(vector, by_input[given].transform(both, settings))
    error = failure(by_input[missing].transform, one, settings)
    assert error.kind == "bad_spectrum"
    assert error.message.startswith(f"the source has no {missing}(")
    assert error.hint == f"take input {given}"


@pytest.mark.parametrize(
    ("without", "text"),
    [
        (("e0", "structure"), "no column structure, e0"),
        (("k",), "column chi without k"),
        (("chi",), "column k without chi"),
        (("energy_rel",), "column mu without energy_rel"),
        (("energy_rel", "mu"), "column mu0 without mu"),
        (ARRAYS, "neither columns energy_rel and mu, nor k and chi"),
    ],
)
def test_tables_without_the_columns_are_refused(write, without, text):
    assert text in refused(write(nio(), copper(), without=without))


def test_columns_of_another_kind_are_refused(write):
    assert "mu must hold lists of numbers, not double" in refused(write(nio(mu=1.0)))
    assert "site_index must hold whole numbers" in refused(write(nio(site_index=0.5)))
    assert "material_id must hold text" in refused(write(nio(material_id=7)))


def test_files_that_are_no_tables_are_refused(write, tmp_path):
    assert "No such file" in refused(source(tmp_path / "none.parquet"))
    assert "not a Parquet file" in refused(source(tmp_path))
    os.mkfifo(tmp_path / "pipe")
    assert "not a Parquet file" in refused(source(tmp_path / "pipe"))
    (tmp_path / "text.parquet").write_text("material_id,mu\n")
    assert "not a Parquet file" in refused(source(tmp_path / "text.parquet"))
    table = write(nio(), copper())
    content = Path(table.path).read_bytes()
    Path(table.path).write_bytes(content[: len(content) // 2])
    assert "not a Parquet file" in refused(table)
    file = Path(table.path)
    pq.write_table(pa.Table.from_pylist([nio()]).slice(0, 0), file)
    assert "no rows" in refused(table)


def test_a_row_without_a_name_is_a_fault_of_the_table(write):
    table = write(nio(), nio(material_id=None))
    with pytest.raises(UsageError, match="without material_id"):
        list(table.entries())


def test_a_damaged_row_group_costs_its_own_materials(write):
    rows = [row(f"m{i}", NIO, 0, "feff_nio") for i in range(4)]
    table = write(*rows, group=2)
    metadata = pq.ParquetFile(table.path).metadata
    names = [metadata.row_group(0).column(i).path_in_schema for i in range(metadata.num_columns)]
    chunk = metadata.row_group(1).column(names.index("mu.list.element"))
    content = bytearray(Path(table.path).read_bytes())
    start = chunk.data_page_offset
    content[start : start + 40] = b"\xff" * 40
    Path(table.path).write_bytes(content)
    assert len(spectrum(table, "m1", "Ni").mu) == 401
    assert failure(spectrum, table, "m3", "Ni").kind == "unreadable"


def test_the_campaign_file_knows_the_kind():
    raw = {"kind": "table", "path": "x.parquet"}
    assert isinstance(TypeAdapter(Source).validate_python(raw), TableSource)
    base = {"campaign": "x", "absorbers": ["Ni"], "sources": [raw]}
    with pytest.raises(ValueError, match="kind: stored"):
        CampaignConfig.model_validate(base)
    CampaignConfig.model_validate({**base, "spectra": {"kind": "stored"}})


@pytest.mark.skipif(not SHARED.exists(), reason="needs a table that is not part of the project")
def test_a_table_of_thousands_of_materials():
    table = source(SHARED)
    table.check()
    entries: list[Entry] = [*table.entries()]
    assert len(entries) == len({entry.material_id for entry in entries}) == 7068
    for entry in entries[:: len(entries) // 5]:
        sites = table.stored_sites(entry.locator, METALS)
        assert sites
        structure = table.load(entry.locator)
        for site in sites:
            assert structure[site.site_index].specie.symbol == site.absorber
            found = table.spectrum(entry.locator, site)
            far = (found.energy_rel >= 30) & (found.energy_rel <= 100)
            assert 0.9 < found.mu[far].mean() < 1.2
            assert found.k[-1] == pytest.approx(20, abs=0.01)
