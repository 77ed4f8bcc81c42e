"""`exafscn export --optimade`: a file that OPTIMADE's own models accept."""

import json
from collections import Counter

import numpy as np
import pytest
from optimade.adapters.structures import Structure as Adapter
from optimade.models import StructureResource
from pymatgen.core import Structure

from exafscn_flows.settings import Settings
from exafscn_flows.store.connection import connect
from exafscn_flows.store.optimade import anonymous_formula, reduced_formula
from exafscn_flows.store.store import Store


def test_every_structure_is_an_entry_with_its_sites(finished, tmp_path, monkeypatch):
    path = tmp_path / "structures.jsonl"
    out = finished.exafscn("export", "--optimade", str(path))
    assert f"8 structures: {path}" in out
    header, info, *lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert header == {"x-optimade": {"meta": {"api_version": "1.2.0"}}}
    assert info["type"] == "info"
    assert len(lines) == 8
    monkeypatch.setenv("EXAFSCN_MONGODB_URI", finished.uri)
    database = connect(Settings())
    rows = {(row["site"], row["hash"]): row for row in database.predictions.find()}
    for line in lines:
        entry = StructureResource(**line)
        attributes = line["attributes"]
        assert set(name for name in attributes if name.startswith("_")) == set(info["properties"])
        raw = database.structures.find_one({"_id": f"test/{entry.id}"})
        crystal = Structure.from_dict(raw["structure"])
        assert np.allclose(attributes["lattice_vectors"], crystal.lattice.matrix)
        assert np.allclose(attributes["cartesian_site_positions"], crystal.cart_coords)
        assert Adapter(line).convert("pymatgen").matches(crystal)
        (site,) = attributes["_exafscn_sites"]
        assert attributes["species_at_sites"][site["site_index"]] == "Ni" == site["absorber"]
        assert site["labels"]["coordination_number"] in (4, 6)
        for one in site["predictions"]:
            row = rows.pop((site["site"], one["version"]))
            assert all(one[name] == row[name] for name in ("value", "probability", "probabilities"))
    assert not [key for key, row in rows.items() if row["campaign"] == "test"]
    assert Store.open().campaign_names()


def test_bad_calls_are_one_line(finished, tmp_path):
    assert "--optimade FILE" in finished.exafscn("export", rc=2)
    assert "no campaign 'none'" in finished.exafscn(
        "export", "-c", "none", "--optimade", str(tmp_path / "x.jsonl"), rc=2
    )
    assert "cannot be made" in finished.exafscn("export", "--optimade", "/none/x.jsonl", rc=2)


@pytest.mark.parametrize(
    ("symbols", "reduced", "anonymous"),
    [
        (["Na", "Cl"] * 4, "ClNa", "AB"),
        (["Zn", "Fe", "Fe", "O", "O", "O", "O"], "Fe2O4Zn", "A4B2C"),
        (["Cu"] * 4, "Cu", "A"),
    ],
)
def test_formulas_are_those_of_the_specification(symbols, reduced, anonymous):
    counts = Counter(symbols)
    assert (reduced_formula(counts), anonymous_formula(counts)) == (reduced, anonymous)
