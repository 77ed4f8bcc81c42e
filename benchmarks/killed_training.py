"""Whether a training that is killed ten times ends as one that nobody disturbed.

    python benchmarks/killed_training.py --json benchmarks/results/killed_training.json

Reads sites of the table of configs/study_beyond.yaml into two databases, and trains a spectral
network of all absorbers on grouped and on random folds in both: once undisturbed, and once with the
run and all its processes killed (SIGKILL) ten times at random moments of the training, and started
again. Compares metrics and all predictions, and shows beside them by how much another seed changes
the metrics.
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
from typing import Any

import numpy as np
import pandas as pd
from beyond import FILE
from inputs import SITES, require
from provenance import provenance
from runs import database, run

from exafscn_flows import Campaign

NAME = "killed-training"
SETS = "features.sets=[{kind: k_space, name: chi_k, input: chi, kmin: 0.05, kmax: 16.0}]"
MODEL = "models=[{kind: spectral_network, per: campaign}]"
KILLS = 10
BETWEEN = (5.0, 40.0)
"""Seconds that a run is left alone, from and to."""
SCORES = ["accuracy", "certain_accuracy", "macro_f1", "ece"]


def main() -> None:
    """Train undisturbed, disturbed and by another seed, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, default=SITES)
    parser.add_argument("--structures", type=int, default=250, help="of each absorber")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    keys = (
        f"campaign={NAME}",
        f"sources.0.path={require(arguments.table, '--table')}",
        f"sample={{per_absorber: {arguments.structures}}}",
        SETS,
        "study=null",
    )
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory(prefix="exafscn-bench-") as folder:
        calm, kills = trained(Path(folder) / "calm", keys, None)
        killed, kills = trained(Path(folder) / "killed", keys, rng)
        other, _ = trained(Path(folder) / "other", (*keys, "evaluation.seed=1"), None)
    result = {"kills": kills, **compared(calm, killed, other)}
    print(json.dumps(result, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(provenance() | result, indent=1) + "\n")


def trained(
    folder: Path, keys: tuple[str, ...], rng: random.Random | None
) -> tuple[dict[str, pd.DataFrame], list[float]]:
    """Train in a database of its own, killed at random or not at all.

    Returns
    -------
    tuple
        Metrics and predictions; seconds after which each run was killed.
    """
    kills: list[float] = []
    folder.mkdir()
    with database(folder):
        run(FILE, *keys, "models=[]")
        while rng is not None and len(kills) < KILLS:
            seconds = rng.uniform(*BETWEEN)
            if not ends_within(keys, seconds):
                kills.append(seconds)
            else:
                raise SystemExit("the training ended before the last kill: take more structures")
        run(FILE, *keys, MODEL)
        campaign = Campaign(NAME)
        predictions = [campaign.predictions(absorber=one) for one in campaign.config.absorbers]
        found = {"metrics": campaign.metrics(), "predictions": pd.concat(predictions)}
    return found, kills


def ends_within(keys: tuple[str, ...], seconds: float) -> bool:
    """Run for some seconds at most, and kill what is left; returns whether it ended by itself."""
    exafscn = str(Path(sys.executable).with_name("exafscn"))
    options = [word for key in (*keys, MODEL) for word in ("--set", key)]
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


def compared(
    calm: dict[str, pd.DataFrame], killed: dict[str, pd.DataFrame], other: dict[str, pd.DataFrame]
) -> dict[str, Any]:
    """Return the largest differences."""
    rows = ["absorber", "split"]
    metrics = [one["metrics"].set_index(rows)[SCORES] for one in (calm, killed, other)]
    frames = [
        one["predictions"].set_index("site").sort_index()[["value", "probability"]]
        for one in (calm, killed)
    ]
    if not frames[0].index.equals(frames[1].index):
        raise SystemExit("the sites are not the same")
    return {
        "sites": len(frames[0]),
        "predictions that differ": int((frames[0] != frames[1]).any(axis=1).sum()),
        "largest difference of a metric": float(np.nanmax(np.abs(metrics[0] - metrics[1]))),
        "mean accuracy": float(metrics[0]["accuracy"].mean()),
        "mean accuracy, killed": float(metrics[1]["accuracy"].mean()),
        "mean accuracy, another seed": float(metrics[2]["accuracy"].mean()),
    }


if __name__ == "__main__":
    main()
