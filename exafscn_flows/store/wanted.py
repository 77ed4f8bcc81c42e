"""Hashes that a site's documents have when they are what the campaign file asks for."""

from dataclasses import dataclass

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.hashing import content_hash
from exafscn_flows.store.documents import SiteDoc
from exafscn_flows.targets import TargetModel


@dataclass(frozen=True)
class Wanted:
    """Hashes that a site's documents have when they are up to date."""

    labels: dict[str, str]
    """By target; none without a structure, nor of curves, which are features."""
    spectra: dict[str, str]
    """By name."""
    features: dict[str, str]
    """By feature set."""


def wanted_hashes(config: CampaignConfig, site: SiteDoc) -> Wanted:
    """Hashes that the settings ask for; each includes what the stage is computed from."""
    spectra = {
        way.name: content_hash(
            "spectra", way.parameters(), site.hash, *([site.stored] if way.stored else [])
        )
        for way in config.spectra
    }
    return Wanted(
        labels={
            target.name: content_hash(
                "labels",
                target.parameters(site.averaged),
                site.hash,
                # It decides over which sites the mean is one.
                *([config.sites.symprec] if site.averaged else []),
            )
            # Of what is not known there is no label; nothing has failed.
            for target in (config.targets if site.has_structure else ())
            # Curves are features already.
            if isinstance(target, TargetModel)
        },
        spectra=spectra,
        features={
            fset.name: content_hash(
                "features",
                fset.parameters(config.features),
                # An empty one stands for a spectrum that nothing offers; there is none.
                *(spectra[name or ""] for name in fset.spectra),
                *([site.hash] if fset.takes_structure else []),
            )
            for fset in config.features.sets
        },
    )
