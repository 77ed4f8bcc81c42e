"""Crystals whose coordination everybody knows."""

from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from pymatgen.core import Lattice, Structure
from pymatgen.symmetry.groups import SpaceGroup

# Lattice parameters in Å; some of these phases exist on paper only, at plausible distances.
ROCK_SALT = {"O": 4.18, "S": 4.95, "N": 4.10, "P": 4.90}
ZINC_BLENDE = {"O": 4.55, "S": 5.40, "N": 4.45, "P": 5.35}

_FACE_CENTRED = np.array([p for p in product((0, 0.5), repeat=3) if sum(p) % 1 == 0])


def crystal(space_group: str, lattice: Lattice, species: list[str], coords: Any) -> Structure:
    """As Structure.from_spacegroup, in a fraction of the time from the second crystal on."""
    _space_group(space_group)
    return Structure.from_spacegroup(space_group, lattice, species, coords)


@cache
def _space_group(symbol: str) -> SpaceGroup:
    # pymatgen takes up to a second for one, and forgets it as soon as nobody holds it.
    return SpaceGroup(symbol)


def rock_salt(metal: str, anion: str, a: float) -> Structure:
    """Rock salt: six neighbours at a/2."""
    return _face_centred(metal, anion, a, 0.5)


def zinc_blende(metal: str, anion: str, a: float) -> Structure:
    """Zinc blende: four neighbours at sqrt(3)/4 a."""
    return _face_centred(metal, anion, a, 0.25)


def _face_centred(metal: str, anion: str, a: float, shift: float) -> Structure:
    anions = (_FACE_CENTRED + shift) % 1
    return Structure(Lattice.cubic(a), [metal] * 4 + [anion] * 4, [*_FACE_CENTRED, *anions])


def fcc(metal: str, a: float) -> Structure:
    """Face-centred cubic: twelve neighbours at a/sqrt(2)."""
    return Structure(Lattice.cubic(a), [metal] * 4, _FACE_CENTRED)


def cesium_chloride(metal: str, anion: str, a: float) -> Structure:
    """Caesium chloride type: eight neighbours at sqrt(3)/2 a."""
    return Structure(Lattice.cubic(a), [metal, anion], [[0, 0, 0], [0.5, 0.5, 0.5]])


def spinel(a: float, u: float, tetrahedral: str, octahedral: str) -> Structure:
    """Spinel of oxygen at u, with the second setting's origin."""
    species = [tetrahedral, octahedral, "O"]
    return crystal("Fd-3m:2", Lattice.cubic(a), species, [[1 / 8] * 3, [1 / 2] * 3, [u] * 3])


def cuprite() -> Structure:
    """Cu2O: two oxygen neighbours of copper at sqrt(3)/4 a."""
    return crystal("Pn-3m", Lattice.cubic(4.2696), ["Cu", "O"], [[0.25, 0.25, 0.25], [0, 0, 0]])


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
