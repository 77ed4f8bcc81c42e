"""What EXAFS tells of each target: configs/targets_table.yaml on a table of spectra.

Runs the campaign and prints, by target and absorber, its score beside the baseline, grouped by
formula and random:

    python benchmarks/targets_table.py --data DIR --json benchmarks/results/targets_table.json

With --data, the database stays in that folder, and a run that was interrupted goes on.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from inputs import SITES, require
from provenance import provenance
from rich.console import Console
from rich.table import Table
from runs import database, run

from exafscn_flows import Campaign

FILE = Path(__file__).resolve().parents[1] / "configs" / "targets_table.yaml"
NAME = "targets-table"

CLASSES = ("accuracy", "balanced_accuracy", "macro_f1", "majority", "ece")
NUMBERS = ("rmse", "mae", "r2", "mean_rmse", "mean_mae", "relative_rmse")


def main() -> None:
    """Run the campaign, and tell what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, default=SITES)
    parser.add_argument("--data", type=Path, help="folder of the database")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    arguments.table = require(arguments.table, "--table")
    with database(arguments.data):
        run(FILE, f"sources.0.path={arguments.table}")
        result = measured()
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(provenance() | result, indent=1) + "\n")


def measured() -> dict[str, Any]:
    """Collect metrics by target, split and absorber, and their means over the absorbers."""
    campaign = Campaign(NAME)
    frame = campaign.metrics()
    found: dict[str, Any] = {"table": "feff8l_sites.parquet", "targets": {}}
    for target in campaign.config.targets:
        names = CLASSES if target.task == "classes" else NUMBERS
        own = frame[frame["target"] == target.name]
        splits = {}
        for split, rows in own.groupby("split"):
            by_absorber = {
                row["absorber"]: {name: row[name] for name in names}
                | {"sites": row["n_sites"], "formulas": row["n_formulas"]}
                for row in rows.to_dict("records")
            }
            means = {name: float(rows[name].mean()) for name in names}
            splits[split] = {"mean": means, "absorbers": by_absorber}
        found["targets"][target.name] = {"unit": target.unit, **splits}
    left_out = campaign.failures()
    labels = left_out[left_out["stage"] == "labels"]
    found["left out"] = labels.groupby("kind").size().to_dict()
    return found


def show(result: dict[str, Any]) -> None:
    """Print a table for each target."""
    console = Console(width=100)
    for name, found in result["targets"].items():
        columns = list(found["grouped"]["mean"])
        table = Table("absorber", "sites", *columns, title=f"{name}: grouped (random)")
        rows = found["grouped"]["absorbers"] | {"mean": found["grouped"]["mean"]}
        for absorber, grouped in rows.items():
            random = (found["random"]["absorbers"] | {"mean": found["random"]["mean"]})[absorber]
            cells = [f"{grouped[key]:.3f} ({random[key]:.3f})" for key in columns]
            table.add_row(absorber, str(grouped.get("sites", "")), *cells)
        console.print(table)
    console.print(result["left out"])


if __name__ == "__main__":
    main()
