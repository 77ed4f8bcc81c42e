r"""Time and memory of a training, by the number of sites and of classes.

    exafscn run configs/study_beyond.yaml --set sources.0.path=TABLE
    python benchmarks/training_cost.py --campaign study-beyond --features chi_k \
        --json benchmarks/results/training_cost.json

Fits the average of configs/study_beyond.yaml, each of its members and trees, all of all absorbers,
on sites of the campaign, each in a process of its own: processor seconds of the fit, and by how
much the most memory of the process is above what it has with the data alone. Then, on a quarter of
the sites, with the commonest two, three and more classes only. Last the time of predictions, of one
spectrum and of many.
"""

import argparse
import json
import multiprocessing
import resource
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from beyond import BEST, FILE
from campaign_data import read_data
from provenance import provenance
from rich.console import Console
from rich.table import Table

from exafscn_flows.config.loader import load_campaign_file
from exafscn_flows.models import Average, ExtraTrees
from exafscn_flows.models.base import ModelBase
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.store.store import Store

SHARES = (0.125, 0.25, 0.5, 1.0)
"""Of the sites."""
CLASSES = (2, 3, 5)
ASKED = 10_000


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--campaign", required=True)
    parser.add_argument("--features", required=True, help="name of a feature set of it")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    cases: list[tuple[str, float, int | None]]
    cases = [(name, share, None) for name in models() for share in SHARES]
    cases += [(name, SHARES[1], n) for name in models() for n in CLASSES]
    found = []
    for case in cases:
        # Of a process that has trained before, the most memory would be that of the largest.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found.append(pool.apply(measured, (arguments.campaign, arguments.features, *case)))
        print(found[-1], flush=True)
    result = {"campaign": arguments.campaign, "features": arguments.features, "fits": found}
    show(found)
    if arguments.json:
        arguments.json.write_text(json.dumps(provenance() | result, indent=1) + "\n")


def models() -> dict[str, ModelBase]:
    """Return the models by name."""
    config = load_campaign_file(FILE, ["sources.0.path=/dev/null"])
    average = next(one for one in config.models if one.name == BEST)
    assert isinstance(average, Average)
    members = {one.kind: one for one in average.members}
    return {"extra_trees": ExtraTrees(n_estimators=200), **members, BEST: average}


def measured(
    campaign: str, features: str, name: str, share: float, n_classes: int | None
) -> dict[str, Any]:
    """Fit one model on a part of the sites."""
    model = models()[name]
    data = read_data(Store.open(), campaign, features, models()[BEST])
    rng = np.random.default_rng(0)
    chosen = rng.permutation(len(data.rows))[: round(share * len(data.rows))]
    rows = of_commonest(data.rows.part(np.sort(chosen)), n_classes)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    fitted: Any = model.fit(rows, 0)
    seconds = time.process_time() - started
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = {
        "model": name,
        "sites": len(rows),
        "classes": len(np.unique(rows.y)),
        "processor seconds": seconds,
        "MB": (most - before) / 1024,
    }
    if share == SHARES[-1]:
        one, many = rows.X[:1], np.resize(rows.X, (ASKED, rows.X.shape[1]))
        fitted.predict_proba(one)
        found["ms for one"] = 1000 * min(timed(fitted, one) for _ in range(20))
        found["a processor second"] = ASKED / timed(fitted, many)
    return found


def timed(fitted: Any, X: np.ndarray) -> float:
    """Return the processor seconds of a prediction."""
    started = time.process_time()
    fitted.predict_proba(X)
    return time.process_time() - started


def of_commonest(rows: TrainingSet, n_classes: int | None) -> TrainingSet:
    """Return the rows of the commonest classes."""
    if n_classes is None:
        return rows
    kept = np.sort(np.argsort(-np.bincount(rows.y))[:n_classes])
    rows = rows.part(np.isin(rows.y, kept))
    shares = None if rows.shares is None else rows.shares[:, kept]
    return replace(rows, y=np.searchsorted(kept, rows.y), shares=shares)


def show(found: Sequence[dict[str, Any]]) -> None:
    """Print tables."""
    heads = ("model", "sites", "classes", "processor s", "MB", "one, ms", "a second")
    table = Table(*heads)
    for one in found:
        cells = [f"{one['processor seconds']:.1f}", f"{one['MB']:.0f}"]
        cells += [f"{one[key]:.1f}" if key in one else "" for key in ("ms for one",)]
        cells += [f"{one[key]:.0f}" if key in one else "" for key in ("a processor second",)]
        table.add_row(one["model"], str(one["sites"]), str(one["classes"]), *cells)
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
