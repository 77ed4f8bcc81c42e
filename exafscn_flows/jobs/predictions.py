"""Prediction documents, from the outputs of models."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from exafscn_flows.jobs.dataset import Dataset
from exafscn_flows.store.documents import SiteDoc
from exafscn_flows.store.results import OOD, ModelDoc, PredictionDoc
from exafscn_flows.tasks import task_named

_INSIDE = 0.99
"""Share of the sites that a model did not learn which are in distribution."""


def ood_limit(scores: np.ndarray) -> dict[str, float]:
    """Return the out-of-distribution score that one in a hundred sites exceeds; none of NaN."""
    known = scores[np.isfinite(scores)]
    return {OOD: float(np.quantile(known, _INSIDE, method="higher"))} if len(known) else {}


def prediction_docs(
    head: Mapping[str, Any],
    dataset: Dataset,
    output: np.ndarray,
    scores: np.ndarray,
    folds: np.ndarray | None,
    doubt: dict[str, float],
    seen: np.ndarray | None = None,
) -> Iterator[PredictionDoc]:
    """Build the predictions for all sites of a data set.

    Parameters
    ----------
    head
        Fields that say which model predicts: campaign, hash, target, absorber, feature_set, model.
    output
        Of the model, shape (n_sites, n_outputs), as the task of the target says.
    scores
        Out-of-distribution score of each site, shape (n_sites,), NaN of a model without one.
    folds
        In which fold each site was held out, shape (n_sites,); None if the model never saw them.
    doubt
        As of `Task.predictions`, with what `ood_limit` adds to it.
    seen
        Whether the model had learned the formula of a site before, shape (n_sites,); None: of none.
        Such sites are predicted as those that came after the training: what is found out about
        the model by the others holds for them at best.
    """
    if folds is not None and seen is not None and seen.any():
        for rows, of_rows in ((~seen, folds[~seen]), (seen, None)):
            part = dataset.part(np.flatnonzero(rows).tolist())
            of = (part, output[rows], scores[rows], of_rows, doubt, seen[rows])
            yield from prediction_docs(head, *of)
        return
    found = dataset.task.predictions(output, dataset.classes, dataset.y, folds, doubt)
    for row, (site, prediction) in enumerate(zip(dataset.sites, found, strict=True)):
        yield PredictionDoc(
            **head,
            **prediction,
            task=dataset.task.name,
            neighbours=dataset.neighbours[row],
            **of_site(site),
            fold=None if folds is None else int(folds[row]),
            seen=seen is not None and bool(seen[row]),
            **_distribution(float(scores[row]), doubt),
        )


def unlabelled_docs(
    model: ModelDoc,
    sites: Sequence[SiteDoc],
    output: np.ndarray,
    scores: np.ndarray,
    seen: np.ndarray,
    features: Sequence[str],
) -> Iterator[PredictionDoc]:
    """Build the predictions of a version for sites without a label, which it has not learned.

    Parameters
    ----------
    model
        The version.
    output, scores, seen
        As of `prediction_docs`.
    features
        Hash of the features of each site, length n_sites.
    """
    task, classes = task_named(model.task), list(model.classes)
    # The truth is not known: what is said about it is replaced.
    unknown = np.zeros(len(sites), dtype=int if classes else float)
    found = task.predictions(output, classes, unknown, None, model.doubt)
    for row, (site, prediction) in enumerate(zip(sites, found, strict=True)):
        yield PredictionDoc(
            campaign=model.campaign,
            hash=model.hash,
            **model.model_key._asdict(),
            **(prediction | {"label": None, "disagrees": False}),
            task=model.task,
            neighbours=[],
            **of_site(site),
            fold=None,
            seen=bool(seen[row]),
            features=features[row],
            **_distribution(float(scores[row]), model.doubt),
        )


def _distribution(score: float, doubt: Mapping[str, float]) -> dict[str, Any]:
    """Return what is said of an out-of-distribution score; nothing where there is none."""
    if OOD not in doubt or not np.isfinite(score):
        return {}
    return {"ood_score": score, "in_distribution": score <= doubt[OOD]}


def of_site(site: SiteDoc) -> dict[str, Any]:
    """Return what a prediction takes from its site."""
    return {
        "site": site.site,
        "material_id": site.material_id,
        "formula": site.formula,
        "elements": site.elements,
        "oxide": "O" in site.elements if site.has_structure else None,
        "measured": site.file is not None,
        "file": site.file,
        "group": site.group,
    }
