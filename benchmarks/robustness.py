"""How far models of computed EXAFS stand what measurements are like, with and without augmentation.

    python benchmarks/robustness.py --json benchmarks/results/robustness.json

Takes the data of the campaign of configs/general.yaml, in the database of the settings. One network
is trained on four fifths of the formulas as its file says, one on spectra as computed; both are
asked about the last fifth, changed in one way at a time: disorder of all shells, noise, end of the
range of k, error of E0. E0 is taken as it is, not as a mean over several.
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

from exafscn_flows.models.augmentation import Augmentation, disordered
from exafscn_flows.models.measured_fitted import to_grid
from exafscn_flows.models.measured_network import MeasuredNetwork
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.processing import remove_background
from exafscn_flows.processing.real_space import with_e0_moved
from exafscn_flows.processing.settings import KSTEP
from exafscn_flows.store.store import Store

CURVES = {
    "sigma2": ("σ², Å²", [0.0, 0.002, 0.005, 0.01, 0.015]),
    "noise": ("noise of χ(k)", [0.0, 0.001, 0.003, 0.01, 0.03]),
    "kmax": ("kmax, 1/Å", [6.0, 8.0, 10.0, 12.0]),
    "e0": ("E0 too high by, eV", [-6.0, -3.0, 0.0, 3.0, 6.0, 10.0]),
}
USUAL = {"sigma2": 0.0, "noise": 0.0, "kmax": 12.0, "e0": 0.0}


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
    found: dict[str, Any] = {"sites": len(test), "curves": {}}
    for name, one in (("with", model), ("without", plain)):
        fitted = one.fit(rows.part(folds != 0), 0)
        for curve, (_, values) in CURVES.items():
            accuracies = [accuracy(fitted, test, {**USUAL, curve: value}) for value in values]
            found["curves"].setdefault(curve, {"values": values})[name] = accuracies
    return found


def accuracy(fitted: Any, test: TrainingSet, change: dict[str, float]) -> float:
    """Return the accuracy on spectra that are changed in one way."""
    n, n_axis = len(test), len(test.columns.axis)
    chi = to_grid(test.X[:, :n_axis], fitted.axis, fitted.kweight)
    if change["sigma2"]:
        chi = np.concatenate(
            [
                disordered(part, np.full(len(part), change["sigma2"]), np.zeros(len(part)))
                for part in np.array_split(chi, len(chi) // 512 + 1)
            ]
        )
    chi = with_e0_moved(chi, np.full(n, change["e0"]))
    noise = np.random.default_rng(0).standard_normal(chi.shape, dtype=np.float32)
    chi = chi + np.float32(change["noise"]) * noise
    chi = remove_background(KSTEP * np.arange(chi.shape[1]), chi).astype(np.float32)
    ends = np.full(n, 3.0), np.full(n, change["kmax"])
    outputs = fitted.networks.outputs(chi, *ends, test.X[:, n_axis:]).mean(axis=0)
    return float((fitted.classes_[outputs.argmax(axis=1)] == test.y).mean())


def show(result: dict[str, Any]) -> None:
    """Print a table a curve."""
    console = Console(width=100)
    for curve, (title, values) in CURVES.items():
        table = Table(title, *(f"{value:g}" for value in values))
        for name in ("with", "without"):
            cells = (f"{100 * value:.1f}" for value in result["curves"][curve][name])
            table.add_row(f"{name} augmentation, %", *cells)
        console.print(table)


if __name__ == "__main__":
    main()
