"""The experiments of the study section: importance, limits of the axis, learning curves."""

from pathlib import Path
from typing import Any

import numpy as np
from jobflow import job

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import ItemFailure
from exafscn_flows.features.axes import quantity
from exafscn_flows.jobs.context import watcher
from exafscn_flows.jobs.dataset import Dataset, DatasetName, labelled_sites
from exafscn_flows.jobs.fits import Experiment, wanted_experiments
from exafscn_flows.jobs.folds import campaign_folds
from exafscn_flows.jobs.parts import by_parts, failure_doc
from exafscn_flows.jobs.samples import Samples, share, shared
from exafscn_flows.keys import ModelKey, failure_key
from exafscn_flows.settings import Settings
from exafscn_flows.spectra.scratch import run_folder
from exafscn_flows.store.documents import FailureDoc
from exafscn_flows.store.results import ExperimentDoc
from exafscn_flows.store.store import Store
from exafscn_flows.tasks import task_named

_STAGE = "experiments"


@job
def experiments(campaign: str, absorber: str, after: Any = None) -> dict[str, int]:
    """Make the experiments with the models of one absorber that are missing or out of date.

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
        Number of experiments made, skipped with a reason, and up to date.
    """
    store = Store.open()
    config = store.config(campaign)
    wanted = {one.key: one for one in wanted_experiments(store, config, absorber)}
    hashes = {key: one.hash for key, one in wanted.items()}
    store.models.drop_outdated_experiments(campaign, absorber, hashes)
    made = store.hashes(ExperimentDoc, campaign, wanted)
    failures = {key: failure_key(_STAGE, key) for key in wanted}
    failed = store.hashes(FailureDoc, campaign, failures.values())
    todo = {
        key: one for key, one in wanted.items() if key not in made and failures[key] not in failed
    }
    counts = {"made": 0, "skipped": 0, "up to date": len(wanted) - len(todo)}
    watcher().expect(_STAGE, len(todo))
    if not todo:
        return counts
    name = DatasetName(config.studied_target, config.studied_set)
    dataset = labelled_sites(store, config, absorber, name)
    found = campaign_folds(store, config, {name: dataset}, ["grouped"])[name]
    if isinstance(found, ItemFailure):
        store.write(failure_doc(campaign, _STAGE, one, found) for one in todo.values())
        watcher().advance(_STAGE, 0, len(todo))
        return counts | {"skipped": len(todo)}
    folds = found["grouped"]
    with run_folder(Settings().SCRATCH_DIR) as folder:
        share(folder, dataset, Samples.of(store, dataset))
        work = {key: _parts(config, one, folds, folder) for key, one in todo.items()}
        for key, outcome in by_parts(experiment_task, work):
            if isinstance(outcome, ItemFailure):
                store.write([failure_doc(campaign, _STAGE, todo[key], outcome)])
            else:
                store.write([_document(config, todo[key], dataset, folds, outcome)])
            bad = isinstance(outcome, ItemFailure)
            counts["skipped" if bad else "made"] += 1
            watcher().advance(_STAGE, not bad, bad)
    return counts


def _parts(
    config: CampaignConfig, one: Experiment, folds: np.ndarray, folder: Path
) -> dict[int, tuple[Any, ...]]:
    where = (config.campaign, one.dataset_hash, str(folder), folds)
    return {fold: (*where, one.name, one.value) for fold in np.unique(folds).tolist()}


def experiment_task(
    key: str,
    fold: int,
    campaign: str,
    dataset_hash: str,
    folder: str,
    folds: np.ndarray,
    experiment: str,
    value: float | None,
) -> Any:
    """Make one fold of an experiment; runs in a worker process."""
    from exafscn_flows.evaluation.experiments import bands, run_fold

    names = ModelKey.parse(key)
    config = Store.open().config(campaign)
    model = next(model for model in config.models if model.name == names.model)
    (fset,) = (s for s in config.features.sets if s.name == names.feature_set)
    (target,) = (t for t in config.targets if t.name == names.target)
    _, label = fset.axis(config.features)
    columns = fset.columns(config.features)
    dataset = DatasetName(names.target, names.feature_set)
    data = shared(folder, campaign, names.absorber, dataset, dataset_hash)
    return run_fold(
        model,
        data.training_set(columns, target.task),
        bands(columns.axis, quantity(label)),
        folds == fold,
        experiment,
        value,
        config.evaluation.seed,
        # Numbers stand for the classes, and all of them occur.
        task_named(target.task).classes(data.y.tolist()),
    )


def _document(
    config: CampaignConfig,
    one: Experiment,
    dataset: Dataset,
    folds: np.ndarray,
    outcomes: dict[int, Any],
) -> ExperimentDoc:
    from exafscn_flows.evaluation.cross_validation import assemble
    from exafscn_flows.evaluation.experiments import bands

    task = dataset.task
    output = assemble({fold: outcome.output for fold, outcome in outcomes.items()}, folds)
    quality = task.metrics(dataset.y, output, folds, dataset.classes, dataset.certainty)
    importance: dict[str, Any] = {}
    if one.name == "importance":
        axis, label = one.feature_set.axis(config.features)
        ordered = [outcomes[fold] for fold in sorted(outcomes)]
        importance["bands"] = bands(axis, quantity(label))
        importance["drop"] = np.mean([outcome.drop for outcome in ordered], axis=0)
        if all(outcome.gradients is not None for outcome in ordered):
            importance["gradients"] = np.mean([o.gradients for o in ordered], axis=0)
    return ExperimentDoc(
        campaign=config.campaign,
        hash=one.hash,
        **one.model_key._asdict(),
        experiment=one.name,
        value=one.value,
        n_train=float(np.mean([outcome.n_train for outcome in outcomes.values()])),
        scores=task.scores(quality),
        **importance,
    )
