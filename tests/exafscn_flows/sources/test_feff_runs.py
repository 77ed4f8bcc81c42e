"""Trees of FEFF runs: real runs of FEFF 8.5L in folders as Lightshow and pymatgen make them."""

import pickle
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter
from pymatgen.core import Lattice, Structure
from pymatgen.io.feff.sets import FEFFDictSet, MPEXAFSSet, MPXANESSet
from pymatgen.io.vasp import Poscar

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.crystal import as_written
from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.jobs import reading, stages
from exafscn_flows.sources import FeffRunsSource, Source
from exafscn_flows.sources.base import Entry, StoredSite
from exafscn_flows.spectra import feff
from exafscn_flows.spectra.base import Spectrum

RUTILE = Structure.from_spacegroup(
    "P4_2/mnm", Lattice.tetragonal(4.594, 2.9586), ["Ti", "O"], [[0, 0, 0], [0.305, 0.305, 0]]
)
NIO = Structure(
    Lattice([[0, 2.09, 2.09], [2.09, 0, 2.09], [2.09, 2.09, 0]]),
    ["Ni", "O"],
    [[0, 0, 0], [0.5, 0.5, 0.5]],
)
EXAFS = {"_del": ["COREHOLE", "SCF"], "RPATH": 4.0, "NLEG": 2, "S02": 1.0}

