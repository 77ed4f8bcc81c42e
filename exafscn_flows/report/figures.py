"""Figures of the report, as SVG text that stands alone."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D

from exafscn_flows.evaluation.importance import share_below
from exafscn_flows.features.axes import DISTANCE, quantity
from exafscn_flows.report.data import MeanVector, ModelReport
from exafscn_flows.report.interpretation import SHARE_LIMIT
from exafscn_flows.report.style import (
    CLASS_COLORS,
    COLORS,
    INK,
    LINE,
    MUTED,
    STYLE,
    Figure,
    FigureBase,
    axis_label,
    legend_columns,
    panel,
    to_svg,
)
from exafscn_flows.report.summary import series_name
from exafscn_flows.report.view import FEW_SITES, View

R_MAX = 6.0
"""Largest R shown in mean spectra, Å: what lies beyond is small."""

_LONGEST_LABEL = 70
"""Letters of an axis for which there is room below a panel."""

_LONGEST_BESIDE = 14
"""Letters of names for which there is room beside a panel."""


@STYLE
def mean_vectors(report: ModelReport, title: str) -> str:
    """Draw the mean feature vector of every group of sites, with the number of sites.

    Parameters
    ----------
    report
        Any model on the feature set.
    title
        Title of the legend: what the groups are.
    """
    names = [_sites(mean) for mean in report.mean_vectors]
    longest = max(len(name) for name in [*names, title])
    figure = panel()
    if longest <= _LONGEST_BESIDE:
        figure.subplots_adjust(right=0.9 - 0.014 * longest)
    else:  # long names would leave no room for the curves
        figure.subplots_adjust(top=0.97 - 0.045 * (1 + (len(names) + 1) // 2))
    draw_mean_vectors(figure, report, title)
    return to_svg(figure)


def draw_mean_vectors(figure: FigureBase, report: ModelReport, title: str) -> None:
    """Draw what `mean_vectors` returns into a figure or a part of one, within `STYLE`."""
    fitted, means = report.model_doc, report.mean_vectors
    axis = np.asarray(fitted.axis)
    along_r = quantity(fitted.axis_label) is DISTANCE
    shown = axis <= R_MAX if along_r else np.full(axis.shape, True)
    colors = _colors([mean.name for mean in means])
    axes = figure.add_subplot()
    for mean, color in zip(means, colors, strict=False):
        axes.plot(
            axis[shown],
            np.asarray(mean.vector)[shown],
            color=color,
            linewidth=1.6 if mean.n_sites >= FEW_SITES else 1.0,
            linestyle="-" if mean.n_sites >= FEW_SITES else (0, (4, 2)),
            label=_sites(mean),
        )
    axes.set_xlim(axis[shown][0], np.ceil(axis[shown][-1]))
    axes.set_ylim(*_limits([np.asarray(mean.vector)[shown] for mean in _telling(means)]))
    axes.set_xlabel(fitted.axis_label)
    axes.set_ylabel(report.value_label)
    axes.spines[["top", "right"]].set_visible(False)
    beside = max(len(name) for name in [title, *map(_sites, means)]) <= _LONGEST_BESIDE
    axes.legend(
        title=title,
        loc="upper left" if beside else "lower left",
        bbox_to_anchor=(1.0, 1.02) if beside else (-0.1, 1.0),
        ncols=1 if beside else 2,
        borderaxespad=0.2,
        fontsize=8,
        title_fontsize=8,
        handlelength=1.6,
        labelspacing=0.35,
        columnspacing=1.2,
    )


@STYLE
def importance(axis: np.ndarray, importances: np.ndarray, axis_label: str, name: str) -> str:
    """Draw the importance in trees along the feature axis; along R, with the share below 3 Å.

    Parameters
    ----------
    axis, importances
        Coordinate and importance of each feature, shape (n_features,).
    axis_label
        What the axis is, with its unit.
    name
        What the importance is called.
    """
    figure = panel()
    draw_importance(figure, axis, importances, axis_label, name)
    return to_svg(figure)


def draw_importance(
    figure: FigureBase, axis: np.ndarray, importances: np.ndarray, axis_label: str, name: str
) -> None:
    """Draw what `importance` returns into a figure or a part of one, within `STYLE`."""
    axis, percent = np.asarray(axis), 100 * np.asarray(importances)
    axes = figure.add_subplot()
    axes.fill(
        [axis[0], *axis, axis[-1]],
        [0, *percent, 0],
        facecolor=to_rgba(COLORS[0], 0.25),
        edgecolor=COLORS[0],
        linewidth=1.2,
    )
    axes.set_xlim(axis[0], np.ceil(axis[-1]))
    axes.set_ylim(0, 1.22 * percent.max())
    if quantity(axis_label) is DISTANCE:
        share = 100 * share_below(importances, axis, SHARE_LIMIT)
        axes.axvline(SHARE_LIMIT, color=INK, linewidth=1, linestyle=(0, (4, 2)))
        for side, text in (("right", f"{share:.1f} %"), ("left", f"{100 - share:.1f} %")):
            place = SHARE_LIMIT + (0.15 if side == "left" else -0.15)
            axes.text(
                place,
                0.97,
                text,
                ha=side,
                va="top",
                fontweight="bold",
                transform=axes.get_xaxis_transform(),
            )
            beside = f"below {SHARE_LIMIT:g} Å" if side == "right" else "above"
            axes.text(
                place,
                0.91,
                beside,
                ha=side,
                va="top",
                color=MUTED,
                fontsize=8,
                transform=axes.get_xaxis_transform(),
            )
    # What numbered features are does not fit below a panel; the numbers in JSON have it.
    fits = len(axis_label) <= _LONGEST_LABEL
    axes.set_xlabel(axis_label if fits else axis_label.partition(" (")[0])
    axes.set_ylabel(f"{name} per point (%)")
    axes.spines[["top", "right"]].set_visible(False)


@STYLE
def overview(reports: Sequence[ModelReport], view: View, unit: str) -> str:
    """Draw the score by absorber: grouped as bars, baseline and random split as marks.

    Parameters
    ----------
    reports
        Models of one target.
    view, unit
        How the target is shown, and its unit.
    """
    absorbers = list(dict.fromkeys(report.absorber for report in reports))
    names = list(dict.fromkeys(series_name(report, reports) for report in reports))
    width = 0.8 / len(names)
    figure = Figure(figsize=(9.5, 3.6), layout="constrained")
    axes = figure.add_subplot()
    score, factor = view.score, view.score.factor
    for report in reports:
        series = names.index(series_name(report, reports))
        place = absorbers.index(report.absorber) + (series - (len(names) - 1) / 2) * width
        grouped, random = report.metrics.splits["grouped"], report.metrics.splits["random"]
        value, spread = factor * grouped[score.key], factor * grouped[view.spread]
        baseline = factor * grouped[view.baseline.key]
        axes.bar(place, value, 0.9 * width, color=COLORS[series % len(COLORS)])
        ends = place - 0.47 * width, place + 0.47 * width
        for color, wider in (("white", 2), (INK, 0)):  # a white rim keeps marks visible on bars
            axes.vlines(place, value - spread, value + spread, color, linewidth=1 + wider)
            axes.hlines(baseline, *ends, color, linewidth=2.5 + wider)
        axes.plot(
            place,
            factor * random[score.key],
            "D",
            markersize=4.5,
            markerfacecolor="white",
            markeredgecolor=INK,
            markeredgewidth=1,
        )
        axes.text(
            place,
            0.02,
            f"{value:.0f}" if score.kind == "fraction" else score.text(value),
            ha="center",
            va="bottom",
            fontsize=8,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
            transform=axes.get_xaxis_transform(),
        )
    axes.set_xticks(range(len(absorbers)), absorbers, fontsize=10, color=INK)
    axes.set_xlim(-0.6, max(len(absorbers), 3) - 0.4)
    axes.set_ylim(0, 1.08 * axes.dataLim.y1)
    if score.kind == "fraction":
        axes.set_ylim(0, 105)
        axes.set_yticks(range(0, 101, 20))
    axes.set_ylabel(axis_label(score, unit))
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    axes.tick_params(axis="x", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    bars = [
        Line2D([], [], color=COLORS[i % len(COLORS)], linewidth=7, label=name)
        for i, name in enumerate(names)
    ]
    marks = [
        Line2D([], [], color=INK, linewidth=2.5, label=view.baseline_text),
        Line2D([], [], color=INK, linewidth=1, label="± s.d. over folds"),
        Line2D(
            [],
            [],
            color=INK,
            linestyle="",
            marker="D",
            markersize=4.5,
            markerfacecolor="white",
            label="random split",
        ),
    ]
    figure.legend(
        handles=bars + marks,
        loc="outside upper left",
        ncols=legend_columns([str(line.get_label()) for line in bars + marks], 9.5),
        fontsize=9,
        handlelength=1.4,
        columnspacing=1.6,
    )
    return to_svg(figure)


def _telling(means: Sequence[MeanVector]) -> Sequence[MeanVector]:
    """Return the groups that set the scale: a single site is no mean, unless there is no other."""
    return [mean for mean in means if mean.n_sites > 1] or means


def _limits(vectors: Sequence[np.ndarray]) -> tuple[float, float]:
    """Return the ends of an axis on which these vectors are seen."""
    low, high = (float(end(np.concatenate(vectors))) for end in (np.min, np.max))
    rim = 0.05 * (high - low or 1.0)
    return 0.0 if low >= 0 else low - rim, high + rim


def _colors(names: Sequence[str]) -> Sequence[Any]:
    """Return a colour for each group: of a whole number its own, whatever others there are."""
    if all(name.isdecimal() for name in names):
        return [CLASS_COLORS[int(name) % len(CLASS_COLORS)] for name in names]
    # Other groups are in an order, so their colours are too; yellow is too light for a line.
    found = mpl.colormaps["viridis"](np.linspace(0, 0.88, max(len(names), 2)))
    return list(found)


def _sites(mean: MeanVector) -> str:
    return f"{mean.name}  ({mean.n_sites})"
