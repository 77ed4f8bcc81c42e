r"""EXAFS of a site from its structure: scattering paths beside descriptors and the mean.

    python benchmarks/structure_to_exafs.py --json benchmarks/results/structure_to_exafs.json

FEFF's k²chi(k) of Ti to Zn from 0.05 to 16 1/Å. Models of all absorbers are fitted on four of five
folds, a formula on one side at all absorbers, and asked about the first. Relative errors are root
mean square errors of k²chi(k) from 3 to 12 1/Å, by the root mean square of k²chi(k) itself. Then a
network that learns coordination numbers from computed spectra of the other folds is asked about
the computed and about the predicted spectra of this one, and about predicted ones of which those
that are doubted are computed, as by spectra of kind surrogate. Last how many sites a second are
predicted from structures, on one core, and how much faster that is than FEFF 8.5L of some of the
same sites.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
from inputs import SITES, require
from provenance import provenance
from pymatgen.core import Structure
from rich.console import Console
from rich.table import Table

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features import FeatureSettings, Inputs, SiteDescriptor, SiteGraph
from exafscn_flows.features.columns import Columns
from exafscn_flows.models import ExtraTrees, ScatteringPaths, SpectralNetwork
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.spectra import FeffSettings
from exafscn_flows.spectra.feff import compute_spectrum
from exafscn_flows.splits import grouped_folds

K = 0.05 * np.arange(1, 321)
INSIDE = (K >= 3 - 1e-6) & (K <= 12 + 1e-6)
SETTINGS = FeatureSettings()
GRAPH = SiteGraph(radius=7.0, max_atoms=60)
DESCRIPTOR = SiteDescriptor()
FOLDS = 5
DOUBTED = 100
SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95)
"""Of the spectra, those that are computed after all."""
TIMED, BY_FEFF = 200, 4
"""Sites whose prediction is timed, and sites that FEFF computes."""
BEST, MEAN, TREES = "scattering paths", "mean spectrum", "descriptor, extra trees"


class Sites(NamedTuple):
    """Sites with their spectra."""

    structures: list[Structure]
    site_index: np.ndarray
    absorber: np.ndarray
    """Symbol of each, shape (n,)."""
    formula: np.ndarray
    cn: np.ndarray
    curves: np.ndarray
    """k²chi(k), shape (n, 320)."""
    graph: np.ndarray
    descriptor: np.ndarray


def main() -> None:
    """Fit, ask, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, default=SITES)
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--networks", type=int, default=2)
    parser.add_argument("--sites", type=int, help="so many, drawn at random, for a quick look")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    sites = read(require(arguments.table, "--table"), arguments.sites)
    model = ScatteringPaths(epochs=arguments.epochs, n_networks=arguments.networks)
    result: dict[str, Any] = {"sites": len(sites.cn), "model": model.parameters()}
    result |= measured(sites, model)
    result["times_feff"] = result["sites_per_s"] * seconds_of_feff(sites)
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(provenance() | result, indent=1) + "\n")


def read(table: Path, most: int | None) -> Sites:
    """Read the sites of a table, and make their features."""
    rows = pq.read_table(
        table, columns=["site_index", "absorber", "formula", "cn", "k", "chi", "structure"]
    ).to_pylist()
    if most is not None:
        chosen = np.random.default_rng(0).permutation(len(rows))[:most]
        rows = [rows[one] for one in np.sort(chosen)]
    kept, structures, curves, graphs, descriptors = [], [], [], [], []
    text, structure = "", None
    for row in rows:
        if row["structure"] != text:
            text = row["structure"]
            structure = Structure.from_dict(json.loads(text))
        k = np.asarray(row["k"])
        if row["cn"] is None or k[0] > K[0] + 0.01 or k[-1] < K[-1] - 0.01:
            continue
        inputs = Inputs({}, structure, row["site_index"])
        try:
            graphs.append(GRAPH.vector(inputs, SETTINGS))
        except ItemFailure:
            continue
        descriptors.append(DESCRIPTOR.vector(inputs, SETTINGS))
        kept.append(row)
        structures.append(structure)
        curves.append(K**2 * np.interp(K, k, row["chi"]))
    print(f"{len(kept)} of {len(rows)} sites", flush=True)
    return Sites(
        structures,
        *(np.array([row[name] for row in kept]) for name in ("site_index", "absorber", "formula")),
        np.array([row["cn"] for row in kept]),
        np.array(curves),
        np.array(graphs),
        np.array(descriptors),
    )


