"""All that the report knows of curves."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from exafscn_flows.report.view import IMPORTANCE_NOTE, Numbers, Panel, Score, View
from exafscn_flows.tasks import task_named

if TYPE_CHECKING:
    from exafscn_flows.report.data import ModelReport, TargetReport


class CurvesView(View):
    """Targets that are a curve, such as a spectrum."""

    task = "curves"
    score = Score(task_named(task).score, "RMSE", "amount")
    spread = "rmse_std"
    baseline = Score("mean_rmse", "Always the mean: RMSE", "amount")
    baseline_text = "always the mean"
    fold_score = Score("rmse", "RMSE", "amount")
    fold_keys = ("fold_rmse", "fold_mean_rmse")
    more = (
        Score("r2_over_mean", "R² over the mean", "ratio"),
        Score("relative_mse", "Relative error", "ratio"),
        Score("gain", "Gain", "ratio"),
        Score("r2", "R²", "ratio"),
        Score("mean_edge_error", "Always the mean: edge (eV)", "amount"),
        Score("edge_error", "Edge (eV)", "amount"),
    )
    origin = "At"
    quality = "Errors"
    notes: ClassVar[Mapping[str, str]] = {
        "RMSE": "Root mean square of prediction less label, over all points of all curves.",
        "Always the mean": "The same for a prediction that is the mean curve of the element in the "
        "other folds, whatever the site.",
        "R² over the mean": "Share of the squared error of that mean that the model takes away: 1 "
        "without errors, 0 for the mean. R² is over one number, the mean of all points of all "
        "curves, and so close to 1 for any curve with an edge.",
        "Relative error": "Mean squared error of a curve by that of the mean, median over the "
        "curves. Gain: median error of the mean by that of the model, both squared.",
        "Edge": "Median distance between the edges of prediction and label: where they rise "
        "through half of the edge step; only of curves that have one.",
    }
    panel_notes: ClassVar[Mapping[str, str]] = {
        "Best, median, worst": "Curves by their error, the root of the mean squared difference "
        "from the label, grouped out of fold; the mean is that of all sites of the element.",
        "Importance": "Where the trees look: the mean decrease of the variance of the labels. "
        f"{IMPORTANCE_NOTE}",
    }
    shows_means = False
    importance = "Variance importance"
    lost = "RMSE gained"
    calibration_axes = (
        Score("expected", "Expected error", "amount"),
        Score("observed", "Mean error", "amount"),
    )
    calibration_text = (
        "Mean error of the curves, by the expected error that comes with each prediction; on the "
        "diagonal, expected errors are right. Points are larger where there are more sites."
    )
    disagreements_text = (
        "Sites whose curve is off by more than three times the expected error, the largest "
        "ratio of the two first."
    )
    agreement_text = "No curve is off by more than three times the expected error."
    disagreement_columns = (("Error", "error"),)
    doubt_title = "Expected error"
    terminal_baseline = "mean"
    terminal = Score("r2_over_mean", "R² over mean", "ratio")
    terminal_text = (
        "mean: RMSE of always the mean curve of the element;\n"
        "R² over mean: share of its squared error that the model takes away, grouped"
    )

    def headline(self, best: Numbers, unit: str) -> dict[str, str]:
        return {
            "text": "is predicted with",
            "score": f"an RMSE of {self.score.with_unit(best['score'], unit)}",
            "baseline": "always the mean of the element gives "
            f"{self.baseline.with_unit(best['baseline'], unit)}",
        }

    def groups(self, labels: np.ndarray, unit: str) -> list[tuple[str, np.ndarray]]:
        return [("all sites", np.full(len(labels), True))]

    def panels(self, report: "ModelReport", target: "TargetReport") -> list[Panel]:
        from exafscn_flows.report import curve_figures  # matplotlib takes a second
        from exafscn_flows.report.style import data_uri

        return [
            Panel(
                f"{one.name}: {one.formula}, {one.site}, error {one.error:.3g}",
                data_uri(curve_figures.example(report, one)),
                f"Predicted and own {report.model_doc.curve_label} of {one.site}, with the mean of "
                f"{report.absorber}.",
            )
            for one in report.examples
        ]

    def predicts(self, report: "ModelReport", target: "TargetReport") -> str:
        doc = report.model_doc
        title = target.title[:1].upper() + target.title[1:]
        return f"{title} of {report.absorber} in a crystal: {doc.curve_label}, {_range(report)}."

    def limits(self, report: "ModelReport", target: "TargetReport") -> list[str]:
        return [f"Other parts of the curve than {_range(report)}."]

    def recall(self, report: "ModelReport") -> dict[str, float]:
        return {}

    def doubt(self, site: Numbers, unit: str) -> str:
        return f"{site['expected_error']:.3g}"

    def surprise(self, site: Numbers) -> float:
        expected = float(site["expected_error"])
        return float(site["error"]) / expected if expected else float("inf")


def _range(report: "ModelReport") -> str:
    doc = report.model_doc
    axis = doc.curve_axis
    assert axis is not None  # of a model of curves
    return f"{doc.curve_axis_label} from {axis[0]:g} to {axis[-1]:g}"
