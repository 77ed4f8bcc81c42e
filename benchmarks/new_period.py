r"""What a model that has learned 3d metals knows of 4d metals, and how few sites it takes.

    exafscn run configs/study_beyond.yaml --set sources.0.path=TABLE
    exafscn run configs/exafs_4d.yaml --set sources.1.path=CIFS.zip
    python benchmarks/new_period.py --model '{kind: spectral_network, epochs: 25}'

For each 4d metal, the model learns 0, 10, 30 or 100 of its sites beside all others (those of the
first campaign, and the other 4d metals), or these few alone, and is asked about the sites of a
third of its formulas, three times; once more after 3d metals only. No formula that is asked about
is learned at another absorber.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from campaign_data import Joint, joint, read_data, read_model
from provenance import provenance
from rich.console import Console
from rich.table import Table

from exafscn_flows.errors import ItemFailure
from exafscn_flows.evaluation.experiments import few_shot_fold
from exafscn_flows.models.base import ModelBase
from exafscn_flows.splits import grouped_folds
from exafscn_flows.store.store import Store

NUMBERS = (0, 10, 30, 100)
FOLDS = 3
ALL, ALONE = "3d and 4d metals", "nothing"
BESIDE = {ALL: NUMBERS, "3d metals": NUMBERS[:1], ALONE: NUMBERS[1:]}
"""How many sites of a metal are learned, by what is learned beside them."""


def main() -> None:
    """Train, and print the accuracy by metal, number and company."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--known", default="study-beyond", help="campaign of 3d metals")
    parser.add_argument("--new", default="exafs-4d", help="campaign of 4d metals")
    parser.add_argument("--features", default="chi_k", help="a feature set that both have")
    parser.add_argument("--model", required=True, help="the model as YAML")
    parser.add_argument("--folds", type=int, default=FOLDS, help="how many folds are asked about")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    model, store = read_model(arguments.model), Store.open()
    campaigns = (arguments.known, arguments.new)
    parts = [read_data(store, name, arguments.features, model) for name in campaigns]
    data = joint(parts)
    seed = parts[0].config.evaluation.seed
    result: dict[str, Any] = {"model": arguments.model, "folds": arguments.folds, "metals": {}}
    for symbol in parts[1].config.absorbers:
        result["metals"][symbol] = of_metal(data, model, symbol, arguments.folds, seed)
        print(symbol, flush=True)
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(provenance() | result, indent=1) + "\n")


def of_metal(data: Joint, model: ModelBase, symbol: str, n_folds: int, seed: int) -> dict[str, Any]:
    """Return the accuracies of one metal, in percent; None where too little is learned."""
    own = data.absorbers == symbol
    folds = np.full(len(own), -1)
    folds[own] = grouped_folds(data.rows.y[own], data.rows.groups[own], FOLDS, seed)
    y = data.rows.y[own]
    found: dict[str, Any] = {
        "sites": int(own.sum()),
        "majority": 100 * float(np.bincount(y).max() / len(y)),
    }
    for company, numbers in BESIDE.items():
        found[company] = {}
        # few_shot_fold learns all others that are given.
        kept = own | (data.campaign == 0) | (company == ALL)
        rows = data.rows.part(kept)
        for number in numbers:
            right = []
            for fold in range(n_folds):
                names = np.unique(data.rows.groups[folds == fold])
                test = np.isin(rows.groups, names)
                try:
                    outcome = few_shot_fold(
                        model,
                        rows,
                        own[kept],
                        test,
                        number,
                        company != ALONE,
                        seed + fold,
                        rows.classes,
                    )
                except ItemFailure:
                    continue
                truth = rows.y[own[kept] & test]
                right += (outcome.output.argmax(axis=1) == truth).tolist()
            found[company][number] = 100 * float(np.mean(right)) if right else None
    return found


def show(result: dict[str, Any]) -> None:
    """Print a table."""
    table = Table("metal", "sites", "majority", "beside", *map(str, NUMBERS), title="accuracy, %")
    for symbol, one in result["metals"].items():
        for company in BESIDE:
            values = [one[company].get(number) for number in NUMBERS]
            cells = ["" if value is None else f"{value:.1f}" for value in values]
            majority = f"{one['majority']:.1f}"
            table.add_row(symbol, str(one["sites"]), majority, company, *cells)
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
