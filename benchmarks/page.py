"""How the page and its REST interface stand many users, and what nobody would ask.

Makes predictions up as `screening.py` does, in a database of its own, serves them as
`exafscn serve` does, in a process of its own, and lets users page and filter for a while, each as
fast as answers come: half of what they ask for are pages for a browser, half rows for a program.
Before that, one user alone asks for first pages, for the figures and counts that browsers ask for
after them, and for a dropped spectrum to be done again with another E0, rbkg or range of k;
processor time is that of the page and of MongoDB together, which other programs on the machine
change little:

    python benchmarks/page.py --json page.json

With --fuzz, schemathesis (pip install schemathesis) asks about so many times for what the
description of the interface allows, and for what it does not; none of it may be an error of the
server.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from page_user import AFTER, FILTERS, User
from provenance import provenance
from pydantic import SecretStr
from rich.table import Table
from screening import ABSORBERS, CAMPAIGN, TARGET, MadeUp, version

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.settings import Settings
from exafscn_flows.store.embedded import EmbeddedServer
from exafscn_flows.store.results import PromotionDoc
from exafscn_flows.store.store import Store
from exafscn_flows.web.openapi import OPERATIONS
from launcher.console import console

STEPS = {"e0": 0.3, "rbkg": 0.1, "kmin": 0.2, "kmax": -0.4}
"""What a user changes."""

FEW = 2000
"""Predictions of which schemathesis asks."""


def main() -> None:
    """Run the benchmark and print tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--predictions", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--fuzz", type=int, default=0, help="requests of schemathesis")
    parser.add_argument("--json", type=Path, help="write the result to this file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="exafscn-page-") as folder:
        server = EmbeddedServer(Path(folder))
        try:
            uri = server.start()
            fill(uri, arguments.predictions)
            with serving(uri) as (link, pid):
                pids = [pid, server.status().pid or pid]
                result: dict[str, Any] = {
                    "predictions": arguments.predictions,
                    "load_average_before": os.getloadavg()[0],
                    "alone": alone(link, pids),
                    "load": load(link, arguments.users, arguments.seconds),
                }
            if arguments.fuzz:
                # What is asked for by chance may be a file of everything.
                fill(f"{uri}_few", FEW)
                with serving(f"{uri}_few") as (link, _):
                    result["fuzz"] = fuzz(link, arguments.fuzz)
        finally:
            server.stop()
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(provenance() | result, indent=2))


def fill(uri: str, count: int) -> None:
    """Write predictions."""
    store = Store.open(Settings(MONGODB_URI=SecretStr(uri)))
    store.prepare()
    settings = {"campaign": CAMPAIGN, "absorbers": ABSORBERS, "sources": [{"kind": "amcsd"}]}
    store.save_config(CampaignConfig.model_validate(settings))
    model = {"campaign": CAMPAIGN, "feature_set": "r_space", "model": "random_forest"}
    store.write(
        PromotionDoc(**model, target=TARGET, absorber=el, hash=version(el)) for el in ABSORBERS
    )
    store.write(MadeUp(np.random.default_rng(0))(count))


