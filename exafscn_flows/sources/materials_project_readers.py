"""Structures and spectra from records of the Materials Project; no network."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from exafscn_flows.errors import ItemFailure
from exafscn_flows.sources.base import Record, StoredSite
from exafscn_flows.sources.structure_json import parse_structure_dict
from exafscn_flows.sources.xas_document import (
    document_site,
    document_spectrum,
    document_structure,
)
from exafscn_flows.spectra.base import Spectrum

if TYPE_CHECKING:
    from pymatgen.core import Structure


class StructuresReader:
    """Reads summary documents, by material id.

    Parameters
    ----------
    records
        Documents.
    """

    def __init__(self, records: Mapping[str, Record]) -> None:
        self._records = records

    def load(self, material_id: str) -> "Structure":
        structure = self._records[material_id].get("structure")
        if not isinstance(structure, dict):
            message = f"{material_id}: the Materials Project sent no structure"
            raise ItemFailure("bad_record", message, "its document is at fault; leave it out")
        return parse_structure_dict(structure, material_id)

    def provenance(self, material_id: str) -> dict[str, Any]:
        record = self._records[material_id]
        builder = record.get("builder_meta")
        return {
            **_origin(material_id),
            **_known(record, "last_updated", "theoretical", "energy_above_hull"),
            **_known(builder if isinstance(builder, dict) else {}, "database_version", "license"),
        }

    def stored_sites(self, material_id: str, absorbers: Sequence[str]) -> list[StoredSite]:
        raise NotImplementedError

    def spectrum(self, material_id: str, site: StoredSite) -> Spectrum:
        raise NotImplementedError


class SpectraReader:
    """Reads XAS documents, by material and absorber: mp-19009-Ni.

    Parameters
    ----------
    records
        Documents.
    """

    def __init__(self, records: Mapping[str, Record]) -> None:
        self._records = records

    def load(self, material_id: str) -> "Structure":
        return document_structure(self._records[material_id], material_id)

    def provenance(self, material_id: str) -> dict[str, Any]:
        record = self._records[material_id]
        id_ = material_id.rpartition("-")[0]
        return {**_origin(id_), **_known(record, "spectrum_id", "last_updated")}

    def stored_sites(self, material_id: str, absorbers: Sequence[str]) -> list[StoredSite]:
        site = document_site(self._records[material_id], material_id)
        return [site] if site.absorber in absorbers else []

    def spectrum(self, material_id: str, site: StoredSite) -> Spectrum:
        return document_spectrum(self._records[material_id], material_id)


def _origin(id_: str) -> dict[str, Any]:
    return {"kind": "materials_project", "id": id_}


def _known(record: Mapping[str, Any], *names: str) -> dict[str, str | float]:
    """Take what is a short text or a number; a document at fault may hold anything."""
    values = {name: record.get(name) for name in names}
    return {
        name: value
        for name, value in values.items()
        if (isinstance(value, int | float) and abs(value) < 2**63)
        or (isinstance(value, str) and len(value) <= 100 and value.isprintable())
    }
