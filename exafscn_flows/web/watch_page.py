"""The page of a folder into which spectra come."""

import threading
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

from dash import Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate
from werkzeug.datastructures import MultiDict

from exafscn_flows.errors import UsageError
from exafscn_flows.prediction import Answer, Failed
from exafscn_flows.prediction.watching import FolderWatch, Found, Seen, mean_and_doubt
from exafscn_flows.web.library import Library, Wish
from exafscn_flows.web.parts import alert, aria, field, graph, remark, sentence_of, table
from exafscn_flows.web.reading import HowToRead
from exafscn_flows.web.style import COLORS, Figure, figure
from exafscn_flows.web.uploads import MOST_BYTES, Upload

_EVERY = 2.0
"""Seconds between two looks."""

_MOST_FOLDERS = 4
_MOST_ROWS = 200


class Watches:
    """Folders that are watched, the last ones, with what came into them."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._watches: OrderedDict[tuple[str, str], FolderWatch] = OrderedDict()
        self._lock = threading.Lock()

    def look(self, folder: str, absorber: str) -> list[Seen]:
        """Look at a folder; returns all that came into it, in the order of writing.

        Raises
        ------
        UsageError
            If there is no such folder.
        """
        # Two looks at once would read each file twice.
        with self._lock:
            watch = self._watches.get((folder, absorber))
            if watch is None:
                wish = Wish(how=HowToRead(absorber=absorber))
                watch = FolderWatch(
                    Path(folder).expanduser(), lambda path: self._answers(path, wish)
                )
                self._watches[folder, absorber] = watch
                if len(self._watches) > _MOST_FOLDERS:
                    self._watches.popitem(last=False)
            watch.look()
            return sorted(watch.files.values(), key=lambda one: (one.written, one.path.name))

    def _answers(self, path: Path, wish: Wish) -> list[Found]:
        try:
            with path.open("rb") as file:
                content = file.read(MOST_BYTES + 1)
        except OSError as error:
            return [Failed(str(path), "", f"{path.name}: {error.strerror or error}", "")]
        if len(content) > MOST_BYTES:
            says = f"{path.name}: larger than {MOST_BYTES // 10**6} MB"
            return [Failed(str(path), "", says, "`exafscn watch` takes it")]
        (key,) = self._library.add([Upload(path.name, content)])
        groups = self._library.groups(key, wish.how)
        return [self._library.answer(key, group, wish) for group in groups or [""]]


def watch_layout(query: "MultiDict[str, str]") -> Component:
    """Return the page of the folder that an address names."""
    folder, absorber = query.get("folder", ""), query.get("absorber", "")
    form = html.Form(
        [
            html.Div(
                [
                    field(
                        "Folder on this machine",
                        dcc.Input(id="watch-folder", name="folder", type="text", value=folder),
                        "into which spectra come",
                    ),
                    field(
                        "Absorber",
                        dcc.Input(
                            id="watch-absorber", name="absorber", type="text", value=absorber
                        ),
                        "such as Fe, where the files do not state it",
                    ),
                ],
                className="fields",
            ),
            html.Div(html.Button("Watch", type="submit", className="primary"), className="buttons"),
        ],
        action="/watch",
        method="GET",
    )
    parts: list[Component] = [html.H1("Watch a folder"), form]
    if folder:
        parts += [
            dcc.Store(id="watched", data={"folder": folder, "absorber": absorber}),
            dcc.Interval(id="watch-look", interval=1000 * _EVERY),
            html.Div(id="watch-said", **aria(live="polite")),
            graph("trend", "What is expected, with its doubt", None, "graph tall"),
            html.Div(id="watch-table"),
        ]
    return html.Div(parts)


def register(app: Dash, library: Library) -> None:
    """Have the page look at its folder."""
    watches = Watches(library)

    @app.callback(
        Output("watch-said", "children"),
        Output("trend", "figure"),
        Output("watch-table", "children"),
        Input("watch-look", "n_intervals"),
        State("watched", "data"),
    )
    def look(_: int | None, watched: dict[str, str] | None) -> Any:
        if not watched:
            raise PreventUpdate
        try:
            seen = watches.look(watched["folder"], watched["absorber"])
        except UsageError as error:
            from dash import no_update

            return alert(f"{sentence_of(error)}; what came before stays below"), *[no_update] * 2
        said = f"{len(seen)} files, at {time.strftime('%H:%M:%S')}"
        return remark(said), trend(seen), _table(seen)


def trend(seen: list[Seen]) -> Figure:
    """Draw what is expected of each spectrum with its doubt, over scan number or else time."""
    answers = [(one, each) for one in seen for each in one.found if not isinstance(each, Failed)]
    by_number = bool(answers) and all(one.number is not None for one, _ in answers)
    traces: list[dict[str, Any]] = []
    for number, absorber in enumerate(dict.fromkeys(each.absorber for _, each in answers)):
        points = [
            (one, each, expected)
            for one, each in answers
            if each.absorber == absorber and (expected := mean_and_doubt(each)) is not None
        ]
        if by_number:
            points.sort(key=lambda point: point[0].number or 0)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": absorber,
                "x": [
                    one.number
                    if by_number
                    else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(one.written))
                    for one, *_ in points
                ],
                "y": [expected[0] for *_, expected in points],
                "error_y": {
                    "type": "data",
                    "array": [expected[1] for *_, expected in points],
                    "thickness": 1.2,
                },
                "text": [f"{one.path.name}: {_value(each)}" for one, each, _ in points],
                "hovertemplate": "%{text}<br>%{y:.2f}<extra></extra>",
                "marker": {"color": COLORS[number % len(COLORS)], "size": 8},
                "line": {"width": 1.2},
            }
        )
    says = "" if answers else "nothing was answered yet"
    return figure(traces, "Scan" if by_number else "Time", "Expected value", says=says)


def _table(seen: list[Seen]) -> Component:
    rows: list[list[Any]] = []
    for one in reversed(seen[-_MOST_ROWS:]):
        when = time.strftime("%H:%M:%S", time.localtime(one.written))
        for each in one.found:
            if isinstance(each, Failed):
                rows.append([when, one.path.name, "", "", "", "", str(each)])
                continue
            rows.append(
                [
                    when,
                    each.group,
                    each.absorber,
                    _value(each),
                    "" if each.probability is None else f"{each.probability:.2f}",
                    ", ".join(map(str, each.set or ())),
                    " ".join(each.warnings),
                ]
            )
    heads = ["written", "spectrum", "absorber", "answer", "probability", "set", "noticed"]
    return table(heads, rows, "the last ones first") if rows else html.Div()


def _value(one: Found) -> str:
    assert not isinstance(one, Failed)
    value = one.cn if isinstance(one, Answer) else one.value
    return f"{value:.3f}" if isinstance(value, float) else str(value)
