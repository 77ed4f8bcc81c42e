"""Stored XANES of oxides of six metals, and which sites they belong to.

FEFF 9.9's (SCF 7, FMS 9, core hole by RPA), on its own scale of energies: a table of Cu with its
structures, and one of Ti, V, Cr, Co and Ni whose structures are in a zip of CIFs. The rows of Cu in
the second are of the same materials as the first, and left out.
"""

import zipfile
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
from inputs import DATA
from pymatgen.core import Structure
from pymatgen.io.vasp import Poscar

from exafscn_flows.crystal import absorbing_sites, reduce_structure
from exafscn_flows.keys import site_key
from exafscn_flows.sources.cif import parse_cif
from exafscn_flows.targets.surroundings import Surroundings

SYMPREC = 0.01
COPPER = DATA / "xanes" / "cu_sites.parquet"
SIX = DATA / "xanes" / "six_metals.parquet"
CIFS = DATA / "xanes" / "six_metals_cifs.zip"
METALS = ["Ti", "V", "Cr", "Co", "Ni", "Cu"]


class Stored(NamedTuple):
    """One stored spectrum; structure and site are found when they are asked for."""

    material_id: str
    absorber: str
    energy: np.ndarray
    """eV, shape (n,)."""
    mu: np.ndarray
    poscar: str
    """Empty, where the structure is in the zip of CIFs."""
    site_index: int
    """In the POSCAR; else in a cell that is not known."""

    @property
    def key(self) -> str:
        """Name of the row."""
        return site_key(self.material_id, self.absorber, self.site_index)


class Placed(NamedTuple):
    """A structure, and the site in it that a spectrum is of."""

    structure: Structure
    site_index: int
    sites: int
    """Number of sites that it may as well be of; all of one coordination number."""


def copper(path: Path) -> list[Stored]:
    """Sites of the table that has its structures in it."""
    return [
        Stored(
            row["material_id"],
            "Cu",
            np.array(row["energy"]),
            np.array(row["mu"]),
            row["poscar"],
            row["site_index"],
        )
        for row in pq.read_table(path).to_pylist()
    ]


def metals(path: Path) -> list[Stored]:
    """Sites of the table that has its structures in a zip, without those of Cu."""
    return [
        Stored(
            row["material_id"],
            row["absorber"],
            row["energy_start"] + row["energy_step"] * np.arange(len(row["mu"])),
            np.array(row["mu"]),
            "",
            row["site_index"],
        )
        for row in pq.read_table(path).to_pylist()
        if row["absorber"] != "Cu"
    ]


def by_material(pool: list[Stored]) -> dict[tuple[str, str], list[Stored]]:
    """Rows of each material and absorber, by site."""
    rows: dict[tuple[str, str], list[Stored]] = defaultdict(list)
    for stored in sorted(pool, key=lambda one: (one.material_id, one.absorber, one.site_index)):
        rows[stored.material_id, stored.absorber].append(stored)
    return dict(rows)


def places(
    rows: list[Stored], archive: zipfile.ZipFile
) -> tuple[list[tuple[Stored, Placed]], dict[str, int]]:
    """Find the sites of the spectra of one material and absorber.

    Returns
    -------
    list of tuple
        Spectra with their sites.
    dict
        Number of spectra that are left out, by reason.

    Raises
    ------
    ItemFailure
        If the structure cannot be read, or has sites without a coordination number.
    """
    if rows[0].poscar:
        # One structure in different words is one row after the other the same text.
        cells = {row.poscar: Poscar.from_str(row.poscar).structure for row in rows}
        return [(row, Placed(cells[row.poscar], row.site_index, 1)) for row in rows], {}
    name = f"{rows[0].material_id}.cif"
    if name not in archive.namelist():
        return [], {"no structure": len(rows)}
    reduced = reduce_structure(parse_cif(archive.read(name), name), SYMPREC)
    sites = [one.site_index for one in absorbing_sites(reduced, rows[0].absorber)]
    surroundings = Surroundings(reduced.structure)
    if len({surroundings.coordination(site).cn for site in sites}) > 1:
        return [], {"site not known, and they differ": len(rows)}
    found = [
        (row, Placed(reduced.structure, site, len(sites)))
        for row, site in zip(rows, sites, strict=False)
    ]
    surplus = len(rows) - len(found)
    return found, {"more spectra than sites": surplus} if surplus else {}
