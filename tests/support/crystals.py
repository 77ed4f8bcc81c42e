"""Crystals whose coordination everybody knows."""

from functools import cache
from pathlib import Path

from pymatgen.core import Lattice, Structure

# Lattice parameters in Å; some of these phases exist on paper only, at plausible distances.
ROCK_SALT = {"O": 4.18, "S": 4.95, "N": 4.10, "P": 4.90}
ZINC_BLENDE = {"O": 4.55, "S": 5.40, "N": 4.45, "P": 5.35}


def rock_salt(metal: str, anion: str, a: float) -> Structure:
    """Rock salt: six neighbours at a/2."""
    return Structure.from_spacegroup(
        "Fm-3m", Lattice.cubic(a), [metal, anion], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )


def zinc_blende(metal: str, anion: str, a: float) -> Structure:
    """Zinc blende: four neighbours at sqrt(3)/4 a."""
    return Structure.from_spacegroup(
        "F-43m", Lattice.cubic(a), [metal, anion], [[0, 0, 0], [0.25, 0.25, 0.25]]
    )


def fcc(metal: str, a: float) -> Structure:
    """Face-centred cubic: twelve neighbours at a/sqrt(2)."""
    return Structure.from_spacegroup("Fm-3m", Lattice.cubic(a), [metal], [[0, 0, 0]])


def cesium_chloride(metal: str, anion: str, a: float) -> Structure:
    """Caesium chloride type: eight neighbours at sqrt(3)/2 a."""
    return Structure.from_spacegroup(
        "Pm-3m", Lattice.cubic(a), [metal, anion], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )


def cuprite() -> Structure:
    """Cu2O: two oxygen neighbours of copper at sqrt(3)/4 a."""
    return Structure.from_spacegroup(
        "Pn-3m", Lattice.cubic(4.2696), ["Cu", "O"], [[0.25, 0.25, 0.25], [0, 0, 0]]
    )


def write_cifs(folder: Path, structures: dict[str, Structure]) -> Path:
    """Write structures as CIF files of the given names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, structure in structures.items():
        structure.to(filename=str(folder / f"{name}.cif"))
    return folder


def polymorphs(metal: str) -> dict[str, Structure]:
    """Rock-salt and zinc-blende compounds of a metal: as many with 6 as with 4 neighbours."""
    # A dict of its own for every test, which may take crystals out of it.
    return dict(_polymorphs(metal))


@cache
def _polymorphs(metal: str) -> dict[str, Structure]:
    found = {f"{metal}{x}-rs": rock_salt(metal, x, a) for x, a in ROCK_SALT.items()}
    return found | {f"{metal}{x}-zb": zinc_blende(metal, x, a) for x, a in ZINC_BLENDE.items()}
