r"""How good a model of all absorbers is, tried on the data of a finished campaign.

    exafscn run configs/study_beyond.yaml --set sources.0.path=TABLE
    python benchmarks/ideas.py --campaign study-beyond --features chi_k \
        --model '{kind: spectral_network, epochs: 25, stretch: 0}'

Takes the labels and features of the campaign, fits the model on all folds but one, and asks it
about the sites of that one; formulas are on one side. Prints the mean over the absorbers of
accuracy, of accuracy on certain labels and of macro-F1, and the processor seconds of a fold.
Nothing is written to the database.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from campaign_data import read_data, read_model
from provenance import provenance
from sklearn.metrics import f1_score

from exafscn_flows.store.store import Store
from exafscn_flows.tasks.classes import CERTAIN


def main() -> None:
    """Fit the model, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--campaign", required=True)
    parser.add_argument("--features", required=True, help="name of a feature set of it")
    parser.add_argument("--target", help="name of a target of classes; by default the first")
    parser.add_argument("--model", required=True, help="the model as YAML")
    parser.add_argument("--folds", type=int, default=1, help="how many folds are asked about")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found = tried(arguments)
    print({name: round(value, 2) for name, value in found.items() if isinstance(value, float)})
    if arguments.json:
        arguments.json.write_text(json.dumps(provenance() | found, indent=1) + "\n")


def tried(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of a model."""
    model = read_model(arguments.model)
    data = read_data(Store.open(), arguments.campaign, arguments.features, model, arguments.target)
    dataset, seed = data.dataset, data.config.evaluation.seed
    output = np.zeros(dataset.shares.shape)
    started = time.process_time()
    for fold in range(arguments.folds):
        test = data.folds == fold
        fitted = model.fit(data.rows.part(~test), seed)
        output[test] = dataset.task.output(fitted, data.rows.X[test], dataset.classes)
    seconds = (time.process_time() - started) / arguments.folds
    asked, predicted = data.folds < arguments.folds, output.argmax(axis=1)
    right, certain = predicted == dataset.y, dataset.certainty > CERTAIN
    scores = []
    for one in data.config.absorbers:
        own = asked & (data.absorbers == one)
        f1 = f1_score(dataset.y[own], predicted[own], average="macro")
        scores.append((right[own].mean(), right[own & certain].mean(), f1))
    means = 100 * np.mean(scores, axis=0)
    return {
        "campaign": arguments.campaign,
        "features": arguments.features,
        "model": arguments.model,
        "folds": arguments.folds,
        "accuracy": float(means[0]),
        "certain": float(means[1]),
        "macro_f1": float(means[2]),
        "processor seconds a fold": seconds,
        "by absorber": {
            one: float(100 * accuracy)
            for one, (accuracy, *_) in zip(data.config.absorbers, scores, strict=True)
        },
    }


if __name__ == "__main__":
    main()
