import gzip
import json
import os
import pickle
import re
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter
from pymatgen.core import Lattice, Structure
from pymatgen.io.cif import CifWriter
from pymatgen.io.vasp import Poscar

from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.sources import FilesSource, Source
from exafscn_flows.sources.tree import MAX_BYTES

NIO = Structure(
    Lattice([[0, 2.09, 2.09], [2.09, 0, 2.09], [2.09, 2.09, 0]]),
    ["Ni", "O"],
    [[0, 0, 0], [0.5, 0.5, 0.5]],
)
ZNO = Structure(
    Lattice.hexagonal(3.25, 5.207),
    ["Zn", "Zn", "O", "O"],
    [[1 / 3, 2 / 3, 0], [2 / 3, 1 / 3, 0.5], [1 / 3, 2 / 3, 0.38], [2 / 3, 1 / 3, 0.88]],
)
CIF = str(CifWriter(NIO))
POSCAR = Poscar(NIO).get_str()


def source(path: Path) -> FilesSource:
    return FilesSource(kind="files", path=str(path))


def locator(path: Path, material_id: str) -> str:
    (found,) = (e.locator for e in source(path).entries() if e.material_id == material_id)
    return found


def load(path: Path, material_id: str) -> Structure:
    return source(path).load(locator(path, material_id))


def names(path: Path) -> list[str]:
    return [entry.material_id for entry in source(path).entries()]


