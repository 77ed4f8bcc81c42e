"""The page on which measured spectra are dropped: what it does."""

import csv
import io
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dash import ALL, Dash, Input, Output, State, ctx, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from exafscn_flows.csv_cells import csv_row
from exafscn_flows.errors import UsageError
from exafscn_flows.prediction import Answer, Failed
from exafscn_flows.web import figures
from exafscn_flows.web.copies import predict_command, predict_python
from exafscn_flows.web.library import Found, Library, Wish
from exafscn_flows.web.parts import alert, file_of, kept, said, sentence_of, table
from exafscn_flows.web.reading import HowToRead
from exafscn_flows.web.spectrum_layout import CONTROLS, FIGURES
from exafscn_flows.web.uploads import uploads

_OUT = "Out of distribution"
"""How the warning of a model of a campaign begins."""

Stored = dict[str, Any]


def wish_of(values: Mapping[str, Any]) -> Wish:
    """Return what a user wants, from the values of the controls."""
    text = {
        name: str(values.get(name) or "").strip()
        for name in ("absorber", "elements", "columns", "campaign", "mode")
    }
    how = HowToRead(text["absorber"], text["columns"], text["mode"])
    numbers = {name: _number(values.get(name)) for name in ("e0", "rbkg", "kmin", "kmax")}
    return Wish(**numbers, elements=text["elements"], campaign=text["campaign"], how=how)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _wishes(wishes: Stored, key: str) -> dict[str, Wish]:
    """Return what is wished for the spectra of one file, by label."""
    return {group: wish_of(values) for group, values in wishes.get(key, {}).items()}


def _all(library: Library, dropped: list[str], wishes: Stored) -> list[tuple[str, Found]]:
    return [(key, one) for key in dropped for one in library.answers(key, _wishes(wishes, key))]


def register(app: Dash, library: Library) -> None:
    """Have the page do what it does."""

    @app.callback(
        Output("drop-said", "children"),
        Output("dropped", "data"),
        Output("chosen", "data", allow_duplicate=True),
        Output("drop", "contents"),
        Input("drop", "contents"),
        State("drop", "filename"),
        State("dropped", "data"),
        prevent_initial_call=True,
    )
    def take(contents: list[str] | None, names: list[str] | None, dropped: list[str]) -> Any:
        if not contents:
            raise PreventUpdate
        try:
            taken, refused = uploads(contents, names or [])
            keys = library.add(taken)
            found = [one for key in keys for one in library.answers(key, {})]
        except Exception as error:
            return (*kept(error, 2), None)
        failed = [*refused, *(str(one) for one in found if isinstance(one, Failed))]
        first = next(
            (
                {"key": key, "group": one.group}
                for key in keys
                for one in library.answers(key, {})
                if not isinstance(one, Failed)
            ),
            no_update,
        )
        new = [key for key in keys if key not in dropped]
        return [alert(one) for one in failed], [*dropped, *new], first, None

    @app.callback(Output("answers", "children"), Input("dropped", "data"), Input("wishes", "data"))
    @said
    def list_answers(dropped: list[str], wishes: Stored) -> Any:
        if not dropped:
            return []
        return _table(_all(library, dropped, wishes))

    @app.callback(
        Output("chosen", "data"),
        Input({"do": "choose", "key": ALL, "group": ALL}, "n_clicks"),
        prevent_initial_call=True,
    )
    def choose(clicks: list[int | None]) -> Any:
        if not any(clicks) or not isinstance(ctx.triggered_id, dict):
            raise PreventUpdate
        return {"key": ctx.triggered_id["key"], "group": ctx.triggered_id["group"]}

    @app.callback(
        Output("redo-said", "children"),
        Output("detail", "hidden"),
        Output("verdict", "children"),
        Output("warnings", "children"),
        Output("as-command", "children"),
        Output("as-python", "children"),
        *[Output(f"figure-{name}", "figure") for name in FIGURES],
        *[Output(f"give-{name}", "value") for name in CONTROLS],
        Output("shown", "data"),
        Output("wishes", "data"),
        Input("chosen", "data"),
        *[Input(f"give-{name}", "value") for name in CONTROLS],
        State("shown", "data"),
        State("wishes", "data"),
        prevent_initial_call=True,
    )
    def redo(chosen: Stored | None, *given: Any) -> Any:
        if not chosen:
            raise PreventUpdate
        *values, shown, wishes = given
        key, group = chosen["key"], chosen["group"]
        # If another spectrum was chosen, the controls show what is wished for that one.
        is_other = ctx.triggered_id in ("chosen", None)
        asked = dict(zip(CONTROLS, values, strict=True))
        if is_other:
            asked = wishes.get(key, {}).get(group, {})
        else:
            # What was found, and stands in a control, is no wish.
            asked = {name: one for name, one in asked.items() if one != shown.get(name)}
        try:
            one = library.answer(key, group, wish_of(asked))
            if isinstance(one, Failed):
                raise UsageError(str(one))
            made = _shown(library, key, group, wish_of(asked), one)
        except Exception as error:
            return kept(error, 5 + len(FIGURES) + len(CONTROLS) + 2)
        found = _found(one)
        fills = [
            found.get(name, "") if asked.get(name) in (None, "") else asked[name]
            for name in CONTROLS
        ]
        changed = wishes | {key: wishes.get(key, {}) | {group: asked}}
        return (*made, *fills, found, no_update if is_other else changed)

    @app.callback(
        Output("download", "data"),
        Output("redo-said", "children", allow_duplicate=True),
        Input("get-csv", "n_clicks"),
        Input("get-json", "n_clicks"),
        Input("get-pdf", "n_clicks"),
        State("dropped", "data"),
        State("wishes", "data"),
        prevent_initial_call=True,
    )
    def download(_csv: int, _json: int, _pdf: int, dropped: list[str], wishes: Stored) -> Any:
        try:
            found = [one for _, one in _all(library, dropped, wishes)]
            if ctx.triggered_id == "get-pdf":
                return file_of(_pdf_of(found), "spectra.pdf"), no_update
            if ctx.triggered_id == "get-json":
                text = json.dumps([one.to_dict() for one in found], indent=2)
                return file_of(text, "answers.json"), no_update
            return file_of(_csv_of(found), "answers.csv"), no_update
        except Exception as error:
            return no_update, alert(sentence_of(error))


