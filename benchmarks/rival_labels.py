r"""The same model trained on coordination numbers of CrystalNN and of three other methods.

    python benchmarks/rival_labels.py --data DIR --json benchmarks/results/rival_labels.json

Reads the table of configs/study_beyond.yaml in a campaign of its own, whose labels keep the numbers
of the other methods beside them; sites that a method cannot count are left out for all. The network
is fitted on all folds but one, on hard labels of each method, and asked about that one. A method
whose numbers are easily learned need not be right: beside each stand its commonest number, and how
often it says what CrystalNN says. The campaign holds no models; with the data folder of
`beyond.py` it lies in the same database.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from beyond import FEATURES, FILE, NAME
from campaign_data import Data, read_data, read_model
from inputs import SITES, require
from provenance import provenance
from rich.console import Console
from rich.table import Table
from runs import database, run
from sklearn.metrics import balanced_accuracy_score, f1_score

from exafscn_flows.keys import item_key
from exafscn_flows.splits import grouped_folds
from exafscn_flows.store.documents import LabelDoc
from exafscn_flows.store.store import Store
from exafscn_flows.tasks.classes import CERTAIN

CAMPAIGN = f"{NAME}-labels"
METHODS = ("voronoi_nn", "minimum_distance_nn", "brunner_nn")
TARGETS = (
    f"targets=[{{kind: coordination_number, rivals: [{', '.join(METHODS)}]}}, "
    "oxidation_state, bond_length]"
)
SETS = "features.sets=[{kind: k_space, name: chi_k, input: chi, kmin: 0.05, kmax: 16.0}]"
MODEL = "{kind: spectral_network, softness: 0}"


def main() -> None:
    """Label, train, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, default=SITES)
    parser.add_argument("--data", type=Path, help="folder of the database")
    parser.add_argument("--folds", type=int, default=1, help="how many folds are asked about")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    table = require(arguments.table, "--table")
    with database(arguments.data):
        run_labels(table)
        store = Store.open()
        data = read_data(store, CAMPAIGN, FEATURES, read_model(MODEL))
        labels = counted(store, data)
    result = {"campaign": CAMPAIGN, "model": MODEL, "folds": arguments.folds}
    result |= measured(data, labels, arguments.folds)
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(provenance() | result, indent=1) + "\n")


def run_labels(table: Path) -> None:
    """Label the sites of a table in every way, in the campaign of this benchmark."""
    keys = (f"campaign={CAMPAIGN}", f"sources.0.path={table}", TARGETS, SETS)
    run(FILE, *keys, "models=[]", "study=null")


def counted(store: Store, data: Data) -> dict[str, np.ndarray]:
    """Return the coordination numbers of each method, NaN where it has none, shape (n,)."""
    name = data.dataset.target.name
    keys = [item_key(site.site, name) for site in data.dataset.sites]
    docs = store.read(LabelDoc, CAMPAIGN, keys)
    details = [docs[key].details for key in keys]
    found = {"crystal_nn": np.array([float(docs[key].value) for key in keys])}
    for method in METHODS:
        numbers = [one.get(method) for one in details]
        found[method] = np.array([np.nan if one is None else float(one) for one in numbers])
    return found


def measured(data: Data, labels: dict[str, np.ndarray], n_folds: int) -> dict[str, Any]:
    """Fit the network on the labels of each method, on the same folds."""
    model = read_model(MODEL)
    known = np.all([np.isfinite(one) for one in labels.values()], axis=0)
    certain = (data.dataset.certainty > CERTAIN)[known]
    absorbers, seed = data.absorbers[known], data.config.evaluation.seed
    rows = data.rows.part(known)
    folds = grouped_folds(data.dataset.strata[known], rows.groups, 5, seed)
    asked = folds < n_folds
    symbols = data.config.absorbers
    found: dict[str, Any] = {"sites": int(known.sum()), "asked": int(asked.sum()), "methods": {}}
    for name, numbers in labels.items():
        values, y = np.unique(numbers[known], return_inverse=True)
        of_method = replace(rows, y=y, shares=None, classes=tuple(int(one) for one in values))
        predicted = np.empty(len(y), dtype=np.int64)
        for fold in range(n_folds):
            test = folds == fold
            fitted: Any = model.fit(of_method.part(~test), seed)
            predicted[test] = fitted.predict(of_method.X[test])
        own = [asked & (absorbers == one) for one in symbols]
        right, agrees = predicted == y, numbers[known] == labels["crystal_nn"][known]
        scores = {
            "accuracy": [right[one].mean() for one in own],
            "where CrystalNN is certain": [right[one & certain].mean() for one in own],
            "balanced": [balanced_accuracy_score(y[one], predicted[one]) for one in own],
            "macro_f1": [f1_score(y[one], predicted[one], average="macro") for one in own],
            "commonest": [np.bincount(y[one]).max() / one.sum() for one in own],
            "as CrystalNN": [agrees[one].mean() for one in own],
        }
        means = {key: 100 * float(np.mean(each)) for key, each in scores.items()}
        found["methods"][name] = {"classes": len(values)} | means
        print(name, flush=True)
    return found


def show(result: dict[str, Any]) -> None:
    """Print a table."""
    keys = list(next(iter(result["methods"].values())))
    title = f"{result['asked']} of {result['sites']} sites, mean over the absorbers, %"
    table = Table("labels of", *keys, title=title)
    for name, one in result["methods"].items():
        table.add_row(name, str(one["classes"]), *(f"{one[key]:.1f}" for key in keys[1:]))
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
