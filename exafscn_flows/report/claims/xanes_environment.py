"""Environments from XANES: what was published of oxides, and whether a campaign agrees.

Every claim has a rule, which says what counts as a yes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exafscn_flows.report.claims.base import (
    ClaimSet,
    Numbers,
    best_models,
    claim,
    part,
)

CITATION = (
    "Carbone, Yoo, Topsakal and Lu, Phys. Rev. Materials 3, 033604 (2019): K-edge XANES by FEFF of "
    "oxides of eight metals, Ti to Cu; 4, 5 or 6 neighbours (T4, S5, O6) by neural networks"
)
CLASSES = {"T4", "S5", "O6"}
"""Environments that were told apart there."""
AVERAGE = 86.0
"""Published accuracy, mean over the eight metals, in percent; it is not given by metal."""

EARLY = ("Ti", "V", "Cr", "Mn")
LATE = ("Fe", "Co", "Ni", "Cu")
"""The two halves of the eight metals."""

GAIN = 2.0
"""Least macro-F1, in points, that is gained by what matters."""

_SPLIT = (
    "The pre-edge is what lies below the lowest energy that emax and emin have in common, for the "
    "first model that has both"
)
_MISSING = "study.emax and study.emin with one energy in common: where the pre-edge ends"


@dataclass(frozen=True)
class _Parts:
    """Macro-F1 of one model with parts of the spectrum, in percent.

    Attributes
    ----------
    energy
        Where the pre-edge ends, eV on the axis of the feature set.
    below, above
        By metal, with what lies below and not below it alone.
    whole
        With all features.
    """

    model: str
    energy: float
    below: Mapping[str, float]
    above: Mapping[str, float]
    whole: Mapping[str, float]

    def gain(self, metals: Sequence[str]) -> float:
        """Return what all features gain over the pre-edge alone, mean over metals, points."""
        return _mean(self.whole, metals) - _mean(self.below, metals)


def judge(numbers: Numbers) -> list[dict[str, Any]]:
    """Judge every claim.

    Parameters
    ----------
    numbers
        ``elements`` and ``curves``, as in the report's JSON.

    Returns
    -------
    list of dict
        As `ClaimSet.judge`.
    """
    parts = _parts(numbers["elements"], numbers["curves"])
    return [_beyond(parts), _late(parts)]


def _beyond(parts: _Parts | None) -> dict[str, Any]:
    text = "Features beyond the pre-edge matter."
    rule = (
        f"Macro-F1 with all features at least {GAIN:g} points above that with the pre-edge alone, "
        f"by metal, and overall on the mean over them. {_SPLIT}."
    )
    if parts is None:
        return claim(text, rule, False, {}, missing=_MISSING)
    metals = list(parts.whole)
    of, energy = f"macro-F1 of {parts.model}", f"{parts.energy:g} eV"
    return claim(
        text,
        rule,
        parts.gain(metals) >= GAIN,
        {
            f"{of} below {energy} alone": (_mean(parts.below, metals), "%"),
            f"{of} above {energy} alone": (_mean(parts.above, metals), "%"),
            f"{of} with all features": (_mean(parts.whole, metals), "%"),
        },
        [
            part(
                metal,
                parts.gain([metal]) >= GAIN,
                {
                    "below": (parts.below[metal], "%"),
                    "above": (parts.above[metal], "%"),
                    "all": (parts.whole[metal], "%"),
                },
            )
            for metal in metals
        ],
    )


def _late(parts: _Parts | None) -> dict[str, Any]:
    text = "They matter most for late metals."
    rule = (
        "Macro-F1 gained by all features over the pre-edge alone larger on the mean over late "
        f"metals ({', '.join(LATE)}) than over early ones ({', '.join(EARLY)})."
    )
    if parts is None:
        return claim(text, rule, False, {}, missing=_MISSING)
    late, early = ([metal for metal in half if metal in parts.whole] for half in (LATE, EARLY))
    if not (late and early):
        return claim(text, rule, False, {}, missing="absorbers: early metals and late ones")
    gains = {", ".join(metals): parts.gain(metals) for metals in (late, early)}
    return claim(
        text,
        rule,
        parts.gain(late) > parts.gain(early),
        {f"gain of {metals}": (gain, "points") for metals, gain in gains.items()},
    )


def _parts(elements: Numbers | None, curves: Sequence[Numbers]) -> _Parts | None:
    """Find the first model with both experiments at one energy, and its metals that have all."""
    limits: dict[str, dict[str, dict[float, dict[str, float]]]] = {}
    for curve in curves:
        found = limits.setdefault(curve["model"], {}).setdefault(curve["experiment"], {})
        for metal, entry in curve["absorbers"].items():
            for point in entry["points"]:
                found.setdefault(point["value"], {})[metal] = 100 * point["macro_f1"]
    for model, own in limits.items():
        below, above = own.get("emax", {}), own.get("emin", {})
        for energy in sorted(below.keys() & above.keys()):
            whole = _whole(elements, model)
            metals = [m for m in whole if m in below[energy] and m in above[energy]]
            if metals:
                return _Parts(
                    model,
                    energy,
                    *(
                        {metal: scores[metal] for metal in metals}
                        for scores in (below[energy], above[energy], whole)
                    ),
                )
    return None


def _whole(elements: Numbers | None, model: str) -> dict[str, float]:
    rows = elements["absorbers"] if elements else {}
    return {
        metal: 100 * row["models"][model]["grouped"]["macro_f1"]
        for metal, row in rows.items()
        if model in row["models"]
    }


def _mean(scores: Mapping[str, float], metals: Sequence[str]) -> float:
    return sum(scores[metal] for metal in metals) / len(metals)


def published(models: Sequence[Numbers], feature_set: str) -> dict[str, Any] | None:
    """Set the best model of each metal beside the published average.

    Returns
    -------
    dict or None
        As `best_models`; None if the feature set has no model, or if its classes are others than
        those that were told apart there.
    """
    own = [
        model
        for model in models
        if model["feature_set"] == feature_set and CLASSES.issuperset(model["classes"])
    ]
    return best_models(own, list(dict.fromkeys(model["kind"] for model in own)), AVERAGE, {})


CLAIMS = ClaimSet(CITATION, judge, published)
