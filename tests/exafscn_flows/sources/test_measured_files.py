"""Measured spectra as a source of a campaign."""

import json
from pathlib import Path

import numpy as np
import pytest
from crystals import rock_salt, spinel, write_cifs
from measurements import E0, absorption, energies, shell
from xas_files import COLUMNS, IRON, project, record, rows, xdi

from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.sources import MeasuredSource
from exafscn_flows.sources.base import StoredSite
from exafscn_flows.spectra.base import Spectrum

ENERGY = energies()
MU = absorption(ENERGY)
I0 = np.full(len(ENERGY), 1e5)
FOIL = xdi(rows(ENERGY, I0, I0 * np.exp(-MU)), *COLUMNS, *IRON)
WUSTITE = rock_salt("Fe", "O", 4.33)


def source(path: Path, **settings: object) -> MeasuredSource:
    return MeasuredSource.model_validate({"kind": "measured", "path": str(path), **settings})


def locators(of: MeasuredSource) -> dict[str, str]:
    return {entry.material_id: entry.locator or "" for entry in of.entries()}


def spectrum(of: MeasuredSource, name: str) -> Spectrum:
    locator = locators(of)[name]
    (site,) = of.stored_sites(locator, ["Fe"])
    return of.spectrum(locator, site)


def refusal(of: MeasuredSource, name: str) -> ItemFailure:
    with pytest.raises(ItemFailure) as error:
        of.load(locators(of)[name])
    assert "\n" not in error.value.message
    return error.value


def test_every_spectrum_is_a_material_named_by_its_file(tmp_path):
    (tmp_path / "day 1").mkdir()
    (tmp_path / "day 1" / "foil.xdi").write_bytes(FOIL)
    (tmp_path / "two.prj").write_bytes(project(record("a/b", ENERGY, MU), record("c", ENERGY, MU)))
    (tmp_path / "paper.pdf").write_text("")
    (tmp_path / "Fe.cif").write_text("")
    found = source(tmp_path)
    assert [*locators(found)] == ["two.prj/a/b", "two.prj/c", "day_1/foil.xdi"]
    assert {entry.elements for entry in found.entries()} == {frozenset({"Fe"})}
    assert found.provenance(locators(found)["two.prj/c"]) == {
        "kind": "measured",
        "path": str(tmp_path),
        "file": "two.prj",
        "group": "c",
    }
    assert found.absorbers() == {"Fe"}
    # Structures and documents are nobody's spectra, and it is said.
    assert "1 *.pdf" in found.left_out()
    one = source(tmp_path / "two.prj", groups=["c"])
    assert [*locators(one)] == ["two.prj/c"]
    with pytest.raises(UsageError, match="there is no group d in it"):
        source(tmp_path / "two.prj", groups=["d"]).check()


def test_names_that_would_be_one_stay_two(tmp_path):
    for name in ("a b.xdi", "a_b.xdi"):
        (tmp_path / name).write_bytes(FOIL)
    names = [*locators(source(tmp_path))]
    assert len(set(names)) == 2
    assert all(name.startswith("a_b.xdi-") for name in names)


def test_the_spectrum_is_what_the_processing_makes_of_it(tmp_path):
    (tmp_path / "foil.xdi").write_bytes(FOIL)
    found = spectrum(source(tmp_path), "foil.xdi")
    assert found.e0 == pytest.approx(E0, abs=1)
    assert found.edge_step == pytest.approx(1, abs=0.03)
    assert (found.kmin, found.kmax) == (3, 13)
    # The known chi(k), above where the background takes some of it.
    used = (found.k >= 4) & (found.k <= 12)
    assert found.chi[used] == pytest.approx(shell(found.k[used]), abs=0.02)
    # mu is normalised: 1 on average after the edge, whatever the sample.
    after = (found.energy_rel > 100) & (found.energy_rel < 600)
    assert found.mu[after].mean() == pytest.approx(1, abs=0.05)
    assert (found.program, found.version) == ("measured", "XDI")
    shorter = source(tmp_path, processing={"kmax": 9.0})
    assert spectrum(shorter, "foil.xdi").kmax == 9
    assert spectrum(shorter, "foil.xdi").usable().k[-1] == pytest.approx(9)
    assert shorter.content() != source(tmp_path).content()


