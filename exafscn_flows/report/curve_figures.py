"""Figures of predicted curves beside labels, as SVG text."""

import numpy as np

from exafscn_flows.report.data import CurveExample, ModelReport
from exafscn_flows.report.style import COLORS, INK, MUTED, STYLE, panel, to_svg


@STYLE
def example(report: ModelReport, one: CurveExample) -> str:
    """Draw one predicted curve, the label, and the mean of all sites of the element."""
    doc = report.model_doc
    axis = np.asarray(doc.curve_axis)
    figure = panel()
    figure.subplots_adjust(top=0.86)
    axes = figure.add_subplot()
    for values, color, style, width, name in (
        (one.mean, MUTED, (0, (4, 2)), 1.0, f"mean of {report.absorber}"),
        (one.label, INK, "-", 1.4, "label"),
        (one.curve, COLORS[0], "-", 1.4, "prediction"),
    ):
        axes.plot(axis, values, color=color, linestyle=style, linewidth=width, label=name)
    axes.set_xlim(axis[0], axis[-1])
    axes.set_xlabel(doc.curve_axis_label)
    axes.set_ylabel(doc.curve_label)
    axes.set_title(f"{one.formula}, {one.site}", fontsize=8, loc="left", pad=14)
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.02, 0.98),
        ncols=3,
        borderaxespad=0.1,
        fontsize=8,
        handlelength=1.6,
        columnspacing=1.2,
    )
    axes.spines[["top", "right"]].set_visible(False)
    return to_svg(figure)
