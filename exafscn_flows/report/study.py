"""Scores of a study: per element, and by feature set.

All functions take models of one target as :func:`exafscn_flows.report.summary.to_json` lists them.
Fractions, such as accuracies, are from 0 to 1; errors are in the unit of the target.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from exafscn_flows.report.view import SPLITS, View

Model = Mapping[str, Any]


def mean(values: Iterable[float]) -> float | None:
    """Return the mean, None of nothing."""
    values = list(values)
    return sum(values) / len(values) if values else None


def elements(models: Sequence[Model], feature_set: str, view: View) -> dict[str, Any] | None:
    """Set the models of one feature set side by side, element by element.

    Returns
    -------
    dict or None
        ``splits``: names. ``models``: kinds by name. ``absorbers``: by element, the sites,
        classes, rare classes with their sites, and baseline; by model and split the scores;
        ``best``: the model with the best grouped score. ``mean``: by model and split, scores
        averaged over the elements that have the model. None without such models.
    """
    own = [model for model in models if model["feature_set"] == feature_set]
    if not own:
        return None
    kinds = {model["model"]: model["kind"] for model in own}
    splits = [split for split in SPLITS if any(model[split] for model in own)]
    absorbers: dict[str, Any] = {}
    for model in own:
        counts = dict(zip(model["classes"], model["class_counts"], strict=True))
        row = absorbers.setdefault(
            model["absorber"],
            {
                "n_sites": model["n_sites"],
                "n_formulas": model["n_formulas"],
                "classes": model["classes"],
                "class_counts": model["class_counts"],
                "rare": {str(value): counts[value] for value in model["rare"]},
                "baseline": view.baseline.of(model["grouped"]),
                "models": {},
            },
        )
        row["models"][model["model"]] = {
            split: _scores(model[split], view) for split in splits if model[split]
        }
    for row in absorbers.values():
        scores = row["models"]
        row["best"] = min(
            scores, key=lambda name: view.order(scores[name]["grouped"][view.score.key])
        )
        ahead = scores[row["best"]]["grouped"][view.score.key]
        row["is_ahead"] = row["baseline"] is None or view.better(ahead, row["baseline"])
    return {
        "feature_set": feature_set,
        "splits": splits,
        "models": kinds,
        "absorbers": absorbers,
        "mean": {name: _mean_scores(absorbers.values(), name, splits, view) for name in kinds},
        "mean_baseline": mean(row["baseline"] for row in absorbers.values()),
    }


def _scores(metrics: Mapping[str, Any], view: View) -> dict[str, Any]:
    found = {score.key: score.of(metrics) for score in view.scores}
    return found | {view.spread: metrics[view.spread]}


def _mean_scores(
    rows: Iterable[Mapping[str, Any]], name: str, splits: Sequence[str], view: View
) -> dict[str, Any]:
    found = [row["models"][name] for row in rows if name in row["models"]]
    means = {
        split: {
            score.key: mean(
                scores[split][score.key] for scores in found if scores[split][score.key] is not None
            )
            for score in view.scores
        }
        for split in splits
        if all(split in scores for scores in found)
    }
    return {"n_absorbers": len(found), **means}


def comparison(
    models: Sequence[Model], feature_sets: Mapping[str, Mapping[str, Any]], view: View
) -> dict[str, Any] | None:
    """Compare feature sets and models by their mean score over the elements.

    Parameters
    ----------
    models
        Models of the report.
    feature_sets
        Settings of each set, as in `Provenance.feature_sets`.
    view
        How the target of the models is shown.

    Returns
    -------
    dict or None
        ``absorbers``: the elements, all that have models. ``combinations``: feature sets with a
        model that cover all of them, the best grouped score first; the first is ``best``.
        ``route``: what the two routes from mu(E) differ by, or None. None if nothing covers all.
    """
    absorbers = list(dict.fromkeys(model["absorber"] for model in models))
    series: dict[tuple[str, str], list[Model]] = {}
    for model in models:
        series.setdefault((model["feature_set"], model["model"]), []).append(model)
    combinations = [
        {
            "feature_set": feature_set,
            "feature_kind": feature_sets[feature_set]["kind"],
            "model": name,
            "model_kind": members[0]["kind"],
            "n_sites": sum(member["n_sites"] for member in members),
            **{split: _mean_score(members, split, view) for split in SPLITS},
        }
        for (feature_set, name), members in series.items()
        if len(members) == len(absorbers)
    ]
    if not combinations:
        return None
    combinations.sort(key=lambda one: view.order(one["grouped"]))
    return {
        "absorbers": absorbers,
        "combinations": combinations,
        "best": combinations[0],
        "route": _route(combinations, feature_sets),
    }


def _mean_score(members: Sequence[Model], split: str, view: View) -> float | None:
    if not all(member[split] for member in members):
        return None
    return mean(member[split][view.score.key] for member in members)


def _route(
    combinations: Sequence[Mapping[str, Any]], feature_sets: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any] | None:
    """Compare two sets that differ in their route only, with the model that is best on the one."""
    for one in combinations:
        for other in combinations:
            first, second = (feature_sets[each["feature_set"]] for each in (one, other))
            if (
                one["model"] == other["model"]
                and first.get("route") == "normalised"
                and second.get("route") == "as_published"
                and _alike(first, second)
            ):
                return {
                    "model": one["model"],
                    "normalised": one["feature_set"],
                    "as_published": other["feature_set"],
                    "n_sites": {"normalised": one["n_sites"], "as_published": other["n_sites"]},
                    "difference": {
                        split: one[split] - other[split]
                        for split in SPLITS
                        if one[split] is not None and other[split] is not None
                    },
                }
    return None


def _alike(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    # Some sets go through the transform on one route only, where it judges the background.
    shared = first.keys() & second.keys() - {"name", "route"}
    return all(first[key] == second[key] for key in shared)
