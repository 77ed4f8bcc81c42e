"""A campaign on structures of the Materials Project, interrupted once, and checked site by site.

Runs it with `exafscn run` in a database of its own, sends Ctrl-C in the middle, runs it again to
its end, and compares every label and spectrum with those that others computed for the same sites:

    python benchmarks/campaign.py --structures 2500 --data-dir /tmp/campaign --json campaign.json
    python benchmarks/campaign.py --data-dir /tmp/campaign --compare-only
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from comparison import SAME_CELL, Comparison, Pair, compare, deviation
from inputs import ABSORBERS, CIFS, SITES, require
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from exafscn_flows.settings import Settings
from exafscn_flows.store.documents import FailureDoc, SiteDoc, SpectrumDoc
from exafscn_flows.store.embedded import EmbeddedServer
from exafscn_flows.store.store import Store

NAME = "campaign"
EXAFSCN = str(Path(sys.executable).with_name("exafscn"))
INTERRUPTED = 130
COUNTS = ("done", "failed", "pending", "blocked")
QUANTILES = {"median": 0.5, "p90": 0.9, "p99": 0.99, "worst": 1.0}
WORST = 12
"""Sites with the largest deviations that are named, and computed once more."""


def main() -> None:
    """Run the benchmark and print tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--structures", type=int, default=2500, help="size of the sample")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sample")
    parser.add_argument("--interrupt-at", type=float, default=0.4, help="fraction of the spectra")
    parser.add_argument("--cifs", type=Path, default=CIFS, help="zip of crystal structures")
    parser.add_argument("--reference", type=Path, default=SITES, help="parquet file of sites")
    parser.add_argument("--data-dir", type=Path, help="keep the database in this folder")
    parser.add_argument("--compare-only", action="store_true", help="the campaign is there already")
    parser.add_argument("--json", type=Path, help="write the result to this file")
    arguments = parser.parse_args()
    require(arguments.cifs, "--cifs")
    require(arguments.reference, "--reference")
    if arguments.compare_only and not arguments.data_dir:
        parser.error("--compare-only needs the --data-dir of an earlier run")
    with tempfile.TemporaryDirectory(prefix="exafscn-bench-") as temporary:
        folder = (arguments.data_dir or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        os.environ.pop("EXAFSCN_MONGODB_URI", None)
        os.environ["EXAFSCN_DATA_DIR"] = str(folder)
        try:
            result = {} if arguments.compare_only else run(folder, arguments)
            result |= check(arguments.reference)
        finally:
            EmbeddedServer(folder).stop()
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2))


