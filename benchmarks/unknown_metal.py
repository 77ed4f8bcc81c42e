r"""What a network that predicts XANES from structures knows of a metal that it has not learned.

    python benchmarks/xanes_table.py xanes.parquet
    python benchmarks/computed_xanes.py simple CIFS.zip MORE.zip small.zip --metals Zr Nb Mo \
        --anions N O F S Cl --elements 4 --atoms 24
    python benchmarks/computed_xanes.py --file benchmarks/results/xanes_4d.parquet restore
    exafscn run configs/xanes_4d.yaml --set sources.1.path=small.zip
    python benchmarks/unknown_metal.py --table xanes.parquet --json unknown_metal.json

One graph attention network learns the 3d metals of the table and the 4d metals of the campaign,
others either row alone; then, for each of --without, one learns all but that metal. All are asked
about the first of five folds, grouped by formula, so that no formula that is asked about is learned
at any metal. Curves are those of the model of `exafscn simulate`, relative to the edge that each
spectrum shows. Errors are root mean squares; beside them that of the mean spectrum of the metal,
which who has not learned it does not know, and of the mean of all that is learned.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from inputs import require
from provenance import provenance
from rich.console import Console
from rich.table import Table
from xanes_model import FOLDS, of_campaign, of_table, training_set

from exafscn_flows.models import GraphAttention
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.splits import grouped_folds
from exafscn_flows.store.store import Store

ALL, ROWS = "3d and 4d metals", ("3d metals", "4d metals")


def main() -> None:
    """Train, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, required=True, help="of xanes_table.py")
    parser.add_argument("--campaign", default="xanes-4d", help="of the other metals")
    parser.add_argument("--without", nargs="+", default=["Mo"], help="metals to leave out")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    known = list(of_table(require(arguments.table, "--table")))
    new = list(of_campaign(Store.open(), arguments.campaign))
    if unknown := sorted(set(arguments.without) - {one.absorber for one in new}):
        parser.error(f"--without: campaign {arguments.campaign} has no spectra of {unknown[0]}")
    data, _, metals = training_set(known + new)
    is_new = np.isin(metals, sorted({one.absorber for one in new}))
    learned = {ALL: np.full(len(metals), True), ROWS[0]: ~is_new, ROWS[1]: is_new}
    learned |= {f"all but {one}": metals != one for one in arguments.without}
    result: dict[str, Any] = {"sites": len(data), "epochs": arguments.epochs, "learned": {}}
    test = grouped_folds(metals, data.groups, FOLDS, 0) == 0
    model = GraphAttention(epochs=arguments.epochs)
    for name, rows in learned.items():
        asked = np.unique(metals[is_new]) if name.startswith("all but") else np.unique(metals)
        result["learned"][name] = of_network(model, data, metals, rows & ~test, test, asked)
        print(name, flush=True)
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(provenance() | result, indent=1) + "\n")


def of_network(
    model: GraphAttention,
    data: TrainingSet,
    metals: np.ndarray,
    learned: np.ndarray,
    test: np.ndarray,
    asked: np.ndarray,
) -> dict[str, Any]:
    """Fit a network, and return its errors by metal.

    Parameters
    ----------
    metals
        Symbol of the absorber of each row, shape (n,).
    learned, test
        Which rows it learns, and which it may be asked about, shape (n,).
    asked
        Metals that it is asked about.
    """
    started = time.process_time()
    fitted: Any = model.fit(data.part(learned), 0)
    seconds = time.process_time() - started
    curves = np.asarray(data.y, dtype=float)
    of_all = curves[learned].mean(axis=0)
    found: dict[str, Any] = {"sites": int(learned.sum()), "processor seconds": seconds}
    for metal in asked:
        own = metals == metal
        wanted, said = curves[test & own], fitted.predict(data.X[test & own])
        mean = curves[~test & own].mean(axis=0)
        errors = {
            name: float(np.sqrt(((one - wanted) ** 2).mean()))
            for name, one in (("rmse", said), ("of its mean", mean), ("of the mean", of_all))
        }
        found[str(metal)] = {
            "n": len(wanted),
            "learned": int((learned & own).sum()),
            "r2_over_mean": 1 - (errors["rmse"] / errors["of its mean"]) ** 2,
            **errors,
        }
    return found


def show(result: dict[str, Any]) -> None:
    """Print a table."""
    heads = ("metal", "asked", "learned", "R2 over its mean", "rmse", "its mean", "mean learned")
    table = Table("learned", *heads, title=f"{result['sites']} sites")
    for name, of in result["learned"].items():
        for metal, one in of.items():
            if isinstance(one, dict):
                counts = str(one["n"]), str(one["learned"])
                values = (
                    one[key] for key in ("r2_over_mean", "rmse", "of its mean", "of the mean")
                )
                table.add_row(name, metal, *counts, *(f"{value:.3f}" for value in values))
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
