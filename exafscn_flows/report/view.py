"""What the report has to know of a kind of targets: classes, numbers or curves."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np

from exafscn_flows.targets.base import TaskName, Value
from exafscn_flows.tasks import task_named

if TYPE_CHECKING:
    from exafscn_flows.report.data import ModelReport, TargetReport

Numbers = Mapping[str, Any]

SPLITS = {"grouped": "grouped", "random": "random", "chemical_system": "chemical system"}
"""Splits, and what tables call them."""

FEW_SITES = 10
"""Means over fewer sites than this are drawn dashed."""

MEANS_NOTE = (
    f"dashed where fewer than {FEW_SITES} sites, cut off where that of a single site goes beyond "
    "the others. R is not corrected for the phase shift: shells "
    "appear about 0.3–0.5 Å below their true distance."
)
IMPORTANCE_NOTE = (
    "It spreads importance over correlated neighbouring points, so read regions, not single points."
)
"""What is true of these figures, whatever the target."""


_TINY = 1e-4


@dataclass(frozen=True)
class Score:
    """One measure of quality.

    Attributes
    ----------
    key
        What it is called in the metrics of a split.
    title
        What the head of a table calls it.
    kind
        A fraction is shown in percent, an amount in the unit of the target, a ratio as it is.
    """

    key: str
    title: str
    kind: Literal["fraction", "amount", "ratio"] = "fraction"

    def of(self, metrics: Numbers) -> float | None:
        """Return its value in the metrics of a split; None where it cannot be told.

        So it is in the metrics of a version that is older than the measure.
        """
        found: float | None = metrics.get(self.key)
        return found

    @property
    def name(self) -> str:
        """What it is called within a sentence: abbreviations stay as they are."""
        return self.title if self.title[:2].isupper() else self.title[:1].lower() + self.title[1:]

    @property
    def factor(self) -> int:
        """By what a value is multiplied before it is shown."""
        return 100 if self.kind == "fraction" else 1

    def unit(self, unit: str, *, difference: bool = False) -> str:
        """Return the unit of what is shown, by that of the target; empty for none."""
        return {"fraction": "points" if difference else "%", "amount": unit, "ratio": ""}[self.kind]

    def head(self, unit: str, split: str | None = None) -> str:
        """Return the head of its column."""
        parts = [self.title, SPLITS[split] if split else "", self.unit(unit)]
        return ", ".join(part for part in parts if part)

    def text(self, value: float | None) -> str:
        """Return a value as it is shown, without its unit."""
        if value is None:
            return "–"
        if self.kind == "fraction":
            return f"{100 * value:.1f}"
        return f"{value:.2f}" if self.kind == "ratio" else amount(value)

    def with_spread(self, value: float, spread: float) -> tuple[str, str]:
        """Return a value and its standard deviation as they are shown, in the same decimals."""
        text = self.text(value)
        decimals = len(text.partition(".")[2])
        return text, f"{self.factor * spread:.{decimals}f}"

    def with_unit(self, value: float | None, unit: str) -> str:
        """Return a value as it is shown, with its unit."""
        return f"{self.text(value)} {self.unit(unit)}".strip()


@dataclass(frozen=True)
class Panel:
    """One figure, or table, about one model.

    Attributes
    ----------
    image
        Its address; empty for a table.
    confusion
        Of a table: label, and number of sites and share of the row for every prediction.
    """

    caption: str
    image: str = ""
    alt: str = ""
    confusion: Sequence[tuple[Value, Sequence[tuple[int, float]]]] = ()


class Calibration(NamedTuple):
    """What a model says of its own doubt, and what came of it: means over the sites of bins."""

    stated: list[float]
    observed: list[float]
    n_sites: list[int]


class View(ABC):
    """A kind of targets in words, numbers and figures."""

    task: ClassVar[TaskName]
    score: ClassVar[Score]
    """By which models are compared."""
    spread: ClassVar[str]
    """Key of its standard deviation over folds."""
    baseline: ClassVar[Score]
    baseline_text: ClassVar[str]
    fold_score: ClassVar[Score]
    """By which the inputs of a study are compared, fold by fold."""
    fold_keys: ClassVar[tuple[str, str]]
    """Keys of its values by fold: of a model, and of what the baseline says."""
    more: ClassVar[tuple[Score, ...]]
    """Further measures of the split `grouped`."""
    origin: ClassVar[str] = "From the spectra of"
    """What the headline begins with, before a number of sites."""
    quality: ClassVar[str]
    """What the section with all models is about."""
    notes: ClassVar[Mapping[str, str]]
    """What the baseline and the further measures are, by what they are called."""
    panel_notes: ClassVar[Mapping[str, str]]
    """What the panels of a model show."""
    shows_means: ClassVar[bool] = True
    """Whether mean features of groups of sites tell something about the target."""
    importance: ClassVar[str]
    """What the importance of a feature in trees is called."""
    lost: ClassVar[str]
    """What permuting features costs."""
    calibration_axes: ClassVar[tuple[Score, Score]]
    """What is stated, and what is observed."""
    calibration_text: ClassVar[str]
    disagreements_text: ClassVar[str]
    """Which sites are shown whose prediction and label differ."""
    agreement_text: ClassVar[str]
    """What is said where there are none."""
    disagreement_columns: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Label", "label"),
        ("Prediction", "value"),
    )
    """What is shown of them, by its key."""
    doubt_title: ClassVar[str]
    """What `doubt` says."""
    terminal: ClassVar[Score]
    """The one further measure for which a terminal has room."""
    terminal_baseline: ClassVar[str]
    """What the baseline is called there."""
    terminal_text: ClassVar[str]
    """What both are."""

    @property
    def higher_is_better(self) -> bool:
        """Whether the better of two models has the larger score."""
        return task_named(self.task).higher_is_better

    @property
    def scores(self) -> tuple[Score, ...]:
        """All measures of a split, but for the baseline."""
        return (self.score, *self.more)

    def better(self, value: float, other: float) -> bool:
        """Whether a score is better than another one."""
        return value > other if self.higher_is_better else value < other

    def order(self, value: float) -> float:
        """Return what is the smaller, the better a score is."""
        return -value if self.higher_is_better else value

    @abstractmethod
    def headline(self, best: Numbers, unit: str) -> dict[str, str]:
        """Say in a sentence how good the best model is: its parts `text`, `score`, `baseline`."""

    @abstractmethod
    def groups(self, labels: np.ndarray, unit: str) -> list[tuple[str, np.ndarray]]:
        """Sort sites into groups whose mean spectra are shown.

        Parameters
        ----------
        labels
            Label of each site, shape (n_sites,).
        unit
            Unit of the target.

        Returns
        -------
        list of tuple
            Name of each group, and whether each site is in it, shape (n_sites,).
        """

    @abstractmethod
    def panels(self, report: "ModelReport", target: "TargetReport") -> list[Panel]:
        """Show predictions of one model beside the labels."""

    def calibration(self, metrics: Numbers) -> Calibration:
        """Return the calibration of a split."""
        bins = metrics["calibration"]
        stated, observed = (score.key for score in self.calibration_axes)
        return Calibration(
            [one[stated] for one in bins],
            [one[observed] for one in bins],
            [one["n"] for one in bins],
        )

    @abstractmethod
    def predicts(self, report: "ModelReport", target: "TargetReport") -> str:
        """Say in a sentence what a model predicts."""

    @abstractmethod
    def limits(self, report: "ModelReport", target: "TargetReport") -> list[str]:
        """Say what a model cannot predict."""

    @abstractmethod
    def recall(self, report: "ModelReport") -> dict[str, float]:
        """Return the share of sites predicted right, by class; empty for none."""

    @abstractmethod
    def doubt(self, site: Numbers, unit: str) -> str:
        """Say how sure a prediction is."""

    @abstractmethod
    def surprise(self, site: Numbers) -> float:
        """Return what is the larger, the more a prediction that disagrees is worth a look."""


def amount(value: float) -> str:
    """Return a number in three significant digits, without an exponent unless it is tiny."""
    if value and abs(value) < _TINY:
        return f"{value:.2e}"
    decimals = 2 - math.floor(math.log10(abs(value))) if value else 0
    return f"{value:.{max(decimals, 0)}f}"


def value_text(value: Value, unit: str) -> str:
    """Return a value of a target: numbers with their unit, classes as they are."""
    return f"{value:.4g} {unit}".strip() if isinstance(value, float) else str(value)


def listed(values: Sequence[Any]) -> str:
    """Return values one after the other, with commas."""
    return ", ".join(str(value) for value in values)


def n_sites(number: int) -> str:
    """Return a number of sites, in the right number."""
    return f"{number} site" if number == 1 else f"{number} sites"
