"""Scores of a study on held-out spectra that are changed as measurements are."""

import math
from typing import Any

from matplotlib.lines import Line2D

from exafscn_flows.evaluation.changes import CHANGES
from exafscn_flows.report.study import mean
from exafscn_flows.report.study_data import StudyData
from exafscn_flows.report.style import (
    COLORS,
    INK,
    LINE,
    MUTED,
    STYLE,
    Figure,
    axis_label,
    legend_columns,
    to_svg,
)
from exafscn_flows.report.view import View

_WIDTH, _COLUMNS = 9.5, 3


def robustness(study: StudyData, view: View) -> list[dict[str, Any]]:
    """Collect scores against how much spectra are changed.

    Returns
    -------
    list of dict
        One entry for each change. ``change``: its name; ``label``: what is changed, with its unit;
        ``values``: how much. ``models``: by name, the scores by element (``absorbers``), and their
        ``mean`` over the elements.
    """
    docs = [one for one in study.experiments if one.changed is not None]
    found = []
    for name, change in CHANGES.items():
        models: dict[str, Any] = {}
        for one in docs:
            points = (one.changed or {}).get(name)
            if points is not None:
                scores = [point[view.score.key] for point in points]
                own = models.setdefault(one.model, {"absorbers": {}})
                own["absorbers"][one.absorber] = scores
        for own in models.values():
            own["mean"] = [mean(column) for column in zip(*own["absorbers"].values(), strict=True)]
        if models:
            values = list(change.values)
            about = {"change": name, "label": change.label, "values": values}
            found.append({**about, "models": models})
    return found


@STYLE
def robustness_figure(found: list[dict[str, Any]], view: View, unit: str) -> str:
    """Draw a panel for each change, as SVG: models in colours, elements thin, their mean bold.

    Parameters
    ----------
    found
        From `robustness`.
    view, unit
        How the target is shown, and its unit.
    """
    n_rows = math.ceil(len(found) / _COLUMNS)
    figure = Figure(figsize=(_WIDTH, 0.5 + 2.7 * n_rows), layout="constrained")
    panels = figure.subplots(n_rows, _COLUMNS, sharey=True, squeeze=False)
    names = list(dict.fromkeys(name for one in found for name in one["models"]))
    colors = dict(zip(names, COLORS * len(names), strict=False))
    for axes, one in zip(panels.flat, found, strict=False):
        for name, own in one["models"].items():
            for scores in own["absorbers"].values():
                drawn = [view.score.factor * score for score in scores]
                axes.plot(one["values"], drawn, color=colors[name], linewidth=0.8, alpha=0.5)
            drawn = [view.score.factor * score for score in own["mean"]]
            axes.plot(one["values"], drawn, "o-", color=colors[name], linewidth=2, markersize=4)
        axes.set_xlabel(one["label"])
        axes.grid(color=LINE, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        if one["change"] == "noise":
            axes.set_xscale("symlog", linthresh=one["values"][1])
        axes.set_xticks(one["values"], [f"{value:g}" for value in one["values"]])
        axes.set_xticks([], minor=True)
    for axes in panels.flat[len(found) :]:
        axes.set_visible(False)
    for axes in panels[:, 0]:
        axes.set_ylabel(axis_label(view.score, unit, ", grouped"))
    handles = [Line2D([], [], color=colors[name], marker="o", label=name) for name in names]
    handles.append(Line2D([], [], color=INK, linewidth=2, label="mean over elements"))
    handles.append(Line2D([], [], color=MUTED, linewidth=0.8, label="one element"))
    labels = [str(handle.get_label()) for handle in handles]
    figure.legend(
        handles=handles,
        loc="outside upper left",
        ncols=legend_columns(labels, _WIDTH),
        fontsize=9,
        handlelength=1.4,
    )
    return to_svg(figure)
