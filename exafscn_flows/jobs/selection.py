"""Which sites a campaign selects, once it is known which structures it takes."""

from array import array
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.hashing import content_hash, short_hash
from exafscn_flows.keys import site_key
from exafscn_flows.store.documents import SiteDoc, StructureDoc
from exafscn_flows.store.store import Store

FIELDS = (
    "hash",
    "material_id",
    "formula",
    "elements",
    "n_atoms",
    "structure_hash",
    "inequivalent_sites",
    "averaged",
    "source",
)
"""What sites take from the document of their structure."""


class Names:
    """Remembers which names were seen, 8 bytes for each."""

    def __init__(self) -> None:
        self._hashes = array("Q")
        self._sorted = np.empty(0, dtype=np.uint64)

    def add(self, *parts: str) -> None:
        self._hashes.append(short_hash("\0".join(parts)))

    def __contains__(self, parts: tuple[str, ...]) -> bool:
        if len(self._sorted) != len(self._hashes):
            self._sorted = np.sort(np.array(self._hashes, dtype=np.uint64))
        wanted = np.uint64(short_hash("\0".join(parts)))
        place = int(np.searchsorted(self._sorted, wanted))
        return place < len(self._sorted) and bool(self._sorted[place] == wanted)


def selected_sites(
    store: Store, config: CampaignConfig, wanted: dict[str, set[str]]
) -> dict[str, SiteDoc]:
    """Build the sites of some absorbers, given by structure, by key."""
    ids = {"_id": {"$in": [f"{config.campaign}/{material}" for material in wanted]}}
    found = store.project(StructureDoc, ids, FIELDS)
    return {
        site.site: site
        for raw in found
        for site in sites_of(config, wanted[raw["material_id"]], raw)
    }


def sites_of(
    config: CampaignConfig, absorbers: set[str], raw: Mapping[str, Any]
) -> Iterator[SiteDoc]:
    """Build the sites of some absorbers in one structure, given by :data:`FIELDS`."""
    # Structures may have a file, too; a label of a spectrum in it has only what was measured.
    measured = raw["source"] if "group" in raw["source"] else {}
    for absorber in absorbers:
        averaged = absorber in raw["averaged"]
        sites = raw["inequivalent_sites"][absorber][: config.sites.max_per_absorber]
        for index, multiplicity in sites:
            yield SiteDoc(
                campaign=config.campaign,
                hash=site_hash(raw["structure_hash"], index, multiplicity),
                site=site_key(raw["material_id"], absorber, "all" if averaged else index),
                material_id=raw["material_id"],
                absorber=absorber,
                site_index=index,
                multiplicity=multiplicity,
                averaged=averaged,
                formula=raw["formula"],
                elements=raw["elements"],
                n_atoms=raw["n_atoms"],
                file=measured.get("file"),
                group=measured.get("group"),
                # A stored spectrum may change where the structure does not.
                stored=raw["hash"] if config.stored else None,
                active=True,
            )


def site_hash(structure_hash: str, index: int, multiplicity: int) -> str:
    """Hash what the documents of a site depend on, but for a stored spectrum."""
    return content_hash("site", structure_hash, index, multiplicity)
