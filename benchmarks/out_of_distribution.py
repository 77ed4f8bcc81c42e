r"""How well the out-of-distribution score tells spectra that should not have been asked.

    exafscn run configs/study_beyond.yaml --set sources.0.path=TABLE
    python benchmarks/out_of_distribution.py --campaign study-beyond --features chi_k \
        --model '{kind: spectral_network}' --folds 1

Fits the model on all folds but one, and asks it about the sites of that one as they are, and made
wrong: said to be of another element (any, or the next one in the campaign), with E0 off, with
noise, noise alone. Prints the area under the receiver operating characteristic (AUROC: 0.5 is
chance, 1 perfect), and the share that the limit of one in a hundred sites finds. The last row is
what it does not find: predictions that are wrong.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from campaign_data import Data, read_data, read_model
from provenance import provenance
from rich.console import Console
from rich.table import Table
from sklearn.metrics import roc_auc_score

from exafscn_flows.jobs.predictions import OOD, ood_limit
from exafscn_flows.models.wrong_spectra import e0_off
from exafscn_flows.store.store import Store
from exafscn_flows.tasks.fitted import ood_score


def main() -> None:
    """Fit the model, and print how it tells right from wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--campaign", required=True)
    parser.add_argument("--features", required=True, help="name of a feature set of kind k_space")
    parser.add_argument("--model", required=True, help="the model as YAML")
    parser.add_argument("--folds", type=int, default=1, help="how many folds are asked about")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    model = read_model(arguments.model)
    data = read_data(Store.open(), arguments.campaign, arguments.features, model)
    if len(data.config.absorbers) < 2 or data.rows.columns.parts:
        raise SystemExit("take a campaign of several absorbers, and features of kind k_space")
    scores: dict[str, list[np.ndarray]] = {}
    for fold in range(arguments.folds):
        test = data.folds == fold
        fitted = model.fit(data.rows.part(~test), data.config.evaluation.seed)
        X = data.rows.X[test]
        for name, rows in (("right", X), *wrong(data, X, np.random.default_rng(fold))):
            scores.setdefault(name, []).append(ood_score(fitted, rows))
        output = data.dataset.task.output(fitted, X, data.dataset.classes)
        missed = output.argmax(axis=1) != data.dataset.y[test]
        scores.setdefault("missed", []).append(missed)
    found = {name: np.concatenate(parts) for name, parts in scores.items()}
    result = {
        "campaign": arguments.campaign,
        "model": arguments.model,
        "sites": len(found["right"]),
        **areas(found),
    }
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(provenance() | result, indent=1) + "\n")


def wrong(data: Data, X: np.ndarray, rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    """Yield spectra that are wrong, each kind with its name."""
    k, n = data.rows.columns.axis, len(data.config.absorbers)
    n_k = len(k)
    place = X[:, -n:].argmax(axis=1)
    hot = np.eye(n, dtype=X.dtype)
    for name, step in (
        ("another element", rng.integers(1, n, len(X))),
        ("the next element", np.ones(len(X), dtype=int)),
    ):
        yield name, np.hstack([X[:, :-n], hot[(place + step) % n]])
    for shift in (5.0, 15.0, -15.0):
        moved = e0_off(X[:, :n_k], k, np.full(len(X), shift))
        yield f"E0 off by {shift:g} eV", np.hstack([moved, X[:, n_k:]]).astype(np.float32)
    width = data.rows.X[:, :n_k].std(axis=0)
    noise = width * rng.normal(size=(len(X), n_k))
    for name, curves in (("noise of half the signal", X[:, :n_k] + noise / 2), ("noise", noise)):
        yield name, np.hstack([curves, X[:, n_k:]]).astype(np.float32)


def areas(found: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return AUROC, and the share beyond the limit, by kind."""
    right, missed = found["right"], found["missed"]
    limit = ood_limit(right)[OOD]
    kinds = {name: one for name, one in found.items() if name not in ("right", "missed")}
    auroc = {
        name: float(roc_auc_score(np.repeat([0, 1], [len(right), len(one)]), [*right, *one]))
        for name, one in kinds.items()
    }
    auroc["wrong predictions"] = float(roc_auc_score(missed, right))
    beyond = {name: float((one > limit).mean()) for name, one in kinds.items()}
    beyond["wrong predictions"] = float((right[missed] > limit).mean())
    return {"auroc": auroc, "found": beyond}


def show(result: dict[str, Any]) -> None:
    """Print a table."""
    table = Table("spectra", "AUROC", "found, %", title=f"{result['sites']} sites")
    for name, area in result["auroc"].items():
        table.add_row(name, f"{area:.3f}", f"{100 * result['found'][name]:.1f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
