"""Make the near-edge model that comes with the package: neighbours in oxides, from XANES.

    python benchmarks/xanes_table.py xanes.parquet
    python benchmarks/near_edge.py --table xanes.parquet --data DIR --write

Runs configs/general_near_edge.yaml without its model. All formulas of the sample of
configs/quickstart.yaml are left out. Networks are trained on four fifths of the other formulas and
asked about the last fifth, five times; what they say of computed near edges that were changed as
measurements are gives the temperature and the figures of the card. Then they are trained on all.
No measured spectrum is read. With --write, the files of the package are written; else only the
figures are shown. With --data, the database stays in that folder, and a run that was interrupted
goes on.
"""

import argparse
import hashlib
import json
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from campaign_data import Data, read_data
from general import ATTRIBUTION, CONFIGS, LICENCE, SURE, sampled_formulas
from inputs import require
from rich.console import Console
from rich.table import Table
from runs import database, run

from exafscn_flows.config.loader import load_campaign_file
from exafscn_flows.formulas import reduced_formula
from exafscn_flows.models.near_edge_network import NearEdgeNetwork
from exafscn_flows.models.near_edge_training import NearEdgeViews
from exafscn_flows.splits import grouped_folds
from exafscn_flows.store.store import Store
from exafscn_flows.tasks.calibration import temperature, tempered

FILE = "near_edge.safetensors"
NOT_FOR = [
    "anything but oxides: of metals and sulphides it names a number as surely as of oxides",
    "other numbers of neighbours than 4, 5 and 6",
    "K edges of other elements than those in absorbers",
    "mixtures of several sites or phases",
    "points more than 3 eV apart at the edge",
]


