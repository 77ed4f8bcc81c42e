"""Figures of a study, as SVG text that stands alone; they take the numbers of the JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D

from exafscn_flows.config.study import FEW_SHOT
from exafscn_flows.features.axes import LIMITS
from exafscn_flows.report.interpretation import FAR_LIMIT, SHARE_LIMIT
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
from exafscn_flows.report.view import Score, View

WIDTH = 9.5

Numbers = Mapping[str, Any]

_DASHED = (0, (4, 2))


@STYLE
def comparison(combinations: Sequence[Numbers], view: View, unit: str) -> str:
    """Draw mean scores of feature sets and models: grouped as bars, other splits as marks.

    Parameters
    ----------
    combinations
        As in ``feature_sets.combinations``, in the order in which they are drawn.
    view, unit
        How the target is shown, and its unit.
    """
    score, factor = view.score, view.score.factor
    models = list(dict.fromkeys(one["model"] for one in combinations))
    figure = Figure(figsize=(WIDTH, 0.8 + 0.24 * len(combinations)), layout="constrained")
    axes = figure.add_subplot()
    marks = {"random": ("D", "random split"), "chemical_system": ("s", "chemical systems held out")}
    drawn = [split for split in marks if any(one[split] is not None for one in combinations)]
    for place, one in enumerate(combinations):
        axes.barh(
            place,
            factor * one["grouped"],
            0.78,
            color=COLORS[models.index(one["model"]) % len(COLORS)],
        )
        axes.text(
            0.01,
            place,
            score.text(one["grouped"]),
            va="center",
            fontsize=8,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.2},
            transform=axes.get_yaxis_transform(),
        )
        for split in drawn:
            if one[split] is not None:
                axes.plot(factor * one[split], place, marks[split][0], **_MARK)
    names = [f"{one['feature_set']}, {one['model']}" for one in combinations]
    axes.set_yticks(range(len(names)), names, color=INK)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(0, 100 if score.kind == "fraction" else None)
    axes.set_xlabel(axis_label(score, unit, ", mean over elements"))
    axes.grid(axis="x", color=LINE, linewidth=0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    handles = [
        Line2D([], [], color=COLORS[i % len(COLORS)], linewidth=7, label=f"{name}, grouped")
        for i, name in enumerate(models)
    ]
    handles += [
        Line2D([], [], linestyle="", marker=marks[split][0], label=marks[split][1], **_MARK)
        for split in drawn
    ]
    _legend(figure, handles)
    return to_svg(figure)


_MARK: dict[str, Any] = {"markersize": 4.5, "markerfacecolor": "white", "markeredgecolor": INK}


@STYLE
def importance(interpretation: Numbers, view: View, unit: str) -> str:
    """Draw the importance of every part of the axis: a row per element, a column per measure."""
    absorbers = interpretation["absorbers"]
    columns = _columns(interpretation, view, unit)
    figure = Figure(figsize=(WIDTH, 1.0 + 1.0 * len(absorbers)), layout="constrained")
    grid = figure.subplots(len(absorbers), len(columns), sharex=True, sharey="col", squeeze=False)
    colors: dict[str, str] = {}
    for row, (absorber, entry) in zip(grid, absorbers.items(), strict=True):
        for axes, measure in zip(row, columns, strict=True):
            _draw_measure(axes, measure, entry, colors, view.score.factor)
            if interpretation["along_r"]:
                for limit in (SHARE_LIMIT, FAR_LIMIT):
                    axes.axvline(limit, color=MUTED, linewidth=0.8, linestyle=_DASHED)
            axes.axhline(0, color=LINE, linewidth=0.8)
            axes.spines[["top", "right"]].set_visible(False)
            axes.margins(x=0)
        row[0].text(
            0.98,
            0.93,
            absorber,
            ha="right",
            va="top",
            fontsize=12,
            fontweight="bold",
            transform=row[0].transAxes,
        )
    for axes, title in zip(grid[0], columns.values(), strict=True):
        axes.set_title(title, fontsize=9)
    for axes in grid[-1]:
        axes.set_xlabel(interpretation["axis_label"])
    _legend(
        figure,
        [Line2D([], [], color=color, linewidth=4, label=name) for name, color in colors.items()],
    )
    return to_svg(figure)


def _columns(interpretation: Numbers, view: View, unit: str) -> dict[str, str]:
    """Return the measures that there are, with what their column shows."""
    lost = view.score.unit(unit, difference=True)
    titles = {
        "gini": f"{view.importance} per point (%)",
        "permutation": f"{view.lost} by permuting a band" + (f" ({lost})" if lost else ""),
        "gradients": "Integrated gradients per point (%)",
    }
    entries = interpretation["absorbers"].values()
    return {name: title for name, title in titles.items() if any(e[name] for e in entries)}


def _draw_measure(
    axes: Axes, measure: str, entry: Numbers, colors: dict[str, str], factor: int
) -> None:
    def color(model: str) -> str:
        return colors.setdefault(model, COLORS[len(colors) % len(COLORS)])

    if measure == "permutation":
        for model, one in entry["permutation"].items():
            drop, bands = factor * np.asarray(one["drop"]), one["bands"]
            axes.stairs(drop, bands, fill=True, facecolor=to_rgba(color(model), 0.2), linewidth=0)
            axes.stairs(drop, bands, color=color(model), linewidth=1.2)
        return
    gini = {entry["gini"]["model"]: entry["gini"]} if entry["gini"] else {}
    for model, one in (gini if measure == "gini" else entry["gradients"]).items():
        axis, percent = one["axis"], 100 * np.asarray(one["values"])
        axes.fill_between(axis, percent, color=to_rgba(color(model), 0.25), linewidth=0)
        axes.plot(axis, percent, color=color(model), linewidth=1)


@STYLE
def curves(found: Sequence[Numbers], view: View, unit: str) -> str:
    """Draw the curves of one model side by side: elements thin, their mean bold.

    Parameters
    ----------
    found
        Entries of ``curves`` with the same model.
    view, unit
        How the target is shown, and its unit.
    """
    absorbers = list(dict.fromkeys(name for curve in found for name in curve["absorbers"]))
    shades = mpl.colormaps["viridis"](np.linspace(0, 0.88, max(len(absorbers), 2)))
    colors = dict(zip(absorbers, shades, strict=False))
    figure = Figure(figsize=(WIDTH, 3.9), layout="constrained")
    panels = figure.subplots(1, max(len(found), 2), sharey=True, squeeze=False)[0]
    for axes in panels[len(found) :]:
        axes.set_visible(False)
    ends = [
        _draw_curve(axes, curve, colors, view.score)
        for axes, curve in zip(panels, found, strict=False)
    ]
    for axes, heights in zip(panels, ends, strict=False):  # now that the limits of y are known
        for name, height in _spread(axes, heights).items():
            axes.text(
                1.02,
                height,
                name,
                color=colors[name],
                fontsize=8,
                va="center",
                transform=axes.get_yaxis_transform(),
            )
    panels[0].set_ylabel(axis_label(view.score, unit, ", grouped"))
    for axes in panels[1:]:
        axes.tick_params(labelleft=False)
    handles = [
        Line2D([], [], color=INK, linewidth=2.8, label="mean over elements"),
        Line2D([], [], color=MUTED, linewidth=1, label="one element"),
    ]
    if any(_is_upper(curve["experiment"]) for curve in found):
        handles.append(
            Line2D([], [], color=INK, linewidth=1.2, linestyle=":", label="mean, all features")
        )
    _legend(figure, handles)
    return to_svg(figure)


def _draw_curve(
    axes: Axes, curve: Numbers, colors: Mapping[str, Any], score: Score
) -> dict[str, float]:
    """Draw one panel, and return where the line of each element ends."""
    experiment, mean = curve["experiment"], curve["mean"]
    title, label = _captions(experiment)
    ends: dict[str, float] = {}
    for name, entry in curve["absorbers"].items():
        x, y = _line(curve, entry, score)
        axes.plot(x, y, "o-", color=colors[name], linewidth=1, markersize=2.5)
        ends[name] = y[-1]
    if len(mean["absorbers"]) > 1 and mean["points"]:
        x, y = _line(curve, mean, score)
        # A learning curve averages over elements with different numbers of sites.
        axes.plot(x, y, "o-", color=INK, linewidth=2.8, markersize=4.5)
    if _is_upper(experiment) and mean["all"] is not None:
        axes.axhline(score.factor * mean["all"], color=INK, linewidth=1.2, linestyle=":")
    if experiment == "learning_curve":
        _number_axis(axes)
    if experiment in FEW_SHOT:
        _few_axis(
            axes, sorted({p["value"] for e in curve["absorbers"].values() for p in e["points"]})
        )
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(label)
    axes.grid(color=LINE, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    return ends


def _captions(experiment: str) -> tuple[str, str]:
    """Return the title of a panel, and what its axis is."""
    limit = LIMITS.get(experiment)
    if experiment in FEW_SHOT:
        beside = "all others known" if experiment == FEW_SHOT[0] else "nothing else known"
        return f"A new element, {beside}", "Its sites to learn from"
    if limit is None:
        return "Fewer formulas to learn from", "Training sites"
    name, unit = limit.quantity.name, limit.quantity.unit
    side, end = ("below", "Largest") if limit.upper else ("above", "Smallest")
    return f"{name[0].upper()}{name[1:]} {side} a limit alone", f"{end} {name} ({unit})"


def _is_upper(experiment: str) -> bool:
    return experiment in LIMITS and LIMITS[experiment].upper


def _line(curve: Numbers, entry: Numbers, score: Score) -> tuple[list[float], list[float]]:
    points, factor, experiment = entry["points"], score.factor, curve["experiment"]
    key = "n_train" if experiment == "learning_curve" else "value"
    x, y = [point[key] for point in points], [factor * point[score.key] for point in points]
    if curve["range"] is None or entry["all"] is None:
        return x, y
    # At the end of the axis, nothing is left out.
    (low, high), whole = curve["range"], factor * entry["all"]
    if _is_upper(experiment):
        return ([*x, high], [*y, whole]) if x[-1] < high else (x, y)
    return ([low, *x], [whole, *y]) if x[0] > low else (x, y)


def _number_axis(axes: Axes) -> None:
    """Make the x axis logarithmic, with plain numbers at 1, 2 and 5 times powers of ten."""
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    ticks = [m * 10**power for power in range(7) for m in (1, 2, 5) if low <= m * 10**power <= high]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)


def _few_axis(axes: Axes, numbers: Sequence[float]) -> None:
    """Make the x axis logarithmic beyond the first number above 0, with a tick at each."""
    axes.set_xscale("symlog", linthresh=min((n for n in numbers if n > 0), default=1.0))
    axes.set_xticks(numbers, [f"{number:g}" for number in numbers])
    axes.set_xticks([], minor=True)


def _spread(axes: Axes, heights: Mapping[str, float]) -> dict[str, float]:
    """Move labels apart, as little as keeps a line of text between any two."""
    low, high = axes.get_ylim()
    gap = 0.055 * (high - low)
    placed: dict[str, float] = {}
    below = -np.inf
    for name, height in sorted(heights.items(), key=lambda item: item[1]):
        below = placed[name] = max(height, below + gap)
    above = np.inf
    for name in reversed(placed):
        excess = placed[name] - (high - gap / 2)
        above = placed[name] = min(placed[name] - max(excess, 0), above - gap)
    return placed


def _legend(figure: Figure, handles: Sequence[Line2D]) -> None:
    figure.legend(
        handles=list(handles),
        loc="outside upper left",
        ncols=legend_columns([str(handle.get_label()) for handle in handles], WIDTH),
        fontsize=9,
        handlelength=1.4,
        columnspacing=1.6,
    )
