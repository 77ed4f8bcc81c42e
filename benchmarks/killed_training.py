"""Whether a training that is killed ten times ends as one that nobody disturbed.

    python benchmarks/killed_training.py --json benchmarks/results/killed_training.json
    python benchmarks/killed_training.py --model graph_attention

Reads sites of the table of configs/study_beyond.yaml into two databases, and trains a network of
all absorbers on grouped and on random folds in both: once undisturbed, and once with the run and
all its processes killed (SIGKILL) ten times at random moments of the training, and started again.
Compares metrics and all predictions to the last bit, and shows beside them by how much another seed
changes the metrics. A spectral network predicts coordination numbers from EXAFS, a graph attention
network EXAFS from the structure.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from beyond import FILE
from inputs import SITES, require
from provenance import provenance
from runs import database, run

from exafscn_flows import Campaign
from exafscn_flows.store.results import PredictionDoc
from exafscn_flows.store.store import Store

NAME = "killed-training"
CHI = "{kind: k_space, name: chi_k, input: chi, kmin: 0.05, kmax: 16.0}"
KILLS = 10
BETWEEN = (5.0, 40.0)
"""Seconds that a run is left alone, from and to."""


class Training(NamedTuple):
    """What is trained.

    Attributes
    ----------
    keys
        Of the campaign file, without the model.
    model
        The same of the model.
    scores
        Metrics that are compared; the first one is shown.
    """

    keys: tuple[str, ...]
    model: str
    scores: list[str]


TRAININGS = {
    "spectral_network": Training(
        (f"features.sets=[{CHI}]",),
        "models=[{kind: spectral_network, per: campaign}]",
        ["accuracy", "certain_accuracy", "macro_f1", "ece"],
    ),
    "graph_attention": Training(
        (
            f"features.sets=[{CHI}, {{kind: site_graph}}]",
            "targets=[{kind: spectrum, of: chi_k}]",
        ),
        "models=[{kind: graph_attention, per: campaign}]",
        ["r2_over_mean", "rmse", "relative_mse"],
    ),
}


class Found(NamedTuple):
    """What came of a training: metrics, and of each site what was predicted, as it was stored."""

    metrics: pd.DataFrame
    predictions: dict[str, tuple[Any, ...]]


def main() -> None:
    """Train undisturbed, disturbed and by another seed, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, default=SITES)
    parser.add_argument("--model", choices=sorted(TRAININGS), default="spectral_network")
    parser.add_argument("--structures", type=int, default=250, help="of each absorber")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    training = TRAININGS[arguments.model]
    keys = (
        f"campaign={NAME}",
        f"sources.0.path={require(arguments.table, '--table')}",
        f"sample={{per_absorber: {arguments.structures}}}",
        *training.keys,
        "study=null",
    )
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory(prefix="exafscn-bench-") as folder:
        calm, kills = trained(Path(folder) / "calm", keys, training, None)
        killed, kills = trained(Path(folder) / "killed", keys, training, rng)
        other, _ = trained(Path(folder) / "other", (*keys, "evaluation.seed=1"), training, None)
    result = {
        "model": arguments.model,
        "kills": kills,
        **compared(calm, killed, other, training.scores),
    }
    print(json.dumps(result, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(provenance() | result, indent=1) + "\n")


def trained(
    folder: Path, keys: tuple[str, ...], training: Training, rng: random.Random | None
) -> tuple[Found, list[float]]:
    """Train in a database of its own, killed at random or not at all.

    Returns
    -------
    tuple
        What came of it; seconds after which each run was killed.
    """
    kills: list[float] = []
    folder.mkdir()
    with database(folder):
        run(FILE, *keys, "models=[]")
        keys = (*keys, training.model)
        while rng is not None and len(kills) < KILLS:
            seconds = rng.uniform(*BETWEEN)
            if not ends_within(keys, seconds):
                kills.append(seconds)
            else:
                raise SystemExit("the training ended before the last kill: take more structures")
        run(FILE, *keys)
        predictions = {
            doc.site: (doc.value, doc.probabilities, doc.curve is not None and doc.curve.tobytes())
            for doc in Store.open().find(PredictionDoc, {"campaign": NAME})
        }
        return Found(Campaign(NAME).metrics(), predictions), kills


def ends_within(keys: tuple[str, ...], seconds: float) -> bool:
    """Run for some seconds at most, and kill what is left; returns whether it ended by itself."""
    exafscn = str(Path(sys.executable).with_name("exafscn"))
    options = [word for key in keys for word in ("--set", key)]
    process = subprocess.Popen(
        [exafscn, "run", str(FILE), *options], start_new_session=True, stdout=subprocess.DEVNULL
    )
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        # Workers end when their parent has gone.
        time.sleep(2)
        return False
    return True


def compared(calm: Found, killed: Found, other: Found, scores: list[str]) -> dict[str, Any]:
    """Return the largest differences."""
    rows = ["absorber", "split"]
    metrics = [one.metrics.set_index(rows)[scores] for one in (calm, killed, other)]
    if calm.predictions.keys() != killed.predictions.keys():
        raise SystemExit("the sites are not the same")
    differ = [one for site, one in calm.predictions.items() if one != killed.predictions[site]]
    shown = scores[0]
    return {
        "sites": len(calm.predictions),
        "predictions that differ": len(differ),
        "largest difference of a metric": float(np.nanmax(np.abs(metrics[0] - metrics[1]))),
        f"mean {shown}": float(metrics[0][shown].mean()),
        f"mean {shown}, killed": float(metrics[1][shown].mean()),
        f"mean {shown}, another seed": float(metrics[2][shown].mean()),
    }


if __name__ == "__main__":
    main()
