"""How much a campaign costs beyond FEFF itself.

Runs a campaign up to its features with `exafscn run`, in a database of its own, and compares its
wall time with FEFF's own processor time divided by the number of cores. Run it on an idle machine:

    python benchmarks/throughput.py --sites 600 --json throughput.json

Crystals come from the minerals that are installed, or with --structures from a folder or zip.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from inputs import ABSORBERS
from rich.console import Console
from rich.table import Table
from stage_costs import stage_costs

from exafscn_flows.settings import Settings
from exafscn_flows.store.documents import FailureDoc, SiteDoc, SpectrumDoc, StructureDoc
from exafscn_flows.store.embedded import EmbeddedServer
from exafscn_flows.store.store import Store

CAMPAIGN = "throughput"

SITES_PER_STRUCTURE = 1.6
"""Mean over both sources, with at most two sites per element; a few more are drawn."""


class Watch(threading.Thread):
    """Samples memory and processor time of all processes of the campaign.

    Parameters
    ----------
    main
        Process of `exafscn run`.
    server
        The database.
    """

    def __init__(self, main: psutil.Process, server: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.ended = threading.Event()
        self.peak_mb: dict[str, float] = defaultdict(float)
        self._main, self._server = main, server
        self._server_began = _seconds(server)
        self._names = {main.pid: "main", server.pid: "mongod"}

    def run(self) -> None:
        # Every look takes some milliseconds of the time that is measured here.
        while not self.ended.wait(2.0):
            with suppress(psutil.NoSuchProcess):
                for process in (self._main, self._server, *self._main.children(recursive=True)):
                    self._look(process)

    def _look(self, process: psutil.Process) -> None:
        with suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            status = Path(f"/proc/{process.pid}/status").read_text()
            if match := re.search(r"VmHWM:\s+(\d+) kB", status):
                name = self._role(process)
                self.peak_mb[name] = max(self.peak_mb[name], int(match[1]) / 1e3)

    def _role(self, process: psutil.Process) -> str:
        if process.pid not in self._names:
            program = process.name()
            if program.startswith("feff8l"):
                return program
            words = " ".join(process.cmdline())
            number = sum(name.startswith("worker") for name in self._names.values()) + 1
            name = f"worker {number}"
            if process.ppid() == self._main.pid:
                name = "resource tracker" if "resource_tracker" in words else "fork server"
            self._names[process.pid] = name
        return self._names[process.pid]

    def server_seconds(self) -> float:
        """Return the processor seconds that the database took."""
        return _seconds(self._server) - self._server_began


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def main() -> None:
    """Run the benchmark and print tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sites", type=int, default=600, help="least number of sites")
    parser.add_argument("--structures", type=Path, help="folder or zip of crystals")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the result to this file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="exafscn-bench-") as folder:
        result = run(Path(folder), arguments)
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2))


def run(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run one campaign in a folder; returns times in seconds and memory in MB."""
    file = folder / "campaign.yaml"
    file.write_text(json.dumps(settings(arguments)))  # JSON is YAML
    server = EmbeddedServer(folder)
    os.environ["EXAFSCN_MONGODB_URI"] = server.start()
    try:
        process = psutil.Process(server.status().pid)
        began, started = datetime.now(UTC), time.perf_counter()
        campaign = subprocess.Popen(
            [str(Path(sys.executable).with_name("exafscn")), "run", str(file)]
        )
        watch = Watch(psutil.Process(campaign.pid), process)
        watch.start()
        # The processor time of it and of all that it waited for: workers, and what they ran.
        _, status, usage = os.wait4(campaign.pid, 0)
        wall_s, ended = time.perf_counter() - started, datetime.now(UTC)
        campaign.returncode = os.waitstatus_to_exitcode(status)
        watch.ended.set()
        if campaign.returncode != 0:
            sys.exit("the campaign failed")
        server_s = watch.server_seconds()
        watch.join()
        return summary((began, ended), wall_s, usage.ru_utime + usage.ru_stime, server_s, watch)
    finally:
        server.stop()


def settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the content of the campaign file."""
    source: dict[str, Any] = {"kind": "amcsd"}
    if arguments.structures:
        source = {"kind": "files", "path": str(arguments.structures.resolve())}
    n_structures = round(arguments.sites / SITES_PER_STRUCTURE)
    return {
        "campaign": CAMPAIGN,
        "absorbers": ABSORBERS,
        "sources": [source],
        "sample": {"structures": n_structures, "seed": arguments.seed},
        "sites": {"max_per_absorber": 2},
        "models": [],
    }


def summary(
    times: tuple[datetime, datetime], wall_s: float, all_s: float, server_s: float, watch: Watch
) -> dict[str, Any]:
    """Compare wall time with FEFF's own time, and say where the rest went.

    Parameters
    ----------
    times
        When the campaign began and ended.
    wall_s
        Seconds between them.
    all_s
        Processor seconds of the campaign's processes, FEFF included.
    server_s
        Processor seconds of the database.
    watch
        What was seen meanwhile.
    """
    store, cores = Store.open(), Settings().CORES
    total = {"$group": {"_id": None, "seconds": {"$sum": "$seconds"}}}
    (group,) = store.aggregate(SpectrumDoc, [total])
    feff_s = group["seconds"]
    costs = stage_costs(store, store.config(CAMPAIGN), Settings().SCRATCH_DIR, seed=0)
    rest = all_s - feff_s - sum(costs.values())
    idle = wall_s * cores - all_s - server_s
    return {
        "sites": store.count(SiteDoc, {"active": True}),
        "spectra": store.count(SpectrumDoc, {}),
        "failures": store.count(FailureDoc, {}),
        "cores": cores,
        "wall_s": wall_s,
        "feff_s": feff_s,
        "ratio": wall_s / (feff_s / cores),
        "processor_s": {
            "FEFF": feff_s,
            **costs,
            "database server": server_s,
            "start-up, tasks, documents": rest,
            "idle": idle,
        },
        "phases_s": phases(store, *times),
        "peak_mb": dict(sorted(watch.peak_mb.items())),
    }


def phases(store: Store, began: datetime, ended: datetime) -> dict[str, float]:
    """Return how long what took, from the times at which documents were made."""

    def first_and_last(kind: type[StructureDoc] | type[SpectrumDoc]) -> tuple[datetime, datetime]:
        seconds = {"$multiply": ["$seconds", 1000]} if kind is SpectrumDoc else 0
        first = {"$min": {"$subtract": ["$created_at", seconds]}}
        group = {"_id": None, "first": first, "last": {"$max": "$created_at"}}
        (found,) = store.aggregate(kind, [{"$group": group}])
        return found["first"], found["last"]

    read, spectra = first_and_last(StructureDoc), first_and_last(SpectrumDoc)
    points = (began, *read, *spectra, ended)
    names = ("start", "reading", "planning, imports", "spectra", "end")
    return {name: (points[n + 1] - points[n]).total_seconds() for n, name in enumerate(names)}


def show(result: dict[str, Any]) -> None:
    """Print tables."""
    console = Console()
    for name in ("sites", "spectra", "failures", "cores", "wall_s", "feff_s", "ratio"):
        console.print(f"{name:<10}{result[name]:>12.3f}", highlight=False)
    titles = {
        "processor_s": "processor seconds (stages: from a sample)",
        "phases_s": "wall seconds",
        "peak_mb": "peak memory, MB",
    }
    for name, title in titles.items():
        table = Table("", title, title_justify="left")
        table.columns[1].justify = "right"
        for part, number in result[name].items():
            table.add_row(part, f"{number:.1f}")
        console.print(table)


if __name__ == "__main__":
    main()
