"""How fast predictions are written and found, with 10,000 and with 1,000,000 of them.

Makes predictions, writes them as training does (importing the launcher settles how Python collects
garbage), into databases of its own, and measures the first page of every documented query in every
order, in the small and in the large one by turns: how fast a computer is may change within minutes.
They are made up, with the absorbers, coordination numbers and compositions that a database of
inorganic crystals has, or with --campaign drawn from those of a campaign in your database, each
time with other votes of a forest:

    python benchmarks/screening.py --json screening.json

Targets are 20,000 predictions a second, first pages within 10 ms (median), and at most twice the
time that they take with 10,000 predictions.
"""

import argparse
import json
import math
import re
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from provenance import provenance
from pydantic import SecretStr
from rich.progress import track
from rich.table import Table

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.iteration import batches
from exafscn_flows.settings import Settings
from exafscn_flows.store.conditions import PredictionQuery
from exafscn_flows.store.documented import DOCUMENTED_CASES
from exafscn_flows.store.embedded import EmbeddedServer
from exafscn_flows.store.pages import Order
from exafscn_flows.store.queries import find_page, search_for
from exafscn_flows.store.results import PredictionDoc, PromotionDoc
from exafscn_flows.store.store import Store
from exafscn_flows.tasks import task_named
from launcher.console import console

CAMPAIGN, TARGET = "screening", "coordination_number"
SMALL = 10_000
CHUNK = 10_000
"""Predictions that are written at once: about those of one model."""
PAGE = 50
REPETITIONS = 21
CASES = [
    (PredictionQuery(campaign=CAMPAIGN, **conditions), order)
    for conditions, order in DOCUMENTED_CASES
    if "target" not in conditions
]

LEAST_WRITES, MOST_MS, MOST_GROWTH = 20_000, 10, 2
"""Targets."""

_METALS = """
Ti V Cr Mn Fe Co Ni Cu Zn Zr Nb Mo Ru Rh Pd Ag Cd Sn Sb La Ce Nd Eu Gd Yb Hf Ta W Pt Au
"""
_OTHERS = "Li Na K Mg Ca Sr Ba Al Ga Si Ge B C H Y Bi Te As Rb Cs Tl In"
ABSORBERS, OTHERS = _METALS.split(), _OTHERS.split()
ANIONS = {"O": 52, "S": 9, "F": 8, "P": 7, "Se": 6, "Cl": 6, "N": 4, "": 8}
CLASSES = np.array([2, 3, 4, 5, 6, 7, 8, 9, 10, 12])
CN_SHARES = np.array([2, 3, 20, 9, 42, 5, 8, 3, 2, 6]) / 100
TREES, SITES = 300, 3
LEAST = 0.15
"""Least probability of a class that is in a prediction set."""
MOST_OF_A_FORMULA = 40
"""Materials; the Materials Project has fewer of nearly every formula."""


class Timing(NamedTuple):
    """Cost of the first page of one query."""

    name: str
    order: str
    index: str
    small_ms: float
    median_ms: float
    returned: int
    keys: int
    documents: int


