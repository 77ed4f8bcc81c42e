"""XANES by FEFF 10 beside spectra that others computed for the same sites with larger radii.

The stored ones are FEFF 9.9's (SCF 7, FMS 9, core hole by RPA). Each site is computed with the
defaults of `kind: feff10`. Both spectra are divided by their edge step, shifted on each other, and
compared where both are:

    python benchmarks/xanes_stored.py --sites 20 --cache xanes.jsonl --json xanes.json

What is in the cache is not computed again, so a run may be ended at any time and begun anew.
"""

import argparse
import json
import random
import tempfile
import time
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from inputs import require
from provenance import provenance
from pymatgen.core import Structure
from rich.console import Console
from rich.progress import track
from rich.table import Table
from stored_xanes import CIFS, COPPER, METALS, SIX, Stored, copper, metals, places

from exafscn_flows.errors import ItemFailure
from exafscn_flows.hashing import content_hash
from exafscn_flows.spectra import SpectraModel
from exafscn_flows.spectra.feff10_settings import Feff10Settings

LENGTH = 35.0
"""Compared are so many eV from the first energy of the stored spectra of an element."""
STEP = 0.25
SHIFTS = np.arange(-12, 12.01, 0.05)
MEANS = 300
"""Stored spectra of which the mean of an element is made."""
GOALS = {
    "median relative MSE": 0.15,
    "correlation": 0.99,
    "correlation, tenth percentile": 0.98,
    "offset, standard deviation, eV": 1.0,
    "median seconds": 15.0,
}


def structure_of(stored: Stored, archive: zipfile.ZipFile) -> tuple[Structure, int] | None:
    """Find structure and site; none where it is not sure which site is meant."""
    found, _ = places([stored], archive)
    if not found or found[0][1].sites > 1:
        return None
    return found[0][1].structure, found[0][1].site_index


