"""Collects from the store what the report shows of models, once it is known which."""

from collections.abc import Sequence

import numpy as np

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.features import Concatenation, FeatureSetModel, LarchSettings
from exafscn_flows.jobs.report_curves import curve_examples
from exafscn_flows.jobs.report_predictions import VersionPredictions, read_predictions
from exafscn_flows.keys import item_key
from exafscn_flows.report.data import Disagreement, FeaturePart, MeanVector, ModelReport
from exafscn_flows.report.views import view_of
from exafscn_flows.store.documents import FeatureDoc
from exafscn_flows.store.results import MetricsDoc, ModelDoc
from exafscn_flows.store.store import Store

N_DISAGREEMENTS = 20
"""Sites of each target that are shown."""

Reported = tuple[ModelReport, VersionPredictions]


def read_models(store: Store, config: CampaignConfig, keys: Sequence[str]) -> list[Reported]:
    """Read the versions of one absorber with these keys, as far as they are complete."""
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
                _parts(sets[metrics[key].feature_set], config.features),
                curve_examples(store, config, metrics[key], predictions[key]),
            ),
            predictions[key],
        )
        for key in made
    ]


def _parts(fset: FeatureSetModel, settings: LarchSettings) -> tuple[FeaturePart, ...]:
    return tuple(
        FeaturePart(part.name, *part.axis(settings), part.value_label(settings))
        for part in (fset.parts if isinstance(fset, Concatenation) else ())
    )


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


def disagreements(config: CampaignConfig, models: Sequence[Reported]) -> list[Disagreement]:
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
