"""Coordination numbers from EXAFS: what was published, and whether a campaign agrees.

Every claim has a rule, which says what counts as a yes.
"""

from collections.abc import Sequence
from typing import Any

from exafscn_flows.report.claims.base import ClaimSet, Figures, Numbers, best_models, claim

CITATION = (
    "Published study: 326 values of |χ(R)| of 13,374 FEFF spectra, Ti to Zn; random five-fold "
    "cross-validation; the best of random forest, bagging and multilayer perceptron per element"
)
KINDS = ("random_forest", "bagging", "mlp")
"""Kinds of models that were compared there."""
AVERAGE = 70.0
"""Published accuracy, mean over the nine elements, in percent: given as about 70 %."""
ACCURACY = {"V": 81.74}
"""Published accuracy by element, in percent, as far as it is given."""

NEAR_SHARE = 0.5
"""Least mean Gini share below 3 Å."""
FAR_SHARE = 0.1
"""Mean Gini share above 6 Å from which it is not little any more."""
FAR_LIMIT = 6.0
"""Limit of R whose accuracy is set against that of all R, Å."""
FAR_LOSS = 1.0
"""Most accuracy, in points, that may be lost without what lies above that limit."""
SPACE_MARGIN = 0.5
"""Points by which R space may be behind."""
PAR_MARGIN = 2.0
"""Points by which models on a par may differ."""


def judge(numbers: Numbers) -> list[dict[str, Any]]:
    """Judge every claim.

    Parameters
    ----------
    numbers
        ``elements``, ``feature_sets``, ``interpretation`` and ``curves``, as in the report's JSON.

    Returns
    -------
    list of dict
        As `ClaimSet.judge`.
    """
    return [
        _near(numbers["interpretation"]),
        _far(numbers["interpretation"], numbers["curves"]),
        _spaces(numbers["feature_sets"]),
        _par(numbers["elements"]),
    ]


def _gini_share(interpretation: Numbers | None, side: str) -> float | None:
    found = interpretation["mean"]["gini"] if interpretation else None
    share: float | None = found[side] if found else None
    return share


def _near(interpretation: Numbers | None) -> dict[str, Any]:
    share = _gini_share(interpretation, "below")
    return claim(
        "Importance below 3 Å dominates.",
        f"Mean Gini share below 3 Å above {100 * NEAR_SHARE:g} %.",
        share is not None and share > NEAR_SHARE,
        {} if share is None else {"Gini share below 3 Å": (100 * share, "%")},
    )


def _far(interpretation: Numbers | None, curves: Sequence[Numbers]) -> dict[str, Any]:
    share = _gini_share(interpretation, "above")
    by_share = f"mean Gini share above 6 Å below {100 * FAR_SHARE:g} %"
    by_loss = f"accuracy with R below 6 Å alone at most {FAR_LOSS:g} point lower"
    figures: Figures = {}
    parts, holds = [], True
    if share is not None:
        parts.append(by_share)
        holds &= share < FAR_SHARE
        figures["Gini share above 6 Å"] = (100 * share, "%")
    losses = _losses(curves)
    if losses:
        parts.append(by_loss)
        holds &= all(loss <= FAR_LOSS for loss in losses.values())
        for model, loss in losses.items():
            figures[f"accuracy lost without R above 6 Å, {model}"] = (loss, "points")
    rule = " and ".join(parts or (by_share, by_loss))
    return claim(
        "What lies above 6 Å contributes little.",
        f"{rule[0].upper()}{rule[1:]}.",
        holds,
        figures,
    )


def _losses(curves: Sequence[Numbers]) -> dict[str, float]:
    """Return the points lost with R below 6 Å alone, mean over elements, by model."""
    return {
        curve["model"]: 100 * (curve["mean"]["all"] - point["accuracy"])
        for curve in curves
        if curve["experiment"] == "rmax"
        for point in curve["mean"]["points"]
        if point["value"] == FAR_LIMIT
    }


def _spaces(feature_sets: Numbers | None) -> dict[str, Any]:
    by_kind: dict[str, dict[str, Numbers]] = {}
    for one in feature_sets["combinations"] if feature_sets else ():
        # The list begins with the best: the first of a kind and a model is its best.
        by_kind.setdefault(one["feature_kind"], {}).setdefault(one["model"], one)
    own, figures, holds = by_kind.get("r_space", {}), Figures(), True
    for kind, name in (("k_space", "k space"), ("wavelet", "wavelet")):
        rivals = by_kind.get(kind, {})
        common = own.keys() & rivals.keys()
        if not common:
            continue
        ours, theirs = (
            max((found[model] for model in common), key=lambda one: one["grouped"])
            for found in (own, rivals)
        )
        holds &= 100 * ours["grouped"] >= 100 * theirs["grouped"] - SPACE_MARGIN
        for space, one in ((f"R space beside {name}", ours), (name, theirs)):
            what = f"{space}: {one['feature_set']}, {one['model']}"
            figures[what] = (100 * one["grouped"], "%")
    return claim(
        "R space is at least as good as k space and wavelets.",
        "Best mean grouped accuracy of sets of kind r_space, with models that both have, at most "
        f"{SPACE_MARGIN:g} points below that of k_space and wavelet.",
        holds,
        figures,
    )


def _par(elements: Numbers | None) -> dict[str, Any]:
    best: dict[str, dict[str, float]] = {"random_forest": {}, "mlp": {}}
    kinds, rows = (elements["models"], elements["absorbers"]) if elements else ({}, {})
    for absorber, row in rows.items():
        for name, scores in row["models"].items():
            found = best.get(kinds[name])
            if found is not None:
                accuracy = scores["grouped"]["accuracy"]
                found[absorber] = max(accuracy, found.get(absorber, 0.0))
    common = best["random_forest"].keys() & best["mlp"].keys()
    figures, holds = Figures(), False
    if common:
        forest, mlp = (
            100 * sum(best[kind][absorber] for absorber in common) / len(common)
            for kind in ("random_forest", "mlp")
        )
        figures = {"random forest": (forest, "%"), "multilayer perceptron": (mlp, "%")}
        holds = abs(forest - mlp) <= PAR_MARGIN
    on = f" on {elements['feature_set']}" if elements else ""
    return claim(
        "The forest is on a par with the multilayer perceptron.",
        f"Mean grouped accuracies{on} differ by at most {PAR_MARGIN:g} points.",
        holds,
        figures,
    )


def published(models: Sequence[Numbers], feature_set: str) -> dict[str, Any] | None:
    """Work out what the published protocol gives: the best of three kinds per element.

    Returns
    -------
    dict or None
        As `best_models`; None if the feature set has no model of these kinds.
    """
    own = [
        model for model in models if model["feature_set"] == feature_set and model["kind"] in KINDS
    ]
    return best_models(own, KINDS, AVERAGE, ACCURACY)


CLAIMS = ClaimSet(CITATION, judge, published)
