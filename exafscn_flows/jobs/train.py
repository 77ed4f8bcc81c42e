"""Training: cross-validated predictions, metrics and final models of one absorber.

scikit-learn and skops take seconds to import, so they are imported where something is trained.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from jobflow import job

from exafscn_flows.config.campaign import CampaignConfig, Evaluation
from exafscn_flows.errors import ItemFailure
from exafscn_flows.features import FeatureSet
from exafscn_flows.hashing import content_hash
from exafscn_flows.jobs.context import watcher
from exafscn_flows.jobs.dataset import Dataset, all_labelled_sites, dataset_hashes
from exafscn_flows.jobs.parts import by_parts
from exafscn_flows.jobs.samples import Samples, share, shared
from exafscn_flows.models import ModelSettings
from exafscn_flows.settings import Settings
from exafscn_flows.spectra.scratch import run_folder
from exafscn_flows.store.documents import (
    FailureDoc,
    MetricsDoc,
    ModelDoc,
    PredictionDoc,
    now,
)
from exafscn_flows.store.store import Store

ALGORITHM_VERSION = 2
"""Raised when the same data and settings would give other models or predictions."""

Part = tuple[str, int] | None
"""Split and fold that are held out; None for the final model."""


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
    datasets = dataset_hashes(store, config, absorber, [s.name for s in config.features.sets])
    for fset in config.features.sets:
        for model in config.models_on(fset.name):
            settings = [model.parameters(), _evaluation_parameters(config.evaluation)]
            wanted = content_hash("models", ALGORITHM_VERSION, settings, datasets[fset.name])
            fits.append(Fit(absorber, fset, model, datasets[fset.name], wanted))
    return fits


def _evaluation_parameters(evaluation: Evaluation) -> dict[str, Any]:
    # A split that is not asked for changes nothing.
    left_out: set[str] = set() if evaluation.chemical_systems else {"chemical_systems"}
    return evaluation.model_dump(mode="json", exclude=left_out)


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
    if not todo:
        return counts
    folds: dict[str, dict[str, np.ndarray]] = {}
    names = list(dict.fromkeys(fit.feature_set.name for fit in todo))
    datasets = all_labelled_sites(store, config, absorber, names)
    for fit in todo:
        try:
            dataset = datasets[fit.feature_set.name]
            folds[fit.key] = folds_of(config.evaluation, dataset, config.evaluation.splits)
        except ItemFailure as failure:
            store.write([_failure(config, fit, failure)])
            counts["skipped"] += 1
            watcher().advance("models", 0, 1)
    fittable = {fit.key: fit for fit in todo if fit.key in folds}
    if not fittable:
        return counts
    with run_folder(Settings().SCRATCH_DIR) as folder:
        for name in dict.fromkeys(fit.feature_set.name for fit in fittable.values()):
            share(folder, datasets[name], Samples.of(store, datasets[name]))
        work = {key: _parts(config, fit, folds[key], folder) for key, fit in fittable.items()}
        for key, outputs in by_parts(fit_task, work):
            fit = fittable[key]
            if isinstance(outputs, ItemFailure):
                store.write([_failure(config, fit, outputs)])
                counts["skipped"] += 1
                watcher().advance("models", 0, 1)
                continue
            _write(store, config, fit, datasets[fit.feature_set.name], folds[key], outputs)
            counts["trained"] += 1
            watcher().advance("models", 1, 0)
    if counts["skipped"]:
        # The final model of one whose fold has failed may have been written.
        store.models.drop_outdated(campaign, absorber, keep)
    return counts


def folds_of(
    evaluation: Evaluation, dataset: Dataset, splits: Iterable[str]
) -> dict[str, np.ndarray]:
    """Spread the sites of a data set over folds, by split.

    Raises
    ------
    ItemFailure
        If there are too few sites to do so.
    """
    from exafscn_flows.evaluation.splits import grouped_folds, random_folds

    y, n_folds, seed = dataset.y, evaluation.n_folds, evaluation.seed
    folds = {
        "grouped": lambda: grouped_folds(y, dataset.groups, n_folds, seed),
        "random": lambda: random_folds(y, n_folds, seed),
        "chemical_system": lambda: grouped_folds(
            y, dataset.systems, n_folds, seed, "chemical systems"
        ),
    }
    return {split: folds[split]() for split in splits}


def _parts(
    config: CampaignConfig, fit: Fit, folds: dict[str, np.ndarray], folder: Path
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
    folds: dict[str, np.ndarray],
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
                axis=axis,
                axis_label=axis_label,
                versions={lib: version(lib) for lib in (*fit.model.libraries, "exafscn")},
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


def _predictions(
    head: dict[str, Any],
    dataset: Dataset,
    classes: np.ndarray,
    proba: np.ndarray,
    folds: np.ndarray,
) -> Any:
    from exafscn_flows.evaluation.metrics import expected_errors, predicted_classes

    predicted = predicted_classes(proba, classes)
    errors = expected_errors(proba, classes, predicted)
    probability = proba[np.arange(len(proba)), np.searchsorted(classes, predicted)]
    for row, site in enumerate(dataset.sites):
        cn, label = int(predicted[row]), int(dataset.y[row])
        yield PredictionDoc(
            **head,
            site=site.site,
            material_id=site.material_id,
            formula=site.formula,
            elements=site.elements,
            neighbours=dataset.neighbours[row],
            oxide="O" in site.elements,
            cn=cn,
            cn_label=label,
            probability=float(probability[row]),
            probabilities={str(c): float(p) for c, p in zip(classes, proba[row], strict=True)},
            expected_error=float(errors[row]),
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
