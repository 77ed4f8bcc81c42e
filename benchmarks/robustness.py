"""How far models of computed EXAFS stand what measurements are like, with and without augmentation.

    python benchmarks/robustness.py --json benchmarks/results/robustness.json

Takes the data of the campaign of configs/general.yaml, in the database of the settings. One network
is trained on four fifths of the formulas as its file says, one on spectra as computed; both are
asked about the last fifth, changed in one way at a time, as by `robustness` of a study: disorder of
all shells, noise, end of the range of k, errors of E0 and of the edge step, rbkg. E0 is taken as it
is, not as a mean over several.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from campaign_data import read_data
from provenance import provenance
from rich.console import Console
from rich.table import Table

from exafscn_flows.evaluation.changes import CHANGES
from exafscn_flows.evaluation.robustness import changed_outputs
from exafscn_flows.models.augmentation import Augmentation
from exafscn_flows.models.measured_network import MeasuredNetwork
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.store.store import Store
from exafscn_flows.tasks import task_named


def main() -> None:
    """Train both, ask both, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    model = MeasuredNetwork(per="campaign", epochs=arguments.epochs)
    data = read_data(Store.open(), "general", "chi_k", model, "coordination_number")
    result = measured(model, data.rows, data.folds)
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(provenance() | result, indent=1) + "\n")


def measured(model: MeasuredNetwork, rows: TrainingSet, folds: np.ndarray) -> dict[str, Any]:
    """Return the accuracy of both networks on a fold that they have not learned, by curve."""
    plain = model.model_copy(update={"augmentation": Augmentation(clean=1.0)})
    test = rows.part(folds == 0)
    task, classes = task_named("classes"), list(range(int(rows.y.max()) + 1))
    found: dict[str, Any] = {"sites": len(test), "curves": {}}
    for name, one in (("with", model), ("without", plain)):
        fitted = one.fit(rows.part(folds != 0), 0)
        outputs = changed_outputs(task, fitted, test.X, list(CHANGES), 0, classes)
        for curve, of_values in outputs.items():
            accuracies = (of_values.argmax(axis=2) == test.y).mean(axis=1)
            values = CHANGES[curve].values
            found["curves"].setdefault(curve, {"values": values})[name] = accuracies.tolist()
    return found


def show(result: dict[str, Any]) -> None:
    """Print a table a curve."""
    console = Console(width=100)
    for curve, (title, values) in CHANGES.items():
        table = Table(title, *(f"{value:g}" for value in values))
        for name in ("with", "without"):
            cells = (f"{100 * value:.1f}" for value in result["curves"][curve][name])
            table.add_row(f"{name} augmentation, %", *cells)
        console.print(table)


if __name__ == "__main__":
    main()
