"""JSON of structures, of documents with one, and of entries."""

import json

import pytest
from pymatgen.core import Lattice, Structure
from pymatgen.entries.computed_entries import ComputedStructureEntry

from exafscn_flows.errors import ItemFailure
from exafscn_flows.sources.structure_json import parse_structure_dict, read_json

NIO = Structure(Lattice.cubic(4.2), ["Ni", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]]).as_dict()
COO = json.loads(json.dumps(NIO).replace("Ni", "Co"))
ENTRY = ComputedStructureEntry(Structure.from_dict(NIO), -1.0, entry_id="mp-9-GGA").as_dict()


def formulas(data: object) -> dict[str | None, str]:
    found = read_json(json.dumps(data).encode(), "a.json")
    return {
        name: parse_structure_dict(item, "a.json").composition.reduced_formula
        for name, item in found.items()
    }


def doc(material_id: object, structure: object = NIO) -> dict[str, object]:
    return {"material_id": material_id, "structure": structure, "band_gap": 1.0}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (NIO, {None: "NiO"}),
        ([NIO, COO], {"0": "NiO", "1": "CoO"}),
        ({"a": NIO, "b": COO}, {"a": "NiO", "b": "CoO"}),
        ({"structure": NIO, "other": COO}, {"structure": "NiO", "other": "CoO"}),
        ([doc("mp-1"), doc("mp-2", COO)], {"mp-1": "NiO", "mp-2": "CoO"}),
        ({"0": doc("mp-1"), "1": doc("mp-2", COO)}, {"mp-1": "NiO", "mp-2": "CoO"}),
        (doc("mp-1"), {None: "NiO"}),
        ([doc("mp-1"), doc("mp-1", COO)], {"0": "NiO", "1": "CoO"}),
        ([doc("mp-1"), doc(None, COO)], {"0": "NiO", "1": "CoO"}),
        (ENTRY, {None: "NiO"}),
        ([ENTRY], {"mp-9-GGA": "NiO"}),
        ([ENTRY, ENTRY], {"0": "NiO", "1": "NiO"}),
        ({"x": ENTRY, "y": NIO}, {"x": "NiO", "y": "NiO"}),
    ],
)
def test_structures_documents_and_entries_are_found(data, expected):
    assert formulas(data) == expected


def test_a_structure_may_lie_deeper():
    symmetrized = {"structure": NIO, "equivalent_positions": [0, 1]}
    assert formulas([doc("mp-1", symmetrized)]) == {"mp-1": "NiO"}


def test_a_document_without_a_structure_fails_alone():
    data = json.dumps([doc("mp-1"), doc("mp-2", None), "text"]).encode()
    found = read_json(data, "a.json")
    assert list(found) == ["0", "1", "2"]
    assert len(parse_structure_dict(found["0"], "a")) == 2
    for name in ("1", "2"):
        with pytest.raises(ItemFailure, match="not a pymatgen Structure"):
            parse_structure_dict(found[name], "a")