def _found(one: figures.Answered) -> Stored:
    """Return what was used, as the controls show it."""
    used = {"e0": (one.e0, 1), "kmin": (one.kmin, 2), "kmax": (one.kmax, 2)}
    found = {name: round(x, digits) for name, (x, digits) in used.items() if x is not None}
    if one.processed is not None:
        found["rbkg"] = one.processed.rbkg
    return found


def _shown(
    library: Library, key: str, group: str, wish: Wish, one: figures.Answered
) -> tuple[Any, ...]:
    """Return what is shown of one spectrum: nothing to complain of, and all about it."""
    file = library.name(key)
    label = group if len(library.groups(key, wish.how)) > 1 else ""
    return (
        [],
        False,
        _verdict(one),
        _warnings(one),
        predict_command(file, label, wish),
        predict_python(file, label, wish),
        figures.mu_figure(one),
        figures.chi_figure(one),
        figures.distance_figure(one),
        figures.probability_figure(one),
    )


def _verdict(one: figures.Answered) -> list[Component]:
    """Return the answer in words."""
    expected = expected_of(one)
    if isinstance(one, Answer):
        value, what = str(one.cn), "neighbours"
        distribution = "not said by this model"
    else:
        value = f"{one.value:.3f} {one.unit}" if isinstance(one.value, float) else str(one.value)
        what = one.target.replace("_", " ")
        outside = any(warning.startswith(_OUT) for warning in one.warnings)
        distribution = "out of it" if outside else "in it"
    facts = [
        ("probability", None if one.probability is None else f"{one.probability:.2f}"),
        ("prediction set", None if one.set is None else ", ".join(map(str, one.set))),
        ("expected", None if expected is None else f"{expected:.2f}"),
        ("E0", None if one.e0 is None else f"{one.e0:.1f} eV"),
        ("k", None if one.kmin is None else f"{one.kmin:g} to {one.kmax:.4g} 1/Å"),
        ("distribution", distribution),
        ("model", one.model),
    ]
    if isinstance(one, Answer) and one.near_edge.cn is not None:
        near = f"{one.near_edge.cn} ({one.near_edge.probability:.2f})"
        facts.insert(3, ("near edge", near))
    head = html.H2([f"{one.absorber} {one.edge}: ", html.Strong(value), f" {what}"])
    parts = [html.Div([html.Dt(name), html.Dd(text)]) for name, text in facts if text is not None]
    return [head, html.Dl(parts)]


def expected_of(one: figures.Answered) -> float | None:
    """Return the mean of the classes by their probabilities; None where there is none."""
    return one.expected_cn if isinstance(one, Answer) else one.expected_value


def _warnings(one: figures.Answered) -> list[Component]:
    if not one.warnings:
        return []
    return [html.H2("What was noticed"), html.Ul([html.Li(each) for each in one.warnings])]


def _table(found: list[tuple[str, Found]]) -> Component:
    rows: list[list[Any]] = []
    for key, one in found:
        if isinstance(one, Failed):
            rows.append([one.group or one.file or "", "", "", "", "", "", str(one)])
            continue
        name = html.Button(
            one.group,
            id={"do": "choose", "key": key, "group": one.group},
            className="link",
            title=f"show {one.group} of {one.file}",
        )
        expected, value = expected_of(one), one.cn if isinstance(one, Answer) else one.value
        rows.append(
            [
                name,
                one.absorber,
                f"{value:.3f}" if isinstance(value, float) else str(value),
                "" if one.probability is None else f"{one.probability:.2f}",
                ", ".join(map(str, one.set or ())),
                "" if expected is None else f"{expected:.2f}",
                _counted(len(one.warnings)),
            ]
        )
    heads = ["spectrum", "absorber", "CN", "probability", "set", "expected", "noticed"]
    return table(heads, rows, "answers")


def _counted(n: int) -> str:
    return "" if not n else "1 warning" if n == 1 else f"{n} warnings"


def _csv_of(found: list[Found]) -> str:
    rows = [one.to_dict() for one in found]
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    writer.writerows(csv_row(row) for row in rows)
    return text.getvalue()


def _pdf_of(found: list[Found]) -> bytes:
    from exafscn_flows.report.prediction_figures import write_figures

    drawn = [one for one in found if isinstance(one, Answer)]
    if not drawn:
        raise UsageError(
            "figures are drawn of what the model of the package answers: there is nothing to draw"
        )
    with tempfile.TemporaryDirectory(prefix="exafscn-") as folder:
        (path,) = write_figures(drawn, Path(folder) / "spectra.pdf")
        return path.read_bytes()
