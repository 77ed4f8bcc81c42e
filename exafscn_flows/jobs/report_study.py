"""Collects from the store what the report says about a study, and what models are made from."""

from typing import Any

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.features import Concatenation, LarchSettings
from exafscn_flows.features.ranges import KRange
from exafscn_flows.jobs.fits import wanted_experiments
from exafscn_flows.report.study_data import Provenance, StudyData
from exafscn_flows.store.results import ExperimentDoc
from exafscn_flows.store.store import Store


def collect_provenance(config: CampaignConfig) -> Provenance:
    """Say what all models of a campaign are made from."""
    return Provenance(
        sources=list(dict.fromkeys(source.kind for source in config.sources)),
        spectra=[way.model_dump(mode="json") for way in config.spectra],
        targets=[target.model_dump(mode="json") for target in config.targets],
        feature_sets={
            fset.name: _described(fset, config.features) for fset in config.features.sets
        },
    )


def _described(fset: Any, larch: LarchSettings) -> dict[str, Any]:
    settings: dict[str, Any] = fset.model_dump(mode="json")
    if isinstance(fset, Concatenation):
        return settings | {"parts": [_described(part, larch) for part in fset.parts]}
    if isinstance(fset, KRange):
        settings |= dict(zip(("kmin", "kmax"), fset.limits(larch), strict=True))
    parameters = fset.parameters(larch)
    resolved = ("kweight", "autobk", "xftf")
    return settings | {name: parameters[name] for name in resolved if name in parameters}


def collect_study(store: Store, config: CampaignConfig) -> StudyData | None:
    """Collect the experiments that are up to date; None without a study section."""
    if config.study is None:
        return None
    found: list[ExperimentDoc] = []
    for absorber in config.absorbers:
        wanted = wanted_experiments(store, config, absorber)
        docs = store.read(ExperimentDoc, config.campaign, [one.key for one in wanted])
        found += [
            docs[one.key] for one in wanted if one.key in docs and docs[one.key].hash == one.hash
        ]
    return StudyData(config.studied_target, config.studied_set, found, claims=config.study.claims)
