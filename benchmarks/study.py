"""The models of a campaign against a plain scikit-learn script that makes the same fits.

The features of a table of spectra are computed first, and not timed. Then `exafscn run` fits and
judges the models, and `study_plain.py` does the same, one fit after the other with n_jobs of as
many cores as the campaign has; the perceptron has no n_jobs and is fitted on one thread. Both are
timed from the start of their process to its end, reading the features from the database included;
the campaign is run once with the models of scikit-learn and again with the perceptron, so that the
table can show them apart. Run it on an idle machine:

    python benchmarks/study.py --json study.json
    python benchmarks/study.py --absorbers V --sites 150
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from inputs import ABSORBERS, SITES, require
from rich.console import Console
from rich.table import Table
from study_plain import FEATURE_SETS, N_FOLDS, SEED

from exafscn_flows.settings import Settings
from exafscn_flows.store.documents import MetricsDoc, PredictionDoc
from exafscn_flows.store.embedded import EmbeddedServer
from exafscn_flows.store.store import Store

NAME = "study"

SITES_PER_STRUCTURE = 1.4
"""Mean over the absorbers of the table."""

TREES = {"random_forest": 200, "extra_trees": 300, "bagging": 50}

ROUNDING = 1e-12
"""Means over trees are summed in the order in which threads end."""


@dataclass(frozen=True)
class Comparison:
    """Out-of-fold predictions of one model in the database, and by the plain script.

    Attributes
    ----------
    sites
        Sites that both predict.
    other_sites
        Sites that only one of them predicts.
    different
        Class probabilities that are not equal to the last bit, of sites × classes.
    largest
        Their largest difference.
    other_classes
        Sites for which another coordination number is predicted.
    same_random
        Whether the confusion matrices of the random split are equal.
    """

    model: str
    sites: int
    other_sites: int
    different: int
    largest: float
    other_classes: int
    same_random: bool

    @property
    def identical(self) -> bool:
        """Whether nothing differs but rounding."""
        return (
            self.sites > 0
            and self.other_sites == self.other_classes == 0
            and self.largest <= ROUNDING
            and self.same_random
        )


def main() -> None:
    """Run the benchmark and print tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, default=SITES, help="Parquet table of spectra")
    parser.add_argument("--absorbers", nargs="+", default=ABSORBERS, help="element symbols")
    parser.add_argument("--sites", type=int, help="about so many sites of each; default all")
    parser.add_argument("--json", type=Path, help="write the result to this file")
    arguments = parser.parse_args()
    arguments.table = require(arguments.table, "--table")
    with tempfile.TemporaryDirectory(prefix="exafscn-bench-") as folder:
        result = run(Path(folder), arguments)
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2))


