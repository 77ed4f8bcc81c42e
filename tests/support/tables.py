"""Tables of spectra: real FEFF spectra of NiO and copper, as users may write them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from crystals import fcc, rock_salt
from pages import ROOT
from pymatgen.core import Structure

NIO = rock_salt("Ni", "O", 4.18)
COPPER = fcc("Cu", 3.615)
ARRAYS = ("energy_rel", "mu", "mu0", "k", "chi")

Row = dict[str, Any]


def row(material_id: str, structure: Structure, site: int, fixture: str, /, **changes: Any) -> Row:
    """One site with the spectrum of a file in tests/data."""
    spectrum = np.load(ROOT / "tests" / "data" / f"{fixture}.npz")
    return {
        "material_id": material_id,
        "site_index": site,
        "absorber": structure[site].specie.symbol,
        "structure": json.dumps(structure.as_dict()),
        "e0": float(spectrum["e0"]),
        **{name: spectrum[name].tolist() for name in ARRAYS},
        **changes,
    }


def nio(site: int = 0, **changes: Any) -> Row:
    """One site of NiO."""
    return row("NiO", NIO, site, "feff_nio", **changes)


def copper(**changes: Any) -> Row:
    """One site of copper."""
    return row("Cu", COPPER, 0, "feff_fcc_cu", **changes)


def write_table(file: Path, *rows: Row, without: tuple[str, ...] = (), group: int = 2) -> Path:
    """Write rows as a table, without the columns named."""
    names = [name for name in dict.fromkeys(n for r in rows for n in r) if name not in without]
    table = pa.table({name: [r.get(name) for r in rows] for name in names})
    pq.write_table(table, file, row_group_size=group)
    return file
