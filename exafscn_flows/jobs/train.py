"""Training: cross-validated predictions, metrics and final models of one absorber.

scikit-learn and skops take seconds to import, so they are imported where something is trained.
"""

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from jobflow import job

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import ItemFailure
from exafscn_flows.jobs.context import watcher
from exafscn_flows.jobs.dataset import Dataset, all_labelled_sites
from exafscn_flows.jobs.fits import Fit, vectors_hash, wanted_fits
from exafscn_flows.jobs.folds import Folds, folds_of
from exafscn_flows.jobs.parts import by_parts, failure_doc
from exafscn_flows.jobs.predictions import prediction_docs
from exafscn_flows.jobs.samples import Samples, share, shared
from exafscn_flows.jobs.versions import promote_wanted, withdraw_failed
from exafscn_flows.settings import Settings
from exafscn_flows.spectra.scratch import run_folder
from exafscn_flows.store.base import now
from exafscn_flows.store.results import MetricsDoc, ModelDoc
from exafscn_flows.store.store import Store

Part = tuple[str, int] | None
"""Split and fold that are held out; None for the final model."""


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
    keys = {fit.key: fit.hash for fit in fits}
    store.models.drop_outdated_failures(campaign, absorber, keys)
    store.models.drop_unfinished(campaign, absorber)
    failed = withdraw_failed(store, campaign, absorber, keys)
    complete = store.hashes(MetricsDoc, campaign, [fit.version_key for fit in fits])
    promote_wanted(store, campaign, [fit for fit in fits if fit.version_key in complete])
    todo = [fit for fit in fits if fit.version_key not in complete and fit.key not in failed]
    watcher().expect("models", len(todo))
    counts = {"trained": 0, "skipped": 0, "up to date": len(fits) - len(todo)}
    if todo:
        _train(store, config, absorber, todo, counts)
    if counts["skipped"]:
        # The file of the final model of one whose fold has failed may have been written.
        store.models.drop_unfinished(campaign, absorber)
        withdraw_failed(store, campaign, absorber, keys)
    return counts


def _train(
    store: Store, config: CampaignConfig, absorber: str, todo: list[Fit], counts: dict[str, int]
) -> None:
    """Train models, and let queries mean each as soon as it is complete."""
    names = list(dict.fromkeys(fit.feature_set.name for fit in todo))
    datasets = all_labelled_sites(store, config, absorber, names)
    found = folds_of(config.evaluation, datasets, config.evaluation.splits)
    folds: dict[str, Folds] = {}
    for fit in todo:
        of_set = found[fit.feature_set.name]
        if isinstance(of_set, ItemFailure):
            _skip(store, config, fit, of_set, counts)
        else:
            folds[fit.key] = of_set
    fittable = {fit.key: fit for fit in todo if fit.key in folds}
    if not fittable:
        return
    with run_folder(Settings().SCRATCH_DIR) as folder:
        for name in dict.fromkeys(fit.feature_set.name for fit in fittable.values()):
            share(folder, datasets[name], Samples.of(store, datasets[name]))
        work = {key: _parts(config, fit, folds[key], folder) for key, fit in fittable.items()}
        for key, outputs in by_parts(fit_task, work):
            fit = fittable[key]
            if isinstance(outputs, ItemFailure):
                _skip(store, config, fit, outputs, counts)
                continue
            _write(store, config, fit, datasets[fit.feature_set.name], folds[key], outputs)
            promote_wanted(store, config.campaign, [fit])
            counts["trained"] += 1
            watcher().advance("models", 1, 0)


def _skip(
    store: Store, config: CampaignConfig, fit: Fit, failure: ItemFailure, counts: dict[str, int]
) -> None:
    """Note that a model cannot be trained."""
    store.write([failure_doc(config.campaign, "models", fit, failure)])
    counts["skipped"] += 1
    watcher().advance("models", 0, 1)


def _parts(
    config: CampaignConfig, fit: Fit, folds: Folds, folder: Path
) -> dict[Part, tuple[Any, ...]]:
    """List the fits that make up a model: all sites, and each fold of each split."""
    where = (config.campaign, fit.dataset_hash, str(folder))
    numbers = range(config.evaluation.n_folds)
    parts: dict[Part, tuple[Any, ...]] = {None: (*where, None)}
    parts |= {(split, n): (*where, folds[split]) for split in folds for n in numbers}
    return parts


def fit_task(
    key: str,
    part: Part,
    campaign: str,
    dataset_hash: str,
    folder: str,
    folds: np.ndarray | None,
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
    data = shared(folder, campaign, absorber, feature_set, dataset_hash)
    seed = config.evaluation.seed
    if part is not None and folds is not None:
        return fit_fold(model.fit, data.X, data.y, data.groups, folds, part[1], seed)
    chosen = model.chosen(data.X, data.y, data.groups, seed)
    fitted = chosen.fit(data.X, data.y, data.groups, seed)
    file = dump_model(fitted)
    sha256 = hashlib.sha256(file).hexdigest()
    file_id = f"{campaign}/{key}/{sha256[:16]}"
    store.models.write_file(campaign, file_id, file, sha256)
    return {
        "file": file_id,
        "sha256": sha256,
        "classes": [int(cn) for cn in fitted.classes_],
        "importances": gini_importance(fitted),
        "parameters": chosen.model_dump(mode="json", exclude={"feature_sets", "search"}),
    }


def _write(
    store: Store,
    config: CampaignConfig,
    fit: Fit,
    dataset: Dataset,
    folds: Folds,
    outputs: dict[Any, Any],
) -> None:
    """Write predictions, model and, as the sign that all is there, metrics."""
    from exafscn_flows.evaluation.cross_validation import assemble
    from exafscn_flows.evaluation.metrics import metrics
    from exafscn_flows.evaluation.splits import rare_classes

    n_folds = config.evaluation.n_folds
    classes = np.unique(dataset.y)
    proba = {
        split: assemble({fold: outputs[split, fold] for fold in range(n_folds)}, folds[split])
        for split in folds
    }
    n_formulas = len(np.unique(dataset.groups))
    head: dict[str, Any] = {"campaign": config.campaign, "hash": fit.hash, "created_at": now()}
    name: dict[str, Any] = {
        "absorber": dataset.absorber,
        "feature_set": fit.feature_set.name,
        "model": fit.model.name,
    }
    grouped = proba["grouped"], folds["grouped"]
    store.write(prediction_docs(head | name, dataset, classes, *grouped))
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
                axis=axis,
                axis_label=axis_label,
                versions={lib: version(lib) for lib in (*fit.model.libraries, "exafscn")},
                takes=vectors_hash(config, fit.feature_set),
            )
        ]
    )
    counts = [int(np.sum(dataset.y == cn)) for cn in classes]
    splits = {split: metrics(dataset.y, proba[split], classes, folds[split]) for split in folds}
    metrics_doc = MetricsDoc(
        **head,
        **name,
        n_sites=len(dataset.y),
        n_formulas=n_formulas,
        classes=[int(cn) for cn in classes],
        class_counts=counts,
        rare=rare_classes(dataset.y, dataset.groups, n_folds),
        splits=splits,
    )
    store.write([metrics_doc])
