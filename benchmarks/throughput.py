"""How much a campaign costs beyond FEFF itself.

Runs a campaign up to its features with `exafscn run`, in a database of its own, and compares its
wall time with FEFF's own processor time divided by the number of cores. Run it on an idle machine:

    python benchmarks/throughput.py --sites 600 --json throughput.json

Crystals come from the minerals that are installed, or with --structures from a folder or zip.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import psutil

from exafscn_flows.store.embedded import EmbeddedServer

ABSORBERS = ["Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn"]
SITES_PER_STRUCTURE = 1.6
"""Mean over both sources, with at most two sites per element; a few more are drawn."""


class Watch(threading.Thread):
    """Samples memory and processor time of all processes of the campaign."""

    def __init__(self, main: psutil.Process, server: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.ended = threading.Event()
        self.peak_mb: dict[str, float] = defaultdict(float)
        self.own_s: dict[int, float] = {}
        self._roots = (main, server)
        self._names: dict[int, str] = {}

    def run(self) -> None:
        while not self.ended.wait(0.5):
            main, server = self._roots
            try:
                workers = main.children()
            except psutil.NoSuchProcess:
                return
            for process, role in ((main, "main"), (server, "mongod"), *((w, "") for w in workers)):
                self._sample(process, role)

    def _sample(self, process: psutil.Process, role: str) -> None:
        try:
            times, memory = process.cpu_times(), process.memory_info().rss
        except psutil.NoSuchProcess:
            return
        if not role and process.pid not in self._names:
            self._names[process.pid] = f"process {len(self._names) + 1}"
        name = role or self._names[process.pid]
        self.peak_mb[name] = max(self.peak_mb[name], memory / 1e6)
        self.own_s[process.pid] = times.user + times.system


def main() -> None:
    """Run the benchmark and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sites", type=int, default=600, help="least number of sites")
    parser.add_argument("--structures", type=Path, help="folder or zip of crystals")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the result to this file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="exafscn-bench-") as folder:
        result = run(Path(folder), arguments)
    for name, value in result.items():
        if isinstance(value, dict):
            for part, number in value.items():
                print(f"{name + ': ' + part:<28}{number:>10.1f}")
        else:
            print(f"{name:<28}{value:>10.3f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2))


def run(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run one campaign in a folder; returns times in seconds and memory in MB."""
    source: dict[str, Any] = {"kind": "amcsd"}
    if arguments.structures:
        source = {"kind": "files", "path": str(arguments.structures.resolve())}
    campaign = {
        "campaign": "throughput",
        "absorbers": ABSORBERS,
        "sources": [source],
        "sample": {
            "structures": round(arguments.sites / SITES_PER_STRUCTURE),
            "seed": arguments.seed,
        },
        "sites": {"max_per_absorber": 2},
        "models": [],
    }
    file = folder / "campaign.yaml"
    file.write_text(json.dumps(campaign))  # JSON is YAML
    server = EmbeddedServer(folder)
    uri = server.start()
    environment = {**os.environ, "EXAFSCN_MONGODB_URI": uri}
    try:
        started = time.perf_counter()
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("exafscn")), "run", str(file)], env=environment
        )
        watch = Watch(psutil.Process(process.pid), psutil.Process(server.status().pid))
        watch.start()
        if process.wait() != 0:
            sys.exit("the campaign failed")
        wall_s = time.perf_counter() - started
        watch.ended.set()
        watch.join()
        os.environ["EXAFSCN_MONGODB_URI"] = uri
        return summary(wall_s, watch)
    finally:
        server.stop()


def summary(wall_s: float, watch: Watch) -> dict[str, Any]:
    """Compare wall time with FEFF's own time."""
    from exafscn_flows.settings import Settings
    from exafscn_flows.store.documents import FailureDoc, SpectrumDoc
    from exafscn_flows.store.store import Store

    store = Store.open()
    total = {"$group": {"_id": None, "seconds": {"$sum": "$seconds"}}}
    (group,) = store.aggregate(SpectrumDoc, [total])
    cores = Settings().CORES
    feff_s = group["seconds"]
    return {
        "sites": store.count(SpectrumDoc, {}),
        "failures": store.count(FailureDoc, {}),
        "cores": cores,
        "wall_s": wall_s,
        "feff_s": feff_s,
        "ratio": wall_s / (feff_s / cores),
        "processor seconds": {
            "FEFF": feff_s,
            "everything else": sum(watch.own_s.values()),
        },
        "peak memory MB": dict(watch.peak_mb),
    }


if __name__ == "__main__":
    main()