def main() -> None:
    """Run the campaign, train, and show what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, required=True, help="made by xanes_table.py")
    parser.add_argument("--data", type=Path, help="folder of the database")
    parser.add_argument("--write", action="store_true", help="write the files of the package")
    arguments = parser.parse_args()
    file = CONFIGS / "general_near_edge.yaml"
    key = f"sources.0.path={require(arguments.table, '--table')}"
    config = load_campaign_file(file, [key])
    (model,), (features,) = config.models, config.features.sets
    assert isinstance(model, NearEdgeNetwork)
    with database(arguments.data):
        run(file, key, "models=[]")
        store = Store.open()
        left_out = sampled_formulas(store, load_campaign_file(CONFIGS / "quickstart.yaml"))
        data = read_data(store, config.campaign, features.name, model)
    kept = np.array([reduced_formula(one) not in left_out for one in data.rows.groups])
    card, weights = trained(model, data, kept)
    card["features"] = features.model_dump(exclude={"kind", "name"})
    card["left_out"] = sorted(left_out)
    show(card)
    if arguments.write:
        folder = Path(str(files("exafscn_flows.pretrained")))
        (folder / FILE).write_bytes(weights)
        (folder / "near_edge.json").write_text(json.dumps(card, indent=1) + "\n")


def trained(model: NearEdgeNetwork, data: Data, kept: np.ndarray) -> tuple[dict[str, Any], bytes]:
    """Train the networks; returns the card, but for their features, and the file of the weights.

    Parameters
    ----------
    kept
        Whether each site is learned from, shape (n,).
    """
    rows, absorbers = data.rows.part(kept), data.absorbers[kept]
    classes, seed = data.dataset.classes, data.config.evaluation.seed
    n_folds = data.config.evaluation.n_folds
    strata = np.asarray(data.dataset.strata)[kept]
    folds = grouped_folds(strata, rows.groups, n_folds, seed)
    settings = model.changes.model_copy(update={"clean": 0.0})
    n_axis = len(rows.columns.axis)
    views = NearEdgeViews(settings, np.asarray(rows.columns.axis, dtype=np.float64))
    clean, changed = (np.zeros((len(rows), len(classes))) for _ in range(2))
    for fold in range(n_folds):
        test = folds == fold
        fitted: Any = model.fit(rows.part(~test), seed)
        X, rng = rows.X[test], np.random.default_rng([seed, fold])
        seen = np.hstack([views.measured(X[:, :n_axis], rng), X[:, n_axis:]])
        for output, shown in ((clean, X), (changed, seen)):
            output[np.ix_(test, fitted.classes_)] = fitted.predict_proba(shown)
        print(f"fold {fold + 1} of {n_folds}", flush=True)
    found = temperature(changed, rows.y)
    certainty = data.dataset.certainty[kept]
    figures = {
        "computed": figures_of(data, rows.y, clean, folds, certainty, absorbers),
        "changed": figures_of(data, rows.y, changed, folds, certainty, absorbers),
    }
    proba = tempered(changed, found)
    sure, right = proba.max(axis=1) >= SURE, proba.argmax(axis=1) == rows.y
    figures["changed"]["sure"] = {
        "share": float(sure.mean()),
        "accuracy": float(right[sure].mean()),
    }
    final: Any = model.fit(rows, seed)
    weights = model.dump(final)
    return {
        "name": "near_edge",
        "title": "4, 5 or 6 neighbours of 3d metals in oxides, from K-edge XANES",
        "made_by": "python benchmarks/near_edge.py --write",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "attribution": ATTRIBUTION.replace(
            "EXAFS that FEFF 8.5L calculates of structures",
            "XANES that FEFF 9 (of the OmniXAS collection) and FEFF 10 calculate of structures",
        ),
        "licence": LICENCE,
        "not_for": NOT_FOR,
        "absorbers": list(data.config.absorbers),
        "classes": classes,
        "sites": len(rows),
        "formulas": len(np.unique(rows.groups)),
        "splits": f"{n_folds} folds, a formula on one side at all absorbers; measured spectra take "
        "no part in training, calibration or choices",
        "settings": model.parameters(),
        "file": FILE,
        "sha256": hashlib.sha256(weights).hexdigest(),
        "temperature": found,
        "figures": figures,
    }, weights


def figures_of(
    data: Data,
    y: np.ndarray,
    output: np.ndarray,
    folds: np.ndarray,
    certainty: np.ndarray,
    absorbers: np.ndarray,
) -> dict[str, Any]:
    """Return the figures of out-of-fold probabilities, those by element among them."""
    task, classes = data.dataset.task, data.dataset.classes
    wanted = ("accuracy", "balanced_accuracy", "macro_f1", "majority", "ece")
    found = task.metrics(y, output, folds, classes, certainty)
    by_element = {}
    for one in data.config.absorbers:
        own = absorbers == one
        of_one = task.metrics(y[own], output[own], folds[own], classes, certainty[own])
        names = ("accuracy", "macro_f1", "majority")
        by_element[one] = {"n": int(own.sum()), **{name: of_one[name] for name in names}}
    return {name: found[name] for name in wanted} | {"by_element": by_element}


def show(card: dict[str, Any]) -> None:
    """Print a table."""
    console = Console(width=100)
    table = Table("absorber", "sites", "majority, %", "computed, %", "changed, %", "macro-F1")
    figures = card["figures"]
    for one in card["absorbers"]:
        computed, changed = (figures[name]["by_element"][one] for name in ("computed", "changed"))
        shares = (computed["majority"], computed["accuracy"], changed["accuracy"])
        f1 = f"{100 * computed['macro_f1']:.1f}"
        table.add_row(one, str(computed["n"]), *(f"{100 * share:.1f}" for share in shares), f1)
    console.print(table)
    for name, values in figures.items():
        console.print(
            f"{name}: {100 * values['accuracy']:.1f} %, macro-F1 {100 * values['macro_f1']:.1f}, "
            f"majority {100 * values['majority']:.1f} %, ECE {values['ece']:.3f}"
        )
    sure = figures["changed"]["sure"]
    console.print(
        f"changed, probability of 0.7 or more: {100 * sure['share']:.1f} % of spectra, of which "
        f"{100 * sure['accuracy']:.1f} % right"
    )


if __name__ == "__main__":
    main()
