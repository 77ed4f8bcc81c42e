"""The experiments of the study section: importance, limits of the axis, learning curves."""

from pathlib import Path
from typing import Any

import numpy as np
from jobflow import job

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.config.curve_targets import curve_axis
from exafscn_flows.config.study import FEW_SHOT, ROBUSTNESS
from exafscn_flows.errors import ItemFailure
from exafscn_flows.features.axes import quantity
from exafscn_flows.jobs.context import watcher
from exafscn_flows.jobs.dataset import Dataset, DatasetName, labelled_sites
from exafscn_flows.jobs.fits import Experiment, wanted_experiments
from exafscn_flows.jobs.folds import campaign_folds, one_fold
from exafscn_flows.jobs.parts import by_parts, failure_doc
from exafscn_flows.jobs.samples import Samples, share, shared
from exafscn_flows.jobs.work import EXPERIMENTS, experiments_told, experiments_work
from exafscn_flows.keys import ALL, ModelKey, failure_key
from exafscn_flows.settings import Settings
from exafscn_flows.spectra.scratch import run_folder
from exafscn_flows.store.documents import FailureDoc, SiteDoc
from exafscn_flows.store.results import ExperimentDoc
from exafscn_flows.store.store import Store
from exafscn_flows.tasks import task_named


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
    failures = {key: failure_key(EXPERIMENTS, key) for key in wanted}
    failed = store.hashes(FailureDoc, campaign, failures.values())
    todo = {
        key: one for key, one in wanted.items() if key not in made and failures[key] not in failed
    }
    counts = {"made": 0, "skipped": 0, "up to date": len(wanted) - len(todo)}
    watcher().expect(EXPERIMENTS, len(todo), absorber)
    forecast, part_name = watcher().forecast, f"{EXPERIMENTS} {absorber}"
    n_sites = store.count(SiteDoc, {"campaign": campaign, "active": True, "absorber": absorber})
    forecast.plan(part_name, experiments_work(config, list(todo.values()), n_sites))
    if not todo:
        return counts
    for joint in (False, True):
        part = {key: one for key, one in todo.items() if one.joint == joint}
        if part:
            _make(store, config, ALL if joint else absorber, part, counts, n_sites)
    forecast.plan(part_name, ())  # of those that failed, folds are left
    return counts


def _make(
    store: Store,
    config: CampaignConfig,
    of: str,
    todo: dict[str, Experiment],
    counts: dict[str, int],
    n_sites: int,
) -> None:
    """Make experiments on the data of one absorber, or of `ALL`."""
    name = DatasetName(config.studied_target, config.studied_set)
    dataset = labelled_sites(store, config, of, name)
    found = campaign_folds(store, config, {name: dataset}, ["grouped"])[name]
    absorber = next(iter(todo.values())).absorber
    own = np.array([site.absorber == absorber for site in dataset.sites], dtype=bool)
    if not isinstance(found, ItemFailure) and len(np.unique(found["grouped"][own])) < 2:
        found = one_fold(absorber, int(own.sum()))
    if isinstance(found, ItemFailure):
        store.write(failure_doc(config.campaign, EXPERIMENTS, one, found) for one in todo.values())
        watcher().advance(EXPERIMENTS, 0, len(todo))
        counts["skipped"] += len(todo)
        return
    folds = found["grouped"]
    with run_folder(Settings().SCRATCH_DIR) as folder:
        share(folder, dataset, Samples.of(store, dataset))
        work = {key: _parts(config, one, own, folds, folder) for key, one in todo.items()}
        told = experiments_told(config, f"{EXPERIMENTS} {absorber}", list(todo.values()), n_sites)
        for key, outcome in by_parts(experiment_task, work, told):
            if isinstance(outcome, ItemFailure):
                store.write([failure_doc(config.campaign, EXPERIMENTS, todo[key], outcome)])
            else:
                rows = np.flatnonzero(own).tolist()
                doc = _document(config, todo[key], dataset.part(rows), folds[own], outcome)
                store.write([doc])
            bad = isinstance(outcome, ItemFailure)
            counts["skipped" if bad else "made"] += 1
            watcher().advance(EXPERIMENTS, not bad, bad)


def _parts(
    config: CampaignConfig, one: Experiment, own: np.ndarray, folds: np.ndarray, folder: Path
) -> dict[int, tuple[Any, ...]]:
    """List the folds, which are asked about the sites of the absorber."""
    where = (config.campaign, one.dataset_hash, str(folder), own, folds)
    return {fold: (*where, one.name, one.value) for fold in np.unique(folds[own]).tolist()}


def experiment_task(
    key: str,
    fold: int,
    campaign: str,
    dataset_hash: str,
    folder: str,
    own: np.ndarray,
    folds: np.ndarray,
    experiment: str,
    value: float | None,
) -> Any:
    """Make one fold of an experiment; runs in a worker process."""
    from exafscn_flows.evaluation.experiments import bands, few_shot_fold, run_fold

    names = ModelKey.parse(key)
    config = Store.open().config(campaign)
    model = next(model for model in config.models if model.name == names.model)
    (fset,) = (s for s in config.features.sets if s.name == names.feature_set)
    (target,) = (t for t in config.targets if t.name == names.target)
    _, label = fset.axis(config.features)
    columns = fset.columns(config.features)
    dataset = DatasetName(names.target, names.feature_set)
    joint = experiment in FEW_SHOT
    data = shared(folder, campaign, ALL if joint else names.absorber, dataset, dataset_hash)
    axis = curve_axis(config, target.name)
    rows = data.training_set(columns, target.task, curve_axis=axis)
    seed = config.evaluation.seed
    # Numbers stand for the classes, and all of them occur.
    classes = task_named(target.task).classes(data.y.tolist())
    if joint:
        assert value is not None
        others = experiment == FEW_SHOT[0]
        return few_shot_fold(model, rows, own, folds == fold, int(value), others, seed, classes)
    edges = bands(columns.axis, quantity(label))
    study, held_out = config.study, folds == fold
    changes = study.robustness if study is not None and experiment == ROBUSTNESS else []
    return run_fold(model, rows, edges, held_out, experiment, value, seed, classes, changes)


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
    certainty, energies = dataset.certainty, dataset.energies
    quality = task.metrics(dataset.y, output, folds, dataset.classes, certainty, energies)
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
        changed=_robustness(dataset, folds, outcomes) if one.name == ROBUSTNESS else None,
    )


def _robustness(
    dataset: Dataset, folds: np.ndarray, outcomes: dict[int, Any]
) -> dict[str, list[dict[str, float]]]:
    """Return the scores on changed spectra, by what is changed."""
    from exafscn_flows.evaluation.changes import CHANGES
    from exafscn_flows.evaluation.cross_validation import assemble

    task, made = dataset.task, next(iter(outcomes.values())).changed
    known = dataset.classes, dataset.certainty, dataset.energies
    found: dict[str, list[dict[str, float]]] = {}
    for name, change in CHANGES.items():
        for place, value in enumerate(change.values if name in made else ()):
            parts = {fold: outcome.changed[name][place] for fold, outcome in outcomes.items()}
            quality = task.metrics(dataset.y, assemble(parts, folds), folds, *known)
            found.setdefault(name, []).append({"value": value, **task.scores(quality)})
    return found
