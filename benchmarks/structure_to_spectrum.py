r"""XANES of a site from its structure: a graph attention network beside descriptors and the mean.

    python benchmarks/xanes_table.py xanes.parquet
    python benchmarks/structure_to_spectrum.py --table xanes.parquet \
        --json benchmarks/results/structure_to_spectrum.json
    python benchmarks/structure_to_spectrum.py --table xanes.parquet --split materials --no-feff \
        --json benchmarks/results/structure_to_spectrum_materials.json

Stored spectra of Ti, V, Cr, Co, Ni and Cu, of crystals of which it is known which site a spectrum
is of. The energies of each absorber begin where its last spectrum begins and end where its first
one ends, 141 points. Models of all absorbers are fitted on four of five folds, grouped by formula,
and asked about the first; with --split random, about the first of five random folds; with --split
materials, of folds grouped by material, as OmniXAS splits (arXiv:2409.19552), whose measure
`baseline_ratio` is: the median error of the mean spectrum by that of the model. The first model is
the mean spectrum of the absorber. Last how many sites a second the best one predicts from
structures, on one core, and how much faster that is than FEFF 10 of some of the same sites.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
from inputs import require
from provenance import provenance
from pymatgen.core import Structure
from rich.console import Console
from rich.progress import track
from rich.table import Table

from exafscn_flows.features import (
    Composition,
    FeatureSettings,
    Inputs,
    PowerSpectrum,
    SiteDescriptor,
    SiteGraph,
)
from exafscn_flows.features.columns import Columns
from exafscn_flows.models import ExtraTrees, GraphAttention, KernelRidge, Mlp
from exafscn_flows.models.base import ModelBase
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.spectra.feff10 import compute_spectrum
from exafscn_flows.spectra.feff10_settings import Feff10Settings
from exafscn_flows.splits import grouped_folds, random_folds

METALS = ["Ti", "V", "Cr", "Co", "Ni", "Cu"]
POINTS = 141
FOLDS = 5
SETTINGS = FeatureSettings()
SETS = (SiteGraph(), PowerSpectrum(), Composition(), SiteDescriptor())
GRAPH, POWER, COMPOSITION, DESCRIPTOR = (one.kind for one in SETS)
TIMED, BY_FEFF = 200, 3
"""Sites whose prediction is timed, and sites that FEFF computes."""


class Sites(NamedTuple):
    """Sites with their spectra, and what models learn from."""

    structures: list[Structure]
    site_index: np.ndarray
    absorber: np.ndarray
    """Number of the absorber of each, shape (n,)."""
    formula: np.ndarray
    material: np.ndarray
    spectra: np.ndarray
    """Shape (n, 141)."""
    features: dict[str, np.ndarray]
    """By kind of the feature set, shape (n, n_features)."""


class Way(NamedTuple):
    """A model, and the feature sets that it learns from."""

    model: ModelBase
    sets: tuple[str, ...]


def ways(epochs: int, n_networks: int) -> dict[str, Way]:
    """Return the models by name; the last ones are those that are averaged."""
    network = GraphAttention(epochs=epochs, n_networks=n_networks)
    kernel = KernelRidge(slopes=False, shared=0.5, ridge=2e-3)
    return {
        "descriptor, extra trees": Way(ExtraTrees(max_features=0.33), (DESCRIPTOR,)),
        "descriptor, MLP": Way(Mlp(learning_rate=1e-3, dropout=0.1), (DESCRIPTOR,)),
        "graph alone": Way(network.model_copy(update={"n_networks": 1}), (GRAPH,)),
        "power spectrum, kernel": Way(kernel, (POWER, COMPOSITION)),
        "graph attention": Way(network, (GRAPH, POWER, COMPOSITION)),
    }


AVERAGED = ("power spectrum, kernel", "graph attention")
BEST, MEAN = "kernel and graph attention", "mean spectrum"


def main() -> None:
    """Fit, ask, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, required=True, help="of xanes_table.py")
    parser.add_argument("--split", choices=["formula", "materials", "random"], default="formula")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--networks", type=int, default=2)
    parser.add_argument("--no-feff", action="store_true", help="leave FEFF's time out")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    sites = read(require(arguments.table, "--table"))
    test = folds(sites, arguments.split) == 0
    result: dict[str, Any] = {
        "sites": len(test),
        "asked": int(test.sum()),
        "split": arguments.split,
        "epochs": arguments.epochs,
        "networks": arguments.networks,
    }
    best, others = measured(sites, test, ways(arguments.epochs, arguments.networks))
    result |= {named(arguments.split): best} | others
    if not arguments.no_feff:
        result["times_feff"] = result["sites_per_s"] * seconds_of_feff(sites)
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(provenance() | result, indent=1) + "\n")


