"""Atoms that a CIF lists: which element, where, and how much of it."""

import re
from collections.abc import Collection
from typing import NamedTuple

from pymatgen.core import Element

from exafscn_flows.errors import ItemFailure
from exafscn_flows.sources.cif_block import Block, is_null, to_number

_COORDINATES = ("atom_site_fract_x", "atom_site_fract_y", "atom_site_fract_z")
_CARTESIAN = "atom_site_cartn_x"

_HYDROGEN = ("D", "T")
_VALENCE = {"Cval": "C", "Siva": "Si", "Sival": "Si"}
"""Names of scattering factors in the International Tables."""

_GROUP = re.compile(r"(Wat|wat|WAT|OH|H2O|D2O)(?![a-z])|(?:NH[234]|CH[23]|NO3)(?![a-z])")
"""Labels that stand for several atoms at one place; the first group are oxygens."""

_DUMMY = re.compile(r"(?:du|dum|dummy|va|vac|x|q|cnt|cen)(?![a-z])", re.I)
"""Labels of what is no atom: vacancies, centroids, peaks of electron density."""

_WATER = ("Ow", "Hw")

_HINT = "give its element in _atom_site_type_symbol"


class Atom(NamedTuple):
    """One line of the list of atoms."""

    label: str
    element: str
    position: tuple[float, float, float]
    """Fractional coordinates."""
    occupancy: float


def has_atoms(block: Block) -> bool:
    """Whether a block lists atoms."""
    return block.text(_COORDINATES[0], _CARTESIAN) is not None


def read_atoms(block: Block, elements: Collection[str]) -> list[Atom]:
    """Read all atoms of a block; D and T are H.

    Left out are only lines that say themselves that there is no atom: of occupancy 0, or dummy
    sites.

    Parameters
    ----------
    block
        Data block.
    elements
        Elements in the formula of the file, of help with labels such as HO2; empty if unknown.

    Returns
    -------
    list of Atom

    Raises
    ------
    ItemFailure
        ``unknown_species``, if a line names no element; ``disordered``, if it names several;
        ``unreadable``, if it has no position, or its hydrogens have none.
    ValueError
        If a data name is there twice.
    """
    if _COORDINATES[0] not in block.names():
        cause = "its atoms have Cartesian coordinates, as those of macromolecules"
        raise ItemFailure("unreadable", cause, "give fractional coordinates")
    columns = [block.column(name) or [] for name in _COORDINATES]
    n_atoms = len(columns[0])
    labels = block.column("atom_site_label") or [""] * n_atoms
    types = block.column("atom_site_type_symbol") or ["."] * n_atoms
    occupancies = block.column("atom_site_occupancy") or ["."] * n_atoms
    hydrogens = block.column("atom_site_attached_hydrogens") or ["."] * n_atoms
    flags = block.column("atom_site_calc_flag") or ["."] * n_atoms
    columns += [labels, types, occupancies, hydrogens, flags]
    if {len(column) for column in columns} != {n_atoms}:
        raise ItemFailure("unreadable", "its list of atoms is incomplete", "repair the file")
    known: dict[tuple[str, str], str] = {}
    atoms = []
    for x, y, z, label, symbol, occupancy, attached, flag in zip(*columns, strict=True):
        amount = _occupancy(label, occupancy)
        if amount == 0 or flag.lower() == "dum":
            continue
        if not is_null(attached) and to_number(attached) != 0:
            cause = f"hydrogen atoms of {label} ({attached}) have no positions"
            hint = "add them, or set _atom_site_attached_hydrogens to 0 to do without them"
            raise ItemFailure("unreadable", cause, hint)
        position = (to_number(x), to_number(y), to_number(z))
        if None in position:
            cause = f"the position of {label} is {x}, {y}, {z}"
            raise ItemFailure("unreadable", cause, "give the position, or remove the atom")
        key = (label, symbol)
        if key not in known:
            known[key] = _element(label, symbol, elements)
        atoms.append(Atom(label or symbol, known[key], position, amount))  # type: ignore[arg-type]
    if not atoms:
        raise ItemFailure("unreadable", "no structure: it lists no atoms", "repair the file")
    return atoms


def _occupancy(label: str, text: str) -> float:
    """Read an occupancy; where none is written it is 1, the default of CIF."""
    if is_null(text):
        return 1.0
    number = to_number(text)
    if number is None or number < 0:
        cause = f"the occupancy of {label} is {text}"
        raise ItemFailure("unreadable", cause, "give a number from 0 to 1")
    return number


def _element(label: str, symbol: str, elements: Collection[str]) -> str:
    """Find the element of an atom by its type symbol or, without one, its label."""
    text = label if is_null(symbol) else symbol
    if " + " in text:  # as Pearson's Crystal Data write it
        hint = "only ordered structures have one spectrum per site; order it first"
        raise ItemFailure("disordered", f"a site is shared: {text}", hint)
    if group := _GROUP.match(text):
        if group[1] and is_null(symbol) and {"H", "O"} <= set(elements):
            return "O"  # whose hydrogens X-rays did not find; the formula has them
        cause = f"{text} stands for a group of atoms, of which only one has a position"
        raise ItemFailure("unreadable", cause, _HINT)
    letters = _letters(text)
    if not is_null(symbol):
        name = _VALENCE.get(letters, letters.title())
        if name in _HYDROGEN or Element.is_valid_symbol(name):
            return "H" if name in _HYDROGEN else name
    return _begins_with(text, letters, elements)


def _letters(text: str) -> str:
    """Return the letters that a symbol or label begins with, after the mass of an isotope."""
    found = re.match(r"\d*([A-Za-z]+)", text)
    return found[1] if found else ""


def _begins_with(text: str, letters: str, elements: Collection[str]) -> str:
    """Find the element that a label begins with; where there are two, the formula decides."""
    one, two = letters[:1].upper(), letters[:2].title()
    possible = {name for name in (one, two) if Element.is_valid_symbol(name)}
    if "D" in possible:
        possible.add("H")
    possible -= {"D", "T"}  # T is mostly a tetrahedral site
    if two in _WATER:
        possible = {one}
    stated = possible.intersection(elements)
    is_symbol = letters[1:2].islower()
    if _DUMMY.match(text) or not possible:
        raise ItemFailure("unknown_species", f"{text} names no element", _HINT)
    if len(stated) == 1:
        return stated.pop()
    if is_symbol and two in possible:
        return two
    if len(possible) > 1:
        cause = f"{text} may be {' or '.join(sorted(possible))}"
        raise ItemFailure("unknown_species", cause, _HINT)
    if is_symbol and len(letters) > 2 and not elements:  # such as Oct, of a site
        raise ItemFailure("unknown_species", f"{text} names no element", _HINT)
    return possible.pop()
