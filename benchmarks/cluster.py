"""What it costs to share a campaign out among rockets of FireWorks, or workers of Dask.

Computes the same sites, up to their features, again and again: by `exafscn submit` and
`exafscn launch` with 1, 2 and 4 rockets at once, which share the cores of this machine, and by
`exafscn run` with 1 and 2 workers of a Dask scheduler, of one core each. Each time in a database
of its own. Run it on an idle machine:

    python benchmarks/cluster.py --sites 200 --json cluster.json

Efficiency is FEFF's own processor time over the time that the cores had, from the first command to
the end of the last one: reading structures, labels, features and start-up count as losses. A site
that was computed twice would have been written twice, and the server counts what it replaces.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from distributed import Client
from inputs import CIFS, require
from rich.console import Console
from rich.table import Table
from throughput import settings

from exafscn_flows.settings import Settings
from exafscn_flows.store.documents import FailureDoc, SiteDoc, SpectrumDoc
from exafscn_flows.store.embedded import EmbeddedServer
from exafscn_flows.store.store import Store

PROGRAMS = Path(sys.executable).parent
ROCKETS = (1, 2, 4)
WORKERS = (1, 2)
START_SECONDS = 120
"""Longest wait for workers of Dask, which are ready before the clock is started."""


def main() -> None:
    """Run the benchmark and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sites", type=int, default=200, help="about so many sites")
    parser.add_argument("--structures", type=Path, default=CIFS, help="zip of crystal structures")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sample")
    parser.add_argument("--rockets", type=int, nargs="*", default=ROCKETS, help="rockets at once")
    parser.add_argument("--workers", type=int, nargs="*", default=WORKERS, help="workers of Dask")
    parser.add_argument("--json", type=Path, help="write the result to this file")
    arguments = parser.parse_args()
    require(arguments.structures, "--structures")
    for name in ("EXAFSCN_DASK", "EXAFSCN_DEADLINE"):
        os.environ.pop(name, None)
    results: list[dict[str, Any]] = []

    def record(result: dict[str, Any]) -> None:
        # What has been measured is there, whatever ends the rest.
        results.append(result)
        if arguments.json:
            arguments.json.write_text(json.dumps(results, indent=2))

    with tempfile.TemporaryDirectory(prefix="exafscn-bench-") as name:
        folder = Path(name)
        file = folder / "campaign.yaml"
        file.write_text(json.dumps(settings(arguments)))  # JSON is YAML
        server = EmbeddedServer(folder)
        base = server.start().partition("?")[0].rpartition("/")[0]
        try:
            for n in arguments.rockets:
                os.environ["EXAFSCN_MONGODB_URI"] = f"{base}/rockets-{n}"
                record(run_rockets(file, n))
            for n in arguments.workers:
                os.environ["EXAFSCN_MONGODB_URI"] = f"{base}/workers-{n}"
                record(run_workers(file, n))
        finally:
            server.stop()
    show(results)


def run_rockets(file: Path, n: int) -> dict[str, Any]:
    """Run the campaign on FireWorks, so many rockets at once."""
    began = time.perf_counter()
    _exafscn("submit", str(file))
    _exafscn("launch", "--parallel", str(n))
    wall_s = time.perf_counter() - began
    return {"by": f"FireWorks, rockets: {n}", **summary(wall_s, Settings().CORES)}


def run_workers(file: Path, n: int) -> dict[str, Any]:
    """Run the campaign on so many workers of Dask."""
    with workers(file.parent, n) as scheduler:
        began = time.perf_counter()
        _exafscn("run", str(file), EXAFSCN_DASK=str(scheduler))
        wall_s = time.perf_counter() - began
    return {"by": f"Dask, workers: {n}", **summary(wall_s, n)}


@contextmanager
def workers(folder: Path, n: int) -> Iterator[Path]:
    """Start a scheduler and its workers, as docs/cluster.md does; yields the scheduler file."""
    file = folder / f"scheduler-{n}.json"
    place = ["--scheduler-file", str(file), "--no-dashboard"]
    local = ["--nthreads", "1", "--nworkers", str(n), "--local-directory", str(folder)]
    commands = [["scheduler", "--host", "127.0.0.1", "--port", "0", *place]]
    commands += [["worker", *place, *local]]
    with ExitStack() as stack:
        for command in commands:
            dask = [str(PROGRAMS / "dask"), *command]
            process = stack.enter_context(subprocess.Popen(dask, stderr=subprocess.DEVNULL))
            stack.callback(process.terminate)
        while not file.exists():
            time.sleep(0.1)
        with Client(scheduler_file=str(file)) as client:
            client.wait_for_workers(n, timeout=START_SECONDS)
        yield file


def summary(wall_s: float, cores: int) -> dict[str, Any]:
    """Compare the wall time, seconds, with FEFF's own time on so many cores."""
    store = Store.open()
    total = {"$group": {"_id": None, "seconds": {"$sum": "$seconds"}}}
    (group,) = store.aggregate(SpectrumDoc, [total])
    name = f"{store.database.name}.{SpectrumDoc.collection}"
    operations = store.database.client.admin.command("top")["totals"][name]
    return {
        "cores": cores,
        "sites": store.count(SiteDoc, {"active": True}),
        "spectra": store.count(SpectrumDoc, {}),
        "failed": store.count(FailureDoc, {}),
        "written_twice": operations["update"]["count"],
        "wall_s": wall_s,
        "feff_s": group["seconds"],
        "efficiency": group["seconds"] / (wall_s * cores),
    }


def show(results: list[dict[str, Any]]) -> None:
    """Print a table."""
    table = Table(caption="twice: spectra that were written a second time")
    table.add_column("by")
    names = ("cores", "sites", "spectra", "failed", "twice", "wall, s", "FEFF, s", "%")
    for name in names:
        table.add_column(name, justify="right")
    for result in results:
        by, *counts, wall_s, feff_s, efficiency = result.values()
        times = f"{wall_s:.0f}", f"{feff_s:.0f}", f"{100 * efficiency:.1f}"
        table.add_row(by, *map(str, counts), *times)
    Console().print(table)


def _exafscn(*arguments: str, **environment: str) -> None:
    command = [str(PROGRAMS / "exafscn"), *arguments]
    done = subprocess.run(command, env={**os.environ, **environment}, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with exit code {done.returncode}")


if __name__ == "__main__":
    main()
