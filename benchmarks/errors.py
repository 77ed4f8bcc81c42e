r"""Where the errors of the best model of configs/study_beyond.yaml lie.

    python benchmarks/errors.py --data DIR --json benchmarks/results/errors.json

Takes the out-of-fold predictions that `beyond.py` has left in the database, and oxidation states
and bond lengths of the same sites from the campaign of `rival_labels.py`, which is run if need be.
Prints accuracy, share of the sites and share of the errors by pair of numbers, by what the label
is worth, by spread of the bond lengths, by kind of neighbours and by oxidation state; and ten
sites with labels that are sure, of which the model is surest and wrong.
"""

import argparse
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from beyond import BEST, FEATURES, NAME
from inputs import SITES, require
from provenance import provenance
from pymatgen.core import Element, Structure
from rich.console import Console
from rich.table import Table
from rival_labels import CAMPAIGN, run_labels
from runs import database
from shells import site_shells

from exafscn_flows import Campaign
from exafscn_flows.keys import item_key
from exafscn_flows.store.documents import LabelDoc, SiteDoc, StructureDoc
from exafscn_flows.store.store import Store
from exafscn_flows.tasks.classes import CERTAIN

PAIRS, NAMED = 12, 10
CERTAINTIES = (0, 0.5, 0.6, 0.8, 0.95, 1.0)
SPREADS = (0, 0.02, 0.05, 0.1, 0.2, np.inf)
"""Standard deviation of bond lengths, Å."""


def main() -> None:
    """Read, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, default=SITES)
    parser.add_argument("--data", type=Path, help="folder of the database")
    parser.add_argument("--model", default=BEST)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    table = require(arguments.table, "--table")
    with database(arguments.data):
        run_labels(table)
        sites = predicted(Store.open(), arguments.model)
        named = surest_errors(Store.open(), sites)
    result = {"model": arguments.model, "features": FEATURES} | shares(sites) | {"named": named}
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(provenance() | result, indent=1) + "\n")


def predicted(store: Store, model: str) -> pd.DataFrame:
    """Return one row for each site: its prediction, and what labels say of it."""
    campaign = Campaign(NAME)
    parts = [
        campaign.predictions(absorber=one, model=model, feature_set=FEATURES)
        for one in campaign.config.absorbers
    ]
    rows = pd.concat(parts, ignore_index=True)
    own = store.read(LabelDoc, NAME, [item_key(one, rows["target"][0]) for one in rows["site"]])
    labels = [own[item_key(one, rows["target"][0])] for one in rows["site"]]
    rows["certainty"] = [(doc.weights or {}).get(str(doc.value), 1.0) for doc in labels]
    rows["bonded to"] = [kind(doc.neighbours or {}) for doc in labels]
    for target, field in (("oxidation_state", "value"), ("bond_length", "spread")):
        docs = store.read(LabelDoc, CAMPAIGN, [item_key(one, target) for one in rows["site"]])
        found = [docs.get(item_key(one, target)) for one in rows["site"]]
        rows[target] = [None if doc is None else getattr(doc, field) for doc in found]
    rows["right"] = rows["value"] == rows["label"]
    rows["set size"] = rows["prediction_set"].map(len)
    return rows


def kind(neighbours: dict[str, float]) -> str:
    """Name what a site is bonded to."""
    if "H" in neighbours:
        return "H among others"
    metals = [Element(one).is_metal for one in neighbours]
    if all(metals):
        return "metals"
    return "both" if any(metals) else "non-metals"


def shares(sites: pd.DataFrame) -> dict[str, Any]:
    """Return accuracy, share of the sites and of the errors, by each property."""
    pairs = [f"{min(one)}/{max(one)}" for one in zip(sites["label"], sites["value"], strict=True)]
    wrong = pd.Series(pairs)[~sites["right"].to_numpy()].value_counts()
    states = sites["oxidation_state"]
    of_state = sites["absorber"] + states.map(lambda one: f" {one:+.0f}", na_action="ignore")
    groups = {
        "certainty of the label": binned(sites["certainty"], CERTAINTIES),
        "spread of the bond lengths, Å": binned(sites["bond_length"], SPREADS),
        "bonded to": sites["bonded to"],
        "oxidation state": of_state.where(of_state.notna(), "no state that is sure"),
    }
    return {
        "sites": len(sites),
        "accuracy": 100 * float(sites["right"].mean()),
        "pairs": {one: 100 * float(n / wrong.sum()) for one, n in wrong[:PAIRS].items()},
        "by": {name: by(sites, group) for name, group in groups.items()},
    }


def binned(values: "pd.Series[Any]", edges: tuple[float, ...]) -> "pd.Series[str]":
    """Return the interval of each value, as text."""
    names = [f"{low:g} to {high:g}" for low, high in itertools.pairwise(edges)]
    found = pd.cut(values.astype(float), list(edges), labels=names, include_lowest=True)
    return found.astype(str)


def by(sites: pd.DataFrame, group: "pd.Series[Any]") -> dict[str, dict[str, float]]:
    """Return the figures of each group with at least 20 sites."""
    errors = (~sites["right"]).sum()
    found = {}
    for name, rows in sites.groupby(group):
        if len(rows) >= 20:
            found[str(name)] = {
                "sites": len(rows),
                "accuracy": 100 * float(rows["right"].mean()),
                "share of the errors": 100 * float((~rows["right"]).sum() / errors),
                "set size": float(rows["set size"].mean()),
            }
    return found


def surest_errors(store: Store, sites: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the sites with labels that are sure, of which the model is surest and wrong."""
    wrong = sites[~sites["right"] & (sites["certainty"] > CERTAIN)]
    wrong = wrong.sort_values("probability", ascending=False)
    wrong = wrong.drop_duplicates("formula").head(NAMED)
    docs = store.read(SiteDoc, NAME, wrong["site"].tolist())
    structures = store.read(StructureDoc, NAME, wrong["material_id"].tolist())
    found = []
    for row in wrong.itertuples():
        crystal = Structure.from_dict(structures[str(row.material_id)].structure or {})
        shells = site_shells(crystal, docs[str(row.site)].site_index)
        near = sorted((r, symbol) for symbol, own in shells.items() for r in own if r > 0.01)
        found.append(
            {
                "site": row.site,
                "formula": row.formula,
                "label": row.label,
                "value": row.value,
                "probability": row.probability,
                "nearest": [f"{symbol} {r:.2f}" for r, symbol in near[: int(str(row.label)) + 4]],
            }
        )
    return found


def show(result: dict[str, Any]) -> None:
    """Print tables."""
    console = Console(width=110)
    console.print(f"{result['sites']} sites, {result['accuracy']:.1f} % right")
    pairs = Table("numbers", "share of the errors, %")
    for name, share in result["pairs"].items():
        pairs.add_row(name, f"{share:.1f}")
    console.print(pairs)
    for title, groups in result["by"].items():
        table = Table(title, "sites", "accuracy, %", "share of the errors, %", "size of sets")
        for name, one in groups.items():
            cells = [f"{one[key]:.1f}" for key in ("accuracy", "share of the errors")]
            table.add_row(name, str(one["sites"]), *cells, f"{one['set size']:.2f}")
        console.print(table)
    named = Table("site", "formula", "label", "answer", "probability", "nearest, Å")
    for one in result["named"]:
        near = ", ".join(one["nearest"])
        cells = [str(one["label"]), str(one["value"]), f"{one['probability']:.2f}", near]
        named.add_row(one["site"], one["formula"], *cells)
    console.print(named)


if __name__ == "__main__":
    main()
