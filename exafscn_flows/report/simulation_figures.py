"""Figures of spectra that a model predicts of structures."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from exafscn_flows.report.style import COLORS, INK, MUTED, STYLE, Figure, to_svg
from exafscn_flows.simulation.simulator import Simulator
from exafscn_flows.simulation.sites import SimulatedSite, mean_curve
from exafscn_flows.whole_file import whole_file

Drawn = tuple[str, SimulatedSite, np.ndarray | None]
"""Name of a structure, a site with its curve, and what a program computes of it."""

_ROW = 90
"""Letters in a line of the title."""


def write_figures(found: Sequence[Drawn], simulator: Simulator, path: Path) -> Iterator[Path]:
    """Write a figure for each structure and absorber; yield the files.

    Parameters
    ----------
    found
        One at least; sites of a structure follow each other.
    simulator
        What predicted them.
    path
        Its suffix is .pdf, .png or .svg. A PDF has a page for each; several files in the other
        formats have numbers, such as ``name_1.png``.

    Raises
    ------
    UsageError
        If there can be no such file.
    """
    parts = [list(own) for _, own in groupby(found, key=lambda one: (one[0], one[1].absorber))]
    if path.suffix.lower() == ".pdf":
        from matplotlib.backends.backend_pdf import PdfPages

        with whole_file(path) as file, PdfPages(file, metadata={"CreationDate": None}) as pages:
            for part in parts:
                pages.savefig(draw(part, simulator))
        yield path
        return
    for number, part in enumerate(parts, 1):
        place = path.with_stem(f"{path.stem}_{number}") if len(parts) > 1 else path
        with whole_file(place) as file:
            if path.suffix.lower() == ".svg":
                file.write(to_svg(draw(part, simulator)).encode())
            else:
                figure = draw(part, simulator)
                figure.savefig(file, format="png", dpi=150, metadata={"Software": None})
        yield place


@STYLE
def draw(found: Sequence[Drawn], simulator: Simulator) -> Figure:
    """Draw the sites of one structure and absorber below each other, and their mean.

    Parameters
    ----------
    found
        One site at least, all with curves.
    simulator
        What predicted them.
    """
    several = len(found) > 1
    figure = Figure(figsize=(6.4, 2.2 + 1.2 * (len(found) + several)), layout="constrained")
    axes = figure.add_subplot()
    sites = [site for _, site, _ in found]
    axis = simulator.axis
    curves = [one.curve for one in sites if one.curve is not None]
    spans = [float(np.ptp(one.values)) for one in curves]
    step = 0.7 * max(spans) if several else 0.0
    heights = [(len(found) - number) * step for number in range(len(found))]
    for number, (site, curve, height) in enumerate(zip(sites, curves, heights, strict=True)):
        color = COLORS[number % len(COLORS)]
        values, error = height + curve.values, curve.expected_error
        axes.fill_between(axis, values - error, values + error, color=color, alpha=0.2, linewidth=0)
        label = f"{site.absorber} {site.site_index}, {site.multiplicity} alike, ± {error:.3f}"
        axes.plot(axis, values, color=color, linewidth=1.5, label=label)
        computed = found[number][2]
        if computed is not None:
            first = "computed" if number == 0 else None
            axes.plot(axis, height + computed, "--", color=INK, linewidth=1, label=first)
    if several:
        mean = mean_curve(sites)
        axes.plot(axis, mean, color=MUTED, linewidth=1.5, label="mean of all sites")
        axes.set_yticks([])
    axes.set_xlim(axis[0], axis[-1])
    axes.set_xlabel(simulator.axis_label)
    offset = ", one above the other" if several else ""
    axes.set_ylabel(f"{simulator.value_label}{offset}")
    name = found[0][0]
    name = name if len(name) <= _ROW else f"...{name[3 - _ROW :]}"
    what = simulator.card.title or simulator.card.name
    figure.suptitle(f"{name}\n{sites[0].formula}, {sites[0].absorber}: {what}", fontsize=10)
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axes.spines[["top", "right"]].set_visible(False)
    return figure
