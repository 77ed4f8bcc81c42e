"""Training: cross-validated predictions, metrics and final models of one absorber.

scikit-learn and skops take seconds to import, so they are imported where something is trained.
"""

import hashlib
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from jobflow import job

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import ExafscnError, ItemFailure
from exafscn_flows.features import FeatureSet
from exafscn_flows.hashing import content_hash
from exafscn_flows.jobs.context import spread, watcher
from exafscn_flows.jobs.dataset import Dataset, cached_dataset, dataset_hashes, labelled_sites
from exafscn_flows.models import ModelSettings
from exafscn_flows.store.documents import (
    FailureDoc,
    MetricsDoc,
    ModelDoc,
    PredictionDoc,
    now,
)
from exafscn_flows.store.store import Store

ALGORITHM_VERSION = 1
"""Raised when the same data and settings would give other models or predictions."""

SPLITS = ("grouped", "random")


@dataclass(frozen=True)
class Fit:
    """One model to train: an absorber with a feature set and a model of the campaign file."""

    absorber: str
    feature_set: FeatureSet
    model: ModelSettings
    dataset_hash: str
    hash: str

    @property
    def key(self) -> str:
        """Key of its model document."""
        return f"{self.absorber}/{self.feature_set.name}/{self.model.name}"


def wanted_fits(store: Store, config: CampaignConfig, absorber: str) -> list[Fit]:
    """List the models of one absorber, with the hashes of up-to-date ones."""
    if not config.models:
        return []
    fits = []
    datasets = dataset_hashes(store, config, absorber)
    for fset in config.features.sets:
        for model in config.models:
            settings = [model.parameters(), config.evaluation.model_dump(mode="json")]
            wanted = content_hash("models", ALGORITHM_VERSION, settings, datasets[fset.name])
            fits.append(Fit(absorber, fset, model, datasets[fset.name], wanted))
    return fits


@job
def train(campaign: str, absorber: str, after: Any = None) -> dict[str, int]:
    """Train the models of one absorber that are missing or out of date.

    Parameters
    ----------
    campaign
        Name of the campaign.
    absorber
        Element symbol.
    after
        Output of the jobs that must have ended before.

    Returns
    -------
    dict
        Number of models trained, skipped with a reason, and up to date.
    """
    store = Store.open()
    config = store.config(campaign)
    fits = wanted_fits(store, config, absorber)
    keep = {(fit.feature_set.name, fit.model.name): fit.hash for fit in fits}
    store.models.drop_outdated(campaign, absorber, keep)
    keys = [fit.key for fit in fits]
    trained = store.hashes(MetricsDoc, campaign, keys)
    failed = store.hashes(FailureDoc, campaign, [f"models/{key}" for key in keys])
    todo = [fit for fit in fits if fit.key not in trained and f"models/{fit.key}" not in failed]
    watcher().expect("models", len(todo))
    counts = {"trained": 0, "skipped": 0, "up to date": len(fits) - len(todo)}
    folds: dict[str, dict[str, np.ndarray]] = {}
    datasets = {
        name: labelled_sites(store, config, absorber, name)
        for name in dict.fromkeys(fit.feature_set.name for fit in todo)
    }
    for fit in todo:
        try:
            folds[fit.key] = _folds(config, datasets[fit.feature_set.name])
        except ItemFailure as failure:
            store.write([_failure(config, fit, failure)])
            counts["skipped"] += 1
            watcher().advance("models", 0, 1)
    fittable = {fit.key: fit for fit in todo if fit.key in folds}
    for fit, outputs in _fit_all(config, fittable, folds):
        if isinstance(outputs, ItemFailure):
            store.write([_failure(config, fit, outputs)])
            counts["skipped"] += 1
            watcher().advance("models", 0, 1)
            continue
        _write(store, config, fit, datasets[fit.feature_set.name], folds[fit.key], outputs)
        counts["trained"] += 1
        watcher().advance("models", 1, 0)
    return counts


def _folds(config: CampaignConfig, dataset: Dataset) -> dict[str, np.ndarray]:
    from exafscn_flows.evaluation.splits import grouped_folds, random_folds

    n_folds, seed = config.evaluation.n_folds, config.evaluation.seed
    return {
        "grouped": grouped_folds(dataset.y, dataset.groups, n_folds, seed),
        "random": random_folds(dataset.y, n_folds, seed),
    }


def _fit_all(
    config: CampaignConfig, fits: dict[str, Fit], folds: dict[str, dict[str, np.ndarray]]
) -> Any:
    """Fit all folds and final models on all processes.

    Yields each model when it is complete, with the outputs of its tasks or the failure of one.
    """
    tasks: list[tuple[Any, ...]] = []
    for fit in fits.values():
        where = (config.campaign, fit.key, fit.dataset_hash)
        tasks.append((*where, None, None))
        for split in SPLITS:
            for fold in range(config.evaluation.n_folds):
                tasks.append((*where, split, (folds[fit.key][split], fold)))
    outputs: dict[str, dict[Any, Any]] = {key: {} for key in fits}
    complete = 1 + len(SPLITS) * config.evaluation.n_folds
    for (_, key, _, split, part), result in spread(fit_task, tasks):
        if isinstance(result, ExafscnError) and not isinstance(result, ItemFailure):
            raise result
        if key not in outputs:  # another of its tasks has failed
            continue
        if isinstance(result, Exception):
            del outputs[key]
            yield fits[key], result if isinstance(result, ItemFailure) else _fit_failed(result)
            continue
        outputs[key][(split, part[1]) if part else None] = result
        if len(outputs[key]) == complete:
            yield fits[key], outputs.pop(key)


