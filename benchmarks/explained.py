r"""Where a graph attention network looks, and which absorbers share its neurons.

    python benchmarks/xanes_table.py xanes.parquet
    python benchmarks/explained.py --table xanes.parquet --json benchmarks/results/explained.json

The network of structure_to_spectrum.py, one of it, is fitted on the sites of the same six metals
but for the first of five folds, grouped by formula, and explained as campaigns explain theirs, with
all sites. With --model FILE the network is kept in a file, and taken from there if it is there.
"""

import argparse
import hashlib
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

from exafscn_flows.evaluation.explanation import explanation
from exafscn_flows.evaluation.rank_correlation import mantel
from exafscn_flows.models import GraphAttention
from exafscn_flows.models.persistence import dump_model, load_model

SETS = (GRAPH, POWER, COMPOSITION)
OTHER_TABLE = "Cu"
"""The metal whose spectra come from a table of their own."""


def main() -> None:
    """Fit, explain, and print what is found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, required=True, help="of xanes_table.py")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--model", type=Path, help="where the network is kept")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    sites = read(require(arguments.table, "--table"))
    test = folds(sites, "formula") == 0
    settings = GraphAttention(epochs=arguments.epochs)
    fitted = network(settings, sites, test, arguments.model)
    started = time.process_time()
    found = explanation(fitted, training_set(sites, SETS), 0)
    assert found is not None  # of a graph attention network
    seconds = time.process_time() - started
    neurons = found["neurons"]
    rest = [place for place, one in enumerate(neurons["absorbers"]) if one != OTHER_TABLE]
    for way in ("own", "exchanged"):
        both = np.array(neurons[way]["similarity"]), np.array(neurons["distance"])
        tested = mantel(*(one[np.ix_(rest, rest)] for one in both), np.random.default_rng(0))
        neurons[way][f"without {OTHER_TABLE}"] = dict(zip(("rho", "p"), tested or (), strict=False))
    result = {
        "sites": len(test),
        "epochs": arguments.epochs,
        "r2_over_mean": r2_over_mean(fitted, sites, test),
        "processor seconds of the explanation": seconds,
        **found,
    }
    show(result)
    if arguments.json:
        # As short as can be: there are many means.
        arguments.json.write_text(json.dumps(provenance() | result) + "\n")


def network(settings: GraphAttention, sites: Sites, test: np.ndarray, file: Path | None) -> Any:
    """Fit a network, or take it from a file."""
    if file is not None and file.exists():
        data = file.read_bytes()
        return load_model(settings.kind, data, hashlib.sha256(data).hexdigest())
    fitted = settings.fit(training_set(sites, SETS).part(~test), 0)
    if file is not None:
        file.write_bytes(dump_model(settings, fitted))
    return fitted


def r2_over_mean(fitted: Any, sites: Sites, test: np.ndarray) -> float:
    """Return how much of the squared error of the mean spectrum is taken away, grouped."""
    own = [sites.spectra[~test & (sites.absorber == one)] for one in range(len(METALS))]
    mean = np.stack([one.mean(axis=0) for one in own])[sites.absorber[test]]
    wanted, found = sites.spectra[test], fitted.predict(inputs(sites, SETS)[test])
    return float(1 - ((found - wanted) ** 2).sum() / ((mean - wanted) ** 2).sum())


def show(result: dict[str, Any]) -> None:
    """Print tables."""
    console = Console(width=100)
    console.print(f"{result['sites']} sites, R2 over the mean {result['r2_over_mean']:.3f}")
    attention, neurons = result["attention"], result["neurons"]
    untrained = attention["untrained"]
    table = Table("variance of attention explained by", "trained", "untrained")
    for name, share in attention["explained"].items():
        nulls = ", ".join(f"{one[name]:.3f}" for one in untrained["explained"])
        table.add_row(name, f"{share:.3f}", nulls)
    nulls = ", ".join(f"{one:.2f}" for one in untrained["spread"])
    table.add_row("its standard deviation", f"{attention['spread']:.2f}", nulls)
    console.print(table)
    console.print(
        "rank correlation with the change when an atom is left out:", attention["left_out"]
    )
    table = Table("absorbers", "variance explained", "rho", "p")
    rest = f"without {OTHER_TABLE}"
    rows = {way: neurons[way] for way in ("own", "exchanged")}
    rows |= {f"{way}, {rest}": neurons[way][rest] for way in list(rows)}
    rows |= {f"exchanged, untrained {i}": one for i, one in enumerate(neurons["untrained"])}
    rows["own, shuffled"] = {"explained": neurons["shuffled"]}
    for name, of in rows.items():
        columns = (of.get(key) for key in ("explained", "rho", "p"))
        table.add_row(name, *("" if one is None else f"{one:.3f}" for one in columns))
    console.print(table)


if __name__ == "__main__":
    main()