def main() -> None:
    """Run the benchmark and print tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--predictions", type=int, default=1_000_000)
    parser.add_argument("--campaign", help="draw them from those of this campaign")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the result to this file")
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    predictions = Drawn(arguments.campaign, rng) if arguments.campaign else MadeUp(rng)
    with tempfile.TemporaryDirectory(prefix="exafscn-screening-") as folder:
        server = EmbeddedServer(Path(folder))
        try:
            address = server.start().rpartition("/")[0]
            few, many = (
                Store.open(Settings(MONGODB_URI=SecretStr(f"{address}/{name}")))
                for name in ("few", "many")
            )
            result = measure(few, many, predictions, arguments.predictions)
            result["disk_mb"] = round(server.status().size_bytes / 1e6)
        finally:
            server.stop()
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(provenance() | result, indent=2))


class System(NamedTuple):
    """What materials are made of."""

    parts: list[str]
    anion: str


def version(absorber: str) -> str:
    """Name the version of the model that predicts an absorber, as long as the names there are."""
    return absorber.encode().hex().rjust(16, "0")


class MadeUp:
    """Predictions with the absorbers, CNs and compositions of inorganic crystals.

    Parameters
    ----------
    rng
        Where chance comes from.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._number = 0
        self._systems = {name: [self._system(name) for _ in range(1000)] for name in ABSORBERS}
        self._of_formula: Counter[str] = Counter()

    def __call__(self, count: int) -> Iterator[PredictionDoc]:
        """Make predictions of one absorber after the other, as campaigns do."""
        for index, absorber in enumerate(ABSORBERS):
            share = count * (index + 1) // len(ABSORBERS) - count * index // len(ABSORBERS)
            for first in range(0, share, CHUNK):
                yield from self._sites(absorber, min(CHUNK, share - first))

    def _system(self, absorber: str) -> System:
        shares = np.array(list(ANIONS.values()))
        anion = str(self._rng.choice(list(ANIONS), p=shares / shares.sum()))
        count = self._rng.choice(3, p=[0.25, 0.45, 0.3])
        # Few of the other elements are in most materials.
        weights = 1 / np.arange(2, len(OTHERS) + 2)
        others = self._rng.choice(OTHERS, count, replace=False, p=weights / weights.sum())
        return System([*map(str, others), absorber, *([anion] if anion else [])], anion)

    def _formula(self, parts: list[str]) -> str:
        """Make a formula that few materials have yet."""
        while True:
            amounts = self._rng.geometric(0.45, len(parts))
            formula = "".join(
                element + (str(amount) if amount > 1 else "")
                for element, amount in zip(parts, amounts, strict=True)
            )
            self._of_formula[formula] += 1
            if self._of_formula[formula] <= MOST_OF_A_FORMULA:
                return formula

    def _sites(self, absorber: str, count: int) -> Iterator[PredictionDoc]:
        labels = self._rng.choice(CLASSES, count, p=CN_SHARES)
        # A forest votes for the label mostly, for its neighbours often, for the others seldom.
        weights = 0.03 + 3.0 * np.exp(-1.8 * np.abs(CLASSES - labels[:, None]))
        votes = self._rng.gamma(weights)
        outcomes = voted(self._rng, votes / votes.sum(axis=1, keepdims=True), CLASSES, labels)
        pool = self._systems[absorber]
        choice = self._rng.integers(len(pool), size=count)
        for row, outcome in enumerate(outcomes):
            site = row % SITES
            if site == 0:
                self._number += 1
                system = pool[choice[row]]
                formula = self._formula(system.parts)
                elements = sorted(system.parts)
            yield PredictionDoc(
                campaign=CAMPAIGN,
                hash=version(absorber),
                site=f"mp-{self._number}:{absorber}:{site}",
                absorber=absorber,
                material_id=f"mp-{self._number}",
                formula=formula,
                elements=elements,
                neighbours=[system.anion or absorber],
                oxide="O" in system.parts,
                feature_set="r_space",
                model="random_forest",
                target=TARGET,
                task="classes",
                fold=0,
                **outcome,
            )


def voted(
    rng: np.random.Generator, shares: np.ndarray, classes: np.ndarray, labels: np.ndarray
) -> Iterator[dict[str, Any]]:
    """Let a forest vote, its trees by chance for each class as often as its share.

    Parameters
    ----------
    shares
        Shape (n, n_classes), sum 1.
    classes, labels
        Shapes (n_classes,) and (n,).

    Yields
    ------
    dict
        Fields of a prediction.
    """
    proba = rng.multinomial(TREES, shares) / TREES
    task, values = task_named("classes"), classes.tolist()
    least = dict.fromkeys(map(str, values), LEAST)
    yield from task.predictions(proba, values, task.encode(labels.tolist(), values), None, least)


class Drawn:
    """Predictions of a campaign, again and again.

    Parameters
    ----------
    campaign
        Its name in the database of the settings.
    """

    def __init__(self, campaign: str, rng: np.random.Generator) -> None:
        store = Store.open()
        store.campaign(campaign)
        query = {"campaign": campaign, "target": TARGET}
        self._docs = list(store.find(PredictionDoc, query))
        self._rng = rng
        self._number = 0
        self._of_formula: Counter[str] = Counter()
        if not self._docs:
            raise SystemExit(f"campaign {campaign} has no predictions of {TARGET}")

    def __call__(self, count: int) -> Iterator[PredictionDoc]:
        """Draw predictions, one absorber after the other, as of other materials and formulas."""
        names = {"feature_set": "r_space", "model": "random_forest", "campaign": CAMPAIGN}
        draws = np.bincount(self._rng.integers(len(self._docs), size=count))
        for doc, times in zip(self._docs, draws, strict=False):
            probabilities = doc.probabilities or {}
            shares = np.array(list(probabilities.values()))
            classes = np.array([int(cn) for cn in probabilities])
            for outcome in voted(
                self._rng,
                np.tile(shares / shares.sum(), (times, 1)),
                classes,
                np.full(times, doc.label),
            ):
                self._number += 1
                material = f"{doc.material_id}~{self._number}"
                self._of_formula[doc.formula] += 1
                kind = self._of_formula[doc.formula] // MOST_OF_A_FORMULA
                of_site = {
                    "material_id": material,
                    "site": f"{material}:{doc.site.partition(':')[2]}",
                    "formula": f"{doc.formula}~{kind}" if kind else doc.formula,
                    "hash": version(doc.absorber),
                }
                yield doc.model_copy(update=names | of_site | outcome)