def test_chi_alone_has_a_tabulated_e0_and_says_so(tmp_path):
    k = np.arange(0, 14, 0.05)
    (tmp_path / "chi.txt").write_text("# k chi\n" + rows(k, shell(k)))
    found = spectrum(source(tmp_path, absorber="Fe"), "chi.txt")
    assert found.e0 == 7112
    assert found.edge_step is None
    assert not len(found.mu)
    assert any("E0 is not known" in warning for warning in found.warnings)


def test_a_cif_beside_the_file_is_its_structure(tmp_path):
    for name in ("foil.xdi", "other.xdi"):
        (tmp_path / name).write_bytes(FOIL)
    write_cifs(tmp_path, {"foil": WUSTITE})
    found = source(tmp_path)
    named = locators(found)
    assert found.load(named["other.xdi"]) is None
    structure = found.load(named["foil.xdi"])
    assert structure is not None
    assert structure.composition.reduced_formula == "FeO"
    (site,) = found.stored_sites(named["foil.xdi"], ["Fe", "O"])
    assert (site.absorber, site.averaged) == ("Fe", True)
    assert structure[site.site_index].specie.symbol == "Fe"
    # A file of its own finds it, too; and its content decides with that of the spectrum.
    alone = source(tmp_path / "foil.xdi")
    assert alone.load(locators(alone)["foil.xdi"]) is not None
    before = {entry.material_id: entry.fingerprint for entry in found.entries()}
    write_cifs(tmp_path, {"foil": spinel(8.4, 0.26, "Fe", "Fe")})
    after = {entry.material_id: entry.fingerprint for entry in found.entries()}
    assert [name for name in before if before[name] != after[name]] == ["foil.xdi"]


def test_a_structure_without_the_absorber_is_refused(tmp_path):
    (tmp_path / "foil.xdi").write_bytes(FOIL)
    write_cifs(tmp_path / "cifs", {"NiO": rock_salt("Ni", "O", 4.18)})
    found = source(tmp_path / "foil.xdi", structure=str(tmp_path / "cifs" / "NiO.cif"))
    failure = refusal(found, "foil.xdi")
    assert failure.kind == "site_mismatch"
    assert "a spectrum of Fe, which is not in NiO.cif, NiO" in failure.message
    with pytest.raises(UsageError, match=r"none\.cif: no such file"):
        source(tmp_path / "foil.xdi", structure=str(tmp_path / "none.cif")).check()


def test_what_cannot_be_read_says_so_and_the_others_go_on(tmp_path):
    (tmp_path / "foil.xdi").write_bytes(FOIL)
    (tmp_path / "bad.dat").write_text("hello")
    (tmp_path / "l3.xdi").write_bytes(
        FOIL.replace(b"Element.edge: K", b"Element.edge: L3").replace(b"symbol: Fe", b"symbol: Tb")
    )
    found = source(tmp_path)
    assert found.absorbers() == {"Fe"}
    assert "bad.dat: " in refusal(found, "bad.dat").message
    assert refusal(found, "l3.xdi").kind == "contradiction"
    assert found.load(locators(found)["foil.xdi"]) is None
    assert len(list(found.failures())) == 2


def test_a_file_that_has_changed_since_it_was_listed_is_not_another_spectrum(tmp_path):
    (tmp_path / "two.prj").write_bytes(project(record("a", ENERGY, MU), record("b", ENERGY, MU)))
    found = source(tmp_path)
    locator = locators(found)["two.prj/b"]
    (tmp_path / "two.prj").write_bytes(project(record("a", ENERGY, MU), record("cc", ENERGY, MU)))
    with pytest.raises(ItemFailure, match="b is gone"):
        found.spectrum(locator, StoredSite("Fe", 0, averaged=True))


def test_settings_survive_the_database(tmp_path):
    settings = source(tmp_path, columns={"energy": 1, "mu": "xmu"}, processing={"e0": 7120.0})
    text = json.dumps(settings.model_dump(mode="json"))
    assert MeasuredSource.model_validate(json.loads(text)) == settings
