"""Which version of a model queries use.

A version is what one training made: a model, its metrics and its predictions. It is named by the
hash of the settings and of the data, and stays until it is dropped. Queries mean one version of
each model, named by one document, so that a switch shows all of it or nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import UsageError
from exafscn_flows.iteration import batches
from exafscn_flows.jobs.context import watcher
from exafscn_flows.jobs.dataset import feature_matrix, labelled_sites
from exafscn_flows.jobs.fits import Fit, vectors_hash, wanted_fits
from exafscn_flows.jobs.predictions import prediction_docs
from exafscn_flows.jobs.unlabelled import predict_with
from exafscn_flows.keys import ModelKey, failure_key
from exafscn_flows.store.documents import FailureDoc
from exafscn_flows.store.results import (
    MetricsDoc,
    ModelDoc,
    PredictionDoc,
    PromotionDoc,
    prediction_ids,
)
from exafscn_flows.store.store import Store
from exafscn_flows.store.versions import find_version, model_document, stored_model
from exafscn_flows.tasks import task_named
from exafscn_flows.tasks.fitted import has_seen, ood_score

_BATCH = 500
"""Sites that are predicted at once."""


@dataclass(frozen=True)
class Version:
    """One version of a model.

    Attributes
    ----------
    current
        Whether queries use it.
    wanted
        Whether the campaign file, as it was last run, asks for it.
    score
        Of the grouped split: accuracy, 0-1, or for numbers RMSE.
    score_name
        ``"accuracy"`` or ``"rmse"``.
    unit
        Unit of the target.
    predictions
        Number of sites that it predicts.
    """

    target: str
    absorber: str
    feature_set: str
    model: str
    version: str
    created_at: datetime
    current: bool
    wanted: bool
    n_sites: int
    score: float
    score_name: str
    unit: str
    predictions: int

    @property
    def model_key(self) -> ModelKey:
        """What the model is named by, whatever its version."""
        return ModelKey(self.target, self.absorber, self.feature_set, self.model)


def list_versions(store: Store, config: CampaignConfig) -> list[Version]:
    """List the complete versions of all models of a campaign, the newest of each model first."""
    campaign = {"campaign": config.campaign}
    current = {doc.hash for doc in store.find(PromotionDoc, campaign)}
    # Absorbers that the campaign file no longer names may have versions, too.
    wanted = {fit.hash for fit in wanted_fits(store, config, config.absorbers)}
    versions = [
        Version(
            **doc.model_key._asdict(),
            version=doc.hash,
            created_at=doc.created_at,
            current=doc.hash in current,
            wanted=doc.hash in wanted,
            n_sites=doc.n_sites,
            score=doc.splits["grouped"][task_named(doc.task).score],
            score_name=task_named(doc.task).score,
            unit=doc.unit,
            predictions=store.count(
                PredictionDoc, {"_id": prediction_ids(config.campaign, doc.hash)}
            ),
        )
        for doc in store.find(MetricsDoc, campaign)
    ]
    versions.sort(key=lambda one: one.created_at, reverse=True)
    return sorted(versions, key=lambda one: one.model_key)


def promote_wanted(store: Store, campaign: str, fits: Sequence[Fit]) -> None:
    """Let queries use the versions that the campaign file asks for.

    A user's choice of another version holds until the campaign file, or its data, ask for one that
    the user has not seen.
    """
    meant = store.read(PromotionDoc, campaign, [fit.key for fit in fits])
    for fit in fits:
        before = meant.get(fit.key)
        if before is None or fit.hash not in (before.hash, before.instead_of):
            store.write([_promotion(campaign, fit.hash, fit.model_key)])


def withdraw_failed(
    store: Store, campaign: str, absorber: str, wanted: Collection[str]
) -> set[str]:
    """Let queries use no version of models that the campaign file lacks, or that fail with it.

    Parameters
    ----------
    wanted
        Keys of the models that the campaign file asks for.

    Returns
    -------
    set of str
        Those of them that have failed.
    """
    failures = store.hashes(FailureDoc, campaign, [failure_key("models", key) for key in wanted])
    failed = {key for key in wanted if failure_key("models", key) in failures}
    store.models.withdraw(campaign, absorber, keep=[key for key in wanted if key not in failed])
    return failed


def promote(store: Store, config: CampaignConfig, version: str) -> int:
    """Let queries use another version of a model, after it has predicted every site.

    Until then queries use the version that they meant before.

    Returns
    -------
    int
        Number of sites that it had not predicted.

    Raises
    ------
    UsageError
        If there is no such version, or the campaign file does not fit such a model any more, or
        has sites with features that the model does not take.
    CampaignError
        If the bytes of the model are not those that were stored.
    """
    metrics = find_version(store, config.campaign, version)
    key = metrics.model_key
    known = key.absorber in config.absorbers
    fits = wanted_fits(store, config, [key.absorber]) if known else []
    fit = next((fit for fit in fits if fit.model_key == key), None)
    if fit is None:
        raise UsageError(
            f"version {version} is of {key}, which campaign {config.campaign} no longer has: its "
            "predictions are found by `exafscn query --version`"
        )
    doc = model_document(store, config.campaign, metrics.key)
    if doc.learned["kind"] != fit.target.kind:
        raise UsageError(
            f"version {version} is of {doc.learned['kind']}, and target {fit.target.name} of "
            f"campaign {config.campaign} is {fit.target.kind} now: its predictions are found by "
            "`exafscn query --version`"
        )
    of = fit.target.vectors_of
    sets = {one.name: one for one in config.features.sets}
    if of is not None and doc.predicts != vectors_hash(config, sets[of]):
        raise UsageError(
            f"version {version} predicts curves of other settings than {of} of campaign "
            f"{config.campaign} has now: its predictions are found by `exafscn query --version`"
        )
    n_new = _predict_new(store, config, fit, metrics, doc) + predict_with(store, config, doc)
    instead_of = None if version == fit.hash else fit.hash
    store.write([_promotion(config.campaign, version, key, instead_of=instead_of)])
    return n_new


def drop(store: Store, config: CampaignConfig, version: str) -> None:
    """Delete a version: model, metrics and predictions.

    Raises
    ------
    UsageError
        If there is no such version, or queries use it.
    """
    metrics = find_version(store, config.campaign, version)
    key = str(metrics.model_key)
    meant = store.read(PromotionDoc, config.campaign, [key])
    if key in meant and meant[key].hash == version:
        raise UsageError(
            f"version {version} is the one that queries use: promote another one of {key} first"
        )
    store.models.drop_version(config.campaign, metrics.absorber, version)


def _promotion(
    campaign: str, version: str, key: ModelKey, instead_of: str | None = None
) -> PromotionDoc:
    return PromotionDoc(campaign=campaign, hash=version, instead_of=instead_of, **key._asdict())


def _predict_new(
    store: Store, config: CampaignConfig, fit: Fit, metrics: MetricsDoc, doc: ModelDoc
) -> int:
    """Predict the sites that a version has not; returns how many."""
    head: dict[str, Any] = {"campaign": config.campaign, "hash": metrics.hash}
    of_version = {"_id": prediction_ids(config.campaign, metrics.hash)}
    predicted = {raw["site"] for raw in store.project(PredictionDoc, of_version, ["site"])}
    # What a first stage predicts of new sites need not be known.
    dataset = labelled_sites(store, config, fit.absorber, fit.dataset._replace(auxiliary=None))
    rows = [row for row, site in enumerate(dataset.sites) if site.site not in predicted]
    if not rows:
        return 0
    if doc.takes != vectors_hash(config, fit.feature_set):
        raise UsageError(
            f"version {metrics.hash} takes features of other settings than campaign "
            f"{config.campaign} has now, so it cannot predict {len(rows)} sites that it does not "
            "know: `exafscn query --version` finds what it has predicted"
        )
    model = stored_model(store, doc)
    # Sites may have labels that the version does not know.
    task, known = dataset.task, list(doc.classes)
    classes = task.classes([*known, *dataset.values])
    dataset = replace(
        dataset.with_classes(classes), absorbers=tuple(doc.absorbers) or dataset.absorbers
    )
    head |= doc.model_key._asdict()
    watcher().expect("predictions", len(rows))
    for batch in batches(rows, _BATCH):
        part = dataset.part(batch)
        X = feature_matrix(store, part)
        output = task.widened(task.output(model, X, known), known, classes)
        scores = ood_score(model, X)
        seen = has_seen(model, part.groups.tolist())
        store.write(prediction_docs(head, part, output, scores, None, doc.doubt, seen))
        watcher().advance("predictions", len(batch), 0)
    return len(rows)


def old_versions(versions: Sequence[Version]) -> list[Version]:
    """Those that neither queries nor the campaign file mean."""
    return [one for one in versions if not one.current and not one.wanted]