def run(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the campaign in two parts; returns what they took, in seconds."""
    campaign = {
        "campaign": NAME,
        "absorbers": ABSORBERS,
        "targets": ["coordination_number", "bond_length"],
        "sources": [{"kind": "files", "path": str(arguments.cifs.resolve())}],
        "sample": {"structures": arguments.structures, "seed": arguments.seed},
        "sites": {"max_per_absorber": 2},
        "models": [],
    }
    file = folder / "campaign.yaml"
    file.write_text(json.dumps(campaign))  # JSON is YAML
    store = Store.open()
    if NAME in store.campaign_names():
        sys.exit(f"{folder} holds a campaign already: give another folder, or --compare-only")

    # In the background of a script it is ignored, and that is inherited.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    started = time.perf_counter()
    # A group of its own, as a terminal gives to what it starts: Ctrl-C reaches all of it.
    with subprocess.Popen([EXAFSCN, "run", str(file)], start_new_session=True) as process:
        try:
            while process.poll() is None and not _reached(store, arguments.interrupt_at):
                time.sleep(1)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
        interrupted = time.perf_counter()
        code = process.wait()
    ended = time.perf_counter()
    if code != INTERRUPTED:
        sys.exit(f"the first part ended with code {code}; an interruption ends with {INTERRUPTED}")
    kept = _written(store)

    resumed = time.perf_counter()
    code = subprocess.run([EXAFSCN, "run", str(file)], check=False).returncode
    if code != 0:
        sys.exit(f"the resumed campaign ended with code {code}")
    finished = time.perf_counter()
    written = _written(store)
    return {
        "structures": arguments.structures,
        "seed": arguments.seed,
        "cores": Settings().CORES,
        "wall_s until interrupted": interrupted - started,
        "wall_s to stop": ended - interrupted,
        "wall_s resumed": finished - resumed,
        "spectra when interrupted": len(kept),
        "of these computed again": sum(written.get(key) != at for key, at in kept.items()),
        "spectra at the end": len(written),
    }


def _reached(store: Store, fraction: float) -> bool:
    """Whether all sites are known, and this part of their spectra is there or has failed."""
    if NAME not in store.campaign_names() or store.campaign(NAME).plan_hash is None:
        return False
    sites = store.count(SiteDoc, {"campaign": NAME, "active": True})
    failed = store.count(FailureDoc, {"campaign": NAME, "stage": "spectra"})
    done = store.count(SpectrumDoc, {"campaign": NAME}) + failed
    return sites > 0 and done >= fraction * sites


def _written(store: Store) -> dict[str, Any]:
    """When each spectrum was written."""
    found = store.project(SpectrumDoc, {"campaign": NAME}, ["created_at"])
    return {raw["_id"]: raw["created_at"] for raw in found}


def check(reference: Path) -> dict[str, Any]:
    """Count what the campaign has, and compare its sites with the reference."""
    command = [EXAFSCN, "status", NAME, "--json"]
    status = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    stages: dict[str, dict[str, int]] = {}
    for count in status["counts"]:  # by absorber
        total = stages.setdefault(count["stage"], dict.fromkeys(COUNTS, 0))
        for name in COUNTS:
            total[name] += count[name]
    comparison = compare(Store.open(), NAME, reference)
    if not comparison.pairs:
        sys.exit(f"no site of the campaign is in {reference}")
    return {
        "stages": stages,
        "failures": status["failures"],
        **statistics(comparison),
    }


def statistics(comparison: Comparison) -> dict[str, Any]:
    """Reduce a comparison to figures and to the sites that stand out."""
    pairs = comparison.pairs
    labelled = [pair for pair in pairs if pair.label]
    alike = [pair for pair in labelled if pair.same_cn]
    measured = [pair for pair in pairs if pair.chi_k2 is not None]
    measured.sort(key=lambda pair: pair.chi_k2 or 0.0, reverse=True)
    groups = {
        "all": measured,
        "same cell": [pair for pair in measured if pair.shells < SAME_CELL],
        "same cell, no H": [
            p for p in measured if p.shells < SAME_CELL and "H" not in p.site.elements
        ],
        "same cell, with H": [
            p for p in measured if p.shells < SAME_CELL and "H" in p.site.elements
        ],
        "cells reduced otherwise": [pair for pair in measured if pair.shells >= SAME_CELL],
    }
    return {
        "sites compared": len(pairs),
        "of these in a cell reduced otherwise": sum(pair.shells >= SAME_CELL for pair in pairs),
        "labels compared": len(labelled),
        "same CN": len(alike),
        "same CN, other neighbours": sum(not _same_neighbours(pair) for pair in alike),
        "same CN, bonds differ by more than 0.01 Å": sum(
            (pair.bond_difference or 0.0) > 0.01 for pair in alike
        ),
        "not compared": dict(comparison.left_out),
        "deviations": {
            f"{weighting}, {name}": _quantiles([getattr(pair, attribute) for pair in group])
            for weighting, attribute in (("k² chi", "chi_k2"), ("chi", "chi"))
            for name, group in groups.items()
            if group
        },
        "largest deviations": [
            pair.as_dict() | {"chi_k2 in their cell": _in_their_cell(pair)}
            for pair in measured[:WORST]
        ],
        "other CN": [pair.as_dict() for pair in labelled if not pair.same_cn],
    }


def _same_neighbours(pair: Pair) -> bool:
    theirs: list[str] = pair.row["neighbours"]
    return pair.label is not None and pair.label.neighbours == {
        element: theirs.count(element) for element in theirs
    }


def _in_their_cell(pair: Pair) -> float:
    """Compute the deviation once more, with our FEFF input made from the reference's own cell.

    What is left is the input's; the rest of the deviation is the cell's: its atoms, and its
    orientation, by which FEFF's path finder chooses among paths that are equal.
    """
    from exafscn_flows.spectra.feff import compute_spectrum
    from exafscn_flows.spectra.settings import FeffSettings

    structure, index = pair.their_structure(), pair.row["site_index"]
    spectrum = compute_spectrum(structure, index, FeffSettings(), Settings().SCRATCH_DIR)
    return deviation(spectrum.k, spectrum.chi, pair.row, kweight=2)


def _quantiles(values: list[float]) -> dict[str, float]:
    levels = np.quantile(values, list(QUANTILES.values())).tolist()
    return {"sites": len(values), **dict(zip(QUANTILES, levels, strict=True))}


def show(result: dict[str, Any]) -> None:
    """Print the result as tables."""
    # Otherwise the V of mp-1:V:0 would become an emoji.
    console = Console(width=120, emoji=False, highlight=False)
    for name, value in result.items():
        if isinstance(value, int | float):
            console.print(
                f"{name:<50}{value:>10.1f}" if isinstance(value, float) else f"{name:<50}{value:>8}"
            )
    for why, count in result["not compared"].items():
        console.print(f"not compared, {why}: {count}")

    table = Table("stage", *COUNTS, title="stages")
    for stage, counts in result["stages"].items():
        table.add_row(stage, *(str(counts[name]) for name in COUNTS))
    console.print(table)
    table = Table("stage", "kind", "n", "example", "why", title="failures")
    for group in result["failures"]:
        cells = [str(group[name]) for name in ("stage", "kind", "count", "item", "message")]
        table.add_row(*map(escape, cells))
    console.print(table)

    table = Table("", "sites", *QUANTILES, title="relative deviation of chi(k), 3-12 1/Å, %")
    for name, values in result["deviations"].items():
        table.add_row(name, str(values["sites"]), *(_percent(values[q]) for q in QUANTILES))
    console.print(table)
    for title in ("largest deviations", "other CN"):
        console.print(_site_table(title, result[title]))


def _site_table(title: str, pairs: list[dict[str, Any]]) -> Table:
    table = Table(title=title)
    for column in ("site", "formula", "k² chi, %", "in their cell, %", "shells, Å", "CN", "theirs"):
        table.add_column(column, no_wrap=column == "site")
    table.add_column("our weights")
    for pair in pairs:
        weights = sorted((pair["cn_weights"] or {}).items(), key=lambda item: -item[1])[:2]
        table.add_row(
            pair["site"],
            pair["formula"],
            _percent(pair["chi_k2"]),
            _percent(pair.get("chi_k2 in their cell")),
            f"{pair['shells']:.4f}",
            str(pair["cn"]),
            str(pair["cn_theirs"]),
            " ".join(f"{cn}:{weight:.2f}" for cn, weight in weights),
        )
    return table


def _percent(fraction: float | None) -> str:
    return "" if fraction is None else f"{100 * fraction:.2f}"


if __name__ == "__main__":
    main()
