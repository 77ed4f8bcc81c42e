"""What is read of crystals, and how it is labelled, beside what an earlier version made of them.

Every mineral of ``amcsd`` that holds one of the absorbers, or every CIF of a folder or zip, is
read, reduced and labelled as a campaign would do it. Run it on an earlier checkout, keep its JSON,
and compare:

    python benchmarks/structures_read.py --json before.json
    python benchmarks/structures_read.py --before before.json --json after.json
    python benchmarks/structures_read.py --cifs cifs.zip --before before.json
"""

import argparse
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

from inputs import ABSORBERS
from rich.console import Console
from rich.progress import track
from rich.table import Table

from exafscn_flows.crystal import absorbing_sites, reduce_structure
from exafscn_flows.errors import ItemFailure
from exafscn_flows.sources import AmcsdSource, FilesSource
from exafscn_flows.sources.base import Entry, LocalSource
from exafscn_flows.targets.crystal_nn import coordination

SYMPREC = 0.01


def label(source: LocalSource, entry: Entry) -> tuple[dict[str, Any], float]:
    """Read one structure and label its sites.

    Returns
    -------
    dict
        Formula and CNs by site, those of one element in the order of the primitive cell; or kind
        and message of the failure.
    float
        Time to read the structure, s.
    """
    start = time.perf_counter()
    try:
        structure = source.load(entry.locator or entry.material_id)
    except ItemFailure as failure:
        return _failed(failure), time.perf_counter() - start
    elapsed = time.perf_counter() - start
    try:
        reduced = reduce_structure(structure, SYMPREC)
    except ItemFailure as failure:
        return _failed(failure), elapsed
    labels: dict[str, int | str] = {}
    for element in ABSORBERS:
        for site in absorbing_sites(reduced, element):
            try:
                found: int | str = coordination(reduced.structure, site.site_index).cn
            except ItemFailure as failure:
                found = failure.kind
            labels[f"{element}:{site.site_index}"] = found
    return {"formula": reduced.formula, "labels": labels}, elapsed


def _failed(failure: ItemFailure) -> dict[str, Any]:
    return {"kind": failure.kind, "message": failure.message}


def compare(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """List what is refused now and was not, the other way round, and what is labelled otherwise."""
    both = [(name, before[name], after[name]) for name in after if name in before]
    return {
        "compared": len(both),
        "newly refused": {
            name: new["message"] for name, old, new in both if "kind" in new and "kind" not in old
        },
        "refused no more": {
            name: old["message"] for name, old, new in both if "kind" in old and "kind" not in new
        },
        "refused otherwise": {
            name: [old["message"], new["message"]]
            for name, old, new in both
            if "kind" in old and "kind" in new and old != new
        },
        "labelled otherwise": {
            name: [old, new]
            for name, old, new in both
            if "kind" not in old and "kind" not in new and old != new
        },
    }


def show(result: dict[str, Any]) -> None:
    """Print the result as tables."""
    console = Console(width=110, emoji=False, highlight=False)
    table = Table("", "", title=result["source"])
    table.add_row("structures", str(result["structures"]))
    table.add_row("read", str(result["read"]))
    table.add_row("sites labelled", str(result["sites"]))
    for kind, count in result["refused"].items():
        table.add_row(f"refused: {kind}", str(count))
    table.add_row("time to read one, mean, ms", str(result["read_ms"]))
    for name, found in result.get("comparison", {}).items():
        table.add_row(name, str(found if isinstance(found, int) else len(found)))
    console.print(table)
    for name, found in result.get("comparison", {}).items():
        for item, cause in found.items() if isinstance(found, dict) else ():
            console.print(f"{name}: {item}: {cause}", soft_wrap=True)


def main() -> None:
    """Run the benchmark and print tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cifs", type=Path, help="folder or zip of CIFs, instead of amcsd")
    parser.add_argument("--before", type=Path, help="JSON that an earlier version has written")
    parser.add_argument("--json", type=Path, help="write the result to this file")
    arguments = parser.parse_args()
    source: LocalSource = AmcsdSource(kind="amcsd")
    if arguments.cifs:
        source = FilesSource(kind="files", path=str(arguments.cifs))
    entries = [e for e in source.entries() if e.elements is None or e.elements & set(ABSORBERS)]
    records: dict[str, Any] = {}
    seconds = 0.0
    for entry in track(entries, "structures"):
        records[entry.material_id], elapsed = label(source, entry)
        seconds += elapsed
    read = [record for record in records.values() if "kind" not in record]
    result: dict[str, Any] = {
        "source": arguments.cifs.name if arguments.cifs else "amcsd",
        "structures": len(records),
        "read": len(read),
        "sites": sum(len(record["labels"]) for record in read),
        "refused": dict(Counter(r["kind"] for r in records.values() if "kind" in r)),
        "read_ms": round(1000 * seconds / max(len(records), 1), 2),
    }
    if arguments.before:
        result["comparison"] = compare(json.loads(arguments.before.read_text())["records"], records)
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps({**result, "records": records}, indent=1))


if __name__ == "__main__":
    main()
