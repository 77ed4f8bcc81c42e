"""A whole study against a plain scikit-learn script that makes the same fits.

The study is configs/study_published.yaml, on a table of spectra. Its labels and features are made
first, and not timed. Then `exafscn run` makes its models and experiments, and `study_plain.py` does
the same, one fit after the other with n_jobs of as many cores as the study has; the perceptron has
no n_jobs and is fitted on one thread. Both are timed from the start of their process to its end,
reading the features from the database included. The study is run without the perceptron first, and
again with it, so that the table can show them apart. Run it on an idle machine:

    python benchmarks/study.py --absorbers V Zn --json study.json
    python benchmarks/study.py --absorbers V --sites 150

All nine absorbers, the default, take some hours.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from inputs import ABSORBERS, SITES, require
from rich.console import Console
from rich.table import Table

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.config.loader import load_campaign_file
from exafscn_flows.evaluation.experiments import bands
from exafscn_flows.features.axes import quantity
from exafscn_flows.jobs.fits import wanted_experiments
from exafscn_flows.settings import Settings
from exafscn_flows.store.embedded import EmbeddedServer
from exafscn_flows.store.results import ExperimentDoc, MetricsDoc, PredictionDoc
from exafscn_flows.store.store import Store
from exafscn_flows.tasks.classes import predicted_classes
from exafscn_flows.tasks.prediction_sets import held_out

TARGET = "coordination_number"
FILE = Path(__file__).resolve().parents[1] / "configs" / "study_published.yaml"

SITES_PER_STRUCTURE = 1.4
"""Mean over the absorbers of the table."""

ROUNDING = 1e-12
"""Means over trees are summed in the order in which threads end."""


@dataclass(frozen=True)
class Comparison:
    """What one model predicts in the database, and by the plain script.

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
        result = run(Path(folder), study(arguments))
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2))


def study(arguments: argparse.Namespace) -> CampaignConfig:
    """Return the study on the absorbers and the table of the command line."""
    table = f"sources.0.path={json.dumps(str(arguments.table))}"
    content = load_campaign_file(FILE, [table]).model_dump(mode="json")
    content |= {"absorbers": arguments.absorbers}
    if arguments.sites:
        n_structures = round(arguments.sites / SITES_PER_STRUCTURE)
        content["sample"] = {"per_absorber": n_structures, "seed": 0}
    return CampaignConfig.model_validate(content)


def run(folder: Path, config: CampaignConfig) -> dict[str, Any]:
    """Make labels and features, time both, and compare what they predict."""
    server = EmbeddedServer(folder)
    os.environ["EXAFSCN_MONGODB_URI"] = server.start()
    n_jobs = Settings().CORES
    try:
        run_campaign(folder, config.model_copy(update={"models": [], "study": None}))
        trees_s = run_campaign(folder, without_perceptron(config))
        mlp_s = run_campaign(folder, config)
        store = Store.open()
        (folder / "plan.json").write_text(json.dumps(plan(store, config, n_jobs)))
        script = str(Path(__file__).with_name("study_plain.py"))
        command = [sys.executable, script, str(folder / "plan.json"), str(folder / "plain.npz")]
        plain_s = timed(command, os.environ | {"OMP_NUM_THREADS": str(n_jobs)})
        plain = dict(np.load(folder / "plain.npz"))
        comparisons = [*compare_models(store, config, plain)]
        experiments = compare_experiments(store, config, plain)
    finally:
        server.stop()
    folds = config.evaluation.n_folds
    # What the study has left out, it has not done faster.
    n_models = sum(len(config.models_on(fset.name, TARGET)) for fset in config.features.sets)
    n_experiments = sum(key.endswith("/accuracy") for key in plain)
    if (len(comparisons), len(experiments)) != (n_models * len(config.absorbers), n_experiments):
        sys.exit("the study has not made all of its models and experiments")
    seconds = {
        key.partition("/")[2]: float(value)
        for key, value in plain.items()
        if key.startswith("seconds/")
    }
    plain_mlp_s = sum(value for key, value in seconds.items() if key.startswith("mlp/"))
    parts = {
        "scikit-learn": (trees_s, plain_s - plain_mlp_s),
        "perceptron": (mlp_s, plain_mlp_s),
        "all": (trees_s + mlp_s, plain_s),
    }
    return {
        "cores": n_jobs,
        "sites": {
            el: len(plain[f"{TARGET}/{el}/{config.studied_set}/{first}/sites"])
            for first in [config.studied_models[0].name]
            for el in config.absorbers
        },
        "fits": len(comparisons) * (2 * folds + 1) + len(experiments) * folds,
        "study_s": trees_s + mlp_s,
        "plain_s": plain_s,
        "ratio": (trees_s + mlp_s) / plain_s,
        "parts": {
            name: {"study_s": ours, "plain_s": theirs, "ratio": ours / theirs}
            for name, (ours, theirs) in parts.items()
        },
        "plain_s_by_part": seconds,
        "identical": all(one.identical for one in comparisons)
        and max(experiments.values()) <= ROUNDING,
        "models": [asdict(one) | {"identical": one.identical} for one in comparisons],
        "experiments": experiments,
    }


def without_perceptron(config: CampaignConfig) -> CampaignConfig:
    """Return the study without its perceptron."""
    assert config.study is not None
    importance = [name for name in config.study.importance or [] if name != "mlp"]
    study = config.study.model_copy(update={"importance": importance})
    models = [model for model in config.models if model.kind != "mlp"]
    return config.model_copy(update={"models": models, "study": study})


