"""Checks of sources."""

import json
from itertools import islice
from pathlib import Path

import pytest
import xas_files
from crystals import cuprite, rock_salt, write_cifs
from pymatgen.core import Structure
from tables import nio, write_table

from conformance.examples import NIO, example
from conformance.values import others
from exafscn_flows.errors import UsageError
from exafscn_flows.sources.base import LocalSource, SourceModel


def write_examples(folder: Path) -> None:
    """Write what the examples of sources read."""
    write_cifs(folder / "cifs", {"NiO": NIO, "Cu2O": cuprite()})
    write_table(folder / "table.parquet", nio())
    energy = xas_files.energies()
    (folder / "foil.dat").write_text(xas_files.rows(energy, xas_files.edge(energy)))
    write_cifs(folder, {"foil": rock_salt("Fe", "O", 4.33)})
    run = folder / "runs" / "NiO" / "000_Ni"
    run.mkdir(parents=True)
    NIO.to(filename=str(run.parent / "POSCAR"), fmt="poscar")
    for name in ("feff.inp", "xmu.dat"):
        (run / name).write_text("")


def content_follows_settings(one: type[SourceModel]) -> None:
    """What decides the content of entries changes with every key that has a say in it."""
    settings = example(one)
    content = settings.content()
    assert json.loads(json.dumps(content)) == example(one).content()
    # Remote ones may share what they fetched, whatever chose it.
    for name in one.model_fields if issubclass(one, LocalSource) else content:
        if name != "kind":
            assert any(other.content() != content for other in others(settings, name)), name


def lists_the_same_again(one: type[SourceModel]) -> None:
    """Entries come in a fixed order under names of their own, and can be loaded."""
    if not issubclass(one, LocalSource):
        return
    source = example(one)
    source.check()
    found = list(islice(source.entries(), 500))
    assert found
    assert found == list(islice(example(one).entries(), 500))
    assert len({entry.material_id for entry in found}) == len(found)
    place = found[0].locator or found[0].material_id
    structure = source.load(place)
    assert isinstance(structure, Structure)
    if (elements := found[0].elements) is not None:
        assert {element.symbol for element in structure.elements} == elements
    assert json.dumps(source.provenance(place))


def bad_paths_are_refused(one: type[SourceModel], folder: Path) -> None:
    """A path that leads nowhere, or to nothing of use, is one line that names it."""
    if "path" not in one.model_fields:
        return
    empty = folder / "empty"
    empty.mkdir()
    (folder / "no.zip").write_bytes(b"PK no zip")
    for path in (folder / "nothing", empty, folder / "no.zip"):
        source = example(one, path=str(path))
        with pytest.raises(UsageError) as error:
            source.check()
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)
