"""Where on its axis a model looks, and what it loses without: numbers of a study."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from exafscn_flows.config.study import CURVES, FEW_SHOT
from exafscn_flows.features.axes import DISTANCE, LIMITS, quantity
from exafscn_flows.report.study import Model, mean
from exafscn_flows.report.study_data import StudyData
from exafscn_flows.report.view import View

SHARE_LIMIT = 3.0
"""Distance in Å that roughly ends the first shell: how much of the importance is below it?"""

FAR_LIMIT = 6.0
"""Distance in Å beyond which little is expected: how much of the importance is above it?"""

Shares = dict[str, float | None]


def floats(values: np.ndarray) -> list[float]:
    """Round to the six digits that float32 holds; more would only make files longer."""
    return [float(f"{value:.6g}") for value in values]


def interpretation(models: Sequence[Model], study: StudyData, view: View) -> dict[str, Any] | None:
    """Collect the importance of each part of the axis, by three measures.

    Returns
    -------
    dict or None
        ``absorbers``: by element, ``gini`` (of one model, the same for all, or None),
        ``permutation`` and ``gradients`` (each by model): coordinates, values, and along R the
        shares below 3 Å and above 6 Å; of permutation, negative drops count as none. ``mean``:
        the shares, averaged over the elements. None without any importance.
    """
    own: dict[str, list[Model]] = {}
    for model in models:
        if model["feature_set"] == study.feature_set:
            own.setdefault(model["absorber"], []).append(model)
    experiments = [one for one in study.experiments if one.experiment == "importance"]
    with_gini = [m for found in own.values() for m in found if m["importances"] is not None]
    if not (experiments or with_gini):
        return None
    gini_model = _gini_model(with_gini, [one.model for one in experiments])
    axis_label = next(model["axis_label"] for found in own.values() for model in found)
    along_r = quantity(axis_label) is DISTANCE
    absorbers: dict[str, Any] = {}
    for absorber, found in own.items():
        entry: dict[str, Any] = {"gini": None, "permutation": {}, "gradients": {}}
        for model in found:
            if model["model"] == gini_model and model["importances"] is not None:
                gini = _curve(model["axis"], model["importances"], along_r)
                entry["gini"] = {"model": gini_model, **gini}
        for one in experiments:
            if one.absorber != absorber or one.bands is None or one.drop is None:
                continue
            middle = (one.bands[1:] + one.bands[:-1]) / 2
            entry["permutation"][one.model] = {
                "bands": floats(one.bands),
                "drop": floats(one.drop),
                view.score.key: one.scores[view.score.key],
                **_shares(middle, np.maximum(one.drop, 0), along_r),
            }
            if one.gradients is not None:
                axis = next(model["axis"] for model in found)
                entry["gradients"][one.model] = _curve(axis, one.gradients, along_r)
        absorbers[absorber] = entry
    return {
        "feature_set": study.feature_set,
        "axis_label": axis_label,
        "along_r": along_r,
        "limits": {"below": SHARE_LIMIT, "above": FAR_LIMIT},
        "absorbers": absorbers,
        "mean": _mean_shares(absorbers.values()),
    }


def _gini_model(with_gini: Sequence[Model], measured: Sequence[str]) -> str | None:
    """Choose one model: if possible one that was permuted, too, and a random forest."""
    names = {model["model"]: model["kind"] for model in with_gini}
    return min(
        names,
        key=lambda name: (name not in measured, names[name] != "random_forest"),
        default=None,
    )


def _curve(axis: Sequence[float], values: Any, along_r: bool) -> dict[str, Any]:
    """Add up what has the same coordinate, e.g. real and imaginary part at one R."""
    coordinates, place = np.unique(np.asarray(axis), return_inverse=True)
    sums = np.bincount(place, weights=np.asarray(values, dtype=float))
    return {
        "axis": coordinates.tolist(),
        "values": floats(sums),
        **_shares(coordinates, sums, along_r),
    }


def _shares(axis: np.ndarray, values: np.ndarray, along_r: bool) -> Shares:
    total = float(values.sum())
    if not along_r or total <= 0:
        return {"below": None, "above": None}
    return {
        "below": float(values[axis < SHARE_LIMIT].sum()) / total,
        "above": float(values[axis >= FAR_LIMIT].sum()) / total,
    }


def _mean_shares(entries: Any) -> dict[str, Any]:
    entries = list(entries)
    result: dict[str, Any] = {"gini": _mean_of([e["gini"] for e in entries if e["gini"]])}
    for measure in ("permutation", "gradients"):
        names = dict.fromkeys(name for entry in entries for name in entry[measure])
        result[measure] = {
            name: _mean_of([e[measure][name] for e in entries if name in e[measure]])
            for name in names
        }
    return result


def _mean_of(found: Sequence[Mapping[str, Any]]) -> Shares:
    return {
        side: mean(one[side] for one in found if one[side] is not None)
        for side in ("below", "above")
    }


def curves(models: Sequence[Model], study: StudyData, view: View) -> list[dict[str, Any]]:
    """Collect scores against limits of the axis, and against the number of training sites.

    Returns
    -------
    list of dict
        One entry per experiment and model. ``range``: where the axis begins and ends, of limits
        alone. ``absorbers``: by element, ``all``, the grouped score of the unchanged model, and
        ``points``: value of the limit (Å or eV), share of the training formulas, or number of sites
        of a new element; sites to learn from, there those of the element; and the scores.
        ``mean``: over the elements that have all points, which it names.
    """
    order = (*CURVES, *FEW_SHOT)
    own = [model for model in models if model["feature_set"] == study.feature_set]
    whole = {(model["absorber"], model["model"]): model["grouped"][view.score.key] for model in own}
    ends = next(([min(model["axis"]), max(model["axis"])] for model in own), None)
    found: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for one in study.experiments:
        if one.experiment not in order:
            continue
        if one.experiment in FEW_SHOT and one.n_train < (one.value or 0):
            continue  # so many sites are not there to learn from
        curve = found.setdefault((one.experiment, one.model), {})
        entry = curve.setdefault(
            one.absorber, {"all": whole.get((one.absorber, one.model)), "points": []}
        )
        entry["points"].append(
            {
                "value": one.value,
                "n_train": one.n_train,
                **one.scores,
            }
        )
    result = []
    for (experiment, model), absorbers in sorted(
        found.items(), key=lambda item: order.index(item[0][0])
    ):
        for entry in absorbers.values():
            entry["points"].sort(key=lambda point: point["value"])
        result.append(
            {
                "experiment": experiment,
                "model": model,
                "range": ends if experiment in LIMITS else None,
                "absorbers": absorbers,
                "mean": _mean_curve(absorbers, view.score.key),
            }
        )
    return result


def _mean_curve(absorbers: Mapping[str, Mapping[str, Any]], score: str) -> dict[str, Any]:
    values = {point["value"] for entry in absorbers.values() for point in entry["points"]}
    complete = {
        name: entry
        for name, entry in absorbers.items()
        if len(entry["points"]) == len(values) and entry["all"] is not None
    }
    columns = zip(*(entry["points"] for entry in complete.values()), strict=True)
    return {
        "absorbers": list(complete),
        "all": mean(entry["all"] for entry in complete.values()),
        "points": [
            {
                "value": column[0]["value"],
                "n_train": mean(point["n_train"] for point in column),
                score: mean(point[score] for point in column),
            }
            for column in columns
        ],
    }
