"""What people call a structure: its mineral, or the file that it is from."""

from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from exafscn_flows.store.documents import StructureDoc
from exafscn_flows.store.store import Store


def source_name(source: Mapping[str, Any]) -> str | None:
    """Return the mineral, the file or the folder that a source states; None if it states none.

    Parameters
    ----------
    source
        As of a structure document.
    """
    if mineral := source.get("mineral"):
        return str(mineral)
    place = source.get("file") or source.get("folder")
    return None if place is None else PurePath(place).name or str(place)


def source_names(store: Store, campaign: str, materials: Iterable[str]) -> dict[str, str]:
    """Return the names of some structures of a campaign, as far as they have any."""
    query = {"_id": {"$in": [f"{campaign}/{name}" for name in materials]}}
    found = store.project(StructureDoc, query, ["material_id", "source"])
    named = {raw["material_id"]: source_name(raw["source"]) for raw in found}
    return {material: name for material, name in named.items() if name is not None}
