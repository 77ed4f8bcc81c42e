"""Training: cross-validated predictions, metrics and final models of one absorber, or of all.

scikit-learn and skops take seconds to import, so they are imported where something is trained.
"""

import hashlib
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jobflow import job

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.config.curve_targets import curve_axis
from exafscn_flows.errors import ItemFailure
from exafscn_flows.jobs.context import watcher
from exafscn_flows.jobs.dataset import Dataset, DatasetName, all_labelled_sites
from exafscn_flows.jobs.fits import Fit, wanted_fits
from exafscn_flows.jobs.folds import Folds, campaign_folds
from exafscn_flows.jobs.forecast import Work
from exafscn_flows.jobs.parts import by_parts, failure_doc
from exafscn_flows.jobs.samples import Samples, share, shared
from exafscn_flows.jobs.trained import write_version
from exafscn_flows.jobs.versions import promote_wanted, withdraw_failed
from exafscn_flows.jobs.work import MODELS, fit_told, models_work
from exafscn_flows.keys import ALL, ModelKey
from exafscn_flows.models.canonical_zip import read_array, write_array
from exafscn_flows.models.checkpoint import kept_by
from exafscn_flows.settings import Settings
from exafscn_flows.spectra.scratch import run_folder
from exafscn_flows.store.checkpoints import FitCheckpoints
from exafscn_flows.store.results import MetricsDoc
from exafscn_flows.store.store import Store
from exafscn_flows.targets.base import Class
from exafscn_flows.tasks import task_named
from exafscn_flows.tasks.fitted import has_seen

_logger = logging.getLogger(__name__)

Part = tuple[str, int] | None
"""Split and fold that are held out; None for the final model."""

LONG = 10.0
"""Seconds of a fit whose outputs are kept, should other parts of the training be killed."""
_OUTPUTS = "outputs"


@job
def train(campaign: str, absorber: str, after: Any = None) -> dict[str, int]:
    """Train the models that are missing or out of date.

    Parameters
    ----------
    campaign
        Name of the campaign.
    absorber
        Element symbol; or `ALL`, for the models that are fitted on all absorbers together.
    after
        Output of the jobs that must have ended before.

    Returns
    -------
    dict
        Number of models trained, skipped with a reason, and up to date; of a model on all absorbers
        each of them counts.
    """
    store = Store.open()
    config = store.config(campaign)
    absorbers = config.absorbers if absorber == ALL else [absorber]
    todo: list[Fit] = []
    unfinished: set[ModelKey] = set()
    counts = {"trained": 0, "skipped": 0, "up to date": 0}
    fits = wanted_fits(store, config, absorbers)
    # Models of all absorbers are trained after those of each: nobody else is at any of them.
    store.models.drop_unfinished(campaign, absorber)
    for symbol in absorbers:
        of_absorber = [fit for fit in fits if fit.absorber == symbol]
        keys = {fit.key: fit.hash for fit in of_absorber}
        store.models.drop_outdated_failures(campaign, symbol, keys)
        failed = withdraw_failed(store, campaign, symbol, keys)
        complete = store.hashes(MetricsDoc, campaign, [fit.version_key for fit in of_absorber])
        promote_wanted(store, campaign, [fit for fit in of_absorber if fit.version_key in complete])
        for fit in of_absorber:
            if fit.joint == (absorber == ALL):
                is_open = fit.version_key not in complete and fit.key not in failed
                unfinished |= set() if fit.version_key in complete else {fit.trained}
                counts["up to date"] += not is_open
                todo += [fit] if is_open else []
    # Of all absorbers, one training has the name of its version at the first of them.
    trained = {fit.trained: fit.trained_key for fit in reversed(fits)}
    store.checkpoints.drop_outdated(campaign, absorber, [trained[one] for one in unfinished])
    watcher().expect(MODELS, len(todo), absorber)
    watcher().forecast.plan(part := f"{MODELS} {absorber}", ())
    if todo:
        _train(store, config, absorber, todo, trained, counts)
        watcher().forecast.plan(part, ())  # of those that failed, parts are left
    if counts["skipped"]:
        # The file of the final model of one whose fold has failed may have been written.
        store.models.drop_unfinished(campaign, absorber)
        for symbol in absorbers:
            withdraw_failed(
                store, campaign, symbol, [fit.key for fit in fits if fit.absorber == symbol]
            )
    return counts


def _train(
    store: Store,
    config: CampaignConfig,
    absorber: str,
    todo: list[Fit],
    trained: dict[ModelKey, str],
    counts: dict[str, int],
) -> None:
    """Train models, and let queries use each as soon as it is complete."""
    names = list(dict.fromkeys(fit.dataset for fit in todo))
    datasets = all_labelled_sites(store, config, absorber, names)
    found = campaign_folds(store, config, datasets, config.evaluation.splits)
    fits: dict[ModelKey, list[Fit]] = {}
    for fit in todo:
        of_set = found[fit.dataset]
        if isinstance(of_set, ItemFailure):
            _skip(store, config, fit, of_set, counts)
        else:
            fits.setdefault(fit.trained, []).append(fit)
    if not fits:
        return
    with run_folder(Settings().SCRATCH_DIR) as folder:
        for name in dict.fromkeys(fit.dataset for same in fits.values() for fit in same):
            share(folder, datasets[name], Samples.of(store, datasets[name]))
        work, told = {}, {}
        planned: list[Work] = []
        for model, (first, *_) in fits.items():
            dataset, folds = datasets[first.dataset], _folds(found, first)
            work[str(model)] = _parts(config, first, trained[model], dataset, folds, folder)
            told[str(model)] = fit_told(config, f"{MODELS} {absorber}", model, len(dataset.sites))
            planned += models_work(config, [model], len(dataset.sites))
        watcher().forecast.plan(f"{MODELS} {absorber}", planned)
        for key, outputs in by_parts(fit_task, work, told):
            _write(store, config, fits[ModelKey.parse(key)], datasets, found, outputs, counts)


