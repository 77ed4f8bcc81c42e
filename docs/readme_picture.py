"""Draw the picture of the README from a finished campaign in the configured database.

python docs/readme_picture.py --campaign quickstart --absorber Ni
"""

import argparse
import io
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from exafscn_flows.jobs.report import collect_report
from exafscn_flows.report import figures
from exafscn_flows.report.data import ModelReport
from exafscn_flows.report.style import STYLE
from exafscn_flows.store.store import Store

PICTURE = Path(__file__).parent / "images" / "quickstart.png"


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
    figures.draw_mean_vectors(mean, report)
    figures.draw_importance(importance, fitted.axis, fitted.importances, fitted.axis_label)
    figures.draw_confusion_matrix(confusion, grouped["confusion"], metrics.classes)
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
    report = next(found for found in reports if found.absorber == arguments.absorber)
    png = io.BytesIO()
    draw(report).savefig(png, dpi=180)  # twice the 900 pixels that it takes on a page
    # A palette makes the file three times smaller, and nobody sees the difference.
    Image.open(png).convert("RGB").quantize(128).save(arguments.output, optimize=True)
    print(arguments.output)


if __name__ == "__main__":
    main()
