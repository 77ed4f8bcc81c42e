"""All that the report knows of classes."""

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
    listed,
    n_sites,
)
from exafscn_flows.tasks import task_named

if TYPE_CHECKING:
    from exafscn_flows.report.data import ModelReport, TargetReport


class ClassesView(View):
    """Targets that are one of several classes."""

    task = "classes"
    score = Score(task_named(task).score, "Accuracy")
    spread = "accuracy_std"
    baseline = Score("majority", "Majority")
    baseline_text = "majority baseline"
    fold_score = Score("macro_f1", "Macro-F1")
    fold_keys = ("fold_macro_f1", "fold_majority_f1")
    more = (
        Score("balanced_accuracy", "Balanced accuracy"),
        Score("macro_f1", "Macro-F1"),
        Score("certain_accuracy", "Certain labels"),
        Score("ece", "Calibration error"),
    )
    quality = "Accuracy"
    notes: ClassVar[Mapping[str, str]] = {
        "Majority": "What always guessing the commonest class would score.",
        "Balanced accuracy, macro-F1": "Every class counts the same, however rare; they are low "
        "where rare ones are missed.",
        "Certain labels": "Accuracy of sites of whose label more than 0.8 is certain.",
        "Calibration error": "By how much the probability of the predicted class is off, mean over "
        "all sites: of sites predicted with 80 %, eight in ten should be right.",
    }
    panel_notes: ClassVar[Mapping[str, str]] = {
        "Confusion": "Rows are labels, columns are grouped out-of-fold predictions; the diagonal "
        "is right. The colour is the share of the row.",
        "Mean spectra": f"Average feature vector of the sites of each class; {MEANS_NOTE}",
        "Importance": "Where the trees look: the mean decrease of Gini impurity. "
        f"{IMPORTANCE_NOTE}",
    }
    importance = "Gini importance"
    lost = "Accuracy lost"
    calibration_axes = (
        Score("probability", "Probability of the predicted class"),
        Score("accuracy", "Predicted right"),
    )
    calibration_text = (
        "Share of sites that are predicted right, by the probability of the predicted class; on "
        "the diagonal, probabilities are right. Points are larger where there are more sites."
    )
    disagreements_text = "The most confident disagreements come first."
    agreement_text = "Prediction and label agree on every site."
    doubt_title = "Probability"
    terminal_baseline = "majority"
    terminal = Score("macro_f1", "F1")
    terminal_text = "majority: always the most frequent class; F1: macro-averaged, grouped"

    def headline(self, best: Numbers, unit: str) -> dict[str, str]:
        return {
            "text": "is predicted with",
            "score": f"{self.score.with_unit(best['score'], unit)} accuracy",
            "baseline": "always guessing the commonest one gives "
            f"{self.baseline.with_unit(best['baseline'], unit)}",
        }

    def groups(self, labels: np.ndarray, unit: str) -> list[tuple[str, np.ndarray]]:
        return [(str(value), labels == value) for value in np.unique(labels)]

    def panels(self, report: "ModelReport", target: "TargetReport") -> list[Panel]:
        rows = report.metrics.splits["grouped"]["confusion"]
        confusion = [
            (value, [(count, count / max(sum(row), 1)) for count in row])
            for value, row in zip(report.metrics.classes, rows, strict=True)
        ]
        caption = f"Confusion: sites by label and predicted {target.title}"
        return [Panel(caption, confusion=confusion)]

    def predicts(self, report: "ModelReport", target: "TargetReport") -> str:
        return (
            f"{_capital(target.title)} of {report.absorber} in a crystal, from its K edge: one of "
            f"{listed(report.model_doc.classes)}."
        )

    def limits(self, report: "ModelReport", target: "TargetReport") -> list[str]:
        metrics = report.metrics
        known = listed(report.model_doc.classes)
        limits = [f"Classes other than {known}: it names one of these, whatever it is shown."]
        if metrics.rare:
            counts = report.class_counts
            rare = listed([f"{value} ({n_sites(counts[value])})" for value in metrics.rare])
            limits.append(
                f"Finding classes that were rare in training: {rare}, in fewer formulas than "
                "there are folds."
            )
        return limits

    def recall(self, report: "ModelReport") -> dict[str, float]:
        confusion = report.metrics.splits["grouped"]["confusion"]
        return {
            str(value): row[place] / sum(row)
            for place, (value, row) in enumerate(
                zip(report.metrics.classes, confusion, strict=True)
            )
            if sum(row)  # a model of several absorbers knows classes that one of them has not
        }

    def doubt(self, site: Numbers, unit: str) -> str:
        return f"{100 * site['probability']:.1f} %"

    def surprise(self, site: Numbers) -> float:
        probability: float = site["probability"]
        return probability


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
