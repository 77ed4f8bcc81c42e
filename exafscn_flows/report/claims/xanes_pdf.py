"""XANES beside pair distribution functions: what was published, and whether a campaign agrees.

Every claim has a rule, which says what counts as a yes.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from exafscn_flows.report.claims.base import ClaimSet, Figures, Numbers, claim, part

CITATION = (
    "Published study: random forests on XANES, pair distribution functions (PDF) and both, for "
    "oxidation state, coordination number and mean bond length of Ti, Mn, Fe and Cu in oxides; "
    "its figures are in plots, over random splits"
)

_TITLES = {
    "oxidation_state": "oxidation states",
    "coordination_number": "coordination numbers",
    "bond_length": "mean bond lengths",
}
_NAMES = {
    "xanes": "XANES",
    "pdf": "PDF",
    "dpdf": "differential PDF",
    "xanes+dpdf": "XANES with differential PDF",
}
"""What inputs are called in sentences."""

Scores = Mapping[str, Mapping[str, float]]
"""Score in percent, by metal and input."""


def judge(numbers: Numbers) -> list[dict[str, Any]]:
    """Judge every claim about one target.

    Parameters
    ----------
    numbers
        ``inputs``, ``target_kind`` and ``higher_is_better``, as in the report's JSON.

    Returns
    -------
    list of dict
        As `ClaimSet.judge`.
    """
    kind, sign = numbers["target_kind"], 1 if numbers["higher_is_better"] else -1
    scores = _scores(numbers["inputs"], sign)
    of = _TITLES[kind]
    unit = "macro-F1" if sign > 0 else "RMSE in percent of the mean"
    found = [
        _ordered(
            f"XANES tells {of} at least as well as PDF.", ["pdf", "xanes"], scores, sign, unit
        ),
        _ordered(
            f"The metal's differential PDF stands between the two for {of}.",
            ["pdf", "dpdf", "xanes"],
            scores,
            sign,
            unit,
        ),
    ]
    if kind == "bond_length":
        text = "XANES and the differential PDF together tell mean bond lengths as well or better."
        found.append(_ordered(text, ["xanes", "xanes+dpdf"], scores, sign, unit))
    return found


def _scores(rows: Sequence[Numbers], sign: int) -> Scores:
    """Return the best score of each metal and input: that of its best feature set and model."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        score = 100 * row["models"][row["model"]]["grouped"]["mean"]
        of_metal = found.setdefault(row["absorber"], {})
        rival = of_metal.get(row["input"], score)
        of_metal[row["input"]] = max(score, rival) if sign > 0 else min(score, rival)
    return found


def _ordered(
    text: str, inputs: Sequence[str], scores: Scores, sign: int, unit: str
) -> dict[str, Any]:
    """Judge whether no input is worse than the one before it in the list."""
    names = [_NAMES[one] for one in inputs]
    rule = (
        f"Of the best model on each, by grouped folds: {unit} of "
        + ", of ".join(
            f"{better} {'at least' if sign > 0 else 'at most'} that of {worse}"
            for worse, better in pairwise(names)
        )
        + "; by metal, and overall on the mean over them."
    )
    metals = [metal for metal, own in scores.items() if all(one in own for one in inputs)]
    if not metals:
        missing = f"feature sets of {', '.join(names)}"
        return claim(text, rule, False, {}, missing=missing)

    def figures(of: Sequence[str]) -> Figures:
        return {
            name: (sum(scores[metal][one] for metal in of) / len(of), "%")
            for one, name in zip(inputs, names, strict=True)
        }

    def holds(found: Figures) -> bool:
        values = [sign * value for value, _ in found.values()]
        return values == sorted(values)

    whole = figures(metals)
    parts = [part(metal, holds(figures([metal])), figures([metal])) for metal in metals]
    return claim(text, rule, holds(whole), whole, parts)


CLAIMS = ClaimSet(CITATION, judge, lambda models, feature_set: None, every_target=True)
