"""How planning, status and an all-skipped rerun grow with the size of a campaign.

Writes the documents of finished campaigns of several sizes (no FEFF) and measures the commands on
them, each in a process of its own:

    python benchmarks/scale.py --sizes 1000 10000 100000 --json scale.json
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from exafscn_flows.config.loader import load_campaign_file
from exafscn_flows.hashing import content_hash
from exafscn_flows.iteration import batches
from exafscn_flows.jobs.plan import site_hash
from exafscn_flows.jobs.reading import wanted_hash
from exafscn_flows.jobs.sampling import Candidate
from exafscn_flows.jobs.states import wanted_hashes
from exafscn_flows.sources.files import FilesSource
from exafscn_flows.store.documents import (
    Document,
    FeatureDoc,
    LabelDoc,
    SiteDoc,
    SpectrumDoc,
    StructureDoc,
)
from exafscn_flows.store.embedded import EmbeddedServer
from exafscn_flows.store.store import Store

EXAFSCN = str(Path(sys.executable).with_name("exafscn"))


def main() -> None:
    """Run the benchmark and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--json", type=Path, help="write the result to this file")
    arguments = parser.parse_args()
    results = []
    print(f"{'structures':>10} {'command':<8} {'seconds':>8} {'ms each':>8} {'peak MB':>8}")
    with tempfile.TemporaryDirectory(prefix="exafscn-bench-") as folder:
        server = EmbeddedServer(Path(folder))
        os.environ["EXAFSCN_MONGODB_URI"] = server.start()
        try:
            for size in arguments.sizes:
                for result in measure(Path(folder), size):
                    results.append(result)
                    print(
                        f"{size:>10} {result['command']:<8} {result['wall_s']:>8.1f} "
                        f"{1000 * result['wall_s'] / size:>8.3f} {result['peak_mb']:>8.0f}"
                    )
        finally:
            server.stop()
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2))


def measure(folder: Path, size: int) -> Iterator[dict[str, Any]]:
    """Make one finished campaign and measure the commands on it."""
    crystals = folder / f"crystals-{size}"
    for start in range(0, size, 1000):
        part = crystals / f"{start:06d}"
        part.mkdir(parents=True)
        for number in range(start, min(start + 1000, size)):
            (part / f"{number:06d}.cif").write_text("data_stands_for_a_crystal\n")
    campaign = {
        "campaign": f"scale-{size}",
        "absorbers": ["Fe"],
        "sources": [{"kind": "files", "path": str(crystals)}],
        "models": [],
    }
    file = folder / f"{size}.yaml"
    file.write_text(json.dumps(campaign))
    store = Store.open()
    store.prepare()
    store.save_config(load_campaign_file(file))
    for batch in batches(documents(file), 5000):
        store.write(batch)
    # Without a plan the first run makes one; the second finds everything done.
    for command, arguments in (
        ("plan", ["run", str(file)]),
        ("rerun", ["run", str(file)]),
        ("status", ["status", f"scale-{size}"]),
    ):
        before = time.perf_counter()
        pid = os.posix_spawn(
            EXAFSCN,
            [EXAFSCN, *arguments],
            os.environ,
            file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
        )
        _, status, usage = os.wait4(pid, 0)
        if status != 0:
            sys.exit(f"exafscn {' '.join(arguments)} failed")
        yield {
            "structures": size,
            "command": command,
            "wall_s": time.perf_counter() - before,
            "peak_mb": usage.ru_maxrss / 1000,
        }


def documents(file: Path) -> Iterator[Document]:
    """Yield the documents that a finished campaign has, with the smallest contents."""
    config = load_campaign_file(file)
    (source,) = config.sources
    assert isinstance(source, FilesSource)
    vector = [0.0, 1.0]
    for number, entry in enumerate(source.entries()):
        name = entry.material_id
        candidate = Candidate(0, name, name, None, entry.fingerprint)
        structure_hash = content_hash(number)
        yield StructureDoc(
            campaign=config.campaign,
            hash=wanted_hash(config, candidate),
            material_id=name,
            source={},
            formula=f"FeX{number}",
            chemical_system="Fe",
            elements=["Fe"],
            n_atoms=1,
            spacegroup="P1",
            structure={},
            structure_hash=structure_hash,
            inequivalent_sites={"Fe": [(0, 1)]},
        )
        site = SiteDoc(
            campaign=config.campaign,
            hash=site_hash(structure_hash, 0, 1),
            site=f"{name}:Fe:0",
            material_id=name,
            absorber="Fe",
            site_index=0,
            multiplicity=1,
            formula=f"FeX{number}",
            elements=["Fe"],
            n_atoms=1,
            active=True,
        )
        wanted = wanted_hashes(config, site)
        head: dict[str, Any] = {
            "campaign": config.campaign,
            "site": site.site,
            "absorber": "Fe",
        }
        yield LabelDoc(
            **head,
            hash=wanted.label,
            cn=6,
            cn_weights={"6": 1.0},
            cn_mean=6.0,
            neighbours={"O": 6},
            bond_length=2.0,
        )
        yield SpectrumDoc(
            **head,
            hash=wanted.spectrum,
            edge="K",
            e0=7112.0,
            k=vector,
            chi=vector,
            energy_rel=vector,
            mu=vector,
            mu0=vector,
            program="none",
            version="0",
            cards={},
            seconds=0.0,
        )
        for feature_set, hash_ in wanted.features.items():
            yield FeatureDoc(**head, hash=hash_, feature_set=feature_set, vector=vector)


if __name__ == "__main__":
    main()
