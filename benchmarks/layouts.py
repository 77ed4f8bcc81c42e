"""One set of collections for all campaigns, or a set for each: what a server pays for either.

Writes the same predictions both ways, as those of 1, 20 and 200 campaigns, each time to a fresh
server: in one set of collections whose indexes begin with the campaign, as exafscn does, and in a
set for each campaign (in a database each, so that the same code writes and reads them; to the
server, collections in one database or in many are the same). Measures the time to write, the first
page of documented queries in one campaign, a question to all campaigns, and, after a restart, the
number of files, the time to start and the memory of mongod:

    python benchmarks/layouts.py --json layouts.json
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
from pydantic import SecretStr
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table
from screening import ABSORBERS, MadeUp, version

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.settings import Settings
from exafscn_flows.store.conditions import PredictionQuery
from exafscn_flows.store.connection import connect
from exafscn_flows.store.embedded import EmbeddedServer
from exafscn_flows.store.pages import Order
from exafscn_flows.store.queries import find_page
from exafscn_flows.store.results import NO_OXIDE, PredictionDoc, around
from exafscn_flows.store.store import Store

PAGE = 50
REPETITIONS = 21
QUERIES: tuple[dict[str, Any], ...] = (
    {"absorber": "Cu", "cn": 4},
    {"absorber": "Cu", "cn": 4, "min_probability": 0.8, "contains": ("O",)},
    {"disagrees": True, "min_probability": 0.7},
)
ALL: dict[str, Any] = {
    "hash": version("Cu"),
    "keywords": {"$in": ["O", around("O"), NO_OXIDE]},
    "value": 4,
    "probability": {"$gte": 0.8},
}
"""What is asked of all campaigns: how many such predictions there are."""

StoreOf = Callable[[str], Store]


class Measured(NamedTuple):
    """What one layout costs with some number of campaigns."""

    layout: str
    campaigns: int
    prepare_s: float
    writes_per_s: int
    page_ms: float
    all_ms: float
    files: int
    start_s: float
    memory_mb: int
    disk_mb: int


def main() -> None:
    """Run the benchmark and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--predictions", type=int, default=200_000)
    parser.add_argument("--campaigns", type=int, nargs="+", default=[1, 20, 200])
    parser.add_argument("--json", type=Path, help="write the result to this file")
    arguments = parser.parse_args()
    rows = []
    for campaigns in arguments.campaigns:
        for layout in ("one set", "each"):
            with tempfile.TemporaryDirectory(prefix="exafscn-layouts-") as folder:
                rows.append(measure(Path(folder), layout, campaigns, arguments.predictions))
    show(rows, arguments.predictions)
    if arguments.json:
        result = {"predictions": arguments.predictions, "rows": [row._asdict() for row in rows]}
        arguments.json.write_text(json.dumps(result, indent=2))


def measure(folder: Path, layout: str, campaigns: int, count: int) -> Measured:
    """Measure one layout on a server of its own."""
    server = EmbeddedServer(folder)
    try:
        open_store = store_of(server.start(), layout)
        names = [f"campaign-{number}" for number in range(campaigns)]
        prepare_s, write_s = write(open_store, names, count)
        page_ms = statistics.median(first_pages(open_store, names))
        all_ms = in_all(open_store, names, layout)
        server.stop()
        started = time.perf_counter()
        server.start()
        start_s = time.perf_counter() - started
        status = server.status()
        return Measured(
            layout=layout,
            campaigns=campaigns,
            prepare_s=prepare_s,
            writes_per_s=round(count / write_s),
            page_ms=page_ms,
            all_ms=all_ms,
            files=len(list((server.folder / "db").glob("*.wt"))),
            start_s=start_s,
            memory_mb=round(psutil.Process(status.pid).memory_info().rss / 1e6),
            disk_mb=round(status.size_bytes / 1e6),
        )
    finally:
        server.stop()


def store_of(uri: str, layout: str) -> StoreOf:
    """Return what opens the store of a campaign."""
    client = connect(Settings(MONGODB_URI=SecretStr(uri))).client

    def open_store(campaign: str) -> Store:
        return Store(client["exafscn" if layout == "one set" else campaign])

    return open_store


def write(open_store: StoreOf, names: list[str], count: int) -> tuple[float, float]:
    """Write all campaigns; returns seconds for collections and indexes, and for predictions."""
    made = MadeUp(np.random.default_rng(0))
    prepare_s = write_s = 0.0
    for name in track(names, "writing", console=Console(stderr=True)):
        docs = list(predictions(made, name, count // len(names)))
        store = open_store(name)
        started = time.perf_counter()
        store.prepare()
        settings = {"campaign": name, "absorbers": ABSORBERS, "sources": [{"kind": "amcsd"}]}
        store.save_config(CampaignConfig.model_validate(settings))
        prepared = time.perf_counter()
        store.write(docs)
        prepare_s += prepared - started
        write_s += time.perf_counter() - prepared
    return prepare_s, write_s


def predictions(made: MadeUp, campaign: str, count: int) -> Iterator[PredictionDoc]:
    """Make the predictions of a campaign."""
    for doc in made(count):
        yield doc.model_copy(update={"campaign": campaign})


def first_pages(open_store: StoreOf, names: list[str]) -> Iterator[float]:
    """Time first pages in campaigns of all over the place, ms."""
    for repetition in range(REPETITIONS):
        name = names[repetition * 37 % len(names)]
        for conditions in QUERIES:
            started = time.perf_counter()
            query = PredictionQuery(campaign=name, **conditions)
            find_page(open_store(name), query, Order.PROBABILITY, limit=PAGE)
            yield 1e3 * (time.perf_counter() - started)


def in_all(open_store: StoreOf, names: list[str], layout: str) -> float:
    """Time a question to all campaigns, ms."""
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        if layout == "one set":
            query = {"campaign": {"$in": names}, **ALL}
            open_store(names[0]).count(PredictionDoc, query)
        else:
            for name in names:
                open_store(name).count(PredictionDoc, {"campaign": name, **ALL})
        seconds.append(time.perf_counter() - started)
    return 1e3 * statistics.median(seconds)


def show(rows: list[Measured], count: int) -> None:
    """Print the table."""
    table = Table(title=f"{count:,} predictions", box=box.SIMPLE)
    table.add_column("campaigns")
    for row in rows:
        table.add_column(f"{row.campaigns}\n{row.layout}", justify="right")
    measures: dict[str, Callable[[Measured], str]] = {
        "collections made, s": lambda row: f"{row.prepare_s:.1f}",
        "predictions/s": lambda row: f"{row.writes_per_s:,}",
        "first page, ms": lambda row: f"{row.page_ms:.1f}",
        "asked of all, ms": lambda row: f"{row.all_ms:.1f}",
        "files": lambda row: f"{row.files:,}",
        "start, s": lambda row: f"{row.start_s:.1f}",
        "memory, MB": lambda row: f"{row.memory_mb:,}",
        "disk, MB": lambda row: f"{row.disk_mb:,}",
    }
    for name, value in measures.items():
        table.add_row(name, *map(value, rows))
    Console().print(table)


if __name__ == "__main__":
    main()
