"""What the model that comes with the package says of measured standards.

    python benchmarks/measured.py --labels DIR/labels.csv --json measured.json

The file has the columns ``file``, ``group`` (may be empty), ``compound`` and ``cn``; the files of
spectra lie beside it. They are read, processed and answered as by `exafscn predict`, with nothing
set. Prints every answer, and how many are right: of all, of those with a probability of 0.7 or
more, and within the two most probable numbers; and by the near edge, of those with 4, 5 or 6
neighbours of which it is asked.
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

from exafscn_flows.prediction import Answer, Failed, answer_file, general
from exafscn_flows.processing import ProcessingSettings

LABELS = DATA / "experimental" / "labels.csv"
SURE = 0.7
"""Probability from which an answer is called sure."""
ENVIRONMENTS = (4, 5, 6)
"""Numbers that the near-edge model knows."""


def main() -> None:
    """Answer for all standards, and show what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--labels", type=Path, default=LABELS)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    file = require(arguments.labels, "--labels")
    with file.open(newline="") as lines:
        rows = [answered(file.parent, row) for row in csv.DictReader(lines)]
    result = {"rows": rows} | summary(rows)
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(provenance() | result, indent=1) + "\n")


def answered(folder: Path, row: dict[str, str]) -> dict[str, Any]:
    """Return what the model says of one standard."""
    groups = [row["group"]] if row["group"] else []
    settings = ProcessingSettings()
    found = list(answer_file(str(folder / row["file"]), general(), settings, groups=groups))
    stated = {"file": row["file"], "group": row["group"], "compound": row["compound"]}
    known = {**stated, "label": int(row["cn"])}
    # Of records that share a label, the first.
    one = next(iter(found), None)
    if not isinstance(one, Answer):
        return known | {"error": one.error if isinstance(one, Failed) else "no such group"}
    ranked = sorted(one.probabilities, key=lambda cn: -one.probabilities[cn])
    return known | {
        "cn": one.cn,
        "probability": one.probability,
        "second": ranked[1],
        "set": list(one.set),
        "near_edge": one.near_edge.cn,
        "near_edge_probability": one.near_edge.probability,
        "kmax": one.kmax,
        "e0": one.e0,
        "warnings": list(one.warnings),
    }


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Count the right answers."""
    answers = [row for row in rows if "cn" in row]
    sure = [row for row in answers if row["probability"] >= SURE]
    by_edge = [
        row for row in answers if row["near_edge"] is not None and row["label"] in ENVIRONMENTS
    ]
    both = [row for row in by_edge if row["near_edge"] == row["cn"]]
    return {
        "spectra": len(rows),
        "answered": len(answers),
        "right": sum(row["cn"] == row["label"] for row in answers),
        "sure": len(sure),
        "sure and right": sum(row["cn"] == row["label"] for row in sure),
        "in the two most probable": sum(
            row["label"] in (row["cn"], row["second"]) for row in answers
        ),
        "in the set": sum(row["label"] in row["set"] for row in answers),
        "near edge": len(by_edge),
        "near edge, right": sum(row["near_edge"] == row["label"] for row in by_edge),
        "of these, right by EXAFS": sum(row["cn"] == row["label"] for row in by_edge),
        "both agree": len(both),
        "both agree and are right": sum(row["cn"] == row["label"] for row in both),
    }


def show(result: dict[str, Any]) -> None:
    """Print a table."""
    console = Console(width=100)
    table = Table("file", "compound", "label", "CN", "probability", "set", "near edge", "kmax", "")
    for row in result["rows"]:
        name = f"{row['file']} {row['group']}".strip()
        if "cn" not in row:
            table.add_row(name, row["compound"], str(row["label"]), row["error"])
            continue
        table.add_row(
            name,
            row["compound"],
            str(row["label"]),
            str(row["cn"]),
            f"{row['probability']:.2f}",
            ", ".join(map(str, row["set"])),
            "" if row["near_edge"] is None else str(row["near_edge"]),
            f"{row['kmax']:.1f}",
            "" if row["cn"] == row["label"] else "wrong",
        )
    console.print(table)
    console.print({name: value for name, value in result.items() if name != "rows"})


if __name__ == "__main__":
    main()