def read(table: Path) -> Sites:
    """Read the sites of a table, and make their features."""
    rows = [
        row
        for row in pq.read_table(table).to_pylist()
        if row["absorber"] in METALS and row["sites"] == 1
    ]
    absorber = np.array([METALS.index(row["absorber"]) for row in rows])
    spectra = np.empty((len(rows), POINTS))
    for number in range(len(METALS)):
        own = np.flatnonzero(absorber == number)
        energies = [np.array(rows[place]["energy_rel"]) for place in own]
        start, stop = max(one[0] for one in energies), min(one[-1] for one in energies)
        grid = np.linspace(start, stop, POINTS)
        for place, energy in zip(own, energies, strict=True):
            spectra[place] = np.interp(grid, energy, rows[place]["mu"])
    structures, known = [], {}
    for row in rows:
        if row["structure"] not in known:
            known = {row["structure"]: Structure.from_dict(json.loads(row["structure"]))}
        structures.append(known[row["structure"]])
    index = np.array([row["site_index"] for row in rows])
    vectors = [features(*one) for one in track(list(zip(structures, index, strict=True)))]
    return Sites(
        structures,
        index,
        absorber,
        np.array([one.composition.reduced_formula for one in structures]),
        np.array([row["material_id"].rpartition("-")[0] for row in rows]),
        spectra,
        {one.kind: np.stack([each[one.kind] for each in vectors]) for one in SETS},
    )


def features(structure: Structure, site_index: int) -> dict[str, np.ndarray]:
    """Return the features of a site by the kind of their set."""
    inputs = Inputs({}, structure, int(site_index))
    return {one.kind: one.vector(inputs, SETTINGS) for one in SETS}


def folds(sites: Sites, split: str) -> np.ndarray:
    """Return the fold of each site."""
    if split == "random":
        return random_folds(sites.absorber, FOLDS, 0)
    groups = sites.formula if split == "formula" else sites.material
    return grouped_folds(sites.absorber, groups, FOLDS, 0)


def named(split: str) -> str:
    """Return the key of the figures: "grouped" says that no formula is on both sides."""
    return "grouped" if split == "formula" else split


