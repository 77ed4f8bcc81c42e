"""Figures that set predictions beside labels, and doubt beside errors, as SVG text."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.lines import Line2D

from exafscn_flows.report.data import ModelReport
from exafscn_flows.report.style import (
    COLORS,
    INK,
    LINE,
    STYLE,
    Figure,
    axis_label,
    legend_columns,
    panel,
    to_svg,
)
from exafscn_flows.report.summary import series_name
from exafscn_flows.report.view import View

MOST_POINTS = 1000
"""Points that are drawn as such: more would hide each other, and make the page heavy."""

# The palest of these blues can still be told from the page.
_DENSITY = LinearSegmentedColormap.from_list(
    "density", mpl.colormaps["Blues"](np.linspace(0.25, 1))
)


@STYLE
def parity(label: np.ndarray, value: np.ndarray, name: str, unit: str) -> str:
    """Draw predictions against labels, with the diagonal.

    Parameters
    ----------
    label, value
        Label and prediction of each site, shape (n_sites,).
    name, unit
        What the target is called in short, and its unit.
    """
    figure = panel()
    axes = figure.add_subplot()
    low, high = (float(end(np.concatenate([label, value]))) for end in (np.min, np.max))
    rim = 0.04 * (high - low or 1.0)
    limits = low - rim, high + rim
    axes.plot(limits, limits, color=INK, linewidth=1, linestyle=(0, (4, 2)), zorder=3)
    if len(label) > MOST_POINTS:
        extent = (*limits, *limits)
        axes.hexbin(label, value, gridsize=50, extent=extent, bins="log", mincnt=1, cmap=_DENSITY)
    else:
        alpha = float(np.clip(8 / np.sqrt(len(label) + 1), 0.25, 0.8))
        axes.plot(label, value, "o", color=COLORS[0], alpha=alpha, markersize=3, markeredgewidth=0)
    axes.set_xlim(limits)
    axes.set_ylim(limits)
    axes.set_aspect("equal")
    axes.locator_params(nbins=6)
    suffix = f" ({unit})" if unit else ""
    axes.set_xlabel(f"Label, {name}{suffix}")
    axes.set_ylabel(f"Prediction, {name}{suffix}")
    axes.spines[["top", "right"]].set_visible(False)
    return to_svg(figure)


@STYLE
def calibration(reports: Sequence[ModelReport], view: View, unit: str) -> str:
    """Draw what models say of their own doubt against what came of it, a panel per absorber.

    Parameters
    ----------
    reports
        Models of one target.
    view, unit
        How the target is shown, and its unit.
    """
    absorbers = list(dict.fromkeys(report.absorber for report in reports))
    names = list(dict.fromkeys(series_name(report, reports) for report in reports))
    columns = max(min(len(absorbers), 5), 4)
    rows = -(-len(absorbers) // columns)
    figure = Figure(figsize=(9.5, 0.9 + 9.5 / columns * 0.82 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    panels = dict(zip(absorbers, grid.flat, strict=False))
    stated, observed = view.calibration_axes
    highest = 0.0
    for report in reports:
        found = view.calibration(report.metrics.splits["grouped"])
        x, y = (
            factor * np.array(values)
            for factor, values in ((stated.factor, found.stated), (observed.factor, found.observed))
        )
        highest = max(highest, *x, *y)
        color = COLORS[names.index(series_name(report, reports)) % len(COLORS)]
        axes = panels[report.absorber]
        axes.plot(x, y, color=color, linewidth=1)
        axes.scatter(x, y, 4 + 46 * np.array(found.n_sites) / max(found.n_sites), color=color)
    top = 100.0 if stated.kind == "fraction" else 1.05 * highest
    for axes in grid.flat[len(absorbers) :]:
        axes.set_visible(False)
    for name, axes in panels.items():
        axes.plot([0, top], [0, top], color=INK, linewidth=1, linestyle=(0, (4, 2)))
        axes.set_title(name, fontsize=10, fontweight="bold")
        axes.set_xlim(0, top)
        axes.set_ylim(0, top)
        axes.set_aspect("equal")
        axes.locator_params(nbins=5)
        axes.grid(color=LINE, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    figure.supxlabel(axis_label(stated, unit), fontsize=9)
    figure.supylabel(axis_label(observed, unit), fontsize=9)
    handles = [
        Line2D([], [], color=COLORS[i % len(COLORS)], marker="o", markersize=4, label=name)
        for i, name in enumerate(names)
    ]
    figure.legend(
        handles=handles,
        loc="outside upper left",
        ncols=legend_columns(names, 9.5),
        fontsize=9,
        handlelength=1.4,
        columnspacing=1.6,
    )
    return to_svg(figure)
