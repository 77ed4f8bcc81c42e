"""Figure of how sure labels are, as SVG text that stands alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from exafscn_flows.report.style import COLORS, INK, LINE, MUTED, STYLE, Figure, to_svg

WIDTH = 9.5

Numbers = Mapping[str, Any]


@STYLE
def certainty(labels: Numbers) -> str:
    """Draw agreement with rival methods, and accuracy by the certainty of the label."""
    methods = labels["methods"]
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    panels = figure.subplots(1, 2 if methods else 1, squeeze=False)[0]
    if methods:
        _draw_agreements(panels[0], labels)
    axes = panels[-1]
    bins = labels["all"]["certainty"]
    for name, entry in [*labels["absorbers"].items(), ("all", labels["all"])]:
        known = [
            (place, 100 * one["accuracy"])
            for place, one in enumerate(entry["certainty"])
            if one["accuracy"] is not None
        ]
        bold = name == "all"
        axes.plot(
            *np.array(known).reshape(-1, 2).T,
            "o-",
            color=INK if bold else MUTED,
            alpha=1 if bold else 0.4,
            linewidth=2.8 if bold else 1,
            markersize=4.5 if bold else 2.5,
        )
    axes.set_xticks(
        range(len(bins)), [f"{one['low']:g} to {one['high']:g}\n{one['n_sites']}" for one in bins]
    )
    axes.set_xlim(-0.5, len(bins) - 0.5)
    axes.set_ylim(0, 102)
    axes.set_xlabel("Largest weight of a class, and sites of all elements")
    axes.set_ylabel("Accuracy, grouped (%)")
    _legend_above(
        axes,
        [
            Line2D([], [], color=INK, linewidth=2.8, label="all sites"),
            Line2D([], [], color=MUTED, alpha=0.4, linewidth=1, label="one element"),
        ],
    )
    _tidy(axes)
    return to_svg(figure)


def _draw_agreements(axes: Axes, labels: Numbers) -> None:
    absorbers = labels["absorbers"]
    width = 0.8 / len(labels["methods"])
    for series, method in enumerate(labels["methods"]):
        for place, entry in enumerate(absorbers.values()):
            one = entry["agreements"].get(method)
            if one:
                shift = (series - (len(labels["methods"]) - 1) / 2) * width
                axes.bar(place + shift, 100 * one["agree"], 0.9 * width, color=COLORS[series])
    axes.set_xticks(range(len(absorbers)), list(absorbers), color=INK)
    axes.set_ylim(0, 102)
    axes.set_ylabel("Sites with CrystalNN's number (%)")
    axes.tick_params(axis="x", length=0)
    methods = enumerate(labels["methods"])
    _legend_above(
        axes, [Line2D([], [], color=COLORS[i], linewidth=7, label=name) for i, name in methods]
    )
    _tidy(axes)


def _tidy(axes: Axes) -> None:
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def _legend_above(axes: Axes, handles: Sequence[Line2D]) -> None:
    axes.legend(
        handles=list(handles),
        loc="lower center",
        bbox_to_anchor=(0.5, 1),
        ncols=3,
        fontsize=8,
        handlelength=1.2,
        columnspacing=1.2,
    )
