r"""Compute EXAFS of formulas that no table has, and keep it as one more table.

    python benchmarks/more_spectra.py choose new.zip CIFS.zip MORE.zip --known TABLE MORE_TABLE
    exafscn run configs/exafs_more.yaml --set sources.0.path=new.zip
    python benchmarks/more_spectra.py keep more.parquet

Of each formula, one structure is taken: many polymorphs of few formulas teach a model less than the
same number of compounds. What is kept is the table of a campaign (`kind: table`), such as
benchmarks/results/exafs_more.parquet. chi(k) ends there at 16.5 1/Å, in steps of 8e-6, which is as
exact as models need it.
"""

import argparse
import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from computed_xanes import stated_composition
from inputs import ABSORBERS, require
from provenance import provenance
from pymatgen.core import Structure

from exafscn_flows.formulas import reduced_formula
from exafscn_flows.keys import item_key
from exafscn_flows.store.documents import SiteDoc, SpectrumDoc, StructureDoc
from exafscn_flows.store.store import Store

CAMPAIGN = "exafs-more"
"""That of configs/exafs_more.yaml."""

COLUMNS = {
    "material_id": pa.string(),
    "site_index": pa.int32(),
    "absorber": pa.string(),
    "formula": pa.string(),
    "multiplicity": pa.int32(),
    "k": pa.list_(pa.float32()),
    "chi": pa.list_(pa.float32()),
    "e0": pa.float64(),
    "structure": pa.string(),
}

KMAX = 16.5
STEP = 2.0**-17
"""Of chi: multiples of it end in zeros, which take no space."""

BATCH = 500
"""Sites that are read at once."""


def main() -> None:
    """Choose structures, or keep spectra."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("choose")
    command.add_argument("output", type=Path)
    command.add_argument("cifs", type=Path, nargs="+")
    command.add_argument("--known", type=Path, nargs="*", default=[], help="tables of spectra")
    command = commands.add_parser("keep")
    command.add_argument("output", type=Path)
    command.add_argument("--campaign", default=CAMPAIGN)
    arguments = parser.parse_args()
    if arguments.command == "choose":
        cifs = [require(path, "its place") for path in arguments.cifs]
        tables = [require(path, "--known") for path in arguments.known]
        count = choose(arguments.output, cifs, known_formulas(tables))
        print(f"{count} structures")
    else:
        print(f"{keep(arguments.output, arguments.campaign)} spectra")


def known_formulas(tables: Sequence[Path]) -> set[str]:
    """Return the reduced formulas of tables of spectra."""
    found: set[str] = set()
    for table in tables:
        found |= set(pq.read_table(table, columns=["formula"])["formula"].unique().to_pylist())
    return {reduced_formula(one) for one in found}


def choose(output: Path, cifs: Sequence[Path], known: set[str]) -> int:
    """Write the first structure of each other formula that has an absorber; return their number."""
    chosen: dict[str, tuple[str, bytes]] = {}
    for name, text in _structures(cifs):
        composition = stated_composition(text)
        if composition is None:
            continue
        formula = reduced_formula(composition.formula)
        if formula not in known and composition.chemical_system_set & set(ABSORBERS):
            chosen.setdefault(formula, (name, text))
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in sorted(chosen.values()):
            archive.writestr(name, text)
    return len(chosen)


def _structures(cifs: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    """Go through the CIFs of zips, in the order of their names."""
    for path in cifs:
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                if name.endswith(".cif"):
                    yield name, archive.read(name)


def keep(output: Path, campaign: str) -> int:
    """Write the spectra that a campaign has computed so far; return their number."""
    store = Store.open()
    (way,) = (one.name for one in store.config(campaign).spectra)
    sites = [one for symbol in ABSORBERS for one in store.active_sites(campaign, symbol)]
    sites.sort(key=lambda site: (site.material_id, site.site_index))
    schema = pa.schema(COLUMNS, metadata={"provenance": json.dumps(provenance())})
    count = 0
    with pq.ParquetWriter(
        output,
        schema,
        compression="zstd",
        compression_level=19,
        use_dictionary=["absorber", "k.list.element"],
        use_byte_stream_split=["chi.list.element"],
    ) as writer:
        for start in range(0, len(sites), BATCH):
            batch = sites[start : start + BATCH]
            keys = [item_key(site.site, way) for site in batch]
            spectra = store.read(SpectrumDoc, campaign, keys)
            names = sorted({site.material_id for site in batch})
            structures = store.read(StructureDoc, campaign, names)
            rows = [
                _row(site, spectra[key], structures[site.material_id])
                for site, key in zip(batch, keys, strict=True)
                if key in spectra
            ]
            writer.write_table(pa.Table.from_pylist(rows, schema))
            count += len(rows)
    return count


def _row(site: SiteDoc, spectrum: SpectrumDoc, structure: StructureDoc) -> dict[str, Any]:
    within = spectrum.k <= KMAX
    return {
        "material_id": site.material_id,
        "site_index": site.site_index,
        "absorber": site.absorber,
        "formula": site.formula,
        "multiplicity": site.multiplicity,
        "k": spectrum.k[within],
        "chi": np.round(spectrum.chi[within] / STEP) * STEP,
        "e0": spectrum.e0,
        "structure": _as_text(structure),
    }


def _as_text(doc: StructureDoc) -> str:
    """Write a cell without what follows from the rest, and without digits that say nothing."""
    crystal = Structure.from_dict(doc.structure or {})
    matrix = crystal.lattice.matrix.round(6)
    coordinates = crystal.frac_coords.round(7)
    short = Structure(matrix, crystal.species, coordinates)
    return json.dumps(short.as_dict(verbosity=0), separators=(",", ":"))


if __name__ == "__main__":
    main()
