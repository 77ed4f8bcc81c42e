"""All that the report knows of numbers."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from exafscn_flows.report.view import (
    IMPORTANCE_NOTE,
    MEANS_NOTE,
    Numbers,
    Panel,
    Score,
    View,
)
from exafscn_flows.tasks import task_named

if TYPE_CHECKING:
    from exafscn_flows.report.data import ModelReport, TargetReport


class NumbersView(View):
    """Targets that are a number with a unit."""

    task = "numbers"
    score = Score(task_named(task).score, "RMSE", "amount")
    spread = "rmse_std"
    baseline = Score("mean_rmse", "Always the mean: RMSE", "amount")
    baseline_text = "always the mean"
    fold_score = Score("relative_rmse", "RMSE, of the mean")
    fold_keys = ("relative_fold_rmse", "relative_fold_mean_rmse")
    more = (
        Score("relative_rmse", "RMSE, of the mean"),
        Score("mean_mae", "Always the mean: MAE", "amount"),
        Score("mae", "MAE", "amount"),
        Score("r2", "R²", "ratio"),
    )
    quality = "Errors"
    notes: ClassVar[Mapping[str, str]] = {
        "RMSE, MAE": "Root mean square of prediction less label, and mean of its size.",
        "Always the mean": "The same for a prediction that is the mean label of the other folds, "
        "whatever the spectrum.",
        "R²": "Share of the variance of the labels that is predicted: 1 without errors, 0 for "
        "always the mean.",
    }
    panel_notes: ClassVar[Mapping[str, str]] = {
        "Parity": "One point for each site: label, and grouped out-of-fold prediction; of many "
        "sites their density, darker where there are more, logarithmic.",
        "Mean spectra": "Average feature vector of the sites with the lowest, middle and highest "
        f"labels, a third of the sites each; {MEANS_NOTE}",
        "Importance": "Where the trees look: the mean decrease of the variance of the labels. "
        f"{IMPORTANCE_NOTE}",
    }
    importance = "Variance importance"
    lost = "RMSE gained"
    calibration_axes = (
        Score("expected", "Expected error", "amount"),
        Score("observed", "Mean |prediction − label|", "amount"),
    )
    calibration_text = (
        "Mean size of the error, by the expected error that comes with each prediction; on the "
        "diagonal, expected errors are right. Points are larger where there are more sites."
    )
    disagreements_text = (
        "Sites whose label is off by more than three times the expected error, the largest "
        "difference first."
    )
    agreement_text = "No label is off by more than three times the expected error."
    doubt_title = "Expected error"
    terminal_baseline = "mean"
    terminal = Score("r2", "R²", "ratio")
    terminal_text = "mean: RMSE of always the mean label; R²: grouped"

    def headline(self, best: Numbers, unit: str) -> dict[str, str]:
        return {
            "text": "is predicted with",
            "score": f"an RMSE of {self.score.with_unit(best['score'], unit)}",
            "baseline": "always guessing the mean gives "
            f"{self.baseline.with_unit(best['baseline'], unit)}",
        }

    def groups(self, labels: np.ndarray, unit: str) -> list[tuple[str, np.ndarray]]:
        digits = _digits(labels)
        low, high = np.quantile(labels, [1 / 3, 2 / 3])
        thirds = {
            "low": labels <= low,
            "middle": (labels > low) & (labels <= high),
            "high": labels > high,
        }
        return [
            (_range(name, labels[inside], unit, digits), inside)
            for name, inside in thirds.items()
            if inside.any()
        ]

    def panels(self, report: "ModelReport", target: "TargetReport") -> list[Panel]:
        from exafscn_flows.report import quality_figures  # matplotlib takes a second
        from exafscn_flows.report.style import data_uri

        image = data_uri(
            quality_figures.parity(report.label, report.value, target.short, target.unit)
        )
        return [
            Panel(
                f"Parity: predicted {target.title} against label",
                image,
                f"Prediction against label for {report.absorber}, with the diagonal.",
            )
        ]

    def predicts(self, report: "ModelReport", target: "TargetReport") -> str:
        unit = f", in {target.unit}" if target.unit else ""
        title = target.title[:1].upper() + target.title[1:]
        return f"{title} of {report.absorber} in a crystal{unit}, from its K edge."

    def limits(self, report: "ModelReport", target: "TargetReport") -> list[str]:
        if not len(report.label):
            return []
        known = _range("of training", report.label, target.unit, _digits(report.label))
        return [f"Values beyond those {known}."]

    def recall(self, report: "ModelReport") -> dict[str, float]:
        return {}

    def doubt(self, site: Numbers, unit: str) -> str:
        return f"± {site['expected_error']:.3g} {unit}".strip()  # stored with three decimals

    def surprise(self, site: Numbers) -> float:
        return abs(float(site["value"]) - float(site["label"]))


def _range(name: str, labels: np.ndarray, unit: str, digits: int) -> str:
    return f"{name}, {labels.min():.{digits}f} to {labels.max():.{digits}f} {unit}".strip()


def _digits(labels: np.ndarray) -> int:
    """Return the decimals by which a hundredth of the range of labels can be told."""
    width = float(labels.max() - labels.min()) or 1.0
    return max(0, math.ceil(1 - math.log10(width)))
