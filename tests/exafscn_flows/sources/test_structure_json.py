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


SAID = {"formula_pretty": "NiO", "nsites": 2, "volume": 74.088, "density": 1.674}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, None),
        ({"formula_pretty": "Ni2O3"}, "do not make the formula"),
        ({"formula_pretty": "CoO"}, "do not agree on Co, Ni"),
        ({"nsites": 8}, "holds 2 sites, but 8 are stated"),
        ({"volume": 78.0}, "its volume is 74.1 Å³, but 78.0 is stated"),
        ({"density": 6.7}, "its density is 1.67 g/cm³, but 6.7 is stated"),
        ({"nsites": None, "density": "high", "volume": True}, None),
    ],
)
def test_what_a_document_says_of_its_structure_is_compared(said, words):
    item = read_json(json.dumps(doc("mp-1") | SAID | said).encode(), "a.json")[None]
    if words is None:
        assert len(parse_structure_dict(item, "a.json")) == 2
        return
    with pytest.raises(ItemFailure, match=words) as failure:
        parse_structure_dict(item, "a.json")
    assert failure.value.kind == "unreadable"


def test_numbers_of_a_structure_that_contradict_each_other_are_refused():
    cell = json.loads(json.dumps(NIO))
    cell["lattice"]["matrix"][2][2] = 4.4
    with pytest.raises(ItemFailure, match=r"do not agree|volume is 77"):
        parse_structure_dict(cell, "a.json")
    moved = json.loads(json.dumps(NIO))
    moved["sites"][1]["abc"] = [0.5, 0.5, 0.48]
    with pytest.raises(ItemFailure, match=r"fractional and Cartesian coordinates .* do not agree"):
        parse_structure_dict(moved, "a.json")
    # Another image of the same atom is the same.
    moved["sites"][1]["abc"] = [0.5, 0.5, 1.5]
    assert len(parse_structure_dict(moved, "a.json")) == 2
