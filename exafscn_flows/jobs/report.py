"""Collects from the store what the report of a campaign shows."""

import io
from importlib.metadata import version

import numpy as np
from ruamel.yaml import YAML

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.jobs.dataset import Dataset, all_labelled_sites, feature_matrix
from exafscn_flows.jobs.fits import wanted_fits
from exafscn_flows.jobs.report_study import collect_labels, collect_provenance, collect_study
from exafscn_flows.jobs.status import Status, campaign_status
from exafscn_flows.report.data import Disagreement, ModelReport, ReportData
from exafscn_flows.store.base import now
from exafscn_flows.store.conditions import PredictionQuery
from exafscn_flows.store.documents import FailureDoc, SpectrumDoc
from exafscn_flows.store.queries import find_predictions
from exafscn_flows.store.results import MetricsDoc, ModelDoc
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
    models = _models(store, config)
    return ReportData(
        campaign=name,
        settings_yaml=settings.getvalue(),
        versions={library: version(library) for library in _LIBRARIES}
        | {"FEFF": ", ".join(store.distinct(SpectrumDoc, "version", {"campaign": name}))},
        created_at=now(),
        stages=status.counts,
        failures=status.failures,
        models=models,
        skipped=_skipped(store, name),
        disagreements=_disagreements(store, config),
        timings=_timings(store, name, status),
        provenance=collect_provenance(config) if models else None,
        labels=collect_labels(store, config, models),
        study=collect_study(store, config),
    )


def _models(store: Store, config: CampaignConfig) -> list[ModelReport]:
    """Collect the models that are up to date."""
    reports = []
    for absorber in config.absorbers:
        fits = wanted_fits(store, config, absorber)
        keys = [fit.version_key for fit in fits]
        metrics = store.read(MetricsDoc, config.campaign, keys)
        docs = store.read(ModelDoc, config.campaign, keys)
        made = {key: docs[key].feature_set for key in metrics if key in docs}
        datasets = all_labelled_sites(store, config, absorber, list(dict.fromkeys(made.values())))
        means = {name: _mean_vectors(store, dataset) for name, dataset in datasets.items()}
        reports += [
            ModelReport(
                metrics[fit.version_key],
                docs[fit.version_key],
                means[fit.feature_set.name],
                fit.feature_set.value_label(config.features),
            )
            for fit in fits
            if fit.version_key in made
        ]
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
    query = PredictionQuery(campaign=config.campaign, disagrees=True)
    return [
        Disagreement(
            site=row["site"],
            formula=row["formula"],
            feature_set=row["feature_set"],
            cn_label=row["cn_label"],
            cn=row["cn"],
            probability=row["probability"],
        )
        for row in find_predictions(store, query, limit=N_DISAGREEMENTS)
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
