"""Data that the benchmarks read, kept beside the repository because it is not ours to hand out."""

import sys
from pathlib import Path

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

CIFS = DATA / "structures" / "mp_cifs.zip"
"""Crystal structures of the Materials Project, with CrystalNN bonds computed by others."""

SITES = DATA / "exafs" / "feff8l_sites.parquet"
"""FEFF 8.5L spectra and CrystalNN labels of sites of these structures, made independently."""

MORE_SITES = DATA / "exafs" / "feff8l_sites_more.parquet"
"""The same of further structures."""

NEW_FORMULAS = Path(__file__).with_name("results") / "exafs_more.parquet"
"""FEFF 8.5L spectra of formulas that neither has, made by `more_spectra.py`."""

ABSORBERS = ["Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn"]


def require(path: Path, option: str) -> Path:
    """Return the full path of a file, or end with one line if it is missing."""
    if not path.is_file():
        sys.exit(f"no {path.name} in {path.parent}: name the file with {option}")
    return path.resolve()