def failure(path: Path, material_id: str) -> ItemFailure:
    with pytest.raises(ItemFailure) as info:
        load(path, material_id)
    assert "\n" not in info.value.message
    assert len(info.value.message) < 250
    assert info.value.hint
    return info.value


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def write_zip(file: Path, files: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file


MIXED = {
    "oxides/NiO.cif": CIF,
    "oxides/ZnO.json": json.dumps(ZNO.as_dict()),
    "runs/relaxed/POSCAR": POSCAR,
    "a.vasp": POSCAR,
    "README.txt": "not a structure",
    "oxides/.hidden.cif": CIF,
    "__MACOSX/._a.cif": "",
}


@pytest.mark.parametrize("pack", [write, lambda folder, files: write_zip(folder / "x.zip", files)])
def test_folders_and_zips_hold_the_same_structures(tmp_path, pack):
    path = pack(tmp_path, MIXED)
    files = source(path)
    files.check()
    assert names(path) == ["a", "oxides/NiO", "oxides/ZnO", "runs/relaxed"]
    for name in ("a", "oxides/NiO", "runs/relaxed"):
        loaded = load(path, name)
        assert loaded.composition.reduced_formula == "NiO"
        assert loaded.volume == pytest.approx(NIO.volume, rel=1e-5)
    zno = load(path, "oxides/ZnO")
    assert zno.frac_coords == pytest.approx(ZNO.frac_coords)
    assert files.provenance(locator(path, "oxides/NiO")) == {
        "kind": "files",
        "path": str(path),
        "file": "oxides/NiO.cif",
    }


@pytest.mark.parametrize("name", ["NiO.cif", "NiO.CIF", "NiO.json", "NiO.vasp", "NiO.poscar"])
def test_a_single_file_is_a_source(tmp_path, name):
    content = {"cif": CIF, "json": json.dumps(NIO.as_dict())}.get(name[4:].lower(), POSCAR)
    path = write(tmp_path, {name: content}) / name
    assert names(path) == ["NiO"]
    assert load(path, "NiO").composition.reduced_formula == "NiO"


def test_a_lone_poscar_is_named_by_its_folder(tmp_path):
    folder = write(tmp_path / "nickel oxide", {"POSCAR": POSCAR})
    assert names(folder) == names(folder / "POSCAR") == ["nickel_oxide"]
    assert names(write_zip(tmp_path / "pack.zip", {"CONTCAR": POSCAR})) == ["pack"]


def test_marked_and_packed_files_are_read_under_names_of_their_own(tmp_path):
    zno = Poscar(ZNO).get_str()
    files = {
        "POSCAR": POSCAR,
        "POSCAR_1": zno,
        "POSCAR.relaxed": zno,
        "POSCAR_1.gz": gzip.compress(POSCAR.encode()),
        "run/CONTCAR.gz": gzip.compress(zno.encode()),
        "a.cif.gz": gzip.compress(CIF.encode()),
        "b.vasp.GZ": gzip.compress(zno.encode()),
        "c.json.gz": gzip.compress(json.dumps([NIO.as_dict(), ZNO.as_dict()]).encode()),
        "NiO-POSCAR": POSCAR,
    }
    found = {
        "POSCAR.relaxed": "ZnO",
        "POSCAR_1": "ZnO",
        "POSCAR_1.gz": "NiO",
        "NiO-POSCAR": "NiO",
        "a": "NiO",
        "b": "ZnO",
        "c/0": "NiO",
        "c/1": "ZnO",
        "run": "ZnO",
    }
    folder = write(tmp_path / "x", files)
    path = write_zip(tmp_path / "x.zip", files)
    for place in (folder, path):
        formulas = {name: load(place, name).composition.reduced_formula for name in names(place)}
        assert formulas == {**found, "x": "NiO"}
        assert source(place).left_out() == ""


def test_what_is_not_read_and_may_hold_structures_is_counted(tmp_path):
    others = [
        "a.xyz",
        "b.XYZ",
        "POSCAR.orig",
        "a.cif.bz2",
        "d/e.zip",
        "XDATCAR",
        "poscar",
        ".b.xyz",
    ]
    folder = write(tmp_path, {name: "" for name in [*others, "README", "notes.txt"]})
    counted = "2 *.xyz, 1 POSCAR*.orig, 1 XDATCAR, 1 *.cif.bz2, 1 poscar, 1 *.zip"
    with pytest.raises(UsageError) as error:
        source(folder).check()
    assert str(error.value).endswith(f"; there are {counted}")
    write(folder, {"a.cif": CIF})
    source(folder).check()
    assert source(folder).left_out().startswith(f"source {folder}: not read: {counted} (read are ")
    assert source(folder / "a.cif").left_out() == ""


def test_a_packed_bomb_is_too_large(tmp_path):
    bomb = gzip.compress(bytes(MAX_BYTES + 1))
    write(tmp_path, {"a.cif.gz": bomb, "b.cif.gz": b"no gzip", "c.cif.gz": bomb[:-1000]})
    assert failure(tmp_path, "a").kind == "too_large"
    assert failure(tmp_path, "b").kind == failure(tmp_path, "c").kind == "unreadable"


def test_json_lists_and_mappings_hold_many_structures(tmp_path):
    write(
        tmp_path,
        {
            "list.json": json.dumps([NIO.as_dict(), ZNO.as_dict()]),
            "named.json": json.dumps({"nickel: oxide": NIO.as_dict(), "b": ZNO.as_dict()}),
        },
    )
    files = source(tmp_path)
    assert names(tmp_path) == ["list/0", "list/1", "named/nickel_oxide", "named/b"]
    assert load(tmp_path, "list/1").composition.reduced_formula == "ZnO"
    assert load(tmp_path, "named/nickel_oxide").composition.reduced_formula == "NiO"
    named = files.provenance(locator(tmp_path, "named/nickel_oxide"))
    assert named["name"] == "nickel: oxide"


def test_names_are_safe_in_site_keys(tmp_path):
    odd = ["mp-1:Ni:0.cif", "ünïcode ☃.cif", "a\nb.cif", "$where.cif", os.fsdecode(b"\xff.cif")]
    write(tmp_path, {name: CIF for name in odd})
    ids = names(tmp_path)
    assert len(set(ids)) == len(odd)
    assert all(re.fullmatch(r"[A-Za-z0-9._/-]+", name) for name in ids)
    for name in ids:
        json.dumps(source(tmp_path).provenance(locator(tmp_path, name))).encode()
        assert len(load(tmp_path, name)) == 2


def test_no_structure_takes_the_name_of_another(tmp_path):
    zno = str(CifWriter(ZNO))
    write(
        tmp_path,
        {
            "x.cif": CIF,
            "x.vasp": POSCAR,
            "run/POSCAR": POSCAR,
            "run/CONTCAR": POSCAR,
            "a b.cif": CIF,
            "a:b.cif": zno,
            "x.cif.cif": zno,
        },
    )
    ids = names(tmp_path)
    assert len(set(ids)) == 7
    assert {"x.vasp", "run/POSCAR", "run/CONTCAR"} <= set(ids)
    formulas = [load(tmp_path, name).composition.reduced_formula for name in ids]
    assert sorted(formulas) == ["NiO"] * 5 + ["ZnO"] * 2
    for name in ids:
        file = source(tmp_path).provenance(locator(tmp_path, name))["file"]
        loaded = load(tmp_path, name).composition.reduced_formula
        assert loaded == ("ZnO" if file in ("a:b.cif", "x.cif.cif") else "NiO")


def test_fingerprints_change_with_the_content(tmp_path):
    write(tmp_path, {"a.cif": CIF, "l.json": json.dumps([NIO.as_dict(), ZNO.as_dict()])})
    before = {e.material_id: e.fingerprint for e in source(tmp_path).entries()}
    assert before == {e.material_id: e.fingerprint for e in source(tmp_path).entries()}
    write(tmp_path, {"a.cif": CIF + "\n", "l.json": json.dumps([NIO.as_dict(), NIO.as_dict()])})
    after = {e.material_id: e.fingerprint for e in source(tmp_path).entries()}
    assert {name for name in before if before[name] != after[name]} == {"a", "l/1"}
    assert load(tmp_path, "l/1").composition.reduced_formula == "NiO"


def test_fingerprints_change_with_a_file_of_the_same_size(tmp_path):
    write(tmp_path, {"a.cif": CIF})
    (before,) = source(tmp_path).entries()
    changed = CIF.replace("0.5", "0.4")
    assert len(changed) == len(CIF)
    assert changed != CIF
    write(tmp_path, {"a.cif": changed})
    os.utime(tmp_path / "a.cif", ns=(0, (tmp_path / "a.cif").stat().st_mtime_ns + 1000))
    (after,) = source(tmp_path).entries()
    assert after.fingerprint != before.fingerprint
    packed = [
        next(source(write_zip(tmp_path / "x.zip", {"a.cif": text})).entries()).fingerprint
        for text in (CIF, changed, CIF)
    ]
    assert packed[0] == packed[2] != packed[1]


def test_new_and_lost_files_are_noticed(tmp_path):
    write(tmp_path, {"a.cif": CIF, "b.cif": CIF})
    files = source(tmp_path)
    lost, kept = files.entries()
    (tmp_path / "a.cif").unlink()
    write(tmp_path, {"c.cif": CIF})
    assert names(tmp_path) == ["b", "c"]
    assert len(files.load(kept.locator)) == 2
    with pytest.raises(ItemFailure, match=r"a\.cif: missing") as error:
        files.load(lost.locator)
    assert error.value.kind == "unreadable"


def test_sources_travel_to_other_processes(tmp_path):
    files = source(write_zip(tmp_path / "x.zip", {"a.cif": CIF}))
    (entry,) = files.entries()
    files.load(entry.locator)
    assert len(pickle.loads(pickle.dumps(files)).load(entry.locator)) == 2


def test_relative_paths_start_at_the_folder_of_the_campaign(tmp_path, monkeypatch):
    adapter = TypeAdapter(Source)
    written = {"kind": "files", "path": "cifs"}
    write(tmp_path, {"cifs/a.cif": CIF})
    from_file = adapter.validate_python(written, context={"folder": tmp_path})
    assert from_file.path == str(tmp_path / "cifs")
    assert adapter.validate_python(from_file.model_dump()) == from_file
    monkeypatch.chdir(tmp_path)
    here = adapter.validate_python(written)
    assert here.path == "cifs"
    (entry,) = here.entries()
    assert len(here.load(entry.locator)) == 2


BROKEN_CIF = CIF.replace("_cell_length_a", "_cell_length_q")
DISORDERED = CIF.replace("  1.0\n", "  0.5\n").replace("  1\n", "  0.5\n")


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        ("a.cif", "", "no structure"),
        ("a.cif", "data_x\n", "no structure"),
        ("a.cif", "once upon a time\n", "not a CIF|no structure"),
        ("a.cif", BROKEN_CIF, "no structure: _cell_length_a is missing"),
        ("a.cif", CIF[: len(CIF) // 2], "no structure|not a CIF"),
        ("a.cif", bytes(range(256)) * 50, "not a CIF|no structure"),
        ("a.cif", CIF.replace("Ni1 O1", "Ni1 O1 Pb1"), "do not agree on Pb"),
        ("a.vasp", "", "not a POSCAR"),
        ("a.vasp", "hello\nworld\n", "not a POSCAR"),
        (
            "a.vasp",
            POSCAR.replace("Ni O\n", "").replace(" Ni\n", "\n").replace(" O\n", "\n"),
            "VASP 4",
        ),
        ("a.json", "", "not JSON"),
        ("a.json", "{", "not JSON"),
        ("a.json", b"\xff\xfe\x00", "not JSON"),
        ("a.json", "[" * 100_000, "not JSON"),
        ("a.json", "[]", "neither"),
        ("a.json", "{}", "neither"),
        ("a.json", "17", "neither"),
        ("a.json", '{"sites": [], "lattice": {}}', "not a pymatgen Structure"),
        ("a.json", '{"sites": 5}', "not a pymatgen Structure"),
    ],
)
def test_broken_files_say_why_in_one_line(tmp_path, name, content, cause):
    write(tmp_path, {name: content, "good.cif": CIF})
    assert names(tmp_path) == ["a", "good"]
    error = failure(tmp_path, "a")
    assert error.kind == "unreadable"
    assert error.message.startswith(name)
    assert re.search(cause, error.message)
    assert len(load(tmp_path, "good")) == 2


def test_latin_characters_do_not_make_a_cif_unreadable(tmp_path):
    write(tmp_path, {"a.cif": "# Müller & Ångström\r\n".encode("latin-1") + CIF.encode()})
    assert load(tmp_path, "a").composition.reduced_formula == "NiO"


def test_a_disordered_cif_is_read_as_it_is(tmp_path):
    write(tmp_path, {"a.cif": DISORDERED})
    assert not load(tmp_path, "a").is_ordered


def test_a_cif_of_two_structures_is_ambiguous(tmp_path):
    two = CIF + "\n" + str(CifWriter(ZNO))
    write(tmp_path, {"a.cif": two})
    assert failure(tmp_path, "a").kind == "several_structures"


def test_labels_of_groups_of_atoms_are_errors(tmp_path):
    lines = [line for line in CIF.splitlines() if "_atom_site_type_symbol" not in line]
    text = "\n".join(re.sub(r"^  (Ni|O)  ", "  ", line) for line in lines)
    write(tmp_path, {"good.cif": text, "bad.cif": text.replace(" O1 ", " OH1 ")})
    assert load(tmp_path, "good").composition.reduced_formula == "NiO"
    assert "OH1" in failure(tmp_path, "bad").message


def test_properties_in_json_are_not_executed(tmp_path):
    data = NIO.as_dict()
    marker = tmp_path / "marker"
    evil = {"@module": "subprocess", "@class": "Popen", "args": ["touch", str(marker)]}
    data["sites"][0]["properties"] = {"x": evil}
    data["properties"] = {"x": evil}
    write(tmp_path, {"a.json": json.dumps(data)})
    assert load(tmp_path, "a").site_properties == {}
    time.sleep(0.1)
    assert not marker.exists()


def test_paths_out_of_a_zip_are_refused_and_nothing_is_extracted(tmp_path, monkeypatch):
    inner = tmp_path / "inner"
    inner.mkdir()
    monkeypatch.chdir(inner)
    bad = ["../up.cif", "/abs.cif", "a/../../b.cif", "c:/win.cif", "..\\back.cif"]
    path = write_zip(inner / "x.zip", {**dict.fromkeys(bad, CIF), "good.cif": CIF})
    ids = names(path)
    assert len(ids) == 6
    for name in ids:
        assert ".." not in name
        if name == "good":
            assert len(load(path, name)) == 2
        else:
            assert failure(path, name).kind == "unsafe_path"
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["inner", "x.zip"]


def test_names_in_a_zip_may_have_backslashes(tmp_path):
    files = {"oxides\\NiO.cif": CIF, "run\\POSCAR": POSCAR, "run\\.x\\a.cif": CIF}
    path = write_zip(tmp_path / "x.zip", files)
    assert names(path) == ["oxides/NiO", "run"]
    assert len(load(path, "oxides/NiO")) == len(load(path, "run")) == 2
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("oxides/NiO.cif", str(CifWriter(ZNO)))
    assert "2 files of this name" in failure(path, "oxides/NiO").message


def test_links_to_folders_are_followed_in_a_fixed_order(tmp_path):
    outside = write(tmp_path / "outside", {"b.cif": CIF, "deep/c.cif": CIF, ".d/e.cif": CIF})
    inside = write(tmp_path / "inside", {"a.cif": CIF, "z/z.cif": CIF})
    (inside / "link").symlink_to(outside)
    (inside / ".hidden").symlink_to(outside)
    assert names(inside) == ["a", "link/b", "link/deep/c", "z/z"]
    assert len(load(inside, "link/deep/c")) == 2


def test_links_that_lead_in_a_circle_end(tmp_path):
    one = write(tmp_path / "one", {"a.cif": CIF})
    two = write(tmp_path / "two", {"b.cif": CIF})
    (one / "two").symlink_to(two)
    (two / "one").symlink_to(one)
    (one / "self").symlink_to("self")
    (one / "here").symlink_to(one)
    (one / "gone").symlink_to(tmp_path / "gone")
    assert names(one) == ["a", "two/b"]


def test_a_zip_with_one_name_twice_is_ambiguous(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.cif", CIF)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.cif", str(CifWriter(ZNO)))
    assert names(tmp_path / "x.zip") == ["a"]
    assert "2 files of this name" in failure(tmp_path / "x.zip", "a").message


def test_files_over_the_limit_are_refused_without_unpacking_them(tmp_path):
    bomb = b" " * (MAX_BYTES + 1)
    path = write_zip(tmp_path / "x.zip", {"a.cif": bomb, "b.json": bomb, "good.cif": CIF})
    assert path.stat().st_size < 100_000
    assert names(path) == ["a", "b", "good"]
    assert failure(path, "a").kind == failure(path, "b").kind == "too_large"
    assert len(load(path, "good")) == 2
    write(tmp_path / "folder", {"a.cif": bomb})
    assert failure(tmp_path / "folder", "a").kind == "too_large"


def test_a_damaged_entry_does_not_take_the_zip_along(tmp_path):
    noise = np.random.default_rng(0).bytes(2000).hex()
    path = write_zip(tmp_path / "x.zip", {"a.cif": f"# {noise}\n{CIF}", "b.cif": CIF})
    content = bytearray(path.read_bytes())
    content[200:400] = bytes(200)
    path.write_bytes(content)
    assert names(path) == ["a", "b"]
    assert failure(path, "a").kind == "unreadable"
    assert len(load(path, "b")) == 2


def test_pipes_do_not_block(tmp_path):
    os.mkfifo(tmp_path / "a.cif")
    (tmp_path / "b.cif").symlink_to(tmp_path / "nowhere")
    assert names(tmp_path) == ["a", "b"]
    assert failure(tmp_path, "a").kind == "unreadable"
    assert failure(tmp_path, "b").kind == "unreadable"


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        ("missing", None, "no such file"),
        ("empty/", None, "no structure file"),
        ("x.zip", b"PK not really", "not a zip"),
        ("x.zip", b"", "not a zip"),
        ("notes.txt", b"hello", "neither a folder"),
    ],
)
def test_a_source_that_cannot_be_used_is_one_clear_line(tmp_path, name, content, cause):
    path = tmp_path / name
    if name.endswith("/"):
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=cause) as info:
        source(path).check()
    assert str(path) in str(info.value)
    assert "\n" not in str(info.value)