def normalised(mu: np.ndarray) -> np.ndarray:
    """Divide by the edge step, the mean of the last third."""
    scaled: np.ndarray = mu / mu[-len(mu) // 3 :].mean()
    return scaled


def grids(pool: list[Stored]) -> dict[str, np.ndarray]:
    """Energies on which spectra of each element are compared, eV."""
    starts: dict[str, float] = defaultdict(float)
    for stored in pool:
        starts[stored.absorber] = max(starts[stored.absorber], float(stored.energy[0]))
    return {metal: start + np.arange(0, LENGTH - 4, STEP) for metal, start in starts.items()}


def element_means(pool: list[Stored], grid: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Mean of stored spectra of each element, normalised."""
    rng = random.Random(0)
    means = {}
    for metal, energies in grid.items():
        some = [stored for stored in pool if stored.absorber == metal]
        some = rng.sample(some, min(MEANS, len(some)))
        spectra = [normalised(np.interp(energies, s.energy, s.mu)) for s in some]
        means[metal] = np.mean(spectra, axis=0)
    return means


def compare(
    stored: Stored, ours: dict[str, Any], energies: np.ndarray, mean: np.ndarray
) -> dict[str, float]:
    """Shift our spectrum to where it fits best, and say how well."""
    theirs = normalised(np.interp(energies, stored.energy, stored.mu))
    energy, mu = np.array(ours["energy"]), np.array(ours["mu"])
    tried = []
    for shift in SHIFTS:
        if energy[0] + shift > energies[0] or energy[-1] + shift < energies[-1]:
            continue
        shifted = normalised(np.interp(energies, energy + shift, mu))
        tried.append((float(((shifted - theirs) ** 2).mean()), float(shift), shifted))
    mse, shift, best = min(tried, key=lambda one: one[0])
    return {
        "relative MSE": mse / float(((mean - theirs) ** 2).mean()),
        "correlation": float(np.corrcoef(best, theirs)[0, 1]),
        "offset, eV": shift,
        "seconds": ours["seconds"],
    }


def computed(
    stored: Stored, way: SpectraModel, archive: zipfile.ZipFile, scratch: Path
) -> dict[str, Any] | None:
    """Compute one site; none where it is not sure which site is meant."""
    begun = time.monotonic()
    try:
        found = structure_of(stored, archive)
        if found is None:
            return None
        spectrum = way.compute(*found, scratch)
    except ItemFailure as failure:
        return {"failure": failure.kind, "message": failure.message}
    return {
        "energy": (spectrum.e0 + spectrum.energy_rel).round(4).tolist(),
        "mu": spectrum.mu.tolist(),
        "seconds": spectrum.seconds,
        "wall": time.monotonic() - begun,
        "cards": spectrum.cards,
    }


def results(
    pool: list[Stored], count: int, seed: int, cache: Path, archive: zipfile.ZipFile
) -> Iterator[tuple[Stored, dict[str, Any]]]:
    """Yield sites with what was computed of them, elements in turn."""
    way = Feff10Settings(kind="feff10")
    way.check()
    settings = content_hash(way.parameters())
    known = {}
    if cache.exists():
        lines = [json.loads(line) for line in cache.read_text().splitlines()]
        known = {line["key"]: line for line in lines if line["settings"] == settings}
    order = {metal: [s for s in pool if s.absorber == metal] for metal in METALS}
    for metal, some in order.items():
        random.Random(f"{seed} {metal}").shuffle(some)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder, cache.open("a") as file:
        for number in track(range(count), "XANES"):
            queue = order[METALS[number % len(METALS)]]
            while queue:
                stored = queue.pop()
                ours = known.get(stored.key) or computed(stored, way, archive, Path(folder))
                if ours is None:
                    continue
                if stored.key not in known:
                    ours = {"key": stored.key, "settings": settings, **ours}
                    file.write(json.dumps(ours) + "\n")
                    file.flush()
                yield stored, ours
                break


def summary(rows: list[dict[str, Any]], failures: Counter[str]) -> dict[str, Any]:
    """Return what the goals are about."""

    def column(name: str) -> np.ndarray:
        return np.array([row[name] for row in rows])

    offsets = column("offset, eV")
    return {
        "sites": len(rows),
        "failures": dict(failures),
        "median relative MSE": float(np.median(column("relative MSE"))),
        "correlation": float(np.median(column("correlation"))),
        "correlation, tenth percentile": float(np.quantile(column("correlation"), 0.1)),
        "offset, mean, eV": float(offsets.mean()),
        "offset, standard deviation, eV": float(offsets.std(ddof=1)) if len(rows) > 1 else 0.0,
        "median seconds": float(np.median(column("seconds"))),
    }


def show(result: dict[str, Any]) -> None:
    """Print the result as tables."""
    console = Console(width=110, emoji=False, highlight=False)
    columns = ("relative MSE", "correlation", "offset, eV", "seconds")
    table = Table("site", *columns, title="XANES by FEFF 10, and as stored")
    for row in result["rows"]:
        table.add_row(row["site"], *(f"{row[name]:.3f}" for name in columns))
    console.print(table)
    for name, value in result["all"].items():
        goal = f" (goal {GOALS[name]:g})" if name in GOALS else ""
        number = f"{value:.4g}" if isinstance(value, float) else str(value)
        console.print(f"{name}: {number}{goal}")


def main() -> None:
    """Run the benchmark and print tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sites", type=int, default=20, help="number of sites")
    parser.add_argument("--seed", type=int, default=0, help="seed of their order")
    parser.add_argument("--copper", type=Path, default=COPPER, help="table with structures")
    parser.add_argument("--metals", type=Path, default=SIX, help="table of the other metals")
    parser.add_argument("--cifs", type=Path, default=CIFS, help="zip of their structures")
    parser.add_argument("--cache", type=Path, default=Path("xanes_stored.jsonl"), help="spectra")
    parser.add_argument("--json", type=Path, help="write the result to this file")
    arguments = parser.parse_args()
    pool = copper(require(arguments.copper, "--copper"))
    pool += metals(require(arguments.metals, "--metals"))
    grid = grids(pool)
    means = element_means(pool, grid)
    rows: list[dict[str, Any]] = []
    failures: Counter[str] = Counter()
    with zipfile.ZipFile(require(arguments.cifs, "--cifs")) as archive:
        found = results(pool, arguments.sites, arguments.seed, arguments.cache, archive)
        for stored, ours in found:
            if "failure" in ours:
                failures[ours["failure"]] += 1
                continue
            metal = stored.absorber
            row = compare(stored, ours, grid[metal], means[metal])
            rows.append({"site": stored.key, **row})
    result = {"all": summary(rows, failures), "rows": rows, "provenance": provenance()}
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
