"""Figures of the attention and the neurons of graph attention networks, as SVG text."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from exafscn_flows.report.style import COLORS, INK, LINE, MUTED, STYLE, panel, to_svg

Numbers = Mapping[str, Any]

FEW = 30
"""Neighbours of an element that is drawn."""
_DASHED = (0, (4, 2))
_TITLES = {
    "absorber": "absorber",
    "element": "element",
    "distance": "distance",
    "element_distance": "element, distance",
    "element_distance_absorber": "element, distance,\nabsorber",
}
_LOOKED = "Attention (1: even)"


@STYLE
def distance(attention: Numbers) -> str:
    """Draw attention against distance: of the most frequent elements, of all, and untrained."""
    figure = panel()
    figure.subplots_adjust(top=0.84)
    axes = figure.add_subplot()
    low = np.array(attention["distance"])
    middle = low + (low[1] - low[0] if len(low) > 1 else 0) / 2
    drawn = [one for one in attention["elements"] if "curve" in one]
    for color, one in zip(COLORS, drawn, strict=False):
        axes.plot(middle, _floats(one["curve"]), color=color, linewidth=1.2, label=one["element"])
    axes.plot(middle, _floats(attention["curve"]), color=INK, linewidth=2, label="all")
    untrained = _floats(attention["untrained"]["curve"])
    axes.plot(middle, untrained, color=MUTED, linestyle=_DASHED, label="all, untrained")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("Distance (Å)")
    axes.set_ylabel(_LOOKED)
    _legend(axes, 4)
    axes.spines[["top", "right"]].set_visible(False)
    return to_svg(figure)


@STYLE
def heads(numbers: Numbers) -> str:
    """Draw the attention of each head against distance, layer by layer."""
    figure = panel()
    figure.subplots_adjust(top=0.9, hspace=0.12)
    layers = numbers["layers"]
    low = np.array(numbers["distance"])
    middle = low + (low[1] - low[0] if len(low) > 1 else 0) / 2
    rows = figure.subplots(len(layers), sharex=True, squeeze=False)[:, 0]
    for place, (axes, layer) in enumerate(zip(rows, layers, strict=True), 1):
        axes.axhline(1, color=LINE, linewidth=1)
        for number, (color, one) in enumerate(zip(COLORS, layer, strict=False), 1):
            axes.plot(
                middle, _floats(one["curve"]), color=color, linewidth=1.2, label=f"head {number}"
            )
        axes.set_ylim(bottom=0)
        axes.set_ylabel(f"Layer {place}")
        axes.spines[["top", "right"]].set_visible(False)
    _legend(rows[0], len(COLORS))
    figure.supylabel(_LOOKED, fontsize=9, x=0.01)
    rows[-1].set_xlabel("Distance (Å)")
    return to_svg(figure)


@STYLE
def elements(attention: Numbers) -> str:
    """Draw attention by the element of the neighbour, larger where there are more of them."""
    from exafscn_flows.elements import atomic_number

    figure = panel()
    axes = figure.add_subplot()
    drawn = [one for one in attention["elements"] if one["n"] >= FEW]
    n = np.array([one["n"] for one in drawn])
    numbers = [atomic_number(one["element"]) for one in drawn]
    means = [one["mean"] for one in drawn]
    axes.axhline(1, color=LINE, linewidth=1)
    axes.scatter(numbers, means, 8 + 80 * n / (n.max() if len(n) else 1), COLORS[0], alpha=0.5)
    for x, y, one in zip(numbers, means, drawn, strict=True):
        axes.annotate(one["element"], (x, y), (2, 2), textcoords="offset points", fontsize=6.5)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("Atomic number of the neighbour")
    axes.set_ylabel(_LOOKED)
    axes.spines[["top", "right"]].set_visible(False)
    return to_svg(figure)


@STYLE
def variance(attention: Numbers) -> str:
    """Draw what explains the variance of attention, beside networks with their first weights."""
    figure = panel()
    figure.subplots_adjust(left=0.3, top=0.9)
    axes = figure.add_subplot()
    for place, name in enumerate(_TITLES):
        share = attention["explained"][name] or 0
        axes.barh(place, 100 * share, 0.6, color=COLORS[0], label="trained")
        for one in attention["untrained"]["explained"]:
            at = 100 * (one[name] or 0)
            axes.plot([at, at], [place - 0.4, place + 0.4], color=INK, label="untrained")
    axes.set_yticks(range(len(_TITLES)), list(_TITLES.values()), color=INK)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("Variance of attention explained (%)")
    _legend(axes, 2)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    return to_svg(figure)


@STYLE
def responses(neurons: Numbers) -> str:
    """Draw the mean response of each neuron to each absorber; neurons by the one they prefer."""
    means = np.array(neurons["means"])
    preferred = means.argmax(axis=0)
    order = np.lexsort((-means.max(axis=0), preferred))
    figure = panel()
    figure.subplots_adjust(left=0.1, right=0.92)
    axes = figure.add_subplot()
    limit = float(np.abs(means).max()) if means.size else 1.0
    image = axes.imshow(
        means[:, order], cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto", interpolation="none"
    )
    axes.set_yticks(range(len(means)), neurons["absorbers"], color=INK)
    axes.set_xlabel("Neuron, by the absorber it responds to most")
    axes.tick_params(length=0)
    bar = figure.colorbar(image, ax=axes, pad=0.02)
    bar.set_label("Mean response (standard deviations)")
    bar.outline.set_edgecolor(LINE)
    return to_svg(figure)


@STYLE
def similarity(neurons: Numbers) -> str:
    """Draw the similarity of pairs of absorbers against their distance in the periodic table."""
    figure = panel()
    figure.subplots_adjust(top=0.86)
    axes = figure.add_subplot()
    names, distances = neurons["absorbers"], np.array(neurons["distance"])
    first, second = np.triu_indices(len(names), 1)
    apart = distances[first, second]
    ways = (
        ("own", "in their own sites", "o", -0.08),
        ("exchanged", "in the same sites", "s", 0.08),
    )
    for color, (way, title, marker, shift) in zip(COLORS, ways, strict=False):
        values = np.array(neurons[way]["similarity"])[first, second]
        axes.plot(apart + shift, values, marker, color=color, markersize=4, alpha=0.8, label=title)
        lengths = np.unique(apart)
        means = [values[apart == one].mean() for one in lengths]
        axes.plot(lengths + shift, means, color=color, linewidth=1)
    own = np.array(neurons["own"]["similarity"])[first, second]
    for x, y, i, j in zip(apart, own, first, second, strict=True):
        axes.annotate(
            f"{names[i]}–{names[j]}",
            (x - 0.08, y),
            (-3, 0),
            textcoords="offset points",
            fontsize=6,
            color=MUTED,
            ha="right",
            va="center",
        )
    axes.axhline(0, color=LINE, linewidth=1)
    axes.set_xlim(apart.min() - 0.7, apart.max() + 0.4)
    axes.set_xticks(np.unique(apart))
    axes.set_xlabel("Distance in the periodic table (groups and periods)")
    axes.set_ylabel("Correlation of mean responses")
    _legend(axes, 2)
    axes.spines[["top", "right"]].set_visible(False)
    return to_svg(figure)


def _floats(values: Sequence[float | None]) -> np.ndarray:
    return np.array([np.nan if one is None else one for one in values], dtype=float)


def _legend(axes: Any, columns: int) -> None:
    handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    axes.legend(
        handles.values(),
        handles.keys(),
        loc="lower left",
        bbox_to_anchor=(-0.02, 0.99),
        ncols=columns,
        borderaxespad=0.1,
        fontsize=8,
        handlelength=1.6,
        columnspacing=1.2,
    )