def test_an_empty_zip_holds_no_structure(tmp_path):
    with pytest.raises(UsageError, match="no structure file"):
        source(write_zip(tmp_path / "x.zip", {"README": "nothing"})).check()


@pytest.mark.skipif(os.getuid() == 0, reason="root reads everything")
def test_an_unreadable_folder_is_a_usage_error(tmp_path):
    write(tmp_path, {"sub/a.cif": CIF})
    (tmp_path / "sub").chmod(0)
    with pytest.raises(UsageError, match="denied"):
        source(tmp_path).check()
    (tmp_path / "sub").chmod(0o700)


def test_listing_many_files_is_quick(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for index in range(20_000):
            archive.writestr(f"{index % 10}/mp-{index}.cif", "")
    start = time.process_time()
    ids = names(tmp_path / "x.zip")
    assert time.process_time() - start < 5
    assert len(ids) == 20_000
    assert ids == names(tmp_path / "x.zip")


@pytest.fixture
def forest(tmp_path: Path) -> Path:
    for name in ("a/x.cif", "a/y.cif", "b/deep/z.cif", "b/notes.cif.txt", "c1/p.cif", "c2/q.cif"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(CIF)
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("a/*.cif", ["a/x", "a/y"]),
        ("*/[xp].cif", ["a/x", "c1/p"]),
        ("c?", ["c1/p", "c2/q"]),
        ("**/*.cif", ["a/x", "a/y", "b/deep/z", "c1/p", "c2/q"]),
        ("b/**/z.cif", ["b/deep/z"]),
    ],
)
def test_a_pattern_names_files_and_folders(forest, pattern, found):
    base = pattern.partition("/")[0] if pattern[0] in "ab" else ""
    expected = [name.removeprefix(f"{base}/") for name in found]
    assert names(forest / pattern) == expected
    assert len(load(forest / pattern, expected[0])) == len(NIO)
    source(forest / pattern).check()


def test_a_pattern_that_nothing_matches_is_refused(forest):
    with pytest.raises(UsageError, match=r"no file matches"):
        source(forest / "*/*.vasp").check()


def test_a_folder_whose_name_looks_like_a_pattern_is_that_folder(tmp_path):
    (tmp_path / "set [1]").mkdir()
    (tmp_path / "set [1]" / "x.cif").write_text(CIF)
    assert names(tmp_path / "set [1]") == ["x"]
