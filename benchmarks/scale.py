"""How time and memory grow with the number of structures in a campaign.

Makes campaigns of 1,000, 10,000 and 100,000 structures whose documents are all there (made here,
no FEFF), and measures three commands as a user runs them: a first `exafscn run`, which chooses the
sites, `exafscn status`, and a second run, which finds nothing to do.

    python benchmarks/scale.py --json scale.json
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

SIZES = [1_000, 10_000, 100_000]
ABSORBER = "Fe"
_FILES_PER_FOLDER = 1000


class Step(NamedTuple):
    """Cost of one command."""

    structures: int
    name: str
    wall_s: float
    peak_mb: float


def main() -> None:
    """Run the benchmark and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="structures")
    parser.add_argument("--json", type=Path, help="write the result to this file")
    arguments = parser.parse_args()
    steps: list[Step] = []
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory(prefix="exafscn-scale-") as folder:
            steps += measure(Path(folder), size)
    show(steps)
    result = {"steps": [step._asdict() for step in steps], "growth": growth(steps)}
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2))


def measure(folder: Path, size: int) -> Iterator[Step]:
    """Make a campaign of a size in a database of its own, and run the commands."""
    os.environ["EXAFSCN_DATA_DIR"] = str(folder / "data")
    os.environ.pop("EXAFSCN_MONGODB_URI", None)
    file = folder / "scale.yaml"
    file.write_text(
        json.dumps(
            {
                "campaign": "scale",
                "absorbers": [ABSORBER],
                "sources": [{"kind": "files", "path": "cifs"}],
                "models": [],
            }
        )
    )
    for index in range(size):
        place = folder / "cifs" / f"{index // _FILES_PER_FOLDER:04d}"
        if index % _FILES_PER_FOLDER == 0:
            place.mkdir(parents=True)
        (place / f"m{index:07d}.cif").write_text("")
    try:
        fill(file)
        for name, command in {
            "plan": ["run", str(file)],
            "status": ["status", "--json"],
            "rerun": ["run", str(file)],
        }.items():
            yield Step(size, name, *run(command))
    finally:
        run(["db", "stop"])


def fill(file: Path) -> None:
    """Write the documents of a finished campaign, all but its sites and its plan."""
    from exafscn_flows.config.loader import load_campaign_file
    from exafscn_flows.iteration import batches
    from exafscn_flows.jobs.catalog import candidates
    from exafscn_flows.store.store import Store

    config = load_campaign_file(file)
    store = Store.open()
    store.prepare()
    store.save_config(config)
    for batch in batches(candidates(store, config), 1000):
        by_collection: dict[str, list[dict[str, Any]]] = {}
        for candidate in batch:
            for doc in documents(config, candidate):
                by_collection.setdefault(doc.collection, []).append(doc.to_mongo())
        for collection, raws in by_collection.items():
            store.database[collection].insert_many(raws, ordered=False)


def documents(config: Any, candidate: Any) -> Iterator[Any]:
    """Make the documents of one structure with one site."""
    import numpy as np

    from exafscn_flows.hashing import content_hash
    from exafscn_flows.jobs.reading import wanted_hash
    from exafscn_flows.jobs.selection import site_hash
    from exafscn_flows.store import documents as docs
    from exafscn_flows.store.wanted import wanted_hashes

    name = candidate.material_id
    structure = docs.StructureDoc(
        campaign=config.campaign,
        hash=wanted_hash(config, candidate),
        material_id=name,
        source={"kind": "files"},
        source_hash=candidate.source_hash,
        entry=candidate.entry,
        formula=f"FeO{content_hash(name)[:3]}",
        chemical_system="Fe-O",
        elements=["Fe", "O"],
        n_atoms=2,
        spacegroup="P1",
        structure={},
        structure_hash=content_hash(name),
        inequivalent_sites={"Fe": [(0, 1)], "O": [(1, 1)]},
        averaged=[],
    )
    yield structure
    site = docs.SiteDoc(
        campaign=config.campaign,
        hash=site_hash(structure.structure_hash, 0, 1),
        site=f"{name}:{ABSORBER}:0",
        material_id=name,
        absorber=ABSORBER,
        site_index=0,
        multiplicity=1,
        averaged=False,
        formula=structure.formula,
        elements=structure.elements,
        n_atoms=2,
        active=True,
    )
    wanted = wanted_hashes(config, site)
    head = {"campaign": config.campaign, "site": site.site, "absorber": ABSORBER}
    for target, hash_ in wanted.labels.items():
        yield docs.LabelDoc(
            **head,
            hash=hash_,
            target=target,
            value=6,
            weights={"6": 1.0},
            spread=None,
            details={},
            neighbours={"O": 6},
        )
    empty = np.zeros(1, dtype=np.float32)
    for spectrum, hash_ in wanted.spectra.items():
        yield docs.SpectrumDoc(
            **head,
            hash=hash_,
            spectrum=spectrum,
            edge="K",
            spectrum_type="EXAFS",
            e0=7112.0,
            k=empty,
            chi=empty,
            energy_rel=empty,
            mu=empty,
            mu0=empty,
            program="made by the benchmark",
            version="0",
            cards={},
            seconds=0.0,
        )
    for feature_set, hash_ in wanted.features.items():
        yield docs.FeatureDoc(**head, hash=hash_, feature_set=feature_set, vector=empty)


def run(command: list[str]) -> tuple[float, float]:
    """Run exafscn; returns wall time, s, and the peak memory of its process, MB."""
    program = str(Path(sys.executable).with_name("exafscn"))
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    start = time.monotonic()
    pid = os.posix_spawn(program, [program, *command], os.environ, file_actions=quiet)
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"exafscn {' '.join(command)} ended with {status}")
    return time.monotonic() - start, usage.ru_maxrss / 1e3


def growth(steps: list[Step]) -> dict[str, dict[str, float]]:
    """Compare the largest campaign with the one before: time per structure, and memory."""
    sizes = sorted({step.structures for step in steps})
    if len(sizes) < 2:
        return {}
    found = {}
    for name in dict.fromkeys(step.name for step in steps):
        small, large = (
            next(s for s in steps if (s.structures, s.name) == (size, name)) for size in sizes[-2:]
        )
        found[name] = {
            "time": large.wall_s / small.wall_s,
            "structures": large.structures / small.structures,
            "memory": large.peak_mb / small.peak_mb,
        }
    return found


def show(steps: list[Step]) -> None:
    """Print the costs."""
    table = Table(title="cost of a campaign that is finished")
    for column in ("structures", "command", "wall time, s", "ms per structure", "peak memory, MB"):
        table.add_column(column, justify="left" if column == "command" else "right")
    for step in steps:
        table.add_row(
            f"{step.structures:,}",
            step.name,
            f"{step.wall_s:.1f}",
            f"{1e3 * step.wall_s / step.structures:.2f}",
            f"{step.peak_mb:.0f}",
        )
    Console().print(table)
    for name, ratios in growth(steps).items():
        Console().print(
            f"{name}: {ratios['structures']:g} times the structures take {ratios['time']:.1f} "
            f"times as long and {100 * (ratios['memory'] - 1):+.0f} % memory"
        )


if __name__ == "__main__":
    main()
