"""What each input of a study is worth: scores by element and feature set, over the folds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from exafscn_flows.report.view import View

Model = Mapping[str, Any]

_SPLITS = ("grouped", "random")


def inputs(
    models: Sequence[Model], feature_sets: Mapping[str, Mapping[str, Any]], view: View
) -> list[dict[str, Any]]:
    """Set the feature sets of every element side by side.

    Parameters
    ----------
    models
        Models of one target, as in the report's JSON.
    feature_sets
        Settings of each set, as in `Provenance.feature_sets`.
    view
        How the target of the models is shown.

    Returns
    -------
    list of dict
        In the order of the models, one for each ``absorber`` and ``feature_set``: what it is made
        from (``input``, as `input_of` says), ``n_sites``, ``n_formulas``; ``model``: the name of
        the one that is best in the grouped split; ``models``: by name, ``kind`` and, by split,
        ``mean`` and ``std`` of the score over the folds, ``n_folds``, and ``trivial`` and
        ``trivial_std`` of always the same answer in the same folds. All are fractions. Empty for
        one feature set.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for model in models:
        key = model["absorber"], model["feature_set"]
        row = found.setdefault(
            key,
            {
                "absorber": key[0],
                "feature_set": key[1],
                "input": input_of(feature_sets[key[1]]),
                "n_sites": model["n_sites"],
                "n_formulas": model["n_formulas"],
                "models": {},
            },
        )
        scores = {split: _over_folds(model[split], view) for split in _SPLITS}
        if all(scores.values()):
            row["models"][model["model"]] = {"kind": model["kind"], **scores}
    rows = [row for row in found.values() if row["models"]]
    for row in rows:
        of = row["models"]
        row["model"] = min(of, key=lambda name: view.order(of[name]["grouped"]["mean"]))
    return rows if len({row["feature_set"] for row in rows}) > 1 else []


def _over_folds(metrics: Mapping[str, Any] | None, view: View) -> dict[str, Any] | None:
    """Return mean and standard deviation (n - 1) over the folds; None where there are none."""
    if metrics is None:
        return None
    of_model, of_trivial = (metrics[key] for key in view.fold_keys)
    if of_model is None:
        return None
    return {
        "mean": float(np.mean(of_model)),
        "std": float(np.std(of_model, ddof=1)),
        "n_folds": len(of_model),
        "trivial": float(np.mean(of_trivial)),
        "trivial_std": float(np.std(of_trivial, ddof=1)),
    }


def input_of(settings: Mapping[str, Any]) -> str:
    """Return what a feature set is made from, in one word; of a concatenation, joined by +.

    Parameters
    ----------
    settings
        Those of the set, as in `Provenance.feature_sets`.
    """
    kind = str(settings["kind"])
    if kind == "concatenation":
        return "+".join(input_of(part) for part in settings["parts"])
    if kind == "pdf":
        return "dpdf" if settings["pattern"] == "differential" else "pdf"
    return "xanes" if kind.startswith("xanes") else "exafs"