Predictions = MadeUp | Drawn


def measure(few: Store, many: Store, predictions: Predictions, count: int) -> dict[str, Any]:
    """Write predictions into two databases and time queries in both."""
    for store in (few, many):
        store.prepare()
        settings = {"campaign": CAMPAIGN, "absorbers": ABSORBERS, "sources": [{"kind": "amcsd"}]}
        store.save_config(CampaignConfig.model_validate(settings))
        model = {"campaign": CAMPAIGN, "feature_set": "r_space", "model": "random_forest"}
        model["target"] = TARGET
        store.write(PromotionDoc(**model, absorber=el, hash=version(el)) for el in ABSORBERS)
    write(few, predictions, SMALL)
    seconds = write(many, predictions, count)
    # What was written goes to the disk now, not meanwhile.
    many.database.client.admin.command("fsync")
    return {
        "predictions": count,
        "writes_per_s": round(count / seconds),
        "queries": [timing(few, many, *case)._asdict() for case in CASES],
    }


def write(store: Store, predictions: Predictions, count: int) -> float:
    """Write predictions as training does, those of one model at once; returns seconds."""
    seconds = 0.0
    source = batches(predictions(count), CHUNK)
    chunks = math.ceil(count / CHUNK)
    for docs in track(source, "writing", chunks, console=console(stderr=True)):
        started = time.perf_counter()
        store.write(docs)
        seconds += time.perf_counter() - started
    return seconds


def first_page(store: Store, query: PredictionQuery, order: Order) -> float:
    """Return the time of a query's first page, ms."""
    started = time.perf_counter()
    find_page(store, query, order, limit=PAGE)
    return 1e3 * (time.perf_counter() - started)


def timing(few: Store, many: Store, query: PredictionQuery, order: Order) -> Timing:
    """Time a query, and ask the server how it found the first page among many."""
    rounds = [
        [first_page(store, query, order) for store in (few, many)] for _ in range(REPETITIONS)
    ]
    small_ms, median_ms = (statistics.median(times) for times in zip(*rounds, strict=True))
    ((filters, sort),) = search_for(many, query, order).parts
    explained = [
        many.database.command(
            "explain",
            {
                "find": PredictionDoc.collection,
                "filter": one,
                "sort": dict(sort),
                "limit": PAGE + 1,
            },
            verbosity="executionStats",
        )["executionStats"]
        for one in filters
    ]
    indexes = set(re.findall(r"'indexName': '([^']+)'", str(explained)))
    return Timing(
        name=described(query),
        order=order,
        index=", ".join(sorted(indexes)) or "none",
        small_ms=small_ms,
        median_ms=median_ms,
        returned=sum(one["nReturned"] for one in explained),
        keys=sum(one["totalKeysExamined"] for one in explained),
        documents=sum(one["totalDocsExamined"] for one in explained),
    )


def described(query: PredictionQuery) -> str:
    """Name a query by its conditions."""
    values = {name: value for name, value in vars(query).items() if name != "campaign"}
    words = [
        f"{name}={'+'.join(value) if isinstance(value, tuple) else value}"
        for name, value in values.items()
        if value not in (None, ())
    ]
    return " ".join(words) or "everything"


def show(result: dict[str, Any]) -> None:
    """Print the timings, and whether the targets were met."""
    terminal = console()
    count = result["predictions"]
    table = Table(title=f"first pages of {PAGE} of {count:,} predictions")
    for column in ("query", "order", "index"):
        table.add_column(column, overflow="fold")
    for column in (f"ms of {min(SMALL, count):,}", f"ms of {count:,}", "rows", "keys", "documents"):
        table.add_column(column, justify="right")
    for row in result["queries"]:
        late = row["median_ms"] > MOST_MS or row["median_ms"] > MOST_GROWTH * row["small_ms"]
        table.add_row(
            row["name"],
            row["order"],
            row["index"],
            f"{row['small_ms']:.1f}",
            f"[red]{row['median_ms']:.1f}[/]" if late else f"{row['median_ms']:.1f}",
            *(str(row[name]) for name in ("returned", "keys", "documents")),
        )
    terminal.print(table)
    slowest = max(row["median_ms"] for row in result["queries"])
    growth = max(row["median_ms"] / row["small_ms"] for row in result["queries"])
    terminal.print(
        f"written: {result['writes_per_s']:,} predictions/s (target: {LEAST_WRITES:,})\n"
        f"slowest first page: {slowest:.1f} ms (target: {MOST_MS})\n"
        f"largest growth from {SMALL:,}: {growth:.2f} times (target: {MOST_GROWTH})\n"
        f"database: {result['disk_mb']:,} MB"
    )


if __name__ == "__main__":
    main()