Change = Callable[[Path], object]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rutile with EXAFS of two equivalent sites and of O, NiO with EXAFS and XANES."""
    root = tmp_path_factory.mktemp("runs")
    for name, structure, sites in (("rutile", RUTILE, (0, 1, 3)), ("oxides/NiO", NIO, (0,))):
        home = root / name
        for site in sites:
            run = home / "FEFF-EXAFS" / f"{site:03}_{structure[site].specie.symbol}"
            FEFFDictSet(
                site,
                structure,
                spectrum="EXAFS",
                config_dict=dict(MPEXAFSSet.CONFIG),
                radius=6.0,
                user_tag_settings=dict(EXAFS),
            ).write_input(run)
            feff._run(run, 60)
        (home / "POSCAR").write_text(Poscar(structure).get_str())
    write_xanes(root / "oxides/NiO/FEFF-XANES/000_Ni", NIO, 0)
    # Lightshow writes input of other programs beside it.
    vasp = root / "rutile/VASP/000_Ti"
    vasp.mkdir(parents=True)
    (vasp / "POSCAR").write_text(Poscar(RUTILE * (2, 2, 2)).get_str())
    return root


def write_xanes(run: Path, structure: Structure, site: int) -> None:
    """A run as FEFF 9 leaves it, with invented numbers."""
    MPXANESSet(site, structure, radius=6.0).write_input(run)
    k = np.arange(-0.8, 3.73, 0.04)
    mu = 0.5 + np.tanh(k) / 2
    rows = zip(8333 + 3.81 * k * abs(k), k, mu, mu - 0.1, strict=True)
    table = "".join(f" {e:.3f} 0.0 {a:.3f} {m:.5E} {b:.5E} 1.0E-01\n" for e, a, m, b in rows)
    header = "# # NiO     FEFF 9.6.4\n#  omega    e    k    mu    mu0     chi     @#\n"
    (run / "xmu.dat").write_text(header + table)


@pytest.fixture
def tree(runs: Path, tmp_path: Path) -> Path:
    """A copy of the runs that a test may change."""
    return Path(shutil.copytree(runs, tmp_path / "tree"))


def source(path: Path, **keys: object) -> FeffRunsSource:
    return FeffRunsSource(kind="feff_runs", path=str(path), **keys)


def zipped(tree: Path, separator: str = "/") -> Path:
    file = tree.parent / "tree.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(tree.rglob("*")):
            archive.write(path, separator.join(path.relative_to(tree).parts))
    return file


def zipped_by_windows(tree: Path) -> Path:
    return zipped(tree, "\\")


def entries(path: Path) -> dict[str, Entry]:
    return {entry.material_id: entry for entry in source(path).entries()}


def locator(path: Path, name: str) -> str:
    found = entries(path)[name].locator
    assert found is not None
    return found


def sites(path: Path, name: str, *absorbers: str, **keys: object) -> list[tuple[str, int]]:
    found = source(path, **keys).stored_sites(locator(path, name), absorbers)
    assert not any(site.averaged for site in found)
    return [site[:2] for site in found]


def spectrum(path: Path, name: str, absorber: str, index: int, **keys: object) -> Spectrum:
    return source(path, **keys).spectrum(locator(path, name), StoredSite(absorber, index))


def failure(path: Path, name: str, absorber: str, index: int, **keys: object) -> ItemFailure:
    with pytest.raises(ItemFailure) as error:
        spectrum(path, name, absorber, index, **keys)
    assert "\n" not in error.value.message
    assert len(error.value.message) < 250
    assert error.value.hint
    return error.value


@pytest.mark.parametrize("pack", [lambda tree: tree, zipped, zipped_by_windows])
def test_folders_and_zips_hold_the_same_runs(tree: Path, pack: Callable[[Path], Path]) -> None:
    path = pack(tree)
    runs = source(path)
    runs.check()
    assert runs.has_spectra
    assert list(entries(path)) == ["oxides/NiO", "rutile"]
    rutile = locator(path, "rutile")
    assert runs.load(rutile).composition.reduced_formula == "TiO2"
    assert runs.provenance(rutile) == {"kind": "feff_runs", "path": str(path), "folder": "rutile"}
    assert sites(path, "rutile", "O", "Ti") == [("O", 3), ("Ti", 0), ("Ti", 1)]
    assert sites(path, "rutile", "Ti") == [("Ti", 0), ("Ti", 1)]
    assert sites(path, "rutile", "Fe") == []
    first, second = (spectrum(path, "rutile", "Ti", index) for index in (0, 1))
    assert (first.spectrum_type, first.program, first.seconds) == ("EXAFS", "Feff8L (EXAFS)", 0.0)
    assert first.cards == {"EDGE": "K", "EXAFS": "20", "NLEG": "2", "RPATH": "4.0", "S02": "1.0"}
    # The two sites are equivalent, and pymatgen's clusters of them are turned.
    np.testing.assert_allclose(first.chi, second.chi, atol=1e-4)
    assert first.e0 == pytest.approx(4966, abs=15)  # xraydb: 4966 eV


def test_chi_is_taken_from_xmu_where_there_is_no_chi_dat(tree: Path) -> None:
    with_chi = spectrum(tree, "rutile", "Ti", 0)
    (tree / "rutile/FEFF-EXAFS/000_Ti/chi.dat").unlink()
    without = spectrum(tree, "rutile", "Ti", 0)
    np.testing.assert_allclose(without.chi, with_chi.chi, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(without.mu, with_chi.mu)


def test_one_type_is_taken_where_a_site_has_both(tree: Path) -> None:
    assert sites(tree, "oxides/NiO", "Ni") == [("Ni", 0)]
    both = failure(tree, "oxides/NiO", "Ni", 0)
    assert both.kind == "several_spectra"
    assert "FEFF-EXAFS/000_Ni and oxides/NiO/FEFF-XANES/000_Ni" in both.message
    exafs = spectrum(tree, "oxides/NiO", "Ni", 0, stored_spectra="EXAFS")
    xanes = spectrum(tree, "oxides/NiO", "Ni", 0, stored_spectra="XANES")
    assert (exafs.spectrum_type, xanes.spectrum_type) == ("EXAFS", "XANES")
    assert (xanes.program, xanes.version) == ("FEFF", "9.6.4")
    assert len(xanes.k) == len(xanes.chi) == 0
    assert sites(tree, "rutile", "Ti", stored_spectra="XANES") == []


def untyped(run: Path) -> Path:
    """Take out the card that names the type, as in input for FEFF 6."""
    file = run / "feff.inp"
    text = re.sub(r"(?m)^EXAFS .*\n", "", file.read_text())
    assert "EXAFS" not in text
    file.write_text(text)
    return run


def test_runs_whose_input_names_no_type_are_exafs(tree: Path) -> None:
    for run in ("oxides/NiO/FEFF-EXAFS/000_Ni", "rutile/FEFF-EXAFS/000_Ti"):
        untyped(tree / run)
    assert spectrum(tree, "rutile", "Ti", 0).spectrum_type == "EXAFS"
    assert sites(tree, "rutile", "Ti", stored_spectra="EXAFS") == [("Ti", 0), ("Ti", 1)]
    assert sites(tree, "rutile", "Ti", stored_spectra="XANES") == []
    assert failure(tree, "rutile", "Ti", 0, stored_spectra="XANES").kind == "unreadable"
    assert failure(tree, "oxides/NiO", "Ni", 0).kind == "several_spectra"
    for kind in ("EXAFS", "XANES"):
        found = spectrum(tree, "oxides/NiO", "Ni", 0, stored_spectra=kind)
        assert found.spectrum_type == kind


@pytest.mark.parametrize("wanted", [None, "EXAFS", "XANES"])
@pytest.mark.parametrize("with_chi", [True, False])
@pytest.mark.parametrize("kmax", [3.5, 5.0, 7.5, 12.0, 18.0])
def test_half_of_an_exafs_run_is_no_xanes(
    tree: Path, kmax: float, with_chi: bool, wanted: str | None
) -> None:
    run = untyped(tree / "rutile/FEFF-EXAFS/000_Ti")
    lines = (run / "xmu.dat").read_text().splitlines(keepends=True)
    start = next(i for i, line in enumerate(lines) if line.rstrip().endswith("@#")) + 1
    rows = [line for line in lines[start:] if float(line.split()[2]) <= kmax]
    (run / "xmu.dat").write_text("".join([*lines[:start], *rows]))
    if not with_chi:
        (run / "chi.dat").unlink()
    failed = failure(tree, "rutile", "Ti", 0, stored_spectra=wanted)
    # Where only XANES is wanted, the site has no run.
    assert failed.kind == ("unreadable" if wanted == "XANES" else "feff_incomplete")


def test_the_nearest_poscar_above_a_run_is_its_structure(tree: Path) -> None:
    # Runs of a supercell below those of the cell.
    inner = tree / "rutile/big"
    (inner / "FEFF").mkdir(parents=True)
    shutil.move(tree / "rutile/FEFF-EXAFS/001_Ti", inner / "FEFF/000_Ti")
    (inner / "POSCAR").write_text(Poscar(RUTILE * (1, 1, 2)).get_str())
    assert list(entries(tree)) == ["oxides/NiO", "rutile/big", "rutile"]
    assert list(entries(zipped(tree))) == ["oxides/NiO", "rutile/big", "rutile"]
    assert sites(tree, "rutile", "Ti") == [("Ti", 0)]
    assert sites(tree, "rutile/big", "Ti") == [("Ti", 0)]
    assert spectrum(tree, "rutile/big", "Ti", 0).chi.any()


def test_the_source_itself_may_be_a_material(tree: Path) -> None:
    home = tree / "rutile"
    assert list(entries(home)) == ["rutile"]
    assert sites(home, "rutile", "Ti") == [("Ti", 0), ("Ti", 1)]
    assert spectrum(home, "rutile", "Ti", 1).chi.any()


def test_runs_without_a_structure_fail_by_name(tree: Path) -> None:
    (tree / "rutile/POSCAR").unlink()
    found = entries(tree)
    assert list(found) == ["oxides/NiO", "rutile/FEFF-EXAFS"]
    for path in (tree, zipped(tree)):
        with pytest.raises(ItemFailure, match=r"^rutile/FEFF-EXAFS/POSCAR: ") as error:
            source(path).load(str(found["rutile/FEFF-EXAFS"].locator))
        assert error.value.kind == "unreadable"


def test_names_are_safe_and_nobody_takes_the_name_of_another(tree: Path) -> None:
    for name in ("a b", "a:b", "mp-1:Ti:0", "ünï ☃", "tree", "a_b"):
        shutil.copytree(tree / "rutile", tree / name)
    shutil.copy(tree / "oxides/NiO/POSCAR", tree / "POSCAR")
    shutil.copytree(tree / "oxides/NiO/FEFF-EXAFS", tree / "FEFF-EXAFS")
    found = entries(tree)
    assert len(found) == 9
    assert len({entry.locator for entry in found.values()}) == 9
    assert all(re.fullmatch(r"[A-Za-z0-9._/-]+", name) for name in found)
    assert {"a_b", "rutile", "oxides/NiO", "tree"} <= found.keys()
    assert source(tree).load(str(found["tree"].locator)).formula == "Ni1 O1"
    assert sites(tree, "tree", "Ni", "Ti") == [("Ni", 0)]


@pytest.mark.parametrize("file", ["POSCAR", "FEFF-EXAFS/000_Ti/feff.inp"])
def test_fingerprint_changes_with_the_files_that_count(tree: Path, file: str) -> None:
    before = {name: entry.fingerprint for name, entry in entries(tree).items()}
    assert before == {name: entry.fingerprint for name, entry in entries(tree).items()}
    (tree / "rutile/FEFF-EXAFS/000_Ti/log.dat").write_text("something else")
    assert before == {name: entry.fingerprint for name, entry in entries(tree).items()}
    with (tree / "rutile" / file).open("a") as stream:
        stream.write("\n")
    after = {name: entry.fingerprint for name, entry in entries(tree).items()}
    assert after["rutile"] != before["rutile"]
    assert after["oxides/NiO"] == before["oxides/NiO"]


def test_fingerprint_changes_with_an_added_run(tree: Path) -> None:
    before = entries(tree)["rutile"].fingerprint
    shutil.copytree(tree / "rutile/FEFF-EXAFS/001_Ti", tree / "rutile/more/001_Ti")
    assert entries(tree)["rutile"].fingerprint != before


def _edit(file: str, old: str, new: str) -> Change:
    def edit(run: Path) -> None:
        text = (run / file).read_text()
        assert old in text
        (run / file).write_text(text.replace(old, new))

    return edit


def _cut(file: str, share: float) -> Change:
    return lambda run: (run / file).write_bytes(
        (run / file).read_bytes()[: int((run / file).stat().st_size * share)]
    )


def _copy_of_site_3(run: Path) -> None:
    shutil.copy(run.parent / "003_O/feff.inp", run / "feff.inp")


def _cross_section(run: Path) -> None:
    """mu(E) as FEFF 9 writes it with ABSOLUTE."""
    lines = (run / "xmu.dat").read_text().splitlines()
    for i, line in enumerate(lines):
        words = line.split()
        if len(words) == 6 and words[0][0].isdigit():
            lines[i] = " ".join([*words[:3], f"{1e-3 * float(words[3]):.5E}", *words[4:]])
    (run / "xmu.dat").write_text("\n".join(lines) + "\n")


BROKEN: dict[str, tuple[Change, str, str]] = {
    "no xmu": (lambda run: (run / "xmu.dat").unlink(), "unreadable", "xmu.dat: missing"),
    "no input": (lambda run: (run / "feff.inp").unlink(), "unreadable", "feff.inp: missing"),
    "a folder": (
        lambda run: ((run / "xmu.dat").unlink(), (run / "xmu.dat").mkdir()),
        "unreadable",
        "xmu.dat: missing",
    ),
    "empty": (_cut("xmu.dat", 0), "feff_incomplete", "not a whole table"),
    "header only": (_cut("xmu.dat", 0.04), "feff_incomplete", "not a whole table"),
    "cut": (_cut("xmu.dat", 0.9999), "feff_incomplete", "not a whole table"),
    "cut in chi": (_cut("chi.dat", 0.7), "feff_incomplete", "chi.dat: not a whole table"),
    "NaN": (_edit("xmu.dat", "E-01", "NaN"), "feff_not_finite", "xmu.dat: holds NaN"),
    "binary": (
        lambda run: (run / "xmu.dat").write_bytes(bytes(range(256)) * 9),
        "feff_incomplete",
        "not a whole table",
    ),
    "other absorber": (_copy_of_site_3, "site_mismatch", "absorber in feff.inp is O, not Ti"),
    "other distance": (_edit("feff.inp", "1.40117", "1.45000"), "site_mismatch", "O at 2.051 Å"),
    "other edge": (_edit("feff.inp", "EDGE K", "EDGE L1"), "other_spectrum", "the L1 edge"),
    "other unit": (_cross_section, "bad_spectrum", "xmu.dat: the edge step is 0.00"),
    "ABSOLUTE": (_edit("feff.inp", "EDGE K", "EDGE K\nABSO"), "other_spectrum", "card ABSOLUTE"),
    "no atoms": (_edit("feff.inp", "ATOMS", "TITLE"), "site_mismatch", "ATOMS lists 0 atoms"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_run_fails_alone(tree: Path, name: str) -> None:
    change, kind, message = BROKEN[name]
    run = tree / "rutile/FEFF-EXAFS/000_Ti"
    change(run)
    failed = failure(tree, "rutile", "Ti", 0)
    assert failed.kind == kind
    assert failed.message.startswith("rutile/FEFF-EXAFS/000_Ti")
    assert message in failed.message
    assert "--retry-failed" not in failed.hint
    assert sites(tree, "rutile", "Ti") == [("Ti", 0), ("Ti", 1)]
    assert spectrum(tree, "rutile", "Ti", 1).chi.any()


def test_runs_of_sites_that_are_not_there_belong_to_another_structure(tree: Path) -> None:
    runs = tree / "rutile/FEFF-EXAFS"
    for old, new in (("000_Ti", "002_Ti"), ("001_Ti", "006_Ti"), ("003_O", "003_Fe")):
        (runs / old).rename(runs / new)
    with pytest.raises(ItemFailure) as error:
        sites(tree, "rutile", "Ti", "O")
    assert error.value.kind == "site_mismatch"
    assert error.value.message == (
        "rutile/FEFF-EXAFS/002_Ti: the POSCAR above it has 6 sites, of O, Ti"
    )


@pytest.mark.parametrize(
    ("run", "site", "found"), [("999_Ti", ("Ti", 999), "nothing"), ("003_Fe", ("Fe", 3), "O")]
)
def test_a_run_of_no_site_does_not_take_the_others_along(
    tree: Path, run: str, site: tuple[str, int], found: str
) -> None:
    shutil.copytree(tree / "rutile/FEFF-EXAFS/000_Ti", tree / "rutile/FEFF-EXAFS" / run)
    listed = sites(tree, "rutile", "O", "Ti")
    assert sorted(listed) == sorted([("O", 3), ("Ti", 0), ("Ti", 1), site])
    failed = failure(tree, "rutile", *site)
    assert failed.kind == "site_mismatch"
    assert failed.message.endswith(f"site {site[1]} of the structure is {found}, not {site[0]}")
    assert spectrum(tree, "rutile", "Ti", 0).chi.any()
    # The campaign lists it beside the others, so that it fails where everybody sees it.
    reduced = as_written(RUTILE, 0.01)
    stored = source(tree).stored_sites(locator(tree, "rutile"), reduced.elements)
    counted = reading.stored_sites(reduced, stored)
    assert (0, 2) in counted["Ti"]
    assert (site[1], 1) in counted[site[0]]
    assert counted["O"] == [(3, 4)]
    state: Any = SimpleNamespace(
        site=SimpleNamespace(absorber=site[0], site_index=site[1], averaged=False)
    )
    with pytest.raises(ItemFailure) as error:
        stages._sites(CampaignConfig.model_construct(), state, RUTILE)
    assert error.value.message == f"site {site[1]} of the structure is {found}, not {site[0]}"


def test_the_wrong_index_is_seen_by_the_surroundings(tree: Path) -> None:
    distorted = RUTILE.copy()
    distorted.translate_sites([1], [0.03, 0, 0])
    (tree / "rutile/POSCAR").write_text(Poscar(distorted).get_str())
    assert "in the structure" in failure(tree, "rutile", "Ti", 0).message
    assert failure(tree, "rutile", "Ti", 1).kind == "site_mismatch"


def test_two_runs_of_one_site_are_ambiguous(tree: Path) -> None:
    shutil.copytree(tree / "rutile/FEFF-EXAFS/000_Ti", tree / "rutile/again/0_Ti")
    assert sites(tree, "rutile", "Ti") == [("Ti", 0), ("Ti", 1)]
    assert failure(tree, "rutile", "Ti", 0).kind == "several_spectra"


def test_a_file_that_is_not_in_the_zip_is_told(tree: Path) -> None:
    (tree / "rutile/FEFF-EXAFS/000_Ti/xmu.dat").unlink()
    failed = failure(zipped(tree), "rutile", "Ti", 0)
    assert failed.message.startswith("rutile/FEFF-EXAFS/000_Ti/xmu.dat: not in the zip")


def test_what_vanishes_between_listing_and_reading_is_told(tree: Path) -> None:
    place = locator(tree, "rutile")
    site = StoredSite("Ti", 0)
    shutil.rmtree(tree / "rutile/FEFF-EXAFS/000_Ti")
    with pytest.raises(ItemFailure, match="000_Ti of rutile is gone"):
        source(tree).spectrum(place, site)
    shutil.rmtree(tree / "rutile")
    for ask in (source(tree).load, lambda place: source(tree).stored_sites(place, ["Ti"])):
        with pytest.raises(ItemFailure) as error:
            ask(place)
        assert error.value.kind == "unreadable"
    with pytest.raises(ItemFailure):
        source(tree).spectrum(place, site)


def test_nothing_outside_a_zip_is_read(tree: Path) -> None:
    path = zipped(tree)
    with zipfile.ZipFile(path, "a") as archive:
        for name in ("feff.inp", "xmu.dat"):
            archive.writestr(f"rutile/../../x/002_O/{name}", "x")
    assert "rutile" in entries(path)
    inside = [n for n in entries(path) if ".." in n]
    assert not inside
    for entry in entries(path).values():
        try:
            for site in source(path).stored_sites(str(entry.locator), ["O", "Ti", "Ni"]):
                source(path, stored_spectra="EXAFS").spectrum(str(entry.locator), site)
        except ItemFailure as error:
            assert error.kind in ("unsafe_path", "unreadable")  # noqa: PT017


def test_materials_and_runs_may_be_links(tree: Path, tmp_path: Path) -> None:
    outside = Path(shutil.copytree(tree / "rutile", tmp_path / "outside"))
    shutil.move(tree / "rutile/FEFF-EXAFS/001_Ti", outside / "elsewhere")
    (tree / "link").symlink_to(outside)
    (tree / "rutile/FEFF-EXAFS/001_Ti").symlink_to(outside / "elsewhere")
    assert list(entries(tree)) == ["link", "oxides/NiO", "rutile"]
    for name in ("link", "rutile"):
        assert sites(tree, name, "Ti") == [("Ti", 0), ("Ti", 1)]
        assert spectrum(tree, name, "Ti", 1).chi.any()
    before = entries(tree)["rutile"].fingerprint
    with (outside / "elsewhere/xmu.dat").open("a") as stream:
        stream.write("\n")
    assert entries(tree)["rutile"].fingerprint != before


def test_links_that_lead_back_add_nothing(tree: Path) -> None:
    # A run beside the materials must not become one of rutile's through the link.
    shutil.copytree(tree / "rutile/FEFF-EXAFS/003_O", tree / "loose/004_O")
    before = entries(tree)
    for link in ("rutile/up", "rutile/FEFF-EXAFS/up", "rutile/FEFF-EXAFS/000_Ti/up"):
        (tree / link).symlink_to(tree)
    assert entries(tree) == before
    assert sites(tree, "rutile", "O", "Ti") == [("O", 3), ("Ti", 0), ("Ti", 1)]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "there is no such file or folder"),
        (lambda path: path.mkdir(), "no FEFF run in it"),
        (lambda path: path.write_text("x"), "neither a folder, nor a zip, nor a tree of POSCAR"),
    ],
)
def test_a_source_without_runs_is_refused(
    tmp_path: Path, make: Callable[[Path], object], message: str
) -> None:
    make(tmp_path / "x")
    with pytest.raises(UsageError, match=message):
        source(tmp_path / "x").check()


def test_structures_without_runs_are_no_material(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/POSCAR").write_text(Poscar(NIO).get_str())
    with pytest.raises(UsageError, match="no FEFF run in it"):
        source(tmp_path).check()


def test_it_is_a_source_of_campaign_files(tree: Path) -> None:
    raw = {"kind": "feff_runs", "path": "tree", "stored_spectra": "EXAFS"}
    found = TypeAdapter(Source).validate_python(raw, context={"folder": tree.parent})
    assert found.path == str(tree)
    # Workers get it by pickle.
    assert pickle.loads(pickle.dumps(found)) == found
