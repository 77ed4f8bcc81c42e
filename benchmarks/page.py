"""How the page and its REST interface stand many users, and what nobody would ask.

Makes predictions up as `screening.py` does, in a database of its own, serves them as
`exafscn serve` does, in a process of its own, and lets users page and filter for a while, each as
fast as answers come: half of what they ask for are pages for a browser, half rows for a program.
Before that, one user alone asks for first pages, and for the figures and counts that browsers
ask for after them; processor time is that of the page and of MongoDB together, which other programs
on the machine change little:

    python benchmarks/page.py --json page.json

With --fuzz, schemathesis (pip install schemathesis) asks about so many times for what the
description of the interface allows, and for what it does not; none of it may be an error of the
server.
"""

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import psutil
from provenance import provenance
from pydantic import SecretStr
from requests import Session
from rich.table import Table
from screening import ABSORBERS, CAMPAIGN, TARGET, MadeUp, version

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.settings import Settings
from exafscn_flows.store.embedded import EmbeddedServer
from exafscn_flows.store.results import PromotionDoc
from exafscn_flows.store.store import Store
from exafscn_flows.web.openapi import OPERATIONS
from launcher.console import console

PAGE = "..page.children...nav.children.."
"""Callback that makes a page."""

AFTER = {
    "figures": "..plots-said.children...plot-scatter-box.children...plot-map.figure..",
    "counts": "..count.children...confusion.children..",
}
"""Callbacks that browsers ask for after it."""

PAGES = 4
"""Pages that a user turns before asking something else."""

FILTERS: list[dict[str, Any]] = [
    {},
    {"absorber": "Cu"},
    {"absorber": "Fe", "cn": 4},
    {"absorber": "Cu", "min_probability": 0.8, "contains": "O"},
    {"contains": "Li", "sort": "doubtful"},
    {"oxide": "false", "sort": "expected_error"},
    {"absorber": "Ni", "disagrees": "true"},
    {"max_set_size": 1, "neighbours": "S"},
    {"absorber": "Ti", "label": 6, "value": 4},
]


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


class User:
    """Somebody who asks one thing after the other, and remembers how long each took."""

    def __init__(self, link: str, seed: int) -> None:
        self.base, _, token = link.partition("?token=")
        self.session = Session()
        self.session.headers["Authorization"] = f"Bearer {token}"
        self.random = random.Random(seed)
        self.times: dict[str, list[float]] = defaultdict(list)
        self.wrong: Counter[str] = Counter()

    def look(self, end: float) -> None:
        """Page and filter until a time."""
        while time.monotonic() < end:
            conditions, after = self.random.choice(FILTERS), None
            for _ in range(PAGES):
                asked = {**conditions, **({"after": after} if after else {})}
                kind = self.random.choice(["page", "rows"])
                after = self.page(asked) if kind == "page" else self.rows(asked)
                if after is None or time.monotonic() > end:
                    break

    def rows(self, asked: dict[str, Any]) -> str | None:
        """Ask for rows, as programs do; returns where the next ones begin."""
        place = f"{self.base}api/campaigns/{CAMPAIGN}/predictions?{urlencode(asked)}"
        answer = self._timed("rows", "GET", place)
        return answer.json()["after"] if answer is not None else None

    def page(self, asked: dict[str, Any]) -> str | None:
        """Ask for a page, as browsers do; returns where the next one begins."""
        inputs = [("address", "pathname", "/screening"), ("address", "search", _search(asked))]
        answer = self._called("page", PAGE, inputs)
        if answer is None:
            return None
        found = re.search(r"after=([\w-]+)", answer.text)
        return found[1] if found else None

    def after(self, kind: str, asked: dict[str, Any]) -> None:
        """Ask for what browsers ask for after a page."""
        self._called(kind, AFTER[kind], [("screened", "data", _search(asked))])

    def _called(self, kind: str, output: str, inputs: list[tuple[str, str, str]]) -> Any:
        names = (one.rpartition(".") for one in output.strip(".").split("..."))
        body = {
            "output": output,
            "outputs": [{"id": name, "property": what} for name, _, what in names],
            "inputs": [{"id": name, "property": what, "value": v} for name, what, v in inputs],
            "changedPropIds": [".".join(inputs[-1][:2])],
        }
        answer = self._timed(kind, "POST", f"{self.base}_dash-update-component", json=body)
        if answer is not None and re.search('"className": ?"alert"', answer.text):
            self.wrong["alert on a page"] += 1
        return answer

    def _timed(self, kind: str, method: str, place: str, **more: Any) -> Any:
        began = time.perf_counter()
        try:
            answer = self.session.request(method, place, timeout=60, **more)
        except OSError as error:
            self.wrong[type(error).__name__] += 1
            return None
        self.times[kind].append(1000 * (time.perf_counter() - began))
        if answer.status_code != 200:
            self.wrong[str(answer.status_code)] += 1
            return None
        return answer


def _search(asked: dict[str, Any]) -> str:
    return f"?{urlencode({'campaign': CAMPAIGN, **asked})}"


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

    found: dict[str, dict[str, float]] = {}
    for kind in ("page", "rows", *AFTER):
        ask = {"page": user.page, "rows": user.rows}.get(kind, partial(user.after, kind))
        ask({})
        user.times[kind].clear()
        user.wrong.clear()
        began = used()
        for _ in range(5):
            for conditions in FILTERS:
                ask(conditions)
        times = user.times[kind]
        found[kind] = {
            "median_ms": round(statistics.median(times), 1),
            "largest_ms": round(max(times), 1),
            "processor_ms": round(1000 * (used() - began) / len(times), 1),
            "errors": user.wrong.total(),
        }
    return found


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
