"""All that is known of one site."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from exafscn_flows.errors import UsageError
from exafscn_flows.keys import item_key
from exafscn_flows.store.base import Document
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


@dataclass(frozen=True)
class SiteView:
    """Documents of one site, in the order of the campaign file.

    Attributes
    ----------
    structure
        None if there is none.
    predictions
        Of every version of every model that there is.
    current
        Versions that queries mean.
    """

    site: SiteDoc
    structure: StructureDoc | None
    labels: list[LabelDoc]
    spectra: list[SpectrumDoc]
    features: list[FeatureDoc]
    predictions: list[PredictionDoc]
    failures: list[FailureDoc]
    current: frozenset[str]

    def crystal(self) -> "Structure":
        """Return the crystal.

        Raises
        ------
        UsageError
            If it is not known.
        """
        if self.structure is None or self.structure.structure is None:
            raise UsageError(f"site {self.site.site} has no structure")
        from pymatgen.core import Structure

        return Structure.from_dict(self.structure.structure)

    def spectrum(self, name: str | None) -> SpectrumDoc:
        """Return one of the spectra, by default the first.

        Raises
        ------
        UsageError
            If there is none of this name.
        """
        for one in self.spectra:
            if name in (None, one.spectrum):
                return one
        known = ", ".join(one.spectrum for one in self.spectra) or "none"
        wanted = f"no spectrum {name!r}" if name else "no spectrum"
        raise UsageError(f"site {self.site.site} has {wanted}; it has {known}")

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON has it."""
        found: dict[str, Any] = {}
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, Document):
                found[one.name] = plain(value)
            elif isinstance(value, list):
                found[one.name] = [plain(each) for each in value]
            else:
                found[one.name] = None if value is None else sorted(value)
        return found


def read_site(store: Store, campaign: str, key: str) -> SiteView:
    """Read what is known of a site.

    Raises
    ------
    UsageError
        If there is no such campaign, or no such site in it.
    """
    config = store.config(campaign)
    site = store.read(SiteDoc, campaign, [key]).get(key)
    if site is None:
        raise UsageError(
            f"campaign {campaign} has no site {key!r}: a query lists the keys of sites"
        )
    of_absorber = {"campaign": campaign, "absorber": site.absorber}
    current = {raw["hash"] for raw in store.project(PromotionDoc, of_absorber, ["hash"])}
    versions = {raw["hash"] for raw in store.project(MetricsDoc, of_absorber, ["hash"])} | current
    ids = [f"{version}/{site.formula or ''}/{key}" for version in sorted(versions)]
    failed = {"campaign": campaign, "absorber": site.absorber}
    failures = [
        one
        for one in store.find(FailureDoc, failed, sort=[("_id", 1)])
        if one.item == key or one.item.startswith(f"{key}/")
    ]
    order = [one.name for one in config.targets].index
    predictions = sorted(
        store.read(PredictionDoc, campaign, ids).values(),
        key=lambda one: (order(one.target), one.hash not in current, one.feature_set, one.model),
    )
    structures = store.read(StructureDoc, campaign, [site.material_id])
    return SiteView(
        site=site,
        structure=structures.get(site.material_id),
        labels=_in_order(store, LabelDoc, campaign, key, [one.name for one in config.targets]),
        spectra=_in_order(store, SpectrumDoc, campaign, key, [one.name for one in config.spectra]),
        features=_in_order(
            store, FeatureDoc, campaign, key, [one.name for one in config.features.sets]
        ),
        predictions=predictions,
        failures=failures,
        current=frozenset(current),
    )


def _in_order(store: Store, kind: type[Any], campaign: str, key: str, names: list[str]) -> Any:
    keys = [item_key(key, name) for name in names]
    found = store.read(kind, campaign, keys)
    return [found[one] for one in keys if one in found]


def plain(document: Document) -> dict[str, Any]:
    """Return a document as JSON has it: vectors are lists, of numbers as they are stored."""
    return {name: _plain(getattr(document, name)) for name in type(document).model_fields}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        # The shortest decimals that are the same 32-bit number.
        return [float(str(one)) for one in value]
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