def _write(
    store: Store,
    config: CampaignConfig,
    fits: list[Fit],
    datasets: dict[DatasetName, Dataset],
    found: dict[DatasetName, Folds | ItemFailure],
    outputs: dict[Any, Any] | ItemFailure,
    counts: dict[str, int],
) -> None:
    """Write what one training has brought: a version at each absorber, or why there is none."""
    for fit in fits:
        failure = outputs if isinstance(outputs, ItemFailure) else None
        if not isinstance(outputs, ItemFailure):
            dataset, folds = datasets[fit.dataset], _folds(found, fit)
            failure = write_version(store, config, fit, dataset, folds, outputs)
        if failure is not None:
            _skip(store, config, fit, failure, counts)
            continue
        promote_wanted(store, config.campaign, [fit])
        _logger.info("model %s is trained, version %s", fit.key, fit.hash)
        counts["trained"] += 1
        watcher().advance(MODELS, 1, 0)
    # What has ended for want of memory, or of a worker, may be tried again.
    if not isinstance(outputs, ItemFailure) or outputs.kind != "fit_failed":
        store.checkpoints.drop(config.campaign, str(fits[0].trained))


def _folds(found: dict[DatasetName, Folds | ItemFailure], fit: Fit) -> Folds:
    folds = found[fit.dataset]
    assert not isinstance(folds, ItemFailure)
    return folds


def _skip(
    store: Store, config: CampaignConfig, fit: Fit, failure: ItemFailure, counts: dict[str, int]
) -> None:
    """Note that a model cannot be trained."""
    store.write([failure_doc(config.campaign, "models", fit, failure)])
    _logger.warning("model %s: %s", fit.key, failure)
    counts["skipped"] += 1
    watcher().advance(MODELS, 0, 1)


def _parts(
    config: CampaignConfig, fit: Fit, version: str, dataset: Dataset, folds: Folds, folder: Path
) -> dict[Part, tuple[Any, ...]]:
    """List the fits that make up a model: all sites, and each fold of each split."""
    known = (tuple(dataset.classes), dataset.absorbers)
    where = (config.campaign, version, fit.dataset_hash, *known, str(folder))
    parts: dict[Part, tuple[Any, ...]] = {None: (*where, None)}
    for split, of_all in folds.items():
        # Of folds that all absorbers share, one may have no site of some of them.
        parts |= {(split, int(n)): (*where, of_all) for n in np.unique(of_all)}
    return parts


def fit_task(
    key: str,
    part: Part,
    campaign: str,
    version: str,
    dataset_hash: str,
    classes: tuple[Class, ...],
    absorbers: tuple[str, ...],
    folder: str,
    folds: np.ndarray | None,
) -> Any:
    """Fit one fold, or the final model; runs in a worker process.

    What a killed worker has done of it is not done again, as far as its model keeps it.

    Returns
    -------
    numpy.ndarray or dict
        Outputs for the held-out rows; for the final model, what its document says, and which rows
        have formulas that it had learned before.
    """
    from exafscn_flows.evaluation.cross_validation import fit_fold
    from exafscn_flows.evaluation.explanation import explanation
    from exafscn_flows.evaluation.importance import gini_importance
    from exafscn_flows.models.persistence import dump_model

    names = ModelKey.parse(key)
    store = Store.open()
    config = store.config(campaign)
    model = next(model for model in config.models if model.name == names.model)
    dataset = DatasetName(names.target, names.feature_set, model.auxiliary)
    data = shared(folder, campaign, names.absorber, dataset, dataset_hash)
    (target,) = (one for one in config.targets if one.name == names.target)
    columns = {one.name: one.columns(config.features) for one in config.features.sets}
    task = task_named(target.task)
    seed = config.evaluation.seed
    auxiliary = columns.get(model.auxiliary or "")
    rows = data.training_set(
        columns[names.feature_set],
        task.name,
        auxiliary,
        classes,
        absorbers,
        curve_axis(config, target.name),
    ).with_classes(model.classes_with(classes))
    kept = store.checkpoints.of(
        campaign, version, "final" if part is None else f"{part[0]}-{part[1]}"
    )
    if part is not None and folds is not None:
        numbers = range(len(rows.classes))
        return _kept(kept, lambda: fit_fold(model, rows, folds, part[1], seed, numbers))
    with kept_by(kept):
        chosen = model.chosen(rows, seed)
        fitted = chosen.fit(rows, seed)
    file = dump_model(chosen, fitted)
    sha256 = hashlib.sha256(file).hexdigest()
    file_id = names.file(campaign, sha256)
    store.models.write_file(campaign, file_id, file, sha256)
    return {
        "file": file_id,
        "sha256": sha256,
        "importances": gini_importance(fitted),
        "explanation": explanation(fitted, rows, seed),
        "seen": has_seen(fitted, rows.groups.tolist()),
        "parameters": chosen.model_dump(
            mode="json", exclude={"targets", "feature_sets", "per", "search"}
        ),
    }


def _kept(kept: FitCheckpoints, fit: Callable[[], np.ndarray]) -> np.ndarray:
    """Return the outputs of a fold that have been kept, or fit it and keep them if it took long."""
    data = kept.read(_OUTPUTS)
    if data is not None:
        return read_array(data)
    started = time.monotonic()
    with kept_by(kept):
        output = fit()
    if time.monotonic() - started > LONG:
        kept.write(_OUTPUTS, write_array(output))
    return output
