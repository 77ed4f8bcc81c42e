r"""Keep the XANES of a campaign without its database, so that no one has to compute them again.

    python benchmarks/computed_xanes.py restore   # what has been kept
    exafscn run configs/xanes_oxides.yaml --set sources.0.path=CIFS.zip   # computes what is missing
    python benchmarks/computed_xanes.py keep

Structures are not in the file: each row names its site in the primitive cell of a CIF. A campaign
finds what is restored by its content, as it finds what another campaign has computed. What is kept
stays in the file beside what is added.

FEFF's time grows with the number of elements, since each has a potential of its own. A zip of the
oxides of at most three elements goes twice as fast:

    python benchmarks/computed_xanes.py simple CIFS.zip simple.zip
    exafscn run configs/xanes_oxides.yaml --set sources.0.path=simple.zip

Those of 4d metals, of small crystals of few elements, in a file of their own; minerals come with
the program:

    python benchmarks/computed_xanes.py simple CIFS.zip MORE.zip small.zip --metals Zr Nb Mo \
        --anions N O F S Cl --elements 4 --atoms 24
    exafscn run configs/xanes_4d.yaml --set sources.1.path=small.zip
    python benchmarks/computed_xanes.py --file benchmarks/results/xanes_4d.parquet \
        keep --campaign xanes-4d

Sites of Ti and Cu that are stored, too, so that both sources can be compared; of Ti, few oxides are
that small:

    python benchmarks/xanes_table.py xanes.parquet
    python benchmarks/computed_xanes.py single xanes.parquet single.zip --metals Ti Cu
    exafscn run configs/xanes_oxides.yaml --set campaign=xanes-sources \
        --set sources.0.path=single.zip --set absorbers=[Ti,Cu] --set sample.per_absorber=115 \
        --set sites.max_per_absorber=1
    python benchmarks/computed_xanes.py single xanes.parquet more.zip --metals Ti --elements 4
    exafscn run configs/xanes_oxides.yaml --set campaign=xanes-sources-ti \
        --set sources.0.path=more.zip --set absorbers=[Ti] --set sample.per_absorber=115 \
        --set sites.max_per_absorber=1
    python benchmarks/computed_xanes.py --file benchmarks/results/xanes_sources.parquet \
        keep --campaign xanes-sources
    python benchmarks/computed_xanes.py --file benchmarks/results/xanes_sources.parquet \
        keep --campaign xanes-sources-ti
"""

import argparse
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from provenance import provenance
from pymatgen.core import Composition, Structure
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


_FORMULA = re.compile(r"_chemical_formula_sum\s+['\"]?([^'\"\n]+)")


def stated_composition(text: bytes) -> Composition | None:
    """Return the composition that a CIF states, None if it states none."""
    stated = _FORMULA.search(text.decode())
    return Composition(stated[1]) if stated else None


class Simple(NamedTuple):
    """Which crystals are simple.

    Attributes
    ----------
    metals
        One of which it holds; empty: whatever it holds.
    anions
        One of which it holds, too.
    elements, atoms
        Most elements; most atoms of the cell of the CIF, None for any number.
    """

    metals: Sequence[str] = ()
    anions: Sequence[str] = ("O",)
    elements: int = 3
    atoms: float | None = None

    def has(self, text: bytes) -> bool:
        """Tell whether a crystal, as a CIF, is one of them."""
        formula = stated_composition(text)
        if formula is None:
            return False
        held = formula.chemical_system_set
        return (
            len(held) <= self.elements
            and not held.isdisjoint(self.anions)
            and (not self.metals or not held.isdisjoint(self.metals))
            and (self.atoms is None or formula.num_atoms <= self.atoms)
        )


def copy_simple(cifs: Sequence[Path], output: Path, simple: Simple) -> int:
    """Copy the simple ones from zips of CIFs to another, and return their number."""
    count = 0
    with zipfile.ZipFile(output, "w") as chosen:
        for path in cifs:
            with zipfile.ZipFile(path) as archive:
                for name in sorted(archive.namelist()):
                    text = archive.read(name)
                    if simple.has(text):
                        chosen.writestr(name, text)
                        count += 1
    return count


