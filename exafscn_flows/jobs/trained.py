"""The documents of a version that has been trained: predictions, model and metrics."""

from importlib.metadata import version
from typing import Any

import numpy as np

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.errors import ItemFailure
from exafscn_flows.jobs.dataset import Dataset
from exafscn_flows.jobs.fits import Fit, features_settings, vectors_hash
from exafscn_flows.jobs.folds import Folds, one_fold
from exafscn_flows.jobs.predictions import ood_limit, prediction_docs
from exafscn_flows.store.base import now
from exafscn_flows.store.results import MetricsDoc, ModelDoc
from exafscn_flows.store.store import Store


def write_version(
    store: Store,
    config: CampaignConfig,
    fit: Fit,
    dataset: Dataset,
    folds: Folds,
    outputs: dict[Any, Any],
) -> ItemFailure | None:
    """Write predictions, model and, as the sign that all is there, metrics.

    Parameters
    ----------
    fit
        What was trained; of a model on all absorbers, one of them.
    dataset
        What it was trained on.
    folds
        Fold of each of its sites, by split.
    outputs
        Out-of-fold outputs by split and fold; with key None, of the final model, what its document
        says, and which sites have formulas that it had learned before.

    Returns
    -------
    ItemFailure or None
        Why there is no version of this absorber.
    """
    from exafscn_flows.evaluation.cross_validation import assemble

    whole = {
        split: assemble({fold: outputs[split, fold] for fold in np.unique(of_all)}, of_all)
        for split, of_all in folds.items()
    }
    final = dict(outputs[None])
    dataset = dataset.with_classes(fit.model.classes_with(dataset.classes))
    rows = [row for row, site in enumerate(dataset.sites) if site.absorber == fit.absorber]
    own, seen = dataset.part(rows), final.pop("seen")[rows]
    folds = {split: of_all[rows] for split, of_all in folds.items()}
    output = {split: of_all[rows, :-1] for split, of_all in whole.items()}
    if any(len(np.unique(one)) < 2 for one in folds.values()):
        return one_fold(fit.absorber, len(rows))
    # Sites whose formula the model had learned before say nothing of how good it is.
    new = ~seen
    judged = own.part(np.flatnonzero(new).tolist())
    if any(len(np.unique(one[new])) < 2 for one in folds.values()):
        return _all_seen(fit.absorber, len(rows), len(judged.sites))
    task = dataset.task
    head: dict[str, Any] = {
        "campaign": config.campaign,
        "hash": fit.hash,
        "created_at": now(),
        **fit.model_key._asdict(),
    }
    # The expected errors of new sites; those of these sites come from the other folds.
    doubt = task.doubt(judged.y, output["grouped"][new], own.classes)
    scores = whole["grouped"][rows, -1]
    doubt |= ood_limit(scores[new])
    docs = prediction_docs(head, own, output["grouped"], scores, folds["grouped"], doubt, seen)
    store.write(docs)
    store.write([_model(config, fit, dataset, own, head, doubt, final)])
    output, folds = ({split: one[new] for split, one in of.items()} for of in (output, folds))
    store.write([_metrics(config, judged, int(seen.sum()), head, output, folds)])
    return None


def _all_seen(absorber: str, n_sites: int, n_new: int) -> ItemFailure:
    return ItemFailure(
        "too_few_sites",
        f"of {n_sites} sites of {absorber}, {n_new} have a formula that the model was not trained "
        "on before, too few or in one fold",
        "take other structures, or a model that learns from these",
    )


def _model(
    config: CampaignConfig,
    fit: Fit,
    dataset: Dataset,
    own: Dataset,
    head: dict[str, Any],
    doubt: dict[str, float],
    final: dict[str, Any],
) -> ModelDoc:
    axis, axis_label = fit.feature_set.axis(config.features)
    importances = final["importances"]
    return ModelDoc(
        **head,
        **(final | {"importances": None if importances is None else importances[: len(axis)]}),
        task=dataset.task.name,
        unit=fit.target.unit,
        learned=fit.target.model_dump(mode="json"),
        classes=dataset.classes,
        absorbers=list(dataset.absorbers) if len(dataset.absorbers) > 1 else [],
        features=features_settings(config, fit),
        **_curve(config, fit.target.vectors_of),
        doubt=doubt,
        comes_trained=fit.model.comes_trained,
        n_sites=len(dataset.sites),
        n_formulas=len(np.unique(dataset.groups)),
        axis=axis,
        axis_label=axis_label,
        versions={lib: version(lib) for lib in (*fit.model.libraries, "exafscn")},
        takes=vectors_hash(config, fit.feature_set),
    )


def _curve(config: CampaignConfig, of: str | None) -> dict[str, Any]:
    """Say on which axis a model predicts a curve, and of which settings; nothing of others."""
    if of is None:
        return {}
    (fset,) = (one for one in config.features.sets if one.name == of)
    axis, label = fset.axis(config.features)
    return {
        "curve_axis": axis,
        "curve_axis_label": label,
        "curve_label": fset.value_label(config.features),
        "predicts": vectors_hash(config, fset),
    }


def _metrics(
    config: CampaignConfig,
    own: Dataset,
    n_seen: int,
    head: dict[str, Any],
    output: dict[str, np.ndarray],
    folds: Folds,
) -> MetricsDoc:
    task = own.task
    # Of all that absorbers have in common, the classes that this one has, or was taken for.
    output, y, classes = task.narrowed(output, own.y, own.classes)
    counts = task.counts(y, own.groups, classes, config.evaluation.n_folds)
    return MetricsDoc(
        **head,
        task=task.name,
        unit=own.target.unit,
        n_sites=len(own.sites),
        n_formulas=len(np.unique(own.groups)),
        n_seen=n_seen,
        classes=classes,
        class_counts=counts["class_counts"],
        rare=counts["rare"],
        splits={
            split: task.metrics(
                y, output[split], folds[split], classes, own.certainty, own.energies
            )
            for split in folds
        },
    )
