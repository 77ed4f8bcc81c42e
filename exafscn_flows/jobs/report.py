"""Collects from the store what the report of a campaign shows."""

import io
from importlib.metadata import version

from ruamel.yaml import YAML

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.jobs.fits import wanted_fits
from exafscn_flows.jobs.report_labels import collect_labels
from exafscn_flows.jobs.report_models import Reported, disagreements, read_models
from exafscn_flows.jobs.report_study import collect_provenance, collect_study
from exafscn_flows.jobs.status import campaign_status
from exafscn_flows.keys import ModelKey
from exafscn_flows.report.data import ReportData, Skipped, TargetReport
from exafscn_flows.store.base import now
from exafscn_flows.store.documents import FailureDoc, SpectrumDoc
from exafscn_flows.store.store import COMPUTED, Store

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
        versions={library: version(library) for library in _LIBRARIES} | _programs(store, name),
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
        timings=_timings(store, name),
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
    return [Skipped(*ModelKey.parse(doc.item), doc.message) for doc in docs]


def _programs(store: Store, name: str) -> dict[str, str]:
    """Return the versions of what computed the spectra, for this campaign or before, by name."""
    of_program = {"_id": "$program", "versions": {"$addToSet": "$version"}}
    rows = store.aggregate(
        SpectrumDoc,
        [
            {"$match": {"campaign": name, **COMPUTED}},
            {"$group": of_program},
            {"$sort": {"_id": 1}},
        ],
    )
    return {row["_id"]: ", ".join(sorted(row["versions"])) for row in rows}


def _timings(store: Store, name: str) -> dict[str, float]:
    """Say what computing spectra took, by program; those that sources bring took nothing."""
    rows = store.aggregate(
        SpectrumDoc,
        [
            {"$match": {"campaign": name, "found_in": None, **COMPUTED}},
            {"$group": {"_id": "$program", "seconds": {"$sum": "$seconds"}, "n": {"$sum": 1}}},
            {"$sort": {"_id": 1}},
        ],
    )
    found: dict[str, float] = {}
    for row in rows:
        program, seconds, count = row["_id"], row["seconds"], row["n"]
        found |= {
            f"{program}, spectra computed": count,
            f"{program}, processor seconds": seconds,
            f"{program}, processor seconds per spectrum": seconds / count,
        }
    if n_found := store.count(SpectrumDoc, {"campaign": name, "found_in": {"$ne": None}}):
        found["spectra found, computed before"] = n_found
    return found
