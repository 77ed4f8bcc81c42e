r"""Whether a network that predicts XANES gains by learning several elements at once.

    python benchmarks/xanes_table.py xanes.parquet
    python benchmarks/one_or_many.py --table xanes.parquet --json one_or_many.json

The sites, features and folds of `structure_to_spectrum.py`. A graph attention network of all
elements beside one of each element alone; then, for each element of `FEW`, with 10 to 250 of its
sites learned, beside all sites of the other elements or alone. Formulas that are asked about are
learned at no element. All networks see the same number of batches of their own rows, so that few
sites are learned as often as many.
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
from structure_to_spectrum import (
    COMPOSITION,
    GRAPH,
    METALS,
    POWER,
    Sites,
    folds,
    inputs,
    read,
    training_set,
)

from exafscn_flows.models import GraphAttention

SETS = (GRAPH, POWER, COMPOSITION)
FEW = ("Ni", "V")
NUMBERS = (10, 30, 100, 250)
MOST_EPOCHS = 120
"""Of networks that have few rows."""


def main() -> None:
    """Fit, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, required=True, help="of xanes_table.py")
    parser.add_argument("--epochs", type=int, default=15, help="of the network of all elements")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    sites = read(require(arguments.table, "--table"))
    test = folds(sites, "formula") == 0
    result: dict[str, Any] = {"epochs": arguments.epochs, "whole": {}, "few": {}}
    joint, seconds = fitted(sites, ~test, arguments.epochs)
    result["seconds"] = {"all elements": seconds}
    for number, name in enumerate(METALS):
        own = sites.absorber == number
        alone, seconds = fitted(sites, ~test & own, arguments.epochs)
        result["seconds"][name] = seconds
        result["whole"][name] = {
            "sites": int((~test & own).sum()),
            "with the others": score(sites, joint, ~test, test & own),
            "alone": score(sites, alone, ~test, test & own),
        }
        print(name, result["whole"][name], flush=True)
    for name in FEW:
        result["few"][name] = few(sites, test, METALS.index(name), arguments.epochs)
        print(name, result["few"][name], flush=True)
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(provenance() | result, indent=1) + "\n")


def fitted(sites: Sites, rows: np.ndarray, epochs: int) -> tuple[Any, float]:
    """Fit a network on some sites; returns it, and the processor seconds."""
    data = training_set(sites, SETS).part(rows)
    # Few rows are seen more often: else there would be hardly any step.
    passes = min(MOST_EPOCHS, round(epochs * max(1.0, np.sqrt(4000 / rows.sum()))))
    started = time.process_time()
    model: Any = GraphAttention(epochs=passes).fit(data, 0)
    return model, time.process_time() - started


def score(sites: Sites, model: Any, learned: np.ndarray, asked: np.ndarray) -> float:
    """Return R² over the mean of the element, which is that of all sites that may be learned."""
    (number,) = np.unique(sites.absorber[asked])
    mean = sites.spectra[learned & (sites.absorber == number)].mean(axis=0)
    wanted = sites.spectra[asked]
    error = ((model.predict(inputs(sites, SETS)[asked]) - wanted) ** 2).sum()
    return float(1 - error / ((wanted - mean) ** 2).sum())


def few(sites: Sites, test: np.ndarray, number: int, epochs: int) -> dict[str, Any]:
    """Return the scores of an element of which some sites are learned."""
    own = sites.absorber == number
    order = np.random.default_rng(0).permutation(np.flatnonzero(own & ~test))
    found: dict[str, Any] = {"with the others": {}, "alone": {}}
    for count in NUMBERS:
        if count > len(order):
            continue
        some = np.zeros(len(own), dtype=bool)
        some[order[:count]] = True
        for company, rows in (("with the others", some | (~own & ~test)), ("alone", some)):
            model, _ = fitted(sites, rows, epochs)
            found[company][count] = score(sites, model, ~test, own & test)
    return found


def show(result: dict[str, Any]) -> None:
    """Print tables."""
    console = Console(width=100)
    table = Table("element", "sites", "with the others", "alone", title="R² over the mean")
    for name, one in result["whole"].items():
        table.add_row(
            name, str(one["sites"]), f"{one['with the others']:.3f}", f"{one['alone']:.3f}"
        )
    console.print(table)
    table = Table("element", "beside", *map(str, NUMBERS), title="R² over the mean, few sites")
    for name, one in result["few"].items():
        for company, scores in one.items():
            values = [scores.get(count) for count in NUMBERS]
            table.add_row(name, company, *("" if v is None else f"{v:.3f}" for v in values))
    console.print(table)


if __name__ == "__main__":
    main()
