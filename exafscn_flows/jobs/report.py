"""Collects from the store what the report of a campaign shows."""

import io
from importlib.metadata import version

import numpy as np
from ruamel.yaml import YAML

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.jobs.fits import wanted_fits
from exafscn_flows.jobs.report_predictions import VersionPredictions, read_predictions
from exafscn_flows.jobs.report_study import collect_labels, collect_provenance, collect_study
from exafscn_flows.jobs.status import Status, campaign_status
from exafscn_flows.keys import ModelKey, item_key
from exafscn_flows.report.data import (
    Disagreement,
    MeanVector,
    ModelReport,
    ReportData,
    Skipped,
    TargetReport,
)
from exafscn_flows.report.views import view_of
from exafscn_flows.store.base import now
from exafscn_flows.store.documents import FailureDoc, FeatureDoc, SpectrumDoc
from exafscn_flows.store.results import MetricsDoc, ModelDoc
from exafscn_flows.store.store import Store

N_DISAGREEMENTS = 20
"""Sites of each target that are shown."""

_LIBRARIES = ("exafscn", "xraylarch", "pymatgen", "scikit-learn", "numpy", "larixite")


def collect_report(store: Store, name: str) -> ReportData:
    """Collect everything that the report of one campaign shows.

    Raises
    ------
    UsageError
        If there is no such campaign.
    """
    config = store.config(name)
    status = campaign_status(store, name)
    settings = io.StringIO()
    YAML(typ="safe", pure=True).dump(config.model_dump(mode="json"), settings)
    models = _models(store, config)
    reports = [report for report, _ in models]
    return ReportData(
        campaign=name,
        settings_yaml=settings.getvalue(),
        versions={library: version(library) for library in _LIBRARIES}
        | {"FEFF": ", ".join(store.distinct(SpectrumDoc, "version", {"campaign": name}))},
        created_at=now(),
        stages=status.counts,
        failures=status.failures,
        targets=[
            TargetReport(target.name, target.task, target.title, target.short, target.unit)
            for target in config.targets
        ],
        models=reports,
        skipped=_skipped(store, name),
        disagreements=_disagreements(config, models),
        timings=_timings(store, name, status),
        provenance=collect_provenance(config) if models else None,
        labels=collect_labels(store, config, models),
        study=collect_study(store, config),
    )


def _models(store: Store, config: CampaignConfig) -> list[tuple[ModelReport, VersionPredictions]]:
    """Collect the models that are up to date, with their out-of-fold predictions."""
    found = [one for absorber in config.absorbers for one in _models_of(store, config, absorber)]
    order = [target.name for target in config.targets]
    return sorted(found, key=lambda one: order.index(one[0].target))


def _models_of(
    store: Store, config: CampaignConfig, absorber: str
) -> list[tuple[ModelReport, VersionPredictions]]:
    keys = [fit.version_key for fit in wanted_fits(store, config, absorber)]
    metrics = store.read(MetricsDoc, config.campaign, keys)
    docs = store.read(ModelDoc, config.campaign, keys)
    made = [key for key in keys if key in metrics and key in docs]
    predictions = {key: read_predictions(store, metrics[key]) for key in made}
    sets = {fset.name: fset for fset in config.features.sets}
    units = {target.name: target.unit for target in config.targets}
    means: dict[str, list[MeanVector]] = {}
    # One feature set after the other: vectors of all of them may not fit into memory.
    for name in dict.fromkeys(metrics[key].feature_set for key in made):
        own = [key for key in made if metrics[key].feature_set == name]
        sites = sorted({site for key in own for site in predictions[key].sites})
        vectors = _vectors(store, config.campaign, name, sites)
        by_target: dict[str, list[MeanVector]] = {}
        for key in own:
            target = metrics[key].target
            if target not in by_target:
                by_target[target] = _means(vectors, sites, metrics[key], predictions[key], units)
            means[key] = by_target[target]
    return [
        (
            ModelReport(
                metrics[key],
                docs[key],
                means[key],
                sets[metrics[key].feature_set].value_label(config.features),
                predictions[key].label,
                predictions[key].value,
            ),
            predictions[key],
        )
        for key in made
    ]


def _vectors(store: Store, campaign: str, feature_set: str, sites: list[str]) -> np.ndarray:
    docs = store.read(FeatureDoc, campaign, [item_key(site, feature_set) for site in sites])
    return np.stack([docs[item_key(site, feature_set)].vector for site in sites])


def _means(
    vectors: np.ndarray,
    sites: list[str],
    metrics: MetricsDoc,
    predictions: VersionPredictions,
    units: dict[str, str],
) -> list[MeanVector]:
    rows = vectors[np.searchsorted(sites, predictions.sites)]
    groups = view_of(metrics.task).groups(predictions.label, units[metrics.target])
    return [
        MeanVector(name, int(inside.sum()), rows[inside].mean(axis=0)) for name, inside in groups
    ]


def _skipped(store: Store, name: str) -> list[Skipped]:
    query = {"campaign": name, "stage": "models"}
    docs = store.find(FailureDoc, query, sort=[("_id", 1)])
    found = (
        Skipped(ModelKey.parse(doc.item).target, doc.absorber or "", doc.message) for doc in docs
    )
    return list(dict.fromkeys(found))


def _disagreements(
    config: CampaignConfig, models: list[tuple[ModelReport, VersionPredictions]]
) -> list[Disagreement]:
    """Choose, of the first model of each target, the sites that are the most worth a look."""
    found: list[Disagreement] = []
    for target in config.targets:
        own = [one for one in models if one[0].target == target.name]
        first = own[0][0] if own else None
        sites = [
            site
            for report, predictions in own
            if first and (report.feature_set, report.model) == (first.feature_set, first.model)
            for site in predictions.disagreements
        ]
        surprise = view_of(target.task).surprise
        sites.sort(key=lambda site: (-surprise(site), site["site"]))
        found += sites[:N_DISAGREEMENTS]
    return found


def _timings(store: Store, name: str, status: Status) -> dict[str, float]:
    total = store.aggregate(
        SpectrumDoc,
        [
            {"$match": {"campaign": name}},
            {"$group": {"_id": None, "seconds": {"$sum": "$seconds"}, "count": {"$sum": 1}}},
        ],
    )
    if not total:
        return {}
    seconds, count = total[0]["seconds"], total[0]["count"]
    return {
        "sites with a spectrum": count,
        "FEFF, processor seconds": seconds,
        "FEFF, processor seconds per site": seconds / count,
    }
