"""What targets make of crystals: which sites have a label, by what, and how long it takes.

A sample of the structures of a zip of CIFs, or of the minerals of ``amcsd``, is read, reduced and
labelled as a campaign would do it:

    python benchmarks/targets.py --structures 300 --json benchmarks/results/targets.json
    python benchmarks/targets.py --amcsd
"""

import argparse
import json
import random
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from inputs import ABSORBERS, CIFS, require
from provenance import provenance
from rich.console import Console
from rich.progress import track
from rich.table import Table

from exafscn_flows.crystal import ReducedStructure, absorbing_sites, reduce_structure
from exafscn_flows.errors import ItemFailure
from exafscn_flows.sources import AmcsdSource, FilesSource
from exafscn_flows.sources.base import LocalSource
from exafscn_flows.targets import TARGETS, Environment, TargetModel
from exafscn_flows.targets.formula_state import guessed_state
from exafscn_flows.targets.surroundings import Surroundings

SYMPREC = 0.01
ALL: list[TargetModel] = [
    *(target() for target in TARGETS),  # type: ignore[call-arg]
    Environment(geometry="reduced"),  # type: ignore[call-arg]
]


class Tally:
    """What one target did."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.values: Counter[str] = Counter()
        self.seconds: list[tuple[float, str]] = []

    def summary(self) -> dict[str, Any]:
        """Return counts, and times in ms; the first site of a structure pays for all of it."""
        slowest, where = max(self.seconds)
        return {
            "sites": len(self.seconds),
            "outcomes": dict(self.outcomes.most_common()),
            "ms a site": round(1000 * sum(s for s, _ in self.seconds) / len(self.seconds), 2),
            "slowest, ms": round(1000 * slowest, 1),
            "slowest site": where,
            "values": dict(self.values.most_common(40)),
        }


def tally(reduced: ReducedStructure, name: str, tallies: dict[str, Tally]) -> Counter[str]:
    """Label all sites of a structure; returns how often formula and bonds give the same state."""
    surroundings = Surroundings(reduced.structure)
    compared: Counter[str] = Counter()
    for element in ABSORBERS:
        guess = None
        if element in reduced.elements and len(reduced.elements) > 1:
            guess = guessed_state(reduced.structure, element)
        for site in absorbing_sites(reduced, element):
            for target in ALL:
                start = time.perf_counter()
                try:
                    label = target.label_site(surroundings, site.site_index)
                except ItemFailure as failure:
                    outcome = f"left out: {_reason(failure)}"
                else:
                    outcome = f"labelled by {label.details.get('method', 'CrystalNN')}"
                    if target.task == "classes":
                        tallies[target.name].values[str(label.value)] += 1
                    if guess is not None and label.details.get("method") == "bond_valence":
                        compared["agree" if label.value == guess else "differ"] += 1
                elapsed = time.perf_counter() - start
                tallies[target.name].outcomes[outcome] += 1
                tallies[target.name].seconds.append((elapsed, f"{name}:{element}"))
    return compared


def _reason(failure: ItemFailure) -> str:
    if failure.kind != "no_oxidation_state":
        return failure.kind
    why = failure.message.partition("sure: ")[2]
    for part in (
        "bonded to",
        "leave a doubt",
        "would be",
        "not those of",
        "fit no neutral cell",
        "H is missing",
        "molecules",
    ):
        if part in why:
            return f"{failure.kind}, {part}"
    return f"{failure.kind}, {why}"


def measure(source: LocalSource, n_structures: int, seed: int) -> dict[str, Any]:
    """Label a sample of a source."""
    entries = [e for e in source.entries() if e.elements is None or e.elements & set(ABSORBERS)]
    entries.sort(key=lambda entry: entry.material_id)
    sample = random.Random(seed).sample(entries, min(n_structures, len(entries)))
    tallies: dict[str, Tally] = defaultdict(Tally)
    compared: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for entry in track(sample, "targets"):
        try:
            structure = source.load(entry.locator or entry.material_id)
            reduced = reduce_structure(structure, SYMPREC)
        except ItemFailure as failure:
            refused[failure.kind] += 1
            continue
        compared += tally(reduced, entry.material_id, tallies)
    return {
        "structures": len(sample),
        "refused": dict(refused),
        "bond valence and a formula with one possible state": dict(compared),
        "targets": {name: found.summary() for name, found in tallies.items()},
    }


def show(result: dict[str, Any]) -> None:
    """Print the result as tables."""
    console = Console(width=110, emoji=False, highlight=False)
    for name, found in result["targets"].items():
        table = Table(name, "sites", "%")
        for outcome, count in found["outcomes"].items():
            table.add_row(outcome, str(count), f"{100 * count / found['sites']:.1f}")
        table.add_row("ms a site", str(found["ms a site"]), "")
        table.add_row(f"slowest, ms ({found['slowest site']})", str(found["slowest, ms"]), "")
        console.print(table)
    for name in ("structures", "refused", "bond valence and a formula with one possible state"):
        console.print(f"{name}: {result[name]}")


def main() -> None:
    """Run the benchmark and print tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--structures", type=int, default=300, help="size of the sample")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sample")
    parser.add_argument("--cifs", type=Path, default=CIFS, help="folder or zip of CIFs")
    parser.add_argument("--amcsd", action="store_true", help="minerals of amcsd instead")
    parser.add_argument("--json", type=Path, help="write the result to this file")
    arguments = parser.parse_args()
    if arguments.amcsd:
        source: LocalSource = AmcsdSource(kind="amcsd")
    else:
        source = FilesSource(kind="files", path=str(require(arguments.cifs, "--cifs")))
    result = {
        "source": "amcsd" if arguments.amcsd else arguments.cifs.name,
        **measure(source, arguments.structures, arguments.seed),
    }
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(provenance() | result, indent=1) + "\n")


if __name__ == "__main__":
    main()