def _fit_failed(error: Exception) -> ItemFailure:
    line = " ".join(str(error).split())[:200]
    hint = "check the model in the campaign file, and the memory of the machine"
    return ItemFailure("fit_failed", f"the fit ended with {type(error).__name__}: {line}", hint)


def fit_task(
    campaign: str,
    key: str,
    dataset_hash: str,
    split: str | None,
    part: tuple[np.ndarray, int] | None,
) -> Any:
    """Fit one fold, or the final model; runs in a worker process.

    Returns
    -------
    numpy.ndarray or dict
        Class probabilities of the held-out rows; for the final model, what its document says.
    """
    from exafscn_flows.evaluation.cross_validation import fit_fold
    from exafscn_flows.evaluation.importance import gini_importance
    from exafscn_flows.models.persistence import dump_model

    absorber, feature_set, model_name = key.split("/")
    store = Store.open()
    config = store.config(campaign)
    model = next(model for model in config.models if model.name == model_name)
    dataset, matrix = cached_dataset(campaign, absorber, feature_set, dataset_hash)
    seed = config.evaluation.seed
    if part is not None:
        folds, fold = part
        return fit_fold(model.fit, matrix, dataset.y, dataset.groups, folds, fold, seed)
    fitted = model.fit(matrix, dataset.y, dataset.groups, seed)
    data = dump_model(fitted)
    sha256 = hashlib.sha256(data).hexdigest()
    file_id = f"{campaign}/{key}/{sha256[:16]}"
    store.models.write_file(campaign, file_id, data, sha256)
    return {
        "file": file_id,
        "sha256": sha256,
        "classes": [int(cn) for cn in fitted.classes_],
        "importances": gini_importance(fitted),
    }


def _write(
    store: Store,
    config: CampaignConfig,
    fit: Fit,
    dataset: Dataset,
    folds: dict[str, np.ndarray],
    outputs: dict[Any, Any],
) -> None:
    """Write predictions, model and, as the sign that all is there, metrics."""
    from exafscn_flows.evaluation.cross_validation import assemble
    from exafscn_flows.evaluation.metrics import metrics

    n_folds = config.evaluation.n_folds
    classes = np.unique(dataset.y)
    proba = {
        split: assemble({fold: outputs[split, fold] for fold in range(n_folds)}, folds[split])
        for split in SPLITS
    }
    n_formulas = len(np.unique(dataset.groups))
    head: dict[str, Any] = {"campaign": config.campaign, "hash": fit.hash, "created_at": now()}
    name: dict[str, Any] = {
        "absorber": dataset.absorber,
        "feature_set": fit.feature_set.name,
        "model": fit.model.name,
    }
    store.write(_predictions(head | name, dataset, classes, proba["grouped"], folds["grouped"]))
    axis, axis_label = fit.feature_set.axis(config.features)
    final = outputs[None]
    store.write(
        [
            ModelDoc(
                **head,
                **name,
                **final,
                n_sites=len(dataset.y),
                n_formulas=n_formulas,
                parameters=fit.model.model_dump(mode="json"),
                axis=axis,
                axis_label=axis_label,
                versions={lib: version(lib) for lib in (*fit.model.libraries, "exafscn")},
            )
        ]
    )
    counts = [int(np.sum(dataset.y == cn)) for cn in classes]
    splits = {split: metrics(dataset.y, proba[split], classes, folds[split]) for split in SPLITS}
    metrics_doc = MetricsDoc(
        **head,
        **name,
        n_sites=len(dataset.y),
        n_formulas=n_formulas,
        classes=[int(cn) for cn in classes],
        class_counts=counts,
        splits=splits,
    )
    store.write([metrics_doc])


def _predictions(
    head: dict[str, Any],
    dataset: Dataset,
    classes: np.ndarray,
    proba: np.ndarray,
    folds: np.ndarray,
) -> Any:
    from exafscn_flows.evaluation.metrics import predicted_classes

    predicted = predicted_classes(proba, classes)
    probability = proba[np.arange(len(proba)), np.searchsorted(classes, predicted)]
    for row, site in enumerate(dataset.sites):
        cn, label = int(predicted[row]), int(dataset.y[row])
        yield PredictionDoc(
            **head,
            site=site.site,
            material_id=site.material_id,
            formula=site.formula,
            elements=site.elements,
            cn=cn,
            cn_label=label,
            probability=float(probability[row]),
            probabilities={str(c): float(p) for c, p in zip(classes, proba[row], strict=True)},
            disagrees=cn != label,
            fold=int(folds[row]),
        )


def _failure(config: CampaignConfig, fit: Fit, failure: ItemFailure) -> FailureDoc:
    return FailureDoc(
        campaign=config.campaign,
        hash=fit.hash,
        stage="models",
        item=fit.key,
        absorber=fit.absorber,
        kind=failure.kind,
        message=failure.message,
        hint=failure.hint,
    )