def measured(sites: Sites, model: ScatteringPaths) -> dict[str, Any]:
    """Fit the models, and return the figures."""
    symbols = sorted(set(sites.absorber))
    number = np.array([symbols.index(one) for one in sites.absorber])
    test = grouped_folds(number, sites.formula, FOLDS, 0) == 0
    hot = np.eye(len(symbols), dtype=np.float32)[number]
    wanted = sites.curves[test]
    means = {one: sites.curves[~test & (number == one)].mean(axis=0) for one in np.unique(number)}
    found = {MEAN: np.stack([means[one] for one in number[test]])}
    seconds, fitted = {}, {}
    ways: dict[str, tuple[Any, np.ndarray]] = {
        TREES: (ExtraTrees(max_features=0.33, n_estimators=50), sites.descriptor),
        BEST: (model, sites.graph),
    }
    for name, (one, X) in ways.items():
        data = rows(sites, np.hstack([X, hot]), symbols, "curves", sites.curves)
        started = time.process_time()
        fitted[name] = one.fit(data.part(~test), 0)
        seconds[name] = time.process_time() - started
        found[name] = fitted[name].predict(data.X[test])
        print(f"{name}: {seconds[name]:.0f} processor s", flush=True)
    figures = {
        name: scores(curves, wanted, found[MEAN], sites.absorber[test])
        for name, curves in found.items()
    }
    best = figures.pop(BEST)
    spread = fitted[BEST].spread(np.hstack([sites.graph, hot])[test])
    return {
        "asked": int(test.sum()),
        "grouped": best,
        "rivals": figures,
        "processor seconds": seconds,
        **coordination(sites, found, spread, hot, symbols, test),
        "sites_per_s": sites_per_second(sites, fitted[BEST], hot),
    }


def rows(sites: Sites, X: np.ndarray, symbols: list[str], task: Any, y: np.ndarray) -> TrainingSet:
    """Return sites as a model learns them."""
    axis = np.arange(float(X.shape[1] - len(symbols))) if task == "curves" else K
    return TrainingSet(
        X.astype(np.float32),
        y,
        sites.formula,
        Columns(axis),
        task,
        n_absorbers=len(symbols),
        absorbers=tuple(symbols),
        curve_axis=K if task == "curves" else None,
    )


def scores(
    curves: np.ndarray, wanted: np.ndarray, mean: np.ndarray, absorber: np.ndarray
) -> dict[str, Any]:
    """Return the figures of predicted curves from 3 to 12 1/Å: pooled, and by absorber."""
    error, size, of_mean = (
        (one[:, INSIDE] ** 2).mean(axis=1) for one in (curves - wanted, wanted, mean - wanted)
    )
    relative = np.sqrt(error / size)

    def over(some: np.ndarray) -> dict[str, float]:
        return {
            "r2_over_mean": float(1 - error[some].sum() / of_mean[some].sum()),
            "median_relative_error": float(np.median(relative[some])),
            "relative_error_90_percent": float(np.percentile(relative[some], 90)),
        }

    return over(np.ones(len(error), dtype=bool)) | {
        "by absorber": {one: over(absorber == one) for one in sorted(set(absorber))}
    }


