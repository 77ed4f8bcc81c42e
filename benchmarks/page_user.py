"""Somebody who asks the page for one thing after the other, as browsers and programs do."""

import base64
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from requests import Session
from screening import CAMPAIGN

from exafscn_flows.web.spectrum_layout import CONTROLS

PAGE = "..page.children...nav.children.."
"""Callback that makes a page."""

AFTER = {
    "figures": "..plots-said.children...plot-scatter-box.children...plot-map.figure..",
    "counts": "..count.children...confusion.children..",
}
"""Callbacks that browsers ask for after it."""

SPECTRUM = ("drop-said.children", "redo-said.children")
"""How the callbacks begin that take a spectrum, and that do it again."""

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

    def drop(self, name: str, content: bytes) -> None:
        """Drop a spectrum, and see what was found."""
        given = "data:;base64," + base64.b64encode(content).decode()
        known = self.session.get(f"{self.base}_dash-dependencies", timeout=60).json()
        names = [one["output"] for one in known]
        drop, self.redone = (
            next(name for name in names if name.strip(".").startswith(begin)) for begin in SPECTRUM
        )
        answer = self._called(
            "drop",
            drop,
            [("drop", "contents", [given])],
            [("drop", "filename", [name]), ("dropped", "data", [])],
        ).json()["response"]
        self.chosen = next(one["data"] for name, one in answer.items() if name.startswith("chosen"))
        self.shown = self._redo({}, {}, "chosen.data").json()["response"]["shown"]["data"]

    def redo(self, change: tuple[str, float]) -> None:
        """Change one thing that was found by so much."""
        name, by = change
        self._redo({**self.shown, name: self.shown[name] + by}, self.shown, f"give-{name}.value")

    def _redo(self, values: dict[str, Any], shown: dict[str, Any], changed: str) -> Any:
        given = [(f"give-{name}", "value", values.get(name)) for name in CONTROLS]
        return self._called(
            "redo",
            self.redone,
            [("chosen", "data", self.chosen), *given],
            [("shown", "data", shown), ("wishes", "data", {})],
            changed,
        )

    def after(self, kind: str, asked: dict[str, Any]) -> None:
        """Ask for what browsers ask for after a page."""
        self._called(kind, AFTER[kind], [("screened", "data", _search(asked))])

    def _called(
        self,
        kind: str,
        output: str,
        inputs: Sequence[tuple[str, str, Any]],
        state: Sequence[tuple[str, str, Any]] = (),
        changed: str = "",
    ) -> Any:
        names = (one.rpartition(".") for one in output.strip(".").split("..."))
        given, held = (
            [{"id": name, "property": what, "value": value} for name, what, value in each]
            for each in (inputs, state)
        )
        body = {
            "output": output,
            "outputs": [{"id": name, "property": what} for name, _, what in names],
            "inputs": given,
            "state": held,
            "changedPropIds": [changed or ".".join(inputs[-1][:2])],
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
