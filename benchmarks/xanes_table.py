"""Make a table of XANES for `kind: table`: stored spectra of six metals, and computed ones of two.

    python benchmarks/xanes_table.py xanes.parquet

The computed ones are those of configs/xanes_oxides.yaml, kept by computed_xanes.py. Each row has
its structure and its site. Energies are those of the program that made a spectrum, and count from
the tabulated K edge of the element (xraydb), which is `e0`. The spectra of the stored table of five
metals are on a scale of their own (2.0 after the edge for Ti, 0.9 for Ni): all stored ones are
divided by their mean from 15 eV above the edge on. What is left out is counted.
"""

import argparse
import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xraydb
from computed_xanes import FILE as COMPUTED
from computed_xanes import read
from inputs import CIFS as ALL_CIFS
from inputs import require
from rich.console import Console
from rich.table import Table
from stored_xanes import CIFS, COPPER, SIX, Placed, Stored, by_material, copper, metals, places

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features.edge_reference import level

AFTER = 15.0
"""From here on, eV above the edge, the mean of a stored spectrum is 1."""

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
            scales = {
                one.key: level(one.energy, one.mu, edge(absorber), AFTER, np.inf)
                for one, _ in found
            }
        except ItemFailure as failure:
            left_out[absorber, failure.kind] += len(spectra)
            continue
        left_out.update({(absorber, reason): count for reason, count in without.items()})
        for one, placed in found:
            mu = one.mu / scales[one.key]
            yield row((material_id, absorber), placed, one.energy, mu, ("FEFF", "9.9"))


def computed_rows(path: Path, cifs: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of computed spectra."""
    for one in read(path, cifs):
        placed = Placed(one.structure, one.site_index, 1)
        program = (one.program, one.version)
        yield row((one.material_id, one.absorber), placed, one.energy, one.mu, program)


def show(rows: list[dict[str, Any]], left_out: Counter[tuple[str, str]]) -> None:
    """Print how many rows there are, and what is left out."""
    counts = Counter((one["absorber"], f"{one['program']} {one['version']}") for one in rows)
    table = Table("metal", "program", "spectra", "left out", title="XANES")
    reasons_of: dict[str, list[str]] = {}
    for (metal, why), n in sorted(left_out.items()):
        reasons_of.setdefault(metal, []).append(f"{n}: {why}")
    for (metal, program), count in sorted(counts.items()):
        table.add_row(metal, program, str(count), "\n".join(reasons_of.get(metal, [])))
    Console(width=100).print(table)


def main() -> None:
    """Write the table, and say what is in it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path, help="Parquet file to write")
    parser.add_argument("--copper", type=Path, default=COPPER, help="table with structures")
    parser.add_argument("--metals", type=Path, default=SIX, help="table of the other metals")
    parser.add_argument("--cifs", type=Path, default=CIFS, help="zip of their structures")
    parser.add_argument("--computed", type=Path, default=COMPUTED, help="computed spectra")
    parser.add_argument("--computed-cifs", type=Path, default=ALL_CIFS, help="their structures")
    arguments = parser.parse_args()
    pool = copper(require(arguments.copper, "--copper"))
    pool += metals(require(arguments.metals, "--metals"))
    left_out: Counter[tuple[str, str]] = Counter()
    with zipfile.ZipFile(require(arguments.cifs, "--cifs")) as archive:
        rows = list(stored_rows(pool, archive, left_out))
    computed = require(arguments.computed, "--computed")
    rows += computed_rows(computed, require(arguments.computed_cifs, "--computed-cifs"))
    rows.sort(key=lambda one: (one["material_id"], one["site_index"]))
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), arguments.output, row_group_size=500)
    show(rows, left_out)


if __name__ == "__main__":
    main()
