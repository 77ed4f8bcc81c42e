"""Content of a CIF to a pymatgen Structure, with one-line errors."""

import io
import warnings
from typing import Any

from pymatgen.core import Composition, Element, Structure

from exafscn_flows.errors import ItemFailure

_SITE_TOLERANCE = 5e-3
"""Fractional coordinates this near are one position: files write 0.333 for 1/3, and with
pymatgen's own 1e-4 the symmetry images of such an atom would stay apart."""


def unreadable(name: str, cause: object) -> ItemFailure:
    """Return the failure of a file that cannot be read, its cause in one short line."""
    line = " ".join(str(cause).split()) or type(cause).__name__
    line = line if len(line) <= 160 else f"{line[:157]}..."
    return ItemFailure("unreadable", f"{name}: {line}", "repair or remove the file")


def parse_cif(content: bytes, name: str) -> Structure:
    """Read the only crystal structure of a CIF.

    Parameters
    ----------
    content
        The file. CIF is ASCII; other bytes can only be in names and comments.
    name
        What to call the file in errors.

    Returns
    -------
    Structure
        Cell as written, with partial occupancies where the file has them.

    Raises
    ------
    ItemFailure
        ``unreadable``, or ``several_structures``: which of them is meant, nobody knows.
    """
    from pymatgen.io.cif import CifParser

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            parser: Any = CifParser.from_str(_text(content), site_tolerance=_SITE_TOLERANCE)
        except Exception as error:  # pymatgen raises whatever its parsing runs into
            raise unreadable(name, f"not a CIF: {error}") from error
        try:
            structures: list[Structure] = parser.parse_structures(
                primitive=False, on_error="ignore"
            )
        except Exception as error:
            # Why a block holds no structure is only among the warnings.
            causes = [w.split("\n", 1)[1] for w in parser.warnings if w.startswith("No structure")]
            raise unreadable(name, f"no structure: {causes[-1] if causes else error}") from error
    # pymatgen leaves out atoms whose label it cannot read, such as OH1.
    lost = [w.split()[0] for w in parser.warnings if w.endswith(" parsed as ")]
    if lost:
        raise unreadable(name, f"atom label {lost[0]} names no element")
    if len(structures) > 1:
        message = f"{name}: {len(structures)} structures in one CIF"
        raise ItemFailure("several_structures", message, "write one file for each")
    _check_elements(structures[0], parser.as_dict(), name)
    return structures[0]


def _check_elements(structure: Structure, blocks: dict[str, Any], name: str) -> None:
    """Refuse a structure that has other elements than the formula in its file.

    Labels are misread without type symbols beside them (NH4 as nihonium). Hydrogen may be
    missing: X-rays often do not find it.
    """
    for block in blocks.values():
        try:
            formula = Composition(block["_chemical_formula_sum"])
            _ = block["_atom_site_fract_x"]
        except Exception:  # no formula, a question mark, or another block's
            continue
        stated = {Element.from_Z(element.Z).symbol for element in formula.elements}
        found = {Element.from_Z(element.Z).symbol for element in structure.composition.elements}
        odd = sorted((stated ^ found) - ({"H"} - found))
        if odd:
            cause = f"formula and atoms do not agree on {', '.join(odd)}"
            raise unreadable(name, cause)


def _text(content: bytes) -> str:
    return io.StringIO(content.decode("utf-8", errors="replace"), newline=None).read()
