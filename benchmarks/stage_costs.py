"""What the stages of a campaign cost this process, FEFF itself left out."""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import ItemFailure
from exafscn_flows.keys import item_key
from exafscn_flows.store.documents import SiteDoc, SpectrumDoc, StructureDoc
from exafscn_flows.store.store import Store

N_SITES = 60
N_FEFF = 12
"""Sites on which the stages are timed; each run of FEFF takes a second."""


def stage_costs(store: Store, config: CampaignConfig, scratch: Path, seed: int) -> dict[str, float]:
    """Time each stage on a sample of the sites of a finished campaign.

    Returns
    -------
    dict
        Processor seconds of all structures or sites of the campaign, by stage.
    """
    from pymatgen.core import Structure

    from exafscn_flows.crystal import reduce_structure
    from exafscn_flows.features import Inputs
    from exafscn_flows.spectra.base import Spectrum
    from exafscn_flows.targets.crystal_nn import coordination

    name = config.campaign
    sites = list(store.active_sites(name))
    sample = random.Random(seed).sample(sites, min(N_SITES, len(sites)))
    docs = store.read(StructureDoc, name, {site.material_id for site in sample})
    crystals = {key: Structure.from_dict(doc.structure) for key, doc in docs.items()}
    (way,) = config.spectra
    stored = store.read(SpectrumDoc, name, [item_key(site.site, way.name) for site in sample])
    spectra = [
        Spectrum(**{field: getattr(doc, field) for field in Spectrum.__dataclass_fields__})
        for doc in stored.values()
    ]
    (source,) = config.sources

    def read(entry: str) -> None:
        reduce_structure(source.load(entry), config.sites.symprec)  # type: ignore[union-attr]

    def label(site: SiteDoc) -> None:
        coordination(crystals[site.material_id], site.site_index)

    def compute(site: SiteDoc) -> None:
        crystal = crystals[site.material_id]
        way.compute(crystal, site.site_index, scratch)

    def features(spectrum: Spectrum) -> None:
        for feature_set in config.features.sets:
            feature_set.vector(Inputs({way.name: spectrum}), config.features)

    return {
        "reading": _mean(read, [doc.entry for doc in docs.values()])
        * store.count(StructureDoc, {"campaign": name}),
        "labels": _mean(label, sample) * len(sites),
        "spectra outside FEFF": _mean(compute, sample[:N_FEFF]) * len(sites),
        "features": _mean(features, spectra) * len(sites),
    }


def _mean(work: Callable[[Any], None], items: list[Any]) -> float:
    """Return the mean processor seconds of this process, children left out, per item."""
    _run(work, items[0])  # imports, caches
    started = time.process_time()
    for item in items:
        _run(work, item)
    return (time.process_time() - started) / len(items)


def _run(work: Callable[[Any], None], item: Any) -> None:
    with suppress(ItemFailure):  # a failure costs time, too
        work(item)
