"""Collects from the store what the report of a campaign shows."""

import io
from importlib.metadata import version

import numpy as np
from ruamel.yaml import YAML

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.jobs.dataset import Dataset, feature_matrix, labelled_sites
from exafscn_flows.jobs.status import Status, campaign_status
from exafscn_flows.jobs.train import wanted_fits
from exafscn_flows.report.data import Disagreement, ModelReport, ReportData
from exafscn_flows.store.documents import (
    FailureDoc,
    MetricsDoc,
    ModelDoc,
    PredictionDoc,
    SpectrumDoc,
    now,
)
from exafscn_flows.store.queries import default_names
from exafscn_flows.store.store import Store

N_DISAGREEMENTS = 20

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
    return ReportData(
        campaign=name,
        settings_yaml=settings.getvalue(),
        versions={library: version(library) for library in _LIBRARIES}
        | {"FEFF": ", ".join(store.distinct(SpectrumDoc, "version", {"campaign": name}))},
        created_at=now(),
        stages=status.counts,
        failures=status.failures,
        models=_models(store, config),
        skipped=_skipped(store, name),
        disagreements=_disagreements(store, config),
        timings=_timings(store, name, status),
    )


def _models(store: Store, config: CampaignConfig) -> list[ModelReport]:
    """Collect the models that are up to date."""
    reports = []
    for absorber in config.absorbers:
        fits = wanted_fits(store, config, absorber)
        keys = [fit.key for fit in fits]
        metrics = store.read(MetricsDoc, config.campaign, keys)
        docs = store.read(ModelDoc, config.campaign, keys)
        means: dict[str, dict[int, np.ndarray]] = {}
        for fit in fits:
            found = metrics.get(fit.key)
            if found is None or found.hash != fit.hash or fit.key not in docs:
                continue
            fset = fit.feature_set
            if fset.name not in means:
                dataset = labelled_sites(store, config, absorber, fset.name)
                means[fset.name] = _mean_vectors(store, dataset)
            label = fset.value_label(config.features)
            reports.append(ModelReport(found, docs[fit.key], means[fset.name], label))
    return reports


def _mean_vectors(store: Store, dataset: Dataset) -> dict[int, np.ndarray]:
    matrix = feature_matrix(store, dataset)
    return {int(cn): matrix[dataset.y == cn].mean(axis=0) for cn in np.unique(dataset.y)}


def _skipped(store: Store, name: str) -> list[tuple[str, str]]:
    query = {"campaign": name, "stage": "models"}
    docs = store.find(FailureDoc, query, sort=[("_id", 1)])
    return list(dict.fromkeys((doc.absorber or "", doc.message) for doc in docs))


def _disagreements(store: Store, config: CampaignConfig) -> list[Disagreement]:
    if not config.models:
        return []
    feature_set, model = default_names(config)
    query = {
        "campaign": config.campaign,
        "feature_set": feature_set,
        "model": model,
        "disagrees": True,
    }
    order = [("probability", -1), ("site", 1)]
    return [
        Disagreement(
            site=doc.site,
            formula=doc.formula,
            feature_set=doc.feature_set,
            cn_label=doc.cn_label,
            cn=doc.cn,
            probability=doc.probability,
        )
        for doc in store.find(PredictionDoc, query, sort=order, limit=N_DISAGREEMENTS)
    ]


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
