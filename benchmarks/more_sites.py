r"""What more sites to learn from bring: EXAFS to CN by the average of configs/study_beyond.yaml.

    python benchmarks/more_sites.py --data DIR --json benchmarks/results/more_sites.json

The folds are those of the study, on its table of spectra. Of further tables, sites are learned,
too, if their formula is nowhere in the first; none of them is asked about. On the first fold, the
same with an eighth, a quarter and a half of the formulas of the first table: the learning curve.
With the data folder of `beyond.py`, what that has read is not read again.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from beyond import BEST, FEATURES, FILE, NAME
from campaign_data import Data, Joint, joint, read_data
from inputs import MORE_SITES, NEW_FORMULAS, SITES, require
from provenance import provenance
from rich.console import Console
from rich.table import Table
from runs import database, run
from sklearn.metrics import f1_score

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.config.loader import load_campaign_file
from exafscn_flows.evaluation.experiments import first_groups
from exafscn_flows.models.base import ModelBase
from exafscn_flows.store.store import Store
from exafscn_flows.tasks import task_named
from exafscn_flows.tasks.classes import CERTAIN

SHARES = (0.125, 0.25, 0.5, 1.0)
"""Of the formulas of the first table, that are learned on the first fold."""


class Scores(NamedTuple):
    """Means over the absorbers, in percent."""

    accuracy: float
    certain: float
    macro_f1: float
    by_formula: float
    """Of all sites, with every formula weighing the same."""


def main() -> None:
    """Read the tables, train, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, default=SITES, help="that of the study")
    parser.add_argument("--more", type=Path, nargs="+", default=[MORE_SITES, NEW_FORMULAS])
    parser.add_argument("--data", type=Path, help="folder of the database")
    parser.add_argument("--features", default=FEATURES, help="name of a feature set of the study")
    parser.add_argument("--folds", type=int, default=5, help="how many folds are asked about")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    table = f"sources.0.path={require(arguments.table, '--table')}"
    more = [f"sources.0.path={require(one, '--more')}" for one in arguments.more]
    config = load_campaign_file(FILE, [table])
    model = next(one for one in config.models if one.name == BEST)
    with database(arguments.data):
        campaigns = {NAME: table} | {f"{NAME}-{n}": one for n, one in enumerate(more, 1)}
        parts = [sites(keys, one, arguments.features, model) for one, keys in campaigns.items()]
    result = {"features": arguments.features, "folds": arguments.folds}
    result |= measured(config, model, parts, arguments.folds)
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(provenance() | result, indent=1) + "\n")


def sites(keys: str, campaign: str, features: str, model: ModelBase) -> Data:
    """Read the sites of a table, by a campaign without models; those of the study once."""
    store = Store.open()
    if campaign != NAME or NAME not in store.campaign_names():
        run(FILE, keys, f"campaign={campaign}", "models=[]", "study=null")
    return read_data(store, campaign, features, model)


def measured(
    config: CampaignConfig, model: ModelBase, parts: Sequence[Data], n_folds: int
) -> dict[str, Any]:
    """Train on all tables, and ask about the folds of the first; once, after less, too."""
    data = joint(parts)
    of_study = data.campaign == 0
    more = ~of_study & ~np.isin(data.rows.groups, np.unique(data.rows.groups[of_study]))
    folds = np.full(len(data.rows), -1)
    folds[of_study] = parts[0].folds
    found = np.zeros((len(data.rows), len(data.rows.classes)))
    curve = []
    seed = config.evaluation.seed
    for fold in range(n_folds):
        test, rest = folds == fold, of_study & (folds != fold)
        for share in SHARES if fold == 0 else ():
            names = first_groups(data.rows.groups[rest], share, seed)
            learned = rest & np.isin(data.rows.groups, names)
            found[test], seconds = answers(model, data, learned, test, seed)
            curve.append(point(data, found, test, learned, seconds))
        found[test], seconds = answers(model, data, rest | more, test, seed)
        if fold == 0:
            curve.append(point(data, found, test, rest | more, seconds))
        print(f"fold {fold + 1} of {n_folds}", flush=True)
    asked = of_study & (folds < n_folds)
    return {
        "sites": int(of_study.sum()),
        "more sites": int(more.sum()),
        "with more": scores(data, found, asked)._asdict(),
        "by absorber": by_absorber(data, found, asked),
        "learning curve": curve,
    }


def answers(
    model: ModelBase, data: Joint, learned: np.ndarray, test: np.ndarray, seed: int
) -> tuple[np.ndarray, float]:
    """Return the probabilities of held-out sites, and the processor seconds of the fit."""
    started = time.process_time()
    fitted = model.fit(data.rows.part(learned), seed)
    seconds = time.process_time() - started
    task = task_named(data.rows.task)
    return task.output(fitted, data.rows.X[test], data.rows.classes), seconds


def point(
    data: Joint, output: np.ndarray, test: np.ndarray, learned: np.ndarray, seconds: float
) -> dict[str, Any]:
    """Return one point of the learning curve."""
    return {
        "sites": int(learned.sum()),
        "formulas": len(np.unique(data.rows.groups[learned])),
        "processor seconds": seconds,
        **scores(data, output, test)._asdict(),
    }


def by_absorber(data: Joint, output: np.ndarray, asked: np.ndarray) -> dict[str, float]:
    """Return the accuracy of each absorber, in percent."""
    right = output.argmax(axis=1) == data.rows.y
    symbols = np.unique(data.absorbers[asked]).tolist()
    return {one: 100 * float(right[asked & (data.absorbers == one)].mean()) for one in symbols}


def scores(data: Joint, output: np.ndarray, asked: np.ndarray) -> Scores:
    """Return the means over the absorbers of some sites."""
    y, predicted = data.rows.y, output.argmax(axis=1)
    right, certain = predicted == y, data.certainty > CERTAIN
    found = []
    for one in np.unique(data.absorbers[asked]):
        own = asked & (data.absorbers == one)
        f1 = f1_score(y[own], predicted[own], average="macro")
        found.append((right[own].mean(), right[own & certain].mean(), f1))
    names, place = np.unique(data.rows.groups[asked], return_inverse=True)
    of_formula = np.bincount(place, right[asked]) / np.bincount(place, minlength=len(names))
    accuracy, certain, macro_f1 = (100 * np.mean(found, axis=0)).tolist()
    return Scores(accuracy, certain, macro_f1, 100 * float(of_formula.mean()))


def show(result: dict[str, Any]) -> None:
    """Print tables."""
    console = Console(width=100)
    title = f"{result['features']}, {result['more sites']} more sites, {result['folds']} folds, %"
    table = Table(
        "all", "certain", "F1", "by formula", title=f"{result['more sites']} more; {title}"
    )
    table.add_row(*(f"{value:.1f}" for value in result["with more"].values()))
    curve = Table("sites", "formulas", "all", "certain", "processor s", title="first fold")
    for one in result["learning curve"]:
        cells = [f"{one[name]:.1f}" for name in ("accuracy", "certain")]
        cells.append(f"{one['processor seconds']:.0f}")
        curve.add_row(str(one["sites"]), str(one["formulas"]), *cells)
    console.print(table)
    console.print(curve)


if __name__ == "__main__":
    main()