@contextmanager
def serving(uri: str) -> Iterator[tuple[str, int]]:
    """Serve the page; yields its address with the token, and its process number."""
    command = [sys.executable, "-c", "from launcher.cli import main; main()", "serve"]
    with subprocess.Popen(
        [*command, "--port", "0"],
        env={**os.environ, "EXAFSCN_MONGODB_URI": uri},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found
            yield found[0], process.pid
        finally:
            process.terminate()


def alone(link: str, pids: list[int]) -> dict[str, dict[str, float]]:
    """Ask for first pages, and what belongs to them, one after the other; ms.

    Parameters
    ----------
    pids
        Processes whose processor time is counted.
    """
    user = User(link, 0)
    processes = [psutil.Process(pid) for pid in pids]

    def used() -> float:
        return sum(sum(one.cpu_times()[:2]) for one in processes)

    def measured(kind: str, ask: Callable[[Any], object], cases: Sequence[Any]) -> dict[str, float]:
        ask(cases[0])
        user.times[kind].clear()
        user.wrong.clear()
        began = used()
        for case in cases:
            ask(case)
        times = user.times[kind]
        return {
            "median_ms": round(statistics.median(times), 1),
            "largest_ms": round(max(times), 1),
            "processor_ms": round(1000 * (used() - began) / len(times), 1),
            "errors": user.wrong.total(),
        }

    found = {}
    for kind in ("page", "rows", *AFTER):
        ask = {"page": user.page, "rows": user.rows}.get(kind, partial(user.after, kind))
        found[kind] = measured(kind, ask, 5 * FILTERS)
    user.drop("iron.dat", iron())
    cases = [(name, n * step) for n in range(1, 11) for name, step in STEPS.items()]
    found["redo"] = measured("redo", user.redo, cases)
    return found


def iron() -> bytes:
    """Make a spectrum up: an edge at 7,112 eV, and the waves of one shell of atoms."""
    energy = np.concatenate([np.arange(6962, 7092, 5.0), np.arange(7092, 7912, 0.5)])
    k = np.sqrt(np.clip(energy - 7112, 0, None) / 3.81)
    chi = np.sin(4.6 * k + 0.4) * np.exp(-0.01 * k**2) / (1 + 0.3 * k**2)
    step = 0.5 + np.arctan((energy - 7112) / 1.5) / np.pi
    rows = zip(energy, step * (1 + 0.3 * chi), strict=True)
    return "".join(["# energy mu\n", *(f"{x:.2f} {y:.6f}\n" for x, y in rows)]).encode()


def load(link: str, n_users: int, seconds: float) -> dict[str, Any]:
    """Let many users page and filter at once."""
    users = [User(link, seed) for seed in range(n_users)]
    end = time.monotonic() + seconds
    threads = [threading.Thread(target=user.look, args=(end,)) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found: dict[str, Any] = {"users": n_users, "seconds": seconds}
    for kind in ("page", "rows"):
        times = [one for user in users for one in user.times[kind]]
        p50, p95, p99 = np.percentile(times, [50, 95, 99])
        found[kind] = {
            "requests": len(times),
            "p50_ms": round(p50),
            "p95_ms": round(p95),
            "p99_ms": round(p99),
        }
    found["errors"] = dict(sum((user.wrong for user in users), Counter()))
    return found


def fuzz(link: str, count: int) -> dict[str, Any]:
    """Let schemathesis ask; counts what it asked, errors of the server, and what it complains of.

    All of its checks are made but one: values that the description allows may contradict each
    other, or name what there is not, and are refused.
    """
    base, _, token = link.partition("?token=")
    program = "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())"
    command = [
        *(sys.executable, "-c", program, "run", f"{base}api/openapi.json"),
        *("--header", f"Authorization: Bearer {token}"),
        *("--exclude-checks", "positive_data_acceptance"),
        # Reports take long where others use the machine.
        *("--request-timeout", "60"),
        *("--phases", "examples,coverage,fuzzing", "--seed", "1", "--no-color"),
        *("--max-examples", str(count // len(OPERATIONS) + 1), "--report", "ndjson"),
    ]
    with tempfile.TemporaryDirectory() as folder:
        # Of what there is, more can be asked.
        Path(folder, "schemathesis.toml").write_text(
            f'[parameters]\n"path.campaign" = "{CAMPAIGN}"'
        )
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        text = "".join(path.read_text() for path in Path(folder).rglob("*.ndjson"))
    statuses = Counter(re.findall(r'"status_code":\s*(\d+)', text))
    if not statuses:
        raise SystemExit(f"schemathesis did not run: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return {
        "requests": sum(statuses.values()),
        "statuses": dict(sorted(statuses.items())),
        "server_errors": sum(n for status, n in statuses.items() if status >= "500"),
        "complaints": sorted(set(re.findall(r"^- (ST\d+ .*)", done.stdout, re.MULTILINE))),
        "exit_code": done.returncode,
    }


def show(result: dict[str, Any]) -> None:
    """Print the figures."""
    table = Table(title=f"{result['predictions']:,} predictions")
    for head in ("what", "requests", "p50, ms", "p95, ms", "p99, ms"):
        table.add_column(head, justify="right")
    for kind in ("page", "rows"):
        own = result["load"][kind]
        table.add_row(kind, *(str(own[name]) for name in own))
    terminal = console()
    terminal.print(table)
    terminal.print(f"errors: {result['load']['errors'] or 'none'}")
    for kind, own in result["alone"].items():
        terminal.print(f"{kind}, alone: {own}")
    if "fuzz" in result:
        terminal.print(f"schemathesis: {result['fuzz']}")


if __name__ == "__main__":
    main()
