"""Importance on the axis of each part of a concatenation, as SVG text that stands alone."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D

from exafscn_flows.report.style import COLORS, INK, LINE, MUTED, STYLE, Figure, to_svg

WIDTH = 9.5

Numbers = Mapping[str, Any]


@STYLE
def modalities(found: Numbers, importance: str) -> str:
    """Draw the importance of every part, alone and fused: a row per element, a column per part.

    Parameters
    ----------
    found
        As `exafscn_flows.report.modalities.modalities` returns it.
    importance
        What the importance of a feature is called.
    """
    absorbers = found["absorbers"]
    n_parts = len(next(iter(absorbers.values())))
    figure = Figure(figsize=(WIDTH, 1.3 + 1.5 * len(absorbers)), layout="constrained")
    grid = figure.subplots(len(absorbers), n_parts, sharex="col", squeeze=False)
    for row, (absorber, parts) in zip(grid, absorbers.items(), strict=True):
        for axes, part in zip(row, parts, strict=True):
            _draw(axes, part)
        row[0].set_ylabel(absorber, rotation=0, fontsize=12, fontweight="bold", labelpad=14)
    for axes, part in zip(grid[0], next(iter(absorbers.values())), strict=True):
        axes.set_title(f"{part['name']}: {importance} per point (%)", fontsize=9)
    for axes, part in zip(grid[-1], next(iter(absorbers.values())), strict=True):
        axes.set_xlabel(part["axis_label"])
    handles = [
        Line2D([], [], color=COLORS[0], linewidth=4, label=f"fused, {found['feature_set']}"),
        Line2D([], [], color=COLORS[5], linewidth=1.4, label="alone"),
        Line2D([], [], color=MUTED, linewidth=1, linestyle="--", label="mean, right scale"),
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=3, fontsize=9)
    return to_svg(figure)


def _draw(axes: Axes, part: Numbers) -> None:
    axis, fused = part["axis"], 100 * np.asarray(part["fused"])
    behind = axes.twinx()
    behind.plot(axis, part["mean"], color=MUTED, linewidth=1, linestyle="--")
    behind.set_ylabel(part["value_label"], color=MUTED, fontsize=8)
    behind.spines[["top", "left"]].set_visible(False)
    axes.set_zorder(behind.get_zorder() + 1)
    axes.patch.set_visible(False)
    axes.fill_between(axis, fused, color=to_rgba(COLORS[0], 0.3), linewidth=0)
    axes.plot(axis, fused, color=COLORS[0], linewidth=1)
    if part["single"] is not None:
        axes.plot(axis, 100 * np.asarray(part["single"]), color=COLORS[5], linewidth=1.4)
    axes.text(
        0.98,
        0.92,
        f"{100 * part['share']:.0f} % of the fused",
        ha="right",
        va="top",
        fontsize=8,
        color=INK,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.2},
        transform=axes.transAxes,
    )
    axes.axhline(0, color=LINE, linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_ylim(bottom=0)
    axes.margins(x=0)
