"""One model of all elements beside the published protocol and the best trees: EXAFS to CN.

    python benchmarks/beyond.py --data DIR --json benchmarks/results/beyond.json

Runs configs/study_beyond.yaml on a table of spectra. All models have folds on which a formula is
on one side at all absorbers. Means over sites flatter, since formulas with many
polymorphs fill such tables: beside them stand the accuracy with every formula weighing the same,
and by class of compound. With --data, the database stays in that folder, and a run that was
interrupted goes on.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from inputs import SITES, require
from provenance import provenance
from pymatgen.core import Element
from rich.console import Console
from rich.table import Table
from runs import database, run

from exafscn_flows import Campaign

FILE = Path(__file__).resolve().parents[1] / "configs" / "study_beyond.yaml"
NAME = "study-beyond"
BEST = "average"
FEATURES = "chi_k"
"""Of the spectrum alone; with the composition it is another question."""
SCORES = ["accuracy", "certain_accuracy", "balanced_accuracy", "macro_f1", "ece", "coverage"]


def main() -> None:
    """Run the campaign, and tell what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, default=SITES)
    parser.add_argument("--data", type=Path, help="folder of the database")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    table = require(arguments.table, "--table")
    with database(arguments.data):
        run(FILE, f"sources.0.path={table}")
        result = measured()
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(provenance() | result, indent=1) + "\n")


def measured() -> dict[str, Any]:
    """Collect the figures of the best model by absorber, and of all models on the mean."""
    campaign = Campaign(NAME)
    frame = campaign.metrics()
    best = frame[(frame["model"] == BEST) & (frame["feature_set"] == FEATURES)]
    best = best.set_index("absorber")
    grouped, random = (best[best["split"] == split] for split in ("grouped", "random"))
    found: dict[str, Any] = {
        "model": BEST,
        "grouped": percent(grouped["accuracy"]),
        "certain": percent(grouped["certain_accuracy"]),
        "random": percent(random["accuracy"]),
        "majority": percent(grouped["majority"]),
        "ece": grouped["ece"].to_dict(),
        "conformal": {
            row.Index: {"coverage": 100 * row.coverage, "size": row.set_size}
            for row in grouped.itertuples()
        },
        "sites": grouped["n_sites"].to_dict(),
    }
    found["models"] = []
    for (model, fset, split), rows in frame.groupby(["model", "feature_set", "split"]):
        means = {name: float(rows[name].mean()) for name in SCORES}
        one = {"model": model, "feature_set": fset, "split": split, **means}
        if split == "grouped":
            one |= weighed(campaign, model, fset, campaign.config.absorbers)
        found["models"].append(one)
    return found


def percent(column: "pd.Series[float]") -> dict[str, float]:
    """Return a column of fractions in percent, by absorber, with its mean."""
    return (100 * column).to_dict() | {"mean": float(100 * column.mean())}


def weighed(
    campaign: Campaign, model: str, feature_set: str, absorbers: Sequence[str]
) -> dict[str, Any]:
    """Return the accuracy with every formula weighing the same, and by class of compound."""
    keys = {"model": model, "feature_set": feature_set}
    rows = pd.concat([campaign.predictions(absorber=one, **keys) for one in absorbers])
    right = rows["value"] == rows["label"]
    by_formula = right.groupby(rows["formula"]).mean()
    kinds = rows["elements"].map(compound)
    return {
        "by formula": float(by_formula.mean()),
        "by compound": right.groupby(kinds).mean().to_dict(),
        "sites by compound": kinds.value_counts().to_dict(),
    }


def compound(elements: Sequence[str]) -> str:
    """Name the class of a compound by its elements."""
    symbols = set(elements)
    if "H" in symbols and not symbols & {"O", "F"}:
        return "hydrides"
    if symbols & {"O", "F"}:
        return "oxides and fluorides"
    others = [one for one in symbols if not Element(one).is_metal]
    return "other compounds of non-metals" if others else "intermetallics"


def show(result: dict[str, Any]) -> None:
    """Print tables."""
    console = Console(width=100)
    names = ("certain", "random", "majority")
    table = Table("absorber", "sites", "grouped", *names, title="average, %")
    sets = Table("absorber", "calibration error", "sets hold, %", "mean size", title="doubt")
    for absorber, value in result["grouped"].items():
        cells = [f"{result[name][absorber]:.1f}" for name in names]
        sites = str(result["sites"].get(absorber, ""))
        table.add_row(absorber, sites, f"{value:.1f}", *cells)
        if absorber in result["conformal"]:
            doubt = result["conformal"][absorber]
            ece = f"{result['ece'][absorber]:.3f}"
            sets.add_row(absorber, ece, f"{doubt['coverage']:.1f}", f"{doubt['size']:.2f}")
    console.print(table)
    console.print(sets)
    heads = ("model", "features", "split", "all", "certain", "F1", "by formula")
    models = Table(*heads, title="mean over the absorbers, %")
    for one in result["models"]:
        cells = [f"{100 * one[key]:.1f}" for key in ("accuracy", "certain_accuracy", "macro_f1")]
        cells.append(f"{100 * one['by formula']:.1f}" if "by formula" in one else "")
        models.add_row(one["model"], one["feature_set"], one["split"], *cells)
    console.print(models)
    for one in result["models"]:
        if (one["model"], one["feature_set"]) == (BEST, FEATURES) and "by compound" in one:
            console.print({k: f"{100 * v:.1f} %" for k, v in one["by compound"].items()})


if __name__ == "__main__":
    main()
