"""Where trees look at each part of a concatenation, by itself and fused with the others."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from exafscn_flows.report.interpretation import floats

Model = Mapping[str, Any]


def modalities(models: Sequence[Model], feature_set: str) -> dict[str, Any] | None:
    """Collect importances on the axis of each part, over its mean features.

    Parameters
    ----------
    models
        Models of one target, as in the report's JSON.
    feature_set
        The concatenation.

    Returns
    -------
    dict or None
        ``model``: whose importances they are, if possible a random forest; ``absorbers``: by
        element, its parts, each with ``name``, ``axis_label``, ``value_label``, ``axis``, ``mean``
        (of the features), ``fused`` (its importances in the model on all parts, whose sum is
        ``share``) and ``single`` (in the same model on the feature set of this name alone, sum 1;
        None without one). None without importances, or for a set that is no concatenation.
    """
    able = [model for model in models if model["importances"] is not None]
    fused = [model for model in able if model["feature_set"] == feature_set and model["parts"]]
    if not fused:
        return None
    chosen = min(fused, key=lambda model: model["kind"] != "random_forest")["model"]
    alone = {
        (model["absorber"], model["feature_set"]): model
        for model in able
        if model["model"] == chosen
    }
    return {
        "feature_set": feature_set,
        "model": chosen,
        "absorbers": {
            model["absorber"]: _parts(model, alone) for model in fused if model["model"] == chosen
        },
    }


def _parts(model: Model, alone: Mapping[tuple[str, str], Model]) -> list[dict[str, Any]]:
    found, start = [], 0
    for part in model["parts"]:
        end = start + len(part["axis"])
        single = alone.get((model["absorber"], part["name"]))
        if single is not None and single["axis"] != part["axis"]:
            single = None  # another set of the same name
        own = model["importances"][start:end]
        axis, place, counts = np.unique(part["axis"], return_inverse=True, return_counts=True)
        found.append(
            {
                **{key: part[key] for key in ("name", "axis_label", "value_label")},
                "axis": axis.tolist(),
                "mean": floats(_summed(place, model["mean_vector"][start:end]) / counts),
                "fused": floats(_summed(place, own)),
                "share": float(np.sum(own)),
                "single": None if single is None else floats(_summed(place, single["importances"])),
            }
        )
        start = end
    return found


def _summed(place: np.ndarray, values: Sequence[float]) -> np.ndarray:
    """Add up what has the same coordinate, e.g. real and imaginary part at one R."""
    return np.bincount(place, np.asarray(values, dtype=float))
