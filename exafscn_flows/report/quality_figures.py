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

_WIDTH, _LEFT, _BELOW, _GAP = 9.5, 0.75, 0.55, 0.3
"""Width of a figure with several panels, and room around and between them, inches."""

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
    columns, used = max(min(len(absorbers), 5), 4), min(len(absorbers), 5)
    rows = -(-len(absorbers) // columns)
    # To have the room for labels worked out takes far longer than to draw.
    n_columns = legend_columns(names, _WIDTH)
    above = 0.35 + 0.2 * -(-len(names) // n_columns)
    size = (_WIDTH - _LEFT) / columns - _GAP
    height = above + rows * (size + _GAP) + _BELOW - _GAP
    figure = Figure(figsize=(_WIDTH, height))
    panels = {
        name: figure.add_axes(
            (
                (_LEFT + place % columns * (size + _GAP)) / _WIDTH,
                1 - (above + size + place // columns * (size + _GAP)) / height,
                size / _WIDTH,
                size / height,
            )
        )
        for place, name in enumerate(absorbers)
    }
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
        axes.scatter(
            x, y, 4 + 46 * np.array(found.n_sites) / max(found.n_sites), color=color, clip_on=False
        )
    top = 100.0 if stated.kind == "fraction" else 1.05 * highest
    for place, (name, axes) in enumerate(panels.items()):
        axes.plot([0, top], [0, top], color=INK, linewidth=1, linestyle=(0, (4, 2)))
        axes.set_title(name, fontsize=10, fontweight="bold", pad=4)
        below, first = place + columns >= len(absorbers), place % columns == 0
        axes.tick_params(labelbottom=below, labelleft=first)
        axes.set_xlim(0, top)
        axes.set_ylim(0, top)
        axes.locator_params(nbins=5)
        axes.grid(color=LINE, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    middle = (_LEFT + (used * (size + _GAP) - _GAP) / 2) / _WIDTH
    figure.text(middle, 0.08 / height, axis_label(stated, unit), ha="center", color=INK)
    figure.text(
        0.02,
        (height - above + _BELOW) / 2 / height,
        axis_label(observed, unit),
        va="center",
        rotation="vertical",
        color=INK,
    )
    handles = [
        Line2D([], [], color=COLORS[i % len(COLORS)], marker="o", markersize=4, label=name)
        for i, name in enumerate(names)
    ]
    figure.legend(
        handles=handles,
        loc="upper left",
        ncols=n_columns,
        fontsize=9,
        handlelength=1.4,
        columnspacing=1.6,
    )
    return to_svg(figure)
