r"""How many neighbours the sites of a crystal have on average, from the mean of their spectra.

    exafscn run configs/study_beyond.yaml --set sources.0.path=TABLE
    python benchmarks/mixtures.py --campaign study-beyond --features chi_k \
        --model '{kind: spectral_network}'

A measurement sees the mean over all sites of an element. Of structures with several inequivalent
sites of an absorber, chi(k) is averaged, each site as often as it is there; a model that has
learned single sites, none of them of these formulas, is asked about it, and what it expects (the
mean of the coordination numbers by their probabilities) is compared with the mean label. Beside it:
the mean of what it expects of each site alone, which no measurement can give, and always the mean
of all labels. Features must be linear in chi(k).
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from campaign_data import Data, read_data, read_model
from provenance import provenance
from pymatgen.core import Structure
from rich.console import Console
from rich.table import Table

from exafscn_flows.store.documents import StructureDoc
from exafscn_flows.store.store import Store


def main() -> None:
    """Fit the model on all folds, and print how far off it is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--campaign", required=True)
    parser.add_argument("--features", required=True, help="name of a feature set of it")
    parser.add_argument("--model", required=True, help="the model as YAML")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    model = read_model(arguments.model)
    data = read_data(Store.open(), arguments.campaign, arguments.features, model)
    crystals = mixtures(data)
    values = np.array(data.dataset.classes, dtype=float)
    single, mixed = np.empty(len(data.rows)), np.empty(len(crystals))
    spectra = np.stack([np.average(data.rows.X[rows], axis=0, weights=n) for rows, n in crystals])
    of_crystal = np.array([data.folds[rows[0]] for rows, _ in crystals])
    for fold in np.unique(data.folds):
        test, asked = data.folds == fold, of_crystal == fold
        fitted = model.fit(data.rows.part(~test), data.config.evaluation.seed)
        for found, which, X in (
            (single, test, data.rows.X),
            (mixed, asked, spectra.astype(np.float32)),
        ):
            output = data.dataset.task.output(fitted, X[which], data.dataset.classes)
            found[which] = output @ values
    labels = values[data.dataset.y]
    truth, apart = (
        np.array([np.average(of_site[rows], weights=n) for rows, n in crystals])
        for of_site in (labels, single)
    )
    mixed_labels = np.array([len(set(labels[rows])) > 1 for rows, _ in crystals])
    always = np.full(len(truth), labels.mean())
    result = {
        "campaign": arguments.campaign,
        "model": arguments.model,
        "single sites": scores(single, labels),
        "all crystals": compared(mixed, apart, always, truth),
        "different numbers": compared(
            *(one[mixed_labels] for one in (mixed, apart, always, truth))
        ),
    }
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(provenance() | result, indent=1) + "\n")


def mixtures(data: Data) -> list[tuple[list[int], list[int]]]:
    """List crystals with several sites of an absorber: rows, and how often each site is there.

    Those of which a site has no label or no features are left out.
    """
    store = Store.open()
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, site in enumerate(data.dataset.sites):
        found[site.material_id, site.absorber].append(row)
    several = {name: rows for name, rows in found.items() if len(rows) > 1}
    docs = store.read(StructureDoc, data.config.campaign, {name for name, _ in several})
    crystals = []
    for (material, absorber), rows in several.items():
        times = [data.dataset.sites[row].multiplicity for row in rows]
        structure = Structure.from_dict(docs[material].structure)
        if sum(times) == round(structure.composition[absorber]):
            crystals.append((rows, times))
    return crystals


def scores(expected: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Return errors in neighbours, and how many there are of them."""
    error = np.abs(expected - truth)
    return {
        "n": len(error),
        "mean error": float(error.mean()),
        "within a half": float((error <= 0.5).mean()),
    }


def compared(
    mixed: np.ndarray, apart: np.ndarray, always: np.ndarray, truth: np.ndarray
) -> dict[str, dict[str, float]]:
    """Return the errors of each way to a mean."""
    ways = {"mean spectrum": mixed, "each site alone": apart, "always the mean": always}
    return {name: scores(way, truth) for name, way in ways.items()}


def show(result: dict[str, Any]) -> None:
    """Print a table."""
    table = Table("crystals", "asked", "n", "mean error", "within 0.5", title="neighbours")
    rows = [("", "single sites", result["single sites"])]
    for name in ("all crystals", "different numbers"):
        rows += [(name, way, one) for way, one in result[name].items()]
    for name, way, one in rows:
        cells = [f"{one['mean error']:.3f}", f"{100 * one['within a half']:.1f} %"]
        table.add_row(name, way, str(one["n"]), *cells)
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
