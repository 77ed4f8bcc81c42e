"""Make a table of XANES for `kind: table`: stored spectra, and those of a campaign.

    exafscn run configs/xanes_oxides.yaml --set sources.0.path=CIFS.zip   # Mn and Fe, hours
    python benchmarks/xanes_table.py xanes.parquet --computed xanes-oxides

Each row has its structure and its site. Energies are those of the program that made a spectrum, and
count from the tabulated K edge of the element (xraydb), which is `e0`. What is left out is counted.
"""

import argparse
import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import xraydb
from inputs import require
from pymatgen.core import Structure
from rich.console import Console
from rich.table import Table
from stored_xanes import CIFS, COPPER, SIX, Placed, Stored, by_material, copper, metals, places

from exafscn_flows.errors import ItemFailure
from exafscn_flows.keys import item_key
from exafscn_flows.store.documents import SpectrumDoc, StructureDoc
from exafscn_flows.store.store import Store

SCHEMA = pa.schema(
    {
        "material_id": pa.string(),
        "site_index": pa.int64(),
        "absorber": pa.string(),
        "structure": pa.string(),
        "e0": pa.float64(),
        "energy_rel": pa.list_(pa.float32()),
        "mu": pa.list_(pa.float32()),
        "spectrum_type": pa.string(),
        "program": pa.string(),
        "version": pa.string(),
        "sites": pa.int64(),  # of which it may be; all have one coordination number
    },
    metadata={"e0": "tabulated K edge (xraydb); energies are those of the program"},
)


def edge(absorber: str) -> float:
    """Return the tabulated K edge, eV."""
    return float(xraydb.xray_edge(absorber, "K").energy)


def row(
    name: tuple[str, str], placed: Placed, energy: Any, mu: Any, program: tuple[str, str]
) -> dict[str, Any]:
    """Make one row; `energy` is absolute, eV."""
    material_id, absorber = name
    return {
        # A material has a structure of its own for each metal, as its source has it.
        "material_id": f"{material_id}-{absorber}",
        "site_index": placed.site_index,
        "absorber": absorber,
        "structure": json.dumps(placed.structure.as_dict()),
        "e0": edge(absorber),
        "energy_rel": energy - edge(absorber),
        "mu": mu,
        "spectrum_type": "XANES",
        "program": program[0],
        "version": program[1],
        "sites": placed.sites,
    }


def stored_rows(
    pool: list[Stored], archive: zipfile.ZipFile, left_out: Counter[tuple[str, str]]
) -> Iterator[dict[str, Any]]:
    """Yield the rows of stored spectra, and count those that have none."""
    for (material_id, absorber), spectra in by_material(pool).items():
        try:
            found, without = places(spectra, archive)
        except ItemFailure as failure:
            left_out[absorber, failure.kind] += len(spectra)
            continue
        left_out.update({(absorber, reason): count for reason, count in without.items()})
        for one, placed in found:
            yield row((material_id, absorber), placed, one.energy, one.mu, ("FEFF", "9.9"))


def computed_rows(campaign: str, left_out: Counter[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    """Yield the rows of the XANES of a campaign, and count sites that have failed."""
    store = Store.open()
    config = store.config(campaign)
    (way,) = (one.name for one in config.spectra)
    for absorber in config.absorbers:
        for site in store.active_sites(campaign, absorber):
            key = item_key(site.site, way)
            spectrum = store.read(SpectrumDoc, campaign, [key]).get(key)
            if spectrum is None:
                left_out[absorber, "not computed"] += 1
                continue
            structures = store.read(StructureDoc, campaign, [site.material_id])
            structure = Structure.from_dict(structures[site.material_id].structure)
            yield row(
                (site.material_id, absorber),
                Placed(structure, site.site_index, 1),
                spectrum.e0 + spectrum.energy_rel,
                spectrum.mu,
                (spectrum.program, spectrum.version),
            )


def show(rows: list[dict[str, Any]], left_out: Counter[tuple[str, str]]) -> None:
    """Print how many rows there are, and what is left out."""
    counts = Counter((one["absorber"], f"{one['program']} {one['version']}") for one in rows)
    table = Table("metal", "program", "spectra", "left out", title="XANES")
    for (metal, program), count in sorted(counts.items()):
        reasons = [f"{n}: {why}" for (of, why), n in sorted(left_out.items()) if of == metal]
        table.add_row(metal, program, str(count), "\n".join(reasons))
    Console(width=100).print(table)


def main() -> None:
    """Write the table, and say what is in it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path, help="Parquet file to write")
    parser.add_argument("--copper", type=Path, default=COPPER, help="table with structures")
    parser.add_argument("--metals", type=Path, default=SIX, help="table of the other metals")
    parser.add_argument("--cifs", type=Path, default=CIFS, help="zip of their structures")
    parser.add_argument("--computed", help="campaign whose spectra are taken in")
    arguments = parser.parse_args()
    pool = copper(require(arguments.copper, "--copper"))
    pool += metals(require(arguments.metals, "--metals"))
    left_out: Counter[tuple[str, str]] = Counter()
    with zipfile.ZipFile(require(arguments.cifs, "--cifs")) as archive:
        rows = list(stored_rows(pool, archive, left_out))
    if arguments.computed:
        rows += computed_rows(arguments.computed, left_out)
    rows.sort(key=lambda one: (one["material_id"], one["site_index"]))
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), arguments.output, row_group_size=500)
    show(rows, left_out)


if __name__ == "__main__":
    main()