def measured(
    sites: Sites, test: np.ndarray, models: dict[str, Way]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fit the models, and return the figures of the best one, and what else is found."""
    wanted = sites.spectra[test]
    mean = np.stack(
        [sites.spectra[~test & (sites.absorber == one)].mean(axis=0) for one in range(len(METALS))]
    )[sites.absorber[test]]
    flat = np.full_like(wanted, sites.spectra[~test].mean())
    found, seconds, fitted = {MEAN: mean}, {}, {}
    for name, way in models.items():
        started = time.process_time()
        fitted[name] = way.model.fit(training_set(sites, way.sets).part(~test), 0)
        seconds[name] = time.process_time() - started
        found[name] = fitted[name].predict(inputs(sites, way.sets)[test])
        print(f"{name}: {seconds[name]:.0f} processor s", flush=True)
    found[BEST] = np.mean([found[name] for name in AVERAGED], axis=0)
    figures = {
        name: scores(curves, wanted, mean, flat, sites.absorber[test])
        for name, curves in found.items()
    }
    best = figures.pop(BEST)
    return best, {
        "rivals": figures,
        "processor seconds": seconds,
        "sites_per_s": sites_per_second(sites, [(fitted[n], models[n].sets) for n in AVERAGED]),
    }


def inputs(sites: Sites, sets: tuple[str, ...]) -> np.ndarray:
    """Return what a model sees of the sites; the absorber comes last."""
    hot = np.eye(len(METALS), dtype=np.float32)[sites.absorber]
    return np.hstack([*(sites.features[one] for one in sets), hot])


def training_set(sites: Sites, sets: tuple[str, ...]) -> TrainingSet:
    """Return the sites as a model learns them."""
    parts = tuple(np.arange(float(sites.features[one].shape[1])) for one in sets)
    axis = np.arange(float(sum(len(part) for part in parts)))
    columns = Columns(axis, parts, sets) if len(sets) > 1 else Columns(axis)
    return TrainingSet(
        inputs(sites, sets),
        sites.spectra,
        sites.formula,
        columns,
        "curves",
        n_absorbers=len(METALS),
        absorbers=tuple(METALS),
    )


def scores(
    curves: np.ndarray, wanted: np.ndarray, mean: np.ndarray, flat: np.ndarray, of: np.ndarray
) -> dict[str, Any]:
    """Return the figures of predicted curves: pooled, and by absorber.

    Parameters
    ----------
    mean, flat
        Mean spectrum of the absorber, and mean of all points of all of them.
    of
        Number of the absorber of each.
    """

    def over(rows: np.ndarray) -> dict[str, float]:
        error, by_mean, by_flat = (
            ((one[rows] - wanted[rows]) ** 2).mean(axis=1) for one in (curves, mean, flat)
        )
        return {
            "r2_over_mean": float(1 - error.sum() / by_mean.sum()),
            "r2_pooled": float(1 - error.sum() / by_flat.sum()),
            "median_relative_mse": float(np.median(error / by_mean)),
            "baseline_ratio": float(np.median(by_mean) / max(np.median(error), 1e-12)),
        }

    each = {one: over(of == number) for number, one in enumerate(METALS)}
    equal = {key: float(np.mean([one[key] for one in each.values()])) for key in each["Ti"]}
    return over(np.ones(len(of), dtype=bool)) | {"by absorber": each, "mean of absorbers": equal}


def sites_per_second(sites: Sites, members: list[tuple[Any, tuple[str, ...]]]) -> float:
    """Return how many sites a processor second predicts, from structures to spectra."""
    rng = np.random.default_rng(0)
    chosen = rng.permutation(len(sites.absorber))[:TIMED]
    started = time.process_time()
    made = [features(sites.structures[one], sites.site_index[one]) for one in chosen]
    some = sites._replace(
        absorber=sites.absorber[chosen],
        features={one.kind: np.stack([each[one.kind] for each in made]) for one in SETS},
    )
    np.mean([fitted.predict(inputs(some, sets)) for fitted, sets in members], axis=0)
    return TIMED / (time.process_time() - started)


def seconds_of_feff(sites: Sites) -> float:
    """Return the mean processor seconds of FEFF 10 for a site, of the smallest crystals."""
    smallest = np.argsort([len(one) for one in sites.structures], kind="stable")
    chosen = smallest[:: max(len(smallest) // 2 // BY_FEFF, 1)][:BY_FEFF]
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for one in chosen:
            found = compute_spectrum(
                sites.structures[one],
                int(sites.site_index[one]),
                Feff10Settings(kind="feff10"),
                Path(folder),
            )
            seconds.append(found.seconds)
    return float(np.mean([one for one in seconds if one is not None]))


def show(result: dict[str, Any]) -> None:
    """Print tables."""
    console = Console(width=100)
    best = result[named(result["split"])]
    title = f"{result['asked']} of {result['sites']} sites, split by {result['split']}"
    keys = ("r2_over_mean", "r2_pooled", "median_relative_mse", "baseline_ratio")
    heads = ("R2 over the mean", "R2 pooled", "median relative MSE", "mean / model")
    table = Table("model", *heads, "mean of absorbers", title=title)
    for name, one in (result["rivals"] | {BEST: best}).items():
        equal = f"{one['mean of absorbers']['r2_over_mean']:.3f}"
        table.add_row(name, *(f"{one[key]:.3f}" for key in keys), equal)
    console.print(table)
    each = Table("absorber", *heads, title=BEST)
    for name, one in best["by absorber"].items():
        each.add_row(name, *(f"{one[key]:.3f}" for key in keys))
    console.print(each)
    speed = f"{result['sites_per_s']:.0f} sites a processor second"
    if "times_feff" in result:
        speed += f", {result['times_feff']:.0f} times FEFF 10"
    console.print(speed)


if __name__ == "__main__":
    main()
