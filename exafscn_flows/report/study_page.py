"""What the page shows of a study beside its numbers: sections, figures, columns."""

from itertools import groupby
from operator import itemgetter
from typing import Any

from exafscn_flows.report import label_figures, modality_figures, study_figures
from exafscn_flows.report.data import TargetReport
from exafscn_flows.report.robustness import robustness_figure
from exafscn_flows.report.style import data_uri

_SECTIONS = {
    "findings": ("claims", "Findings"),
    "elements": ("elements", "Elements"),
    "published": ("published", "Published"),
    "inputs": ("inputs", "Inputs"),
    "feature-sets": ("feature_sets", "Features"),
    "interpretation": ("interpretation", "Interpretation"),
    "robustness": ("robustness", "Robustness"),
    "modalities": ("modalities", "Modalities"),
    "labels": ("label_study", "Labels"),
    "cards": ("model_cards", "Model cards"),
}


def study_page(numbers: dict[str, Any], target: TargetReport) -> dict[str, Any]:
    """Return what the templates need of the numbers of one target.

    Returns
    -------
    dict
        ``sections``: title by address of each section that there is. ``images``: figures as
        addresses; ``curves`` by model. ``columns``: measure of importance and model (None: it has
        but one) of each column of the table of shares. ``inputs``: by absorber.
    """
    how = target.view, target.unit
    looks, sets, labels = (
        numbers[name] for name in ("interpretation", "feature_sets", "label_study")
    )
    images: dict[str, Any] = {"curves": {}}
    if sets:
        images["comparison"] = data_uri(study_figures.comparison(sets["combinations"], *how))
    if looks:
        images["importance"] = data_uri(study_figures.importance(looks, *how))
    if numbers["modalities"]:
        svg = modality_figures.modalities(numbers["modalities"], target.view.importance)
        images["modalities"] = data_uri(svg)
    if numbers["robustness"]:
        images["robustness"] = data_uri(robustness_figure(numbers["robustness"], *how))
    if labels:
        images["certainty"] = data_uri(label_figures.certainty(labels))
    for model in dict.fromkeys(curve["model"] for curve in numbers["curves"]):
        own = [curve for curve in numbers["curves"] if curve["model"] == model]
        images["curves"][model] = data_uri(study_figures.curves(own, *how))
    return {
        "sections": {at: title for at, (name, title) in _SECTIONS.items() if numbers[name]},
        "images": images,
        "columns": _columns(looks) if looks else [],
        "inputs": {
            absorber: list(rows)
            for absorber, rows in groupby(numbers["inputs"], key=itemgetter("absorber"))
        },
    }


def _columns(looks: dict[str, Any]) -> list[tuple[str, str | None]]:
    mean = looks["mean"]
    columns: list[tuple[str, str | None]] = [("gini", None)] if mean["gini"] else []
    measures = ("permutation", "gradients")
    return columns + [(measure, name) for measure in measures for name in mean[measure]]
