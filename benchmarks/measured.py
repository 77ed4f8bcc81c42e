"""What the model that comes with the package says of measured standards.

    python benchmarks/measured.py --labels DIR/labels.csv --json measured.json

The file has the columns ``file``, ``group`` (may be empty), ``compound`` and ``cn``; the files of
spectra lie beside it. They are read, processed and answered as by `exafscn predict`, with nothing
set. Prints every answer, and how many are right: of all, of those with a probability of 0.7 or
more, and within the two most probable numbers; and by the near edge, of those with 4, 5 or 6
neighbours of which it is asked. Then what answers cost in processor time: a call in Python, once
the model is loaded, of one spectrum and of a row of several; the command for one file, and for each
further one.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from inputs import DATA, require
from provenance import provenance
from rich.console import Console
from rich.table import Table

from exafscn_flows import predict
from exafscn_flows.prediction import Answer, Failed, answer_file, general
from exafscn_flows.processing import ProcessingSettings

LABELS = DATA / "experimental" / "labels.csv"
SURE = 0.7
"""Probability from which an answer is called sure."""
ENVIRONMENTS = (4, 5, 6)
"""Numbers that the near-edge model knows."""
CALLS, SHELLS, ROWS = 15, 5, 20
"""So often each is measured, of which the median counts; and spectra that are asked at once."""


def main() -> None:
    """Answer for all standards, and show what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--labels", type=Path, default=LABELS)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    file = require(arguments.labels, "--labels")
    with file.open(newline="") as lines:
        found = [answered(file.parent, row) for row in csv.DictReader(lines)]
    rows = [row for row, _ in found]
    paths = list(dict.fromkeys(str(file.parent / row["file"]) for row in rows))
    cost = costs([one for _, one in found if one is not None], paths)
    result = {"rows": rows} | summary(rows) | {"processor_ms": cost}
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(provenance() | result, indent=1) + "\n")


def answered(folder: Path, row: dict[str, str]) -> tuple[dict[str, Any], Answer | None]:
    """Return what the model says of one standard, for the table and as it is."""
    groups = [row["group"]] if row["group"] else []
    settings = ProcessingSettings()
    found = list(answer_file(str(folder / row["file"]), general(), settings, groups=groups))
    stated = {"file": row["file"], "group": row["group"], "compound": row["compound"]}
    known = {**stated, "label": int(row["cn"])}
    # Of records that share a label, the first.
    one = next(iter(found), None)
    if not isinstance(one, Answer):
        return known | {"error": one.error if isinstance(one, Failed) else "no such group"}, None
    ranked = sorted(one.probabilities, key=lambda cn: -one.probabilities[cn])
    row_of = {
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
    return known | row_of, one


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


def costs(answers: list[Answer], files: list[str]) -> dict[str, float]:
    """Return the processor milliseconds of calls, and of the command for files."""
    spectra = [(one.processed, one.absorber) for one in answers if one.processed is not None]
    calls, at_once = [], []
    # In turn, as they would be asked: one that is asked again at once finds all in the cache.
    for _ in range(CALLS):
        calls.append([_call(one.energy, one.mu, absorber) for one, absorber in spectra])
        one, absorber = spectra[0]
        at_once.append(_call(one.energy, np.tile(one.mu, (ROWS, 1)), absorber) / ROWS)
    medians = [statistics.median(each) for each in zip(*calls, strict=True)]
    alone, all_files = (
        statistics.median(_shell(some) for _ in range(SHELLS)) for some in (files[:1], files)
    )
    found = {
        "call, median of spectra": statistics.median(medians),
        "call, most of them": max(medians),
        f"each of {ROWS} at once": statistics.median(at_once),
        "command, one file": alone,
        "command, each further file": (all_files - alone) / (len(files) - 1),
    }
    return {name: round(value, 1) for name, value in found.items()}


def _call(energy: np.ndarray, mu: np.ndarray, absorber: str) -> float:
    begin = time.process_time()
    predict(energy, mu, absorber=absorber)
    return 1000 * (time.process_time() - begin)


def _shell(files: list[str]) -> float:
    """Run the command in a process of its own; user and system time."""
    command = [str(Path(sys.executable).with_name("exafscn")), "predict", *files]
    own = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    nowhere = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd="/", env=own, stdout=nowhere, stderr=nowhere)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return 1000 * (usage.ru_utime + usage.ru_stime)


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
