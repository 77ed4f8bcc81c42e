"""The model that comes with the package on measured spectra whose coordination number is known.

    python benchmarks/measured.py --json benchmarks/results/measured.json

Reads and processes every spectrum that labels.csv names as `exafscn predict` would, and asks the
general model. Nothing of these files takes part in its training.
"""

import argparse
import csv
import json
from pathlib import Path
from typing import Any

from inputs import DATA, require
from provenance import provenance
from rich.console import Console
from rich.table import Table

from exafscn_flows.pretrained import Pretrained, load_general
from exafscn_flows.processing import process
from exafscn_flows.sources.measured import MeasuredSpectrum, read_measured

SURE = 0.7


def main() -> None:
    """Answer every spectrum, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--labels", type=Path, default=DATA / "experimental" / "labels.csv")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    labels = require(arguments.labels, "--labels")
    model = load_general()
    with labels.open() as file:
        rows = [answer(model, labels.parent, row) for row in csv.DictReader(file)]
    result = {"rows": rows, **summary(rows)}
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(provenance() | result, indent=1) + "\n")


def answer(model: Pretrained, folder: Path, row: dict[str, str]) -> dict[str, Any]:
    """Return what the model says of one spectrum."""
    spectrum = measured(folder / row["file"], row["group"])
    assert spectrum.energy is not None and spectrum.mu is not None  # noqa: PT018
    mode = None if spectrum.mode == "mu" else spectrum.mode
    found = process(spectrum.energy, spectrum.mu, row["element"], mode=mode)
    of = (found.k, found.chi, found.kmin, found.kmax, row["element"])
    proba = model.probabilities(*of)
    order = proba.argsort()[::-1]
    bond = model.bond_length(*of)
    return {
        **row,
        "cn": int(row["cn"]),
        "predicted": model.classes[order[0]],
        "probability": float(proba[order[0]]),
        "second": model.classes[order[1]],
        "set": model.prediction_set(proba, row["element"]),
        "bond_length": bond,
        "kmax": found.kmax,
        "e0": found.e0,
    }


def measured(path: Path, group: str) -> MeasuredSpectrum:
    """Read one spectrum of a file, by the name of its group if there are several."""
    found = [one for one in read_measured(path) if isinstance(one, MeasuredSpectrum)]
    (spectrum,) = [one for one in found if not group or one.group.strip() == group]
    return spectrum


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Count what is right."""
    right = [row["predicted"] == row["cn"] for row in rows]
    sure = [ok for ok, row in zip(right, rows, strict=True) if row["probability"] >= SURE]
    return {
        "spectra": len(rows),
        "right": sum(right),
        "sure": len(sure),
        "sure_right": sum(sure),
        "top_two": sum(row["cn"] in (row["predicted"], row["second"]) for row in rows),
        "in_set": sum(row["cn"] in row["set"] for row in rows),
    }


def show(result: dict[str, Any]) -> None:
    """Print the table."""
    console = Console(width=110)
    heads = ("file", "group", "compound", "CN", "predicted", "probability", "set", "bond, Å")
    table = Table(*heads, "kmax, 1/Å")
    for row in result["rows"]:
        style = "" if row["predicted"] == row["cn"] else "red"
        numbers = ", ".join(map(str, row["set"]))
        bond = "" if row["bond_length"] is None else "{:.2f} ± {:.2f}".format(*row["bond_length"])
        table.add_row(
            row["file"],
            row["group"],
            row["compound"],
            str(row["cn"]),
            str(row["predicted"]),
            f"{row['probability']:.2f}",
            numbers,
            bond,
            f"{row['kmax']:.1f}",
            style=style,
        )
    console.print(table)
    console.print(
        f"right: {result['right']} of {result['spectra']}; of {result['sure']} with a probability "
        f"of {SURE} or more {result['sure_right']}; among the two likeliest {result['top_two']}; "
        f"in the set {result['in_set']}"
    )


if __name__ == "__main__":
    main()
