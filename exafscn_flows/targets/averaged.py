"""The label of a spectrum that is a mean over several sites of a structure."""

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from exafscn_flows.errors import ItemFailure
from exafscn_flows.targets.base import Label, Value
from exafscn_flows.targets.weights import DIGITS, rounded

if TYPE_CHECKING:
    from exafscn_flows.targets.base import TargetModel


def average(target: "TargetModel", labels: Sequence[Label], multiplicities: Sequence[int]) -> Label:
    """Combine the labels of the sites over which a spectrum is a mean.

    Parameters
    ----------
    target
        Whose labels they are; its `mode` says whether all sites must be of one class.
    labels
        Of the inequivalent sites.
    multiplicities
        Of each, how many sites of the structure it stands for.

    Returns
    -------
    Label
        The class of most sites (of two, the smaller), with the mean of all weights; or the mean of
        numbers, with their standard deviation over all sites.

    Raises
    ------
    ItemFailure
        ``mixed_sites``, with mode "uniform", if the sites are of several classes.
    """
    shares = np.array(multiplicities) / sum(multiplicities)
    details = _details(labels, shares)
    if target.task == "numbers":
        values = np.array([float(label.value) for label in labels])
        mean = float(values @ shares)
        within = np.array([(label.spread or 0.0) ** 2 for label in labels])
        spread = float(np.sqrt((within + (values - mean) ** 2) @ shares))
        return Label(round(mean, DIGITS), spread=round(spread, DIGITS), details=details)
    counts: dict[Value, float] = defaultdict(float)
    weights: dict[str, float] = defaultdict(float)
    for label, share in zip(labels, shares.tolist(), strict=True):
        counts[label.value] += share
        for name, weight in (label.weights or {str(label.value): 1.0}).items():
            weights[name] += share * weight
    if target.mode == "uniform" and len(counts) > 1:
        found = ", ".join(f"{counts[value]:.0%} have {value}" for value in sorted(counts))
        raise ItemFailure(
            "mixed_sites",
            f"the sites over which the spectrum is a mean differ in {target.short}: {found}",
            f"mode: averaged, of target {target.name}, takes them as what most of them are",
        )
    order = {str(value): place for place, value in enumerate(sorted(counts))}
    names = sorted(weights, key=lambda name: (_number(name), order.get(name, 0), name))
    return Label(
        min(counts, key=lambda value: (-round(counts[value], DIGITS), value)),
        rounded({name: weights[name] for name in names}),
        details=details,
    )


def _number(name: str) -> float:
    try:
        return float(name)
    except ValueError:
        return 0.0


def _details(labels: Sequence[Label], shares: np.ndarray) -> dict[str, float | str | None]:
    """Average numbers, None where one is missing; keep texts that all sites have."""
    found: dict[str, float | str | None] = {}
    for name in labels[0].details:
        values = [label.details.get(name) for label in labels]
        numbers = [value for value in values if isinstance(value, int | float)]
        if len(numbers) == len(values):
            found[name] = round(float(np.array(numbers) @ shares), DIGITS)
        else:
            found[name] = values[0] if len(set(values)) == 1 else None
    return found