def coordination(
    sites: Sites,
    found: dict[str, np.ndarray],
    spread: np.ndarray,
    hot: np.ndarray,
    symbols: list[str],
    test: np.ndarray,
) -> dict[str, Any]:
    """Return what a model of coordination numbers makes of computed and of predicted spectra.

    How many it names right, in percent, mean over the absorbers; and how many of the sites that
    it doubts most with computed spectra it also doubts most where some are predicted, by the share
    that is computed: those of which the networks differ by most.
    """
    _, y = np.unique(sites.cn, return_inverse=True)
    data = rows(sites, np.hstack([sites.curves, hot]), symbols, "classes", y)
    fitted: Any = SpectralNetwork().fit(data.part(~test), 0)
    own = [sites.absorber[test] == one for one in symbols]

    def shown(curves: np.ndarray) -> np.ndarray:
        proba: np.ndarray = fitted.predict_proba(np.hstack([curves, hot[test]]).astype(np.float32))
        return proba

    def right(proba: np.ndarray) -> float:
        named = fitted.classes_[proba.argmax(axis=1)] == y[test]
        return 100 * float(np.mean([named[one].mean() for one in own]))

    def doubted(proba: np.ndarray) -> set[int]:
        return set(np.argsort(proba.max(axis=1), kind="stable")[:DOUBTED].tolist())

    computed = shown(sites.curves[test])
    accuracy = {name: right(shown(found[name])) for name in (BEST, MEAN, TREES)}
    commonest = [np.bincount(y[test][one]).max() / one.sum() for one in own]
    order = np.argsort(-spread, kind="stable")
    same, with_some = {}, {}
    for share in SHARES:
        curves = found[BEST].copy()
        some = order[: round(share * len(order))]
        curves[some] = sites.curves[test][some]
        proba = shown(curves)
        same[share] = len(doubted(computed) & doubted(proba))
        with_some[share] = right(proba)
    return {
        "coordination": {
            "computed": right(computed),
            **accuracy,
            "commonest": 100 * float(np.mean(commonest)),
        },
        "surrogate": {"doubted": same, "accuracy": with_some},
    }


def sites_per_second(sites: Sites, fitted: Any, hot: np.ndarray) -> float:
    """Return how many sites a processor second predicts, from structures to spectra."""
    chosen = np.random.default_rng(0).permutation(len(sites.cn))[:TIMED]
    started = time.process_time()
    made = np.stack(
        [
            GRAPH.vector(Inputs({}, sites.structures[one], int(sites.site_index[one])), SETTINGS)
            for one in chosen
        ]
    )
    fitted.predict(np.hstack([made, hot[chosen]]))
    return TIMED / (time.process_time() - started)


def seconds_of_feff(sites: Sites) -> float:
    """Return the mean processor seconds of FEFF 8.5L for a site."""
    chosen = np.random.default_rng(1).permutation(len(sites.cn))[:BY_FEFF]
    with tempfile.TemporaryDirectory() as folder:
        return float(
            np.mean(
                [
                    compute_spectrum(
                        sites.structures[one],
                        int(sites.site_index[one]),
                        FeffSettings(),
                        Path(folder),
                    ).seconds
                    for one in chosen
                ]
            )
        )


def show(result: dict[str, Any]) -> None:
    """Print tables."""
    console = Console(width=100)
    keys = ("r2_over_mean", "median_relative_error", "relative_error_90_percent")
    heads = ("R2 over the mean", "median relative error", "nine in ten below")
    title = f"{result['asked']} of {result['sites']} sites, k²chi(k) from 3 to 12 1/Å"
    table = Table("model", *heads, "CN right, %", title=title)
    right = result["coordination"]
    for name, one in (result["rivals"] | {BEST: result["grouped"]}).items():
        table.add_row(name, *(f"{one[key]:.3f}" for key in keys), f"{right[name]:.1f}")
    table.add_row("computed", "", "", "", f"{right['computed']:.1f}")
    table.add_row("always the commonest", "", "", "", f"{right['commonest']:.1f}")
    console.print(table)
    each = Table("absorber", *heads, title=BEST)
    for name, one in result["grouped"]["by absorber"].items():
        each.add_row(name, *(f"{one[key]:.3f}" for key in keys))
    console.print(each)
    some = Table("share computed", f"of {DOUBTED} doubted most", "CN right, %")
    for share, same in result["surrogate"]["doubted"].items():
        some.add_row(f"{share:.0%}", str(same), f"{result['surrogate']['accuracy'][share]:.1f}")
    console.print(some)
    console.print(
        f"{result['sites_per_s']:.0f} sites a processor second, {result['times_feff']:.0f} times "
        "FEFF 8.5L"
    )


if __name__ == "__main__":
    main()
