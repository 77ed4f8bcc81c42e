"""All that the database knows of one site."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from pydantic import BaseModel

from exafscn_flows.errors import ItemFailure, UsageError
from exafscn_flows.keys import failure_key
from exafscn_flows.store.base import SiteStageDoc, keys_of
from exafscn_flows.store.documents import (
    FailureDoc,
    FeatureDoc,
    LabelDoc,
    SiteDoc,
    SpectrumDoc,
    StructureDoc,
)
from exafscn_flows.store.results import MetricsDoc, PredictionDoc, PromotionDoc
from exafscn_flows.store.store import Store

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from exafscn_flows.targets.neighbour_list import Neighbour

_SHOWN = 5
"""Keys that are offered instead of one that is not there."""

_LISTED = 1000
"""Keys among which similar ones are looked for."""

_STAGES = ("labels", "spectra", "features")
"""Stages whose items are those of a site."""

S = TypeVar("S", bound=SiteStageDoc)


@dataclass(frozen=True)
class SiteRecord:
    """One site, with all that was computed for it.

    Attributes
    ----------
    site, structure
        What it is.
    labels, spectra, features
        By the names of the campaign file, also those that it no longer has.
    predictions
        By all versions of models; those that queries use first.
    current
        The versions that queries use.
    failures
        What could not be computed for the site.
    """

    site: SiteDoc
    structure: StructureDoc
    labels: list[LabelDoc]
    spectra: list[SpectrumDoc]
    features: list[FeatureDoc]
    predictions: list[PredictionDoc]
    current: frozenset[str]
    failures: list[FailureDoc]

    def crystal(self) -> "Structure | None":
        """Return the cell; None of a measured spectrum without a structure."""
        found = self.structure.structure
        if found is None:
            return None
        return stored_crystal(found, self.structure.material_id)

    def neighbours(self) -> "list[Neighbour]":
        """List the atoms around the site; none where CrystalNN fails, or of several sites."""
        # Whoever looks at predictions need not wait for pymatgen.
        from exafscn_flows.targets.neighbour_list import neighbour_list

        crystal = self.crystal()
        if crystal is None or self.site.averaged:
            return []
        try:
            return neighbour_list(crystal, self.site.site_index)
        except ItemFailure:
            return []


def stored_crystal(found: dict[str, Any], material_id: str) -> "Structure":
    """Return a cell that is stored as a dictionary."""
    from exafscn_flows.sources.structure_json import parse_structure_dict

    return parse_structure_dict(found, f"stored structure {material_id}")


def title_of(source: dict[str, Any], material_id: str) -> str:
    """Return what people call a structure: its mineral, or its file, or its identifier.

    Parameters
    ----------
    source
        Field of its document.
    material_id
        What it is called where the source has no other name for it.
    """
    names = (source.get(key) for key in ("mineral", "name", "file", "folder"))
    return next((str(name) for name in names if name), material_id)


def find_site(store: Store, campaign: str, key: str) -> SiteDoc:
    """Read the document of a site.

    Raises
    ------
    UsageError
        If the campaign, or a site of this key in it, is not there; says which are like it.
    """
    store.campaign(campaign)
    found = store.read(SiteDoc, campaign, [key])
    if key in found:
        return found[key]
    raise UsageError(f"campaign {campaign} has no site {key!r}: {_advice(store, campaign, key)}")


def _advice(store: Store, campaign: str, key: str) -> str:
    material = {"campaign": campaign, "material_id": key.split(":")[0]}
    of_material = [raw["site"] for raw in store.project(SiteDoc, material, ["site"], limit=_SHOWN)]
    if of_material:
        return f"of that material it has {', '.join(of_material)}"
    raws = store.project(SiteDoc, {"campaign": campaign}, ["site"], limit=_LISTED)
    similar = get_close_matches(key, [raw["site"] for raw in raws], _SHOWN)
    if similar:
        return f"do you mean {' or '.join(similar)}?"
    return "`exafscn query` shows keys of sites"


def site_record(store: Store, campaign: str, key: str) -> SiteRecord:
    """Read all that is there of one site.

    Raises
    ------
    UsageError
        As `find_site`.
    """
    site = find_site(store, campaign, key)
    structures = store.read(StructureDoc, campaign, [site.material_id])
    current, versions = _versions(store, site)
    ids = [f"{campaign}/{version}/{site.formula or ''}/{key}" for version in sorted(versions)]
    predictions = list(store.find(PredictionDoc, {"_id": {"$in": ids}}))
    predictions.sort(
        key=lambda doc: (doc.hash not in current, doc.target, doc.feature_set, doc.model, doc.hash)
    )
    failures = [
        doc
        for stage in _STAGES
        for doc in store.find(
            FailureDoc,
            {"_id": keys_of(f"{campaign}/{failure_key(stage, key)}")},
            sort=[("_id", 1)],
        )
    ]
    return SiteRecord(
        site=site,
        structure=structures[site.material_id],
        labels=_of_site(store, LabelDoc, site),
        spectra=_of_site(store, SpectrumDoc, site),
        features=_of_site(store, FeatureDoc, site),
        predictions=predictions,
        current=frozenset(current),
        failures=failures,
    )


def _of_site(store: Store, kind: type[S], site: SiteDoc) -> list[S]:
    found = store.find(kind, {"_id": keys_of(f"{site.campaign}/{site.site}")}, sort=[("_id", 1)])
    # A key may begin as another one does, and go on with a slash.
    return [doc for doc in found if doc.site == site.site]


def _versions(store: Store, site: SiteDoc) -> tuple[set[str], set[str]]:
    """Return the versions of models of a site's absorber that queries use, and all there are."""
    of_absorber = {"campaign": site.campaign, "absorber": site.absorber}
    current = set(store.distinct(PromotionDoc, "hash", of_absorber))
    # Answers for measured spectra have no metrics.
    return current, current | set(store.distinct(MetricsDoc, "hash", of_absorber))


def plain(value: Any, left_out: Collection[str] = ()) -> Any:
    """Return a document, or a part of one, as JSON takes it.

    Parameters
    ----------
    left_out
        Names of fields of the document.
    """
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return {name: plain(getattr(value, name)) for name in fields if name not in left_out}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value
