"""Which files hold structures, by their names: those that are read, and those that are not."""

import posixpath
import re
from enum import Enum

_GZ = ".gz"


class Format(Enum):
    """What is read."""

    CIF = "cif"
    JSON = "json"
    POSCAR = "poscar"


_SUFFIXES = {
    ".cif": Format.CIF,
    ".mcif": Format.CIF,
    ".json": Format.JSON,
    ".vasp": Format.POSCAR,
    ".poscar": Format.POSCAR,
}

_PLAIN = ("POSCAR", "CONTCAR")
_MARKED = re.compile(r"(?:.+[._-])?(?:POSCAR|CONTCAR)[._-].+|.+[._-](?:POSCAR|CONTCAR)")
"""POSCAR_1, CONTCAR.relaxed, NiO-POSCAR."""

_NOT_READ = re.compile(
    r"""
    .+ (\. (?: cell | cssr | extxyz | gen | mol2? | pdb | res | sdf | struct | xsf | xyz ) (?:\.gz)?
        | \. (?: 7z | rar | tar | tar\.(?:bz2|gz|xz|zst) | tgz | zip ) )
    | ( geometry\.in | XDATCAR (?:\.gz)? | vasprun\.xml (?:\.gz)? )
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""Structures in other formats, and archives, in which there may be some."""

_OTHER_STATE = re.compile(r"(.+)(\.(?:bak|bz2|lzma|old|orig|xz|z|zip|zst)|~)", re.IGNORECASE)
"""Older versions of a file, and those packed otherwise than by gzip."""


def structure_format(name: str) -> Format | None:
    """Return how a file is read, None if it is not.

    Parameters
    ----------
    name
        Its name without the folder.
    """
    if _OTHER_STATE.fullmatch(name):
        return None
    plain = _unpacked(name)
    found = _SUFFIXES.get(posixpath.splitext(plain)[1].lower())
    if found is None and (plain in _PLAIN or _MARKED.fullmatch(plain)):
        return Format.POSCAR
    return found


def stem(name: str) -> str:
    """Return what a file calls its structure; nothing, if its folder does that, as of a POSCAR.

    Parameters
    ----------
    name
        Name, without the folder, of a file that is read.
    """
    plain = _unpacked(name)
    if plain in _PLAIN:
        return ""
    before, suffix = posixpath.splitext(plain)
    return before if suffix.lower() in _SUFFIXES else plain


def other_format(name: str) -> str | None:
    """Return a pattern for files that may hold a structure and are not read; None for all others.

    Parameters
    ----------
    name
        Name of a file without its folder.
    """
    if match := _OTHER_STATE.fullmatch(name):
        before, state = match.groups()
        if structure_format(before) is not None:
            suffix = posixpath.splitext(before)[1].lower()
            return f"*{suffix}{state}" if suffix in _SUFFIXES else f"POSCAR*{state}"
    if match := _NOT_READ.fullmatch(name):
        suffix, whole = match.groups()
        return whole or f"*{suffix.lower()}"
    return name if name.upper() in _PLAIN and name not in _PLAIN else None


def _unpacked(name: str) -> str:
    return name[: -len(_GZ)] if name.lower().endswith(_GZ) else name
