"""Structures in JSON: pymatgen's own, and documents and entries that hold one."""

import json
from collections.abc import Collection
from typing import Any

from pymatgen.core import Structure

from exafscn_flows.sources.parsing import unreadable


def read_json(content: bytes, name: str) -> dict[str | None, dict[str, Any]]:
    """List the structure dictionaries of a JSON file.

    Parameters
    ----------
    content
        The file: one Structure dictionary, a list of them, or a mapping from names to them. For
        each may stand a dictionary with a structure in it, such as a document of the Materials
        Project or a ComputedStructureEntry.
    name
        What to call the file in errors.

    Returns
    -------
    dict
        Dictionaries by ``material_id``, or in a list by ``entry_id``, if each has one of its own;
        otherwise by name or by position in the list; a single one by None.

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
    # In a mapping from names to structures, one may be called "structure".
    if _holds_one(data) and not all(map(_holds_one, data.values())):
        items = {None: data}
    elif isinstance(data, dict):
        names = _own_ids(data.values(), "material_id") or list(data)
        items = dict(zip(names, data.values(), strict=True))
    elif isinstance(data, list):
        names = _own_ids(data, "material_id", "entry_id") or [str(n) for n in range(len(data))]
        items = dict(zip(names, data, strict=True))
    if not any(isinstance(item, dict) for item in items.values()):
        raise unreadable(name, "neither a pymatgen Structure nor a list or mapping of them")
    return {key: _inner(item) for key, item in items.items()}


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


def _holds_one(item: Any) -> bool:
    return isinstance(item, dict) and ("sites" in item or "structure" in item)


def _inner(item: Any) -> dict[str, Any]:
    """Return the structure in a document; of what holds none, what reading says so of."""
    while isinstance(item, dict) and "sites" not in item and "structure" in item:
        item = item["structure"]
    return item if isinstance(item, dict) else {}


def _own_ids(items: Collection[Any], *keys: str) -> list[str] | None:
    """Return what items are called by one of some keys; None if not each has a name of its own."""
    found = [
        next((str(item[key]) for key in keys if isinstance(item.get(key), str | int)), "")
        for item in items
        if isinstance(item, dict)
    ]
    return found if all(found) and len(set(found)) == len(items) else None
