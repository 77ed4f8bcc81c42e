"""Structures in JSON: pymatgen's own, and documents and entries that hold one."""

import json
from collections.abc import Collection
from typing import Any

import numpy as np
from pymatgen.core import Structure

from exafscn_flows.sources.parsing import unreadable
from exafscn_flows.sources.stated import Stated, contradiction, read_formula

_STATED = "stated"
"""Key for what the document around a structure says of it."""

_COORDINATE_TOLERANCE = 0.05
"""Å, between an atom's fractional and Cartesian coordinates."""


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
    any class that a site property names. They are compared with what stands beside them: volume,
    Cartesian coordinates, and what a document says of the structure that it holds.

    Parameters
    ----------
    data
        Dictionary as ``Structure.as_dict`` writes it, or as `read_json` returns it.
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
        structure: Structure = Structure.from_dict(
            {"lattice": {"matrix": data["lattice"]["matrix"]}, "sites": sites}
        )
    except Exception as error:
        cause = f"not a pymatgen Structure: {type(error).__name__}: {error}"
        if isinstance(error, KeyError) and "sites" in data and "lattice" not in data:
            cause = "it has no lattice, such as a molecule, and only crystals are read"
        raise unreadable(name, cause) from error
    if fault := _contradiction(structure, data):
        raise unreadable(name, fault)
    return structure


def _contradiction(structure: Structure, data: dict[str, Any]) -> str | None:
    """Say where a structure differs from what its dictionary, or the document around it, states."""
    beside = [site.get("xyz") for site in data["sites"]]
    if all(isinstance(place, list) and len(place) == 3 for place in beside):
        try:
            fractional = structure.lattice.get_fractional_coords(np.array(beside, dtype=float))
        except (TypeError, ValueError):
            return "its Cartesian coordinates are no numbers"
        apart = structure.frac_coords - fractional
        apart -= np.round(apart)
        distance = np.linalg.norm(structure.lattice.get_cartesian_coords(apart), axis=1)
        if not (distance <= _COORDINATE_TOLERANCE).all():
            return "fractional and Cartesian coordinates of its atoms do not agree"
    said = data.get(_STATED, {})
    for volume in (_number(data["lattice"].get("volume")), _number(said.get("volume"))):
        if fault := contradiction(structure, Stated(volume=volume)):
            return fault
    formula = said.get("formula_pretty")
    stated = Stated(
        formula=read_formula(formula) if isinstance(formula, str) else None,
        density=_number(said.get("density")),
        sites=_number(said.get("nsites")),
    )
    return contradiction(structure, stated)


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and np.isfinite(value) and value > 0 else None


def _holds_one(item: Any) -> bool:
    return isinstance(item, dict) and ("sites" in item or "structure" in item)


def _inner(item: Any) -> dict[str, Any]:
    """Return the structure in a document; of what holds none, what reading says so of."""
    said: dict[str, Any] = {}
    while isinstance(item, dict) and "sites" not in item and "structure" in item:
        said |= item
        item = item["structure"]
    if not isinstance(item, dict):
        return {}
    names = ("formula_pretty", "nsites", "volume", "density")
    return {**item, _STATED: {name: said[name] for name in names if name in said}}


def _own_ids(items: Collection[Any], *keys: str) -> list[str] | None:
    """Return what items are called by one of some keys; None if not each has a name of its own."""
    found = [
        next((str(item[key]) for key in keys if isinstance(item.get(key), str | int)), "")
        for item in items
        if isinstance(item, dict)
    ]
    return found if all(found) and len(set(found)) == len(items) else None
