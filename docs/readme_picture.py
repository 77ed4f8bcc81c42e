"""Draw the picture of the README from a finished campaign in the configured database.

python docs/readme_picture.py --campaign quickstart --absorber Ni
"""

import argparse
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from exafscn_flows.jobs.report import collect_report
from exafscn_flows.report import figures
from exafscn_flows.report.data import ModelReport
from exafscn_flows.report.style import INK, STYLE, Figure, FigureBase
from exafscn_flows.store.store import Store
from exafscn_flows.targets.base import Value

PICTURE = Path(__file__).parent / "images" / "quickstart.png"


def draw_confusion(
    figure: FigureBase, confusion: Sequence[Sequence[int]], classes: Sequence[Value]
) -> None:
    """Draw a confusion matrix: colours by share of the row, numbers of sites printed."""
    counts = np.asarray(confusion)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes = figure.add_subplot()
    axes.pcolormesh(share, cmap="Blues", vmin=0, vmax=1, edgecolors="white", linewidth=0.8)
    size = 9 if len(classes) <= 8 else 7
    for (row, column), count in np.ndenumerate(counts):
        if count:
            color = "white" if share[row, column] > 0.55 else INK
            axes.text(
                column + 0.5,
                row + 0.5,
                str(count),
                ha="center",
                va="center",
                color=color,
                fontsize=size,
            )
    centres = np.arange(len(classes)) + 0.5
    axes.set_xticks(centres, [str(cn) for cn in classes])
    axes.set_yticks(centres, [str(cn) for cn in classes])
    axes.tick_params(length=0)
    axes.invert_yaxis()
    axes.set_aspect("equal")
    axes.set_xlabel("Predicted CN")
    axes.set_ylabel("Label, CN by CrystalNN")
    axes.spines[:].set_visible(False)


@STYLE
def draw(report: ModelReport) -> Figure:
    """Draw mean spectra, importance and confusion of one model side by side."""
    fitted, metrics = report.model_doc, report.metrics
    grouped = metrics.splits["grouped"]
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    figure.suptitle(
        f"{report.absorber} K edge: {metrics.n_sites} sites, {metrics.n_formulas} formulas; "
        f"CN predicted right for {100 * grouped['accuracy']:.0f} % of sites "
        f"(most frequent CN alone: {100 * grouped['majority']:.0f} %)",
        fontsize=11,
    )
    mean, importance, confusion = figure.subfigures(1, 3, width_ratios=(1.15, 1, 1))
    figures.draw_mean_vectors(mean, report, "CN (sites)")
    figures.draw_importance(
        importance, fitted.axis, fitted.importances, fitted.axis_label, "Gini importance"
    )
    draw_confusion(confusion, grouped["confusion"], metrics.classes)
    for panel, title in (
        (mean, "Mean |χ(R)| by CN"),
        (importance, "Where in R the forest looks"),
        (confusion, "Predictions on unseen formulas"),
    ):
        panel.axes[0].set_title(title, fontsize=10)
    return figure


def main() -> None:
    """Write docs/images/quickstart.png."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--campaign", default="quickstart")
    parser.add_argument("--absorber", default="Ni")
    parser.add_argument("--output", type=Path, default=PICTURE)
    arguments = parser.parse_args()
    reports = collect_report(Store.open(), arguments.campaign).models
    report = next(
        found
        for found in reports
        if (found.target, found.absorber) == ("coordination_number", arguments.absorber)
    )
    png = io.BytesIO()
    draw(report).savefig(png, dpi=180)  # twice the 900 pixels that it takes on a page
    # A palette makes the file three times smaller, and nobody sees the difference.
    Image.open(png).convert("RGB").quantize(128).save(arguments.output, optimize=True)
    print(arguments.output)


if __name__ == "__main__":
    main()
