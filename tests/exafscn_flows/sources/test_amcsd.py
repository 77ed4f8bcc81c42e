import hashlib
import subprocess
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from exafscn_flows.crystal import absorbing_sites, reduce_structure
from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.sources import AmcsdSource, Source, amcsd

SOURCE = AmcsdSource(kind="amcsd")
METALS = {"Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn"}


def test_a_campaign_file_chooses_the_source_by_its_kind():
    assert TypeAdapter(Source).validate_python({"kind": "amcsd"}) == SOURCE
    with pytest.raises(ValidationError):
        TypeAdapter(Source).validate_python({"kind": "amcsd", "path": "somewhere"})


def test_the_fully_occupied_minerals_are_listed_with_their_elements():
    SOURCE.check()
    entries = list(SOURCE.entries())
    assert len({entry.material_id for entry in entries}) == len(entries) == 6316
    assert sum(bool(METALS & entry.elements) for entry in entries) == 2346
    assert not any("D" in entry.elements for entry in entries)
    gudmundite = next(entry for entry in entries if entry.material_id == "amcsd-21")
    assert gudmundite.elements == {"Fe", "Sb", "S"}
    assert entries == list(SOURCE.entries())


def test_a_mineral_is_read_as_published(capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        structure = SOURCE.load("amcsd-21")
    assert structure.composition.reduced_formula == "FeSbS"
    assert structure.lattice.abc == pytest.approx((10.0, 5.93, 6.73))
    # The published cell is centred.
    reduced = reduce_structure(structure, 0.01)
    assert len(reduced.structure) == len(structure) / 2
    assert len(absorbing_sites(reduced, "Fe")) == 1
    assert capfd.readouterr() == ("", "")


def test_rounded_coordinates_do_not_double_atoms():
    # Hexagonal, with coordinates such as 0.33 that are a little off their symmetry elements.
    structure = SOURCE.load("amcsd-6132")
    assert structure.is_ordered
    assert len(structure) == 32


def test_provenance_names_mineral_and_reference():
    assert SOURCE.provenance("amcsd-21") == {
        "kind": "amcsd",
        "id": 21,
        "mineral": "Gudmundite",
        "reference": "Buerger M J, American Mineralogist 24 (1939) 183",
    }


@pytest.mark.parametrize(
    "material_id",
    [
        "amcsd-71",  # two oxygen atoms at one place
        "amcsd-16884",  # Fe and Ge at one place
        "amcsd-9428",  # NH4, of which only one atom has a position
        "amcsd-20120",  # other atoms than the formula
        "amcsd-99999999",
        "amcsd-1 OR 1=1",
        "mp-21",
    ],
)
def test_what_cannot_be_read_says_why_in_one_line(material_id):
    with pytest.raises(ItemFailure) as info:
        SOURCE.load(material_id)
    assert info.value.kind == "unreadable"
    assert info.value.message.startswith(material_id)
    assert "\n" not in info.value.message
    assert info.value.hint


@pytest.mark.parametrize("material_id", ["amcsd-10210", "amcsd-17791"])
def test_minerals_whose_cell_is_not_that_of_their_symmetry_are_refused(material_id):
    # Hexagonal operators and three right angles; tetragonal ones and an angle of 120 degrees.
    with pytest.raises(ItemFailure, match="do not fit the cell") as info:
        SOURCE.load(material_id)
    assert info.value.kind == "unknown_symmetry"
    assert info.value.hint


def test_water_whose_hydrogens_were_not_found_is_an_oxygen():
    # Wat is no tungsten; the formula has the hydrogens.
    assert SOURCE.load("amcsd-144").composition["W"] == 0
    assert SOURCE.load("amcsd-144").composition["O"] > 0


def test_a_damaged_database_is_a_usage_error(monkeypatch, tmp_path):
    for content in (b"", b"not a database" * 1000):
        file = tmp_path / f"{len(content)}.db"
        file.write_bytes(content)
        monkeypatch.setattr(amcsd, "_path", lambda file=file: file)
        with pytest.raises(UsageError, match="reinstall larixite"):
            SOURCE.check()


def test_reading_leaves_the_installation_as_it_is():
    file = Path(find_spec("larixite").origin).with_name("amcsd_cif1.db")
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    code = (
        "from exafscn_flows.sources import AmcsdSource; AmcsdSource(kind='amcsd').load('amcsd-3')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == before


def test_importing_the_sources_imports_neither_larixite_nor_the_parsers():
    code = (
        "import sys, exafscn_flows.sources;"
        "late = {'gemmi', 'larixite', 'pymatgen.io.cif', 'sqlalchemy', 'scipy'};"
        "assert not late & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
