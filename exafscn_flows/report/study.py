"""Accuracies of a study: per element, beside the published ones, and by feature set.

All functions take models as :func:`exafscn_flows.report.summary.to_json` lists them. Accuracies
are fractions from 0 to 1, unless they are called percent.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from exafscn_flows.report import published

SPLITS = ("grouped", "random", "chemical_system")

_SCORES = ("accuracy", "accuracy_std", "macro_f1", "balanced_accuracy")

Model = Mapping[str, Any]


def mean(values: Iterable[float]) -> float | None:
    """Return the mean, None of nothing."""
    values = list(values)
    return sum(values) / len(values) if values else None


def elements(models: Sequence[Model], feature_set: str) -> dict[str, Any] | None:
    """Set the models of one feature set side by side, element by element.

    Returns
    -------
    dict or None
        ``splits``: names. ``models``: kinds by name. ``absorbers``: by element, the sites,
        classes, rare classes with their sites, and majority; by model and split the scores;
        ``best``: the model with the highest grouped accuracy. ``mean``: by model and split, scores
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
                "rare": {str(cn): counts[cn] for cn in model["rare"]},
                "majority": model["grouped"]["majority"],
                "models": {},
            },
        )
        row["models"][model["model"]] = {
            split: {score: model[split][score] for score in _SCORES}
            for split in splits
            if model[split]
        }
    for row in absorbers.values():
        scores = row["models"]
        row["best"] = max(scores, key=lambda name: scores[name]["grouped"]["accuracy"])
    return {
        "feature_set": feature_set,
        "splits": splits,
        "models": kinds,
        "absorbers": absorbers,
        "mean": {name: _mean_scores(absorbers.values(), name, splits) for name in kinds},
        "mean_majority": mean(row["majority"] for row in absorbers.values()),
    }


def _mean_scores(
    rows: Iterable[Mapping[str, Any]], name: str, splits: Sequence[str]
) -> dict[str, Any]:
    found = [row["models"][name] for row in rows if name in row["models"]]
    means = {
        split: {
            score: mean(scores[split][score] for scores in found)
            for score in _SCORES
            if score != "accuracy_std"
        }
        for split in splits
        if all(split in scores for scores in found)
    }
    return {"n_absorbers": len(found), **means}


def beside_published(models: Sequence[Model], feature_set: str) -> dict[str, Any] | None:
    """Work out what the published protocol gives: the best of three models per element.

    Returns
    -------
    dict or None
        ``random`` and ``grouped``: accuracy in percent by element, of the model of the kinds
        random forest, bagging and multilayer perceptron that is best in that split;
        ``random_models`` and ``grouped_models``: its name; ``random_average`` and
        ``grouped_average``; ``kinds``: those that the campaign has; ``reference``: the published
        figures. None if the feature set has no model of these kinds.
    """
    own = [
        model
        for model in models
        if model["feature_set"] == feature_set and model["kind"] in published.KINDS
    ]
    if not own:
        return None
    present = {model["kind"] for model in own}
    result: dict[str, Any] = {
        "feature_set": feature_set,
        "kinds": [kind for kind in published.KINDS if kind in present],
    }
    for split in ("random", "grouped"):
        best: dict[str, Model] = {}
        for model in own:
            rival = best.get(model["absorber"])
            if rival is None or model[split]["accuracy"] > rival[split]["accuracy"]:
                best[model["absorber"]] = model
        result[split] = {name: 100 * model[split]["accuracy"] for name, model in best.items()}
        result[f"{split}_models"] = {name: model["model"] for name, model in best.items()}
        result[f"{split}_average"] = mean(result[split].values())
    result["reference"] = {
        "citation": published.CITATION,
        "random": dict(published.ACCURACY),
        "random_average": published.AVERAGE,
    }
    return result


def comparison(
    models: Sequence[Model], feature_sets: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any] | None:
    """Compare feature sets and models by their mean accuracy over the elements.

    Parameters
    ----------
    models
        Models of the report.
    feature_sets
        Settings of each set, as in `Provenance.feature_sets`.

    Returns
    -------
    dict or None
        ``absorbers``: the elements, all that have models. ``combinations``: feature sets with a
        model that cover all of them, the highest grouped accuracy first; the first is ``best``.
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
            **{split: _mean_accuracy(members, split) for split in SPLITS},
        }
        for (feature_set, name), members in series.items()
        if len(members) == len(absorbers)
    ]
    if not combinations:
        return None
    combinations.sort(key=lambda one: -one["grouped"])
    return {
        "absorbers": absorbers,
        "combinations": combinations,
        "best": combinations[0],
        "route": _route(combinations, feature_sets),
    }


def _mean_accuracy(members: Sequence[Model], split: str) -> float | None:
    if not all(member[split] for member in members):
        return None
    return mean(member[split]["accuracy"] for member in members)


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
                    "points": {
                        split: 100 * (one[split] - other[split])
                        for split in SPLITS
                        if one[split] is not None and other[split] is not None
                    },
                }
    return None


def _alike(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    # Some sets go through the transform on one route only, where it judges the background.
    shared = first.keys() & second.keys() - {"name", "route"}
    return all(first[key] == second[key] for key in shared)
