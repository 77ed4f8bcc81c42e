"""Time left that `exafscn run` shows, against the truth.

Runs a campaign of some hundred sites of very different size by the command itself, with one core
kept busy by something else, and asks the forecast of the run, as bar and log do, what is left at
20, 40, 60 and 80 % of the time. Also measures what a site costs: processor seconds, bytes in the
database, memory of each process; and from these, by multiplication, what 100,000 sites would.
"""

import argparse
import json
import multiprocessing
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
from provenance import provenance
from runs import database

PARTS = (0.2, 0.4, 0.6, 0.8)
MANY = 100_000
CAMPAIGN = """\
campaign: progress
absorbers: [Mn, Fe, Cu]
sources: [{{kind: amcsd}}]
filters: {{max_atoms: 150}}
sample: {{per_absorber: {per_absorber}, seed: 5}}
sites: {{max_per_absorber: 2}}
spectra: {{kind: feff, cards: {cards}, time_limit: 300}}
features: {{sets: [{{kind: r_space, input: chi}}]}}
models: [{{kind: random_forest, n_estimators: 300}}]
"""


def busy() -> None:
    """Keep a core busy."""
    while True:
        pass


class Shown:
    """Asks every half second what is left, and what memory the processes of this one take."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, float | None]] = []
        self.peaks: dict[str, float] = {}
        self.began = time.monotonic()
        self.forecast: Any = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        looks = 0
        while not self._stop.wait(0.5):
            if self.forecast is not None:
                left = self.forecast.seconds_left()
                self.seen.append((time.monotonic() - self.began, left))
            looks += 1
            if looks % 10 == 1:
                self._weigh()

    def _weigh(self) -> None:
        for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
            try:
                size = process.memory_full_info().pss / 2**20
                name = kind_of(process)
            except psutil.Error:
                continue
            self.peaks[name] = max(self.peaks.get(name, 0.0), size)

    def end(self) -> float:
        """Stop; returns the seconds that it has lasted."""
        self._stop.set()
        self._thread.join()
        return time.monotonic() - self.began


def kind_of(process: psutil.Process) -> str:
    """Say what a process does."""
    name = process.name()
    if name.startswith("feff8l"):
        return "a program of FEFF"
    if process.pid == os.getpid():
        return "exafscn run"
    return "mongod" if name == "mongod" else "a worker" if "python" in name else name


def table(shown: Shown, seconds: float) -> list[dict[str, float | None]]:
    """List what was shown at each part of the time, beside the truth."""
    rows: list[dict[str, float | None]] = []
    for part in PARTS:
        at, left = next(one for one in shown.seen if one[0] >= part * seconds)
        truth = seconds - at
        error = None if left is None else 100 * (left - truth) / truth
        rows.append({"part": part, "shown": left, "truth": truth, "error_percent": error})
    return rows


def costs() -> dict[str, Any]:
    """Measure what a site has cost: processor seconds, documents and bytes of the database."""
    from exafscn_flows.store.store import Store

    store = Store.open()
    raw = store.database
    n_sites = raw.sites.count_documents({"active": True})
    spectra = list(raw.spectra.find({}, {"seconds": 1}))
    stats = [raw.command("collStats", name) for name in raw.list_collection_names()]
    kept = {one["ns"].split(".", 1)[1]: one["size"] for one in stats if one["size"]}
    return {
        "sites": n_sites,
        "feff_seconds_per_site": sum(one["seconds"] for one in spectra) / len(spectra),
        "bytes_per_site": sum(kept.values()) / n_sites,
        "index_bytes_per_site": sum(one["totalIndexSize"] for one in stats) / n_sites,
        "bytes_by_collection": kept,
    }


def main() -> None:
    """Run the campaign, print the tables, and write them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--per-absorber", type=int, default=75)
    parser.add_argument("--cards", default="{RPATH: 8, NLEG: 4}")
    parser.add_argument("--idle", action="store_true", help="leave the other core alone")
    arguments = parser.parse_args()
    with database(None) as folder:
        file = folder / "progress.yaml"
        file.write_text(CAMPAIGN.format(per_absorber=arguments.per_absorber, cards=arguments.cards))
        other = multiprocessing.get_context("spawn").Process(target=busy, daemon=True)
        if not arguments.idle:
            other.start()
        from exafscn_flows.jobs.forecast import Forecast
        from launcher import progress
        from launcher.run import run_campaign

        shown = Shown()

        class Told(Forecast):
            """That of the run, known to who looks at it."""

            def __init__(self) -> None:
                super().__init__()
                shown.forecast = self

        progress.Forecast = Told  # type: ignore[misc]
        before = os.times()
        run_campaign(file, retry_failed=False, dry_run=False, yes=True)
        seconds = shown.end()
        if not arguments.idle:
            other.terminate()
        spent = sum(os.times()[:4]) - sum(before[:4])
        found = costs()
    rows = table(shown, seconds)
    print(
        f"\n{found['sites']} sites, {seconds:.0f} s, one core busy elsewhere: {not arguments.idle}"
    )
    for row in rows:
        left = "not known yet" if row["shown"] is None else f"{row['shown']:.0f} s"
        error = "" if row["error_percent"] is None else f"{row['error_percent']:+.0f} %"
        print(f"{100 * row['part']:3.0f} %: shown {left}, truth {row['truth']:.0f} s {error}")
    for name, size in sorted(shown.peaks.items()):
        print(f"{name}: {size:.0f} MB at most")
    each = found["feff_seconds_per_site"]
    size = found["bytes_per_site"] + found["index_bytes_per_site"]
    print(
        f"{each:.2f} s of FEFF and {size / 1024:.1f} kB a site; {MANY:,} sites: "
        f"{MANY * each / 3600:.0f} core hours, {MANY * size / 2**30:.1f} GB"
    )
    if arguments.json:
        made = {
            "provenance": provenance(),
            "seconds": seconds,
            "processor_seconds": spent,
            "one_core_busy_elsewhere": not arguments.idle,
            "load_average": os.getloadavg(),
            "shown": rows,
            "peak_mb": shown.peaks,
            "costs": found,
        }
        arguments.json.write_text(json.dumps(made, indent=2) + "\n")
    sys.exit(any(row["error_percent"] is None or abs(row["error_percent"]) > 25 for row in rows))


if __name__ == "__main__":
    main()