def run(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Make the features, time both, and compare what they predict."""
    server = EmbeddedServer(folder)
    os.environ["EXAFSCN_MONGODB_URI"] = server.start()
    n_jobs = Settings().CORES
    try:
        run_campaign(folder, settings(arguments, []))
        trees = [model for model in FEATURE_SETS if model != "mlp"]
        trees_s = run_campaign(folder, settings(arguments, trees))
        mlp_s = run_campaign(folder, settings(arguments, [*FEATURE_SETS]))
        output = folder / "plain.npz"
        script = str(Path(__file__).with_name("study_plain.py"))
        command = [sys.executable, script, NAME, str(output), str(n_jobs), *arguments.absorbers]
        plain_s = timed(command, os.environ | {"OMP_NUM_THREADS": str(n_jobs)})
        plain = np.load(output)
        comparisons = [
            compare(Store.open(), plain, absorber, feature_set, model)
            for absorber in arguments.absorbers
            for model, feature_sets in FEATURE_SETS.items()
            for feature_set in feature_sets
        ]
    finally:
        server.stop()
    by_model = dict(zip(FEATURE_SETS, plain["seconds"].tolist(), strict=True))
    study_s = trees_s + mlp_s
    parts = {
        "scikit-learn": (trees_s, plain_s - by_model["mlp"]),
        "perceptron": (mlp_s, by_model["mlp"]),
    }
    return {
        "cores": n_jobs,
        "sites": {el: len(plain[f"{el}/sites"]) for el in arguments.absorbers},
        "fits": len(comparisons) * (2 * N_FOLDS + 1),
        "study_s": study_s,
        "plain_s": plain_s,
        "ratio": study_s / plain_s,
        "parts": {
            name: {"study_s": ours, "plain_s": theirs, "ratio": ours / theirs}
            for name, (ours, theirs) in parts.items()
        },
        "plain_s_by_model": by_model,
        "identical": all(one.identical for one in comparisons),
        "comparisons": [asdict(one) | {"identical": one.identical} for one in comparisons],
    }


def settings(arguments: argparse.Namespace, models: list[str]) -> dict[str, Any]:
    """Return the content of the campaign file, with some models."""
    sets = [{"kind": "r_space", "input": "chi"}, {"kind": "r_space_complex", "input": "chi"}]
    trees = {name: {"n_estimators": number} for name, number in TREES.items()}
    fitted = [
        {"kind": name, "feature_sets": FEATURE_SETS[name], **trees.get(name, {})} for name in models
    ]
    sample: dict[str, Any] = {}
    if arguments.sites:
        n_structures = round(arguments.sites / SITES_PER_STRUCTURE)
        sample = {"sample": {"per_absorber": n_structures, "seed": SEED}}
    return {
        "campaign": NAME,
        "absorbers": arguments.absorbers,
        "sources": [{"kind": "table", "path": str(arguments.table)}],
        **sample,
        "spectra": {"kind": "stored"},
        "features": {"sets": sets},
        "models": fitted,
        "evaluation": {"n_folds": N_FOLDS, "seed": SEED},
    }


def run_campaign(folder: Path, content: dict[str, Any]) -> float:
    """Run a campaign; returns its wall time in seconds."""
    file = folder / "campaign.yaml"
    file.write_text(json.dumps(content))  # JSON is YAML
    exafscn = str(Path(sys.executable).with_name("exafscn"))
    return timed([exafscn, "run", str(file)], dict(os.environ))


def timed(command: list[str], environment: dict[str, str]) -> float:
    """Run a command; returns the seconds from the start of its process to its end."""
    began = time.perf_counter()
    if subprocess.run(command, env=environment, check=False).returncode != 0:
        sys.exit(f"this failed: {' '.join(command)}")
    return time.perf_counter() - began


def compare(store: Store, plain: Any, absorber: str, feature_set: str, model: str) -> Comparison:
    """Compare one model in the database with the same of the plain script."""
    key = f"{absorber}/{feature_set}/{model}"
    query = {
        "campaign": NAME,
        "absorber": absorber,
        "feature_set": feature_set,
        "model": model,
    }
    ours = {doc.site: doc for doc in store.find(PredictionDoc, query)}
    sites = plain[f"{absorber}/sites"].tolist()
    y = plain[f"{absorber}/y"]
    classes = np.unique(y)
    different, largest, other_classes, both = 0, 0.0, 0, 0
    theirs = plain[f"{key}/grouped"]
    for site, proba, cn in zip(sites, theirs, predicted(theirs, classes), strict=True):
        if site not in ours:
            continue
        both += 1
        stored = np.array([ours[site].probabilities[str(name)] for name in classes])
        different += int((stored != proba).sum())
        largest = max(largest, float(np.abs(stored - proba).max()))
        other_classes += int(ours[site].cn != cn)
    confusion = np.zeros((len(classes), len(classes)), dtype=int)
    random = predicted(plain[f"{key}/random"], classes)
    np.add.at(confusion, (np.searchsorted(classes, y), np.searchsorted(classes, random)), 1)
    metrics = [*store.find(MetricsDoc, query)]
    return Comparison(
        model=key,
        sites=both,
        other_sites=len(set(sites) ^ set(ours)),
        different=different,
        largest=largest,
        other_classes=other_classes,
        same_random=[doc.splits["random"]["confusion"] for doc in metrics] == [confusion.tolist()],
    )


def predicted(proba: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the most probable class, the smallest of those that are equal but for rounding."""
    found: np.ndarray = classes[np.round(proba, 9).argmax(axis=1)]
    return found


def show(result: dict[str, Any]) -> None:
    """Print tables."""
    console = Console()
    for name in ("cores", "fits"):
        console.print(f"{name:<10}{result[name]:>10.4g}", highlight=False)
    table = Table("models", "study, s", "plain, s", "ratio")
    for name, part in [*result["parts"].items(), ("all", result)]:
        table.add_row(name, *(f"{part[key]:.4g}" for key in ("study_s", "plain_s", "ratio")))
    console.print(table)
    table = Table("plain script", "seconds")
    for model, seconds in result["plain_s_by_model"].items():
        table.add_row(model, f"{seconds:.1f}")
    console.print(table)
    table = Table("model", "sites", "differ", "at most", "other CN", "random")
    for column in table.columns:
        column.no_wrap = True
    for one in result["comparisons"]:
        table.add_row(
            one["model"],
            f"{one['sites']}" + (f" ({one['other_sites']} others)" if one["other_sites"] else ""),
            str(one["different"]),
            f"{one['largest']:.1e}",
            str(one["other_classes"]),
            "same" if one["same_random"] else "differs",
        )
    console.print(table)
    console.print(
        "differ: probabilities that are not equal to the last bit, and by how much at most"
    )
    console.print(f"predictions identical: {'yes' if result['identical'] else 'NO'}")


if __name__ == "__main__":
    main()
