"""Collects from the store what the report of a campaign shows."""

import io
from importlib.metadata import version

from ruamel.yaml import YAML

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.jobs.fits import wanted_fits
from exafscn_flows.jobs.report_labels import collect_labels
from exafscn_flows.jobs.report_models import Reported, disagreements, read_models
from exafscn_flows.jobs.report_study import collect_provenance, collect_study
from exafscn_flows.jobs.status import Status, campaign_status
from exafscn_flows.keys import ModelKey
from exafscn_flows.report.data import ReportData, Skipped, TargetReport
from exafscn_flows.store.base import now
from exafscn_flows.store.documents import FailureDoc, SpectrumDoc
from exafscn_flows.store.store import Store

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
        targets=[
            TargetReport(target.name, target.task, target.title, target.short, target.unit)
            for target in config.targets
        ],
        models=[report for report, _ in models],
        skipped=_skipped(store, name),
        disagreements=disagreements(config, models),
        timings=_timings(store, name, status),
        provenance=collect_provenance(config) if models else None,
        labels=collect_labels(store, config, models),
        study=collect_study(store, config),
    )


def _models(store: Store, config: CampaignConfig) -> list[Reported]:
    """Collect the models that are up to date, in the order of the file."""
    found: list[Reported] = []
    fits = wanted_fits(store, config, config.absorbers)
    for absorber in config.absorbers:
        keys = [fit.version_key for fit in fits if fit.absorber == absorber]
        found += read_models(store, config, keys)
    order = [target.name for target in config.targets]
    return sorted(found, key=lambda one: order.index(one[0].target))


def _skipped(store: Store, name: str) -> list[Skipped]:
    query = {"campaign": name, "stage": "models"}
    docs = store.find(FailureDoc, query, sort=[("_id", 1)])
    found = (
        Skipped(ModelKey.parse(doc.item).target, doc.absorber or "", doc.message) for doc in docs
    )
    return list(dict.fromkeys(found))


def _timings(store: Store, name: str, status: Status) -> dict[str, float]:
    total = store.aggregate(
        SpectrumDoc,
        [
            {"$match": {"campaign": name, "found_in": None}},
            {"$group": {"_id": None, "seconds": {"$sum": "$seconds"}, "count": {"$sum": 1}}},
        ],
    )
    found: dict[str, float] = {}
    if total:
        seconds, count = total[0]["seconds"], total[0]["count"]
        found |= {
            "spectra": count,
            "FEFF, processor seconds": seconds,
            "FEFF, processor seconds per spectrum": seconds / count,
        }
    if n_found := store.count(SpectrumDoc, {"campaign": name, "found_in": {"$ne": None}}):
        found["spectra found, computed before"] = n_found
    return found
