"""Content of a structure file to a pymatgen Structure, with one-line errors."""

import io
import json
import warnings
from typing import Any

from pymatgen.core import Structure

from exafscn_flows.errors import ItemFailure


def unreadable(name: str, cause: object) -> ItemFailure:
    """Return the failure of a file that cannot be read, its cause in one short line."""
    line = " ".join(str(cause).split()) or type(cause).__name__
    line = line if len(line) <= 160 else f"{line[:157]}..."
    return ItemFailure("unreadable", f"{name}: {line}", "repair or remove the file")


def parse_poscar(content: bytes, name: str) -> Structure:
    """Read a VASP structure file that names its elements.

    Parameters
    ----------
    content
        The file.
    name
        What to call the file in errors.

    Returns
    -------
    Structure

    Raises
    ------
    ItemFailure
        ``unreadable``.
    """
    from pymatgen.io.vasp.inputs import Poscar

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            poscar = Poscar.from_str(_text(content), read_velocities=False)
    except Exception as error:
        raise unreadable(name, f"not a POSCAR: {error}") from error
    if not poscar.true_names:
        # pymatgen would take H, He, Li...
        raise unreadable(name, "the POSCAR does not name its elements (VASP 4 format)")
    return poscar.structure


def read_json(content: bytes, name: str) -> dict[str | None, dict[str, Any]]:
    """List the structure dictionaries of a JSON file.

    Parameters
    ----------
    content
        The file: one Structure dictionary, a list of them, or a mapping from names to them.
    name
        What to call the file in errors.

    Returns
    -------
    dict
        Dictionaries by name, by position in the list, or one of them by None.

    Raises
    ------
    ItemFailure
        ``unreadable``.
    """
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise unreadable(name, f"not JSON: {error}") from error
    items: dict[str | None, Any] = {}
    if isinstance(data, dict) and "sites" in data:
        items = {None: data}
    elif isinstance(data, dict):
        items = {**data}
    elif isinstance(data, list):
        items = {str(index): item for index, item in enumerate(data)}
    if not items or not all(isinstance(item, dict) for item in items.values()):
        raise unreadable(name, "neither a pymatgen Structure nor a list or mapping of them")
    return items


def parse_structure_dict(data: dict[str, Any], name: str) -> Structure:
    """Build a structure from pymatgen's dictionary of it.

    Only the lattice, the species and the coordinates are taken: pymatgen would import and call
    any class that a site property names.

    Parameters
    ----------
    data
        Dictionary as ``Structure.as_dict`` writes it.
    name
        What to call it in errors.

    Returns
    -------
    Structure

    Raises
    ------
    ItemFailure
        ``unreadable``.
    """
    try:
        sites = [{"species": site["species"], "abc": site["abc"]} for site in data["sites"]]
        return Structure.from_dict(
            {"lattice": {"matrix": data["lattice"]["matrix"]}, "sites": sites}
        )
    except Exception as error:
        cause = f"not a pymatgen Structure: {type(error).__name__}: {error}"
        raise unreadable(name, cause) from error


def _text(content: bytes) -> str:
    return io.StringIO(content.decode("utf-8", errors="replace"), newline=None).read()