def plan(store: Store, config: CampaignConfig, n_jobs: int) -> dict[str, Any]:
    """Say what the plain script has to fit."""
    (studied,) = (fset for fset in config.features.sets if fset.name == config.studied_set)
    axis, label = studied.axis(config.features)
    experiments = wanted_experiments(store, config, config.absorbers[0])
    models = [
        {
            "name": model.name,
            "settings": model.model_dump(mode="json"),
            "feature_sets": model.feature_sets or [fset.name for fset in config.features.sets],
            "experiments": [(e.name, e.value) for e in experiments if e.model.name == model.name],
        }
        for model in config.models
    ]
    return {
        "campaign": config.campaign,
        "absorbers": config.absorbers,
        "n_folds": config.evaluation.n_folds,
        "seed": config.evaluation.seed,
        "n_jobs": n_jobs,
        "models": models,
        "studied_set": config.studied_set,
        "axis": axis.tolist(),
        "edges": bands(axis, quantity(label)).tolist(),
    }


def run_campaign(folder: Path, config: CampaignConfig) -> float:
    """Run a campaign; returns its wall time in seconds."""
    file = folder / "campaign.yaml"
    # JSON is YAML. Of some models, None is what a file leaves out.
    file.write_text(config.model_dump_json(exclude_none=True))
    exafscn = str(Path(sys.executable).with_name("exafscn"))
    return timed([exafscn, "run", str(file)], dict(os.environ))


def timed(command: list[str], environment: dict[str, str]) -> float:
    """Run a command; returns the seconds from the start of its process to its end."""
    began = time.perf_counter()
    if subprocess.run(command, env=environment, check=False).returncode != 0:
        sys.exit(f"this failed: {' '.join(command)}")
    return time.perf_counter() - began


def compare_models(
    store: Store, config: CampaignConfig, plain: dict[str, Any]
) -> Iterator[Comparison]:
    """Compare every model in the database with the same of the plain script."""
    for metrics in store.find(MetricsDoc, {"campaign": config.campaign}):
        key = str(metrics.model_key)
        query = {"campaign": config.campaign, "hash": metrics.hash}
        ours = {doc.site: doc for doc in store.find(PredictionDoc, query)}
        sites, y = plain[f"{key}/sites"].tolist(), plain[f"{key}/y"]
        names = metrics.classes
        different, largest, other_classes, both = 0, 0.0, 0, 0
        theirs = plain[f"{key}/grouped"]
        places = predicted_classes(theirs, np.arange(len(names)))
        # The scripts' probabilities are not calibrated; those in the database are, fold by fold.
        folds = np.array([ours[site].fold if site in ours else -1 for site in sites])
        theirs, _ = held_out(theirs, y, folds)
        for site, proba, place in zip(sites, theirs, places, strict=True):
            if site not in ours:
                continue
            both += 1
            found = ours[site].probabilities or {}
            stored = np.array([found[str(name)] for name in names])
            different += int((stored != proba).sum())
            largest = max(largest, float(np.abs(stored - proba).max()))
            other_classes += int(ours[site].value != names[place])
        confusion = np.zeros((len(names), len(names)), dtype=int)
        random = predicted_classes(plain[f"{key}/random"], np.arange(len(names)))
        np.add.at(confusion, (y, random), 1)
        yield Comparison(
            model=key,
            sites=both,
            other_sites=len(set(sites) ^ set(ours)),
            different=different,
            largest=largest,
            other_classes=other_classes,
            same_random=metrics.splits["random"]["confusion"] == confusion.tolist(),
        )


def compare_experiments(
    store: Store, config: CampaignConfig, plain: dict[str, Any]
) -> dict[str, float]:
    """Return the largest difference of any number of each experiment, by its key."""
    differences = {}
    for doc in store.find(ExperimentDoc, {"campaign": config.campaign}):
        numbers = [(doc.scores["accuracy"], plain[f"{doc.key}/accuracy"])]
        # Vectors are kept in single precision.
        numbers += [
            (ours, plain[f"{doc.key}/{name}"].astype(ours.dtype))
            for name, ours in (("drop", doc.drop), ("gradients", doc.gradients))
            if ours is not None
        ]
        differences[doc.key] = max(float(np.abs(a - b).max()) for a, b in numbers)
    return differences


def show(result: dict[str, Any]) -> None:
    """Print tables."""
    console = Console(width=100)
    table = Table("plain script", "seconds")
    for part, seconds in result["plain_s_by_part"].items():
        table.add_row(part, f"{seconds:.1f}")
    console.print(table)
    table = Table("model", "sites", "differ", "at most", "other CN", "random")
    for column in table.columns:
        column.no_wrap = True
    for one in result["models"]:
        table.add_row(
            one["model"],
            f"{one['sites']}" + (f" ({one['other_sites']} others)" if one["other_sites"] else ""),
            str(one["different"]),
            f"{one['largest']:.1e}",
            str(one["other_classes"]),
            "same" if one["same_random"] else "differs",
        )
    console.print(table)
    table = Table("models", "study, s", "plain, s", "ratio")
    for name, part in result["parts"].items():
        table.add_row(name, *(f"{part[key]:.4g}" for key in ("study_s", "plain_s", "ratio")))
    console.print(table)
    largest = max(result["experiments"].values())
    for line in (
        "differ: probabilities that are not equal to the last bit, and by how much at most",
        f"numbers of {len(result['experiments'])} experiments differ by at most {largest:.1e}",
        f"predictions identical: {'yes' if result['identical'] else 'NO'}",
        f"{result['fits']} fits on {result['cores']} cores",
    ):
        console.print(line, highlight=False)


if __name__ == "__main__":
    main()
