"""Figures and counts of the screening page, which come after its table."""

from typing import Any
from urllib.parse import urlencode

from dash import Dash, Input, Output, State, ctx, dcc, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from exafscn_flows.errors import ExafscnError
from exafscn_flows.store.queries import count_predictions, search_for, tally
from exafscn_flows.web.addresses import address, parsed, split
from exafscn_flows.web.database import Database
from exafscn_flows.web.parameters import PredictionParameters
from exafscn_flows.web.parts import alert, graph, remark, said, sentence_of, table
from exafscn_flows.web.sample import spread_rows
from exafscn_flows.web.screening_figures import feature_map, in_order, scatter

DRAWN = 1000
"""Predictions in figures."""

COUNTED = 200_000
"""Predictions that are counted by label and value."""


def register(app: Dash, database: Database) -> None:
    """Have the page draw what it has found, and lead to sites."""

    @app.callback(
        Output("plots-said", "children"),
        Output("count", "children"),
        Output("plot-scatter-box", "children"),
        Output("plot-map", "figure"),
        Output("confusion", "children"),
        Input("screened", "data"),
    )
    def draw(search: str | None) -> Any:
        if not search:
            raise PreventUpdate
        empty: Any = {"data": [], "layout": {}}
        try:
            return ("", *_drawn(database, search))
        except ExafscnError as error:
            return alert(sentence_of(error)), "", graph("plot-scatter", ""), empty, ""

    @app.callback(
        Output("address", "href"),
        Input("plot-scatter", "clickData"),
        Input("plot-map", "clickData"),
        State("screened", "data"),
        prevent_initial_call=True,
    )
    def open_site(one: Any, other: Any, search: str) -> str:
        clicked = one if ctx.triggered_id == "plot-scatter" else other
        if not clicked:
            raise PreventUpdate
        campaign, _ = split(parsed(search))
        place = {"campaign": campaign, "site": clicked["points"][0]["customdata"]}
        return f"/site?{urlencode(place)}"


def _drawn(database: Database, search: str) -> tuple[Any, ...]:
    campaign, given = split(parsed(search))
    assert campaign is not None
    with database.reading() as store:
        query, config = given.query(campaign), store.config(campaign)
        rows, are_all = spread_rows(store, query, DRAWN)
        title, figure = scatter(store, config, rows)
        mapped = feature_map(store, campaign, rows)
        counted = len(rows) if are_all else count_predictions(store, query)
        is_classes = bool(rows) and rows[0]["probability"] is not None
        cells = tally(store, [search_for(store, query)], COUNTED) if is_classes else None
    what = "prediction" if counted == 1 else "predictions"
    drawn = "" if are_all else f"; figures show {len(rows):,}, spread evenly"
    matrix = said(confusion)(campaign, given, cells.cells, cells.is_whole) if cells else ""
    return (
        remark(f"{counted:,} {what}{drawn}"),
        graph("plot-scatter", f"{title}: a point leads to its site", figure),
        mapped,
        matrix,
    )


def confusion(
    campaign: str,
    given: PredictionParameters,
    cells: list[tuple[Any, Any, int]],
    is_whole: bool,
) -> Component:
    """Return labels against predictions; each number leads to the predictions that it counts."""
    counts = {(label, value): count for label, value, count in cells if label is not None}
    if not counts:
        return html.Div()
    classes = in_order(one for pair in counts for one in pair)
    rows: list[list[Any]] = []
    for label in classes:
        total = sum(counts.get((label, value), 0) for value in classes)
        row: list[Any] = [html.Strong(str(label))]
        for value in classes:
            count = counts.get((label, value), 0)
            if not count:
                row.append("")
                continue
            change = {"value": str(value), "label": str(label), "cn": None}
            href = f"/screening{address(campaign, given, **change)}"
            says = f"{count} of label {label} predicted as {value}"
            share = count / total
            look = {"background": f"rgba(0, 114, 178, {0.08 + 0.3 * share:.2f})"}
            link = dcc.Link(f"{count:,}", href=href, title=says)
            row.append(html.Div(link, style=look, className="cell"))
        rows.append(row)
    caption = "labels (rows) and predictions (columns); a number finds what it counts"
    if not is_whole:
        caption += f"; the first {COUNTED:,}"
    return html.Div([html.H2("Confusion"), table(["label", *map(str, classes)], rows, caption)])
