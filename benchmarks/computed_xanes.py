"""Keep the XANES of a campaign without its database, so that no one has to compute them again.

    python benchmarks/computed_xanes.py restore   # what has been kept
    exafscn run configs/xanes_oxides.yaml --set sources.0.path=CIFS.zip   # computes what is missing
    python benchmarks/computed_xanes.py keep

Structures are not in the file: each row names its site in the primitive cell of a CIF. A campaign
finds what is restored by its content, as it finds what another campaign has computed.
"""

import argparse
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from provenance import provenance
from pymatgen.core import Structure
from stored_xanes import SYMPREC

from exafscn_flows.crystal import reduce_structure
from exafscn_flows.keys import item_key, site_key
from exafscn_flows.sources.cif import parse_cif
from exafscn_flows.store.documents import SiteDoc, SpectrumDoc
from exafscn_flows.store.store import Store

FILE = Path(__file__).with_name("results") / "xanes_oxides.parquet"
CAMPAIGN = "xanes-oxides"
"""That of configs/xanes_oxides.yaml."""

COLUMNS = {
    "material_id": pa.string(),
    "absorber": pa.string(),
    "site_index": pa.int64(),
    "formula": pa.string(),
    "hash": pa.string(),
    "e0": pa.float64(),
    "energy_rel": pa.list_(pa.float32()),
    "mu": pa.list_(pa.float32()),
    "mu0": pa.list_(pa.float32()),
    "cards": pa.string(),
    "program": pa.string(),
    "version": pa.string(),
    "seconds": pa.float32(),
}


class Computed(NamedTuple):
    """One spectrum of a campaign, with its structure."""

    material_id: str
    absorber: str
    structure: Structure
    site_index: int
    energy: np.ndarray
    """eV, shape (n,)."""
    mu: np.ndarray
    program: str
    version: str


def keep(path: Path) -> int:
    """Write the spectra of the campaign to a file, and return their number."""
    store = Store.open()
    config = store.config(CAMPAIGN)
    (way,) = (one.name for one in config.spectra)
    rows = []
    for absorber in config.absorbers:
        for site in store.active_sites(CAMPAIGN, absorber):
            key = item_key(site.site, way)
            spectrum = store.read(SpectrumDoc, CAMPAIGN, [key]).get(key)
            if spectrum is not None:
                rows.append(_row(site, spectrum))
    metadata = {"provenance": json.dumps(provenance())}
    table = pa.Table.from_pylist(rows, pa.schema(COLUMNS, metadata=metadata))
    pq.write_table(table, path, compression="zstd", compression_level=19)
    return len(rows)


def _row(site: SiteDoc, spectrum: SpectrumDoc) -> dict[str, Any]:
    return {
        "material_id": site.material_id,
        "absorber": site.absorber,
        "site_index": site.site_index,
        "formula": site.formula,
        "hash": spectrum.hash,
        "e0": spectrum.e0,
        "energy_rel": spectrum.energy_rel,
        "mu": spectrum.mu,
        "mu0": spectrum.mu0,
        "cards": json.dumps(spectrum.cards),
        "program": spectrum.program,
        "version": spectrum.version,
        "seconds": spectrum.seconds,
    }


def restore(path: Path) -> int:
    """Write the spectra of a file to the database, and return their number."""
    store = Store.open()
    store.prepare()
    rows = pq.read_table(path).to_pylist()
    store.write(_document(row) for row in rows)
    return len(rows)


def _document(row: dict[str, Any]) -> SpectrumDoc:
    none = np.empty(0)
    curves = {name: np.array(row[name]) for name in ("energy_rel", "mu", "mu0")}
    return SpectrumDoc(
        campaign="kept",
        site=site_key(row["material_id"], row["absorber"], row["site_index"]),
        absorber=row["absorber"],
        spectrum="xanes",
        edge="K",
        spectrum_type="XANES",
        k=none,
        chi=none,
        cards=json.loads(row["cards"]),
        **curves,
        **{name: row[name] for name in ("hash", "e0", "program", "version", "seconds")},
    )


def read(path: Path, cifs: Path) -> Iterator[Computed]:
    """Yield the spectra of a file, with structures from a zip of CIFs.

    Raises
    ------
    ValueError
        If the site of a row is not of its element.
    """
    with zipfile.ZipFile(cifs) as archive:
        for row in pq.read_table(path).to_pylist():
            name = f"{row['material_id']}.cif"
            structure = reduce_structure(parse_cif(archive.read(name), name), SYMPREC).structure
            if structure[row["site_index"]].specie.symbol != row["absorber"]:
                raise ValueError(f"{name}: site {row['site_index']} is not {row['absorber']}")
            yield Computed(
                row["material_id"],
                row["absorber"],
                structure,
                row["site_index"],
                row["e0"] + np.array(row["energy_rel"]),
                np.array(row["mu"]),
                row["program"],
                row["version"],
            )


def main() -> None:
    """Write the file, or the database."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["keep", "restore"])
    parser.add_argument("--file", type=Path, default=FILE, help="Parquet file")
    arguments = parser.parse_args()
    count = {"keep": keep, "restore": restore}[arguments.what](arguments.file)
    print(f"{count} spectra")


if __name__ == "__main__":
    main()
