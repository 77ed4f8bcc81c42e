"""The page on which measured spectra are dropped: what it does."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from dash import ALL, Dash, Input, Output, State, ctx, no_update
from dash.exceptions import PreventUpdate

from exafscn_flows.errors import UsageError
from exafscn_flows.prediction import Failed
from exafscn_flows.web import figures
from exafscn_flows.web.copies import predict_command, predict_python
from exafscn_flows.web.database import Database
from exafscn_flows.web.known_sites import described, known_spectra, nearest
from exafscn_flows.web.library import Found, Kept, Library, Wish
from exafscn_flows.web.parts import alert, file_of, kept, said, sentence_of
from exafscn_flows.web.reading import HowToRead
from exafscn_flows.web.spectrum_layout import CONTROLS, FIGURES
from exafscn_flows.web.spectrum_parts import (
    answer_table,
    csv_of,
    known_table,
    pdf_of,
    verdict,
    warnings_of,
)
from exafscn_flows.web.uploads import uploads

_NEAREST = 3
"""Known sites that are drawn."""

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
    return [
        (key, one)
        for key in dropped
        if library.has(key)
        for one in library.answers(key, _wishes(wishes, key))
    ]


def sentences(failed: list[Failed]) -> list[str]:
    """Return what is wrong, once where it is the same of many spectra."""
    counts = Counter(str(one) for one in failed)
    return [text if n == 1 else f"{text} ({n} spectra)" for text, n in counts.items()]


def register(app: Dash, library: Library, database: Database) -> None:
    """Have the page do what it does."""
    spectra = Kept(4)

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
        failed = [*refused, *sentences([one for one in found if isinstance(one, Failed)])]
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
        return answer_table(_all(library, dropped, wishes))

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
        Output("known", "children"),
        Output("figure-distance", "figure", allow_duplicate=True),
        Input("verdict", "children"),
        Input("known-campaign", "value"),
        State("chosen", "data"),
        State("wishes", "data"),
        prevent_initial_call=True,
    )
    def compare(_: Any, campaign: str | None, chosen: Stored | None, wishes: Stored) -> Any:
        if not chosen or (not campaign and ctx.triggered_id == "verdict"):
            raise PreventUpdate
        try:
            key, group = chosen["key"], chosen["group"]
            one = library.answer(key, group, _wishes(wishes, key).get(group, Wish()))
            if isinstance(one, Failed):
                raise PreventUpdate
            if not campaign:
                return "", figures.distance_figure(one)
            with database.reading() as store:
                known = spectra.made(
                    (campaign, one.absorber), lambda: known_spectra(store, campaign, one.absorber)
                )
                size, (kmin, kmax) = figures.chi_magnitude(one), figures.k_range(one)
                found = nearest(known, size, figures.R, kmin, kmax, _NEAREST)
                near = described(store, campaign, found)
        except PreventUpdate:
            raise
        except Exception as error:
            return alert(sentence_of(error)), no_update
        drawn = [(f"{each.site} {each.formula or ''}", each.magnitude) for each in near]
        return known_table(campaign, near), figures.distance_figure(one, drawn)

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
                return file_of(pdf_of(found), "spectra.pdf"), no_update
            if ctx.triggered_id == "get-json":
                text = json.dumps([one.to_dict() for one in found], indent=2)
                return file_of(text, "answers.json"), no_update
            return file_of(csv_of(found), "answers.csv"), no_update
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
        verdict(one),
        warnings_of(one),
        predict_command(file, label, wish),
        predict_python(file, label, wish),
        figures.mu_figure(one),
        figures.chi_figure(one),
        figures.distance_figure(one),
        figures.probability_figure(one),
    )