MOST_ATOMS = 16
"""Of the crystals that `single` chooses, in the cell of the table."""


def single(table: Path, output: Path, metals: Sequence[str], most: int) -> int:
    """Write small crystals of few elements, of which a table has one spectrum.

    Returns
    -------
    int
        Number of crystals.
    """
    names = ["material_id", "absorber", "structure"]
    rows = pq.read_table(table, columns=names).to_pylist()
    once = Counter((row["material_id"], row["absorber"]) for row in rows)
    count = 0
    with zipfile.ZipFile(output, "w") as chosen:
        for row in rows:
            if row["absorber"] not in metals or once[row["material_id"], row["absorber"]] > 1:
                continue
            structure = Structure.from_dict(json.loads(row["structure"]))
            elements = {one.symbol for one in structure.elements}
            if "O" in elements and len(elements) <= most and len(structure) <= MOST_ATOMS:
                chosen.writestr(f"{row['material_id']}.json", row["structure"])
                count += 1
    return count


def keep(path: Path, campaign: str) -> int:
    """Add the spectra of a campaign to a file, and return the number of all in it."""
    store = Store.open()
    config = store.config(campaign)
    (way,) = (one.name for one in config.spectra)
    rows = {_site(row): row for row in (pq.read_table(path).to_pylist() if path.exists() else [])}
    for absorber in config.absorbers:
        for site in store.active_sites(campaign, absorber):
            key = item_key(site.site, way)
            spectrum = store.read(SpectrumDoc, campaign, [key]).get(key)
            if spectrum is not None:
                row = _row(site, spectrum)
                rows[_site(row)] = row
    metadata = {"provenance": json.dumps(provenance())}
    ordered = [rows[name] for name in sorted(rows)]
    table = pa.Table.from_pylist(ordered, pa.schema(COLUMNS, metadata=metadata))
    pq.write_table(table, path, compression="zstd", compression_level=19)
    return len(ordered)


def _site(row: dict[str, Any]) -> tuple[str, str, int]:
    return row["absorber"], row["material_id"], row["site_index"]


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
    parser.add_argument("--file", type=Path, default=FILE, help="Parquet file of spectra")
    commands = parser.add_subparsers(dest="what", required=True)
    kept = commands.add_parser("keep", help="add the spectra of a campaign to the file")
    kept.add_argument("--campaign", default=CAMPAIGN)
    commands.add_parser("restore", help="write those of the file to the database")
    chosen = commands.add_parser("simple", help="choose crystals of few elements, such as oxides")
    chosen.add_argument("cifs", type=Path, nargs="+", help="zips to choose from")
    chosen.add_argument("output", type=Path, help="zip to write")
    chosen.add_argument("--metals", nargs="+", default=[], help="one of which it holds")
    chosen.add_argument("--anions", nargs="+", default=["O"], help="one of which it holds, too")
    chosen.add_argument("--elements", type=int, default=3, help="most elements of a crystal")
    chosen.add_argument("--atoms", type=int, help="most atoms of the cell of the CIF")
    twice = commands.add_parser("single", help="choose those with one spectrum in a table")
    twice.add_argument("table", type=Path, help="made by xanes_table.py")
    twice.add_argument("output", type=Path, help="zip to write")
    twice.add_argument("--metals", nargs="+", required=True)
    twice.add_argument("--elements", type=int, default=3, help="most elements of a crystal")
    arguments = parser.parse_args()
    if arguments.what == "single":
        count = single(arguments.table, arguments.output, arguments.metals, arguments.elements)
        print(f"{count} structures")
        return
    if arguments.what == "simple":
        simple = Simple(arguments.metals, arguments.anions, arguments.elements, arguments.atoms)
        print(f"{copy_simple(arguments.cifs, arguments.output, simple)} structures")
        return
    if arguments.what == "keep":
        count = keep(arguments.file, arguments.campaign)
    else:
        count = restore(arguments.file)
    print(f"{count} spectra")


if __name__ == "__main__":
    main()
