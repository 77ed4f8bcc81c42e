"""Figures and counts of the screening page, which come after its table."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from dash import Dash, Input, Output, ctx, dcc, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from exafscn_flows.errors import ExafscnError
from exafscn_flows.store.everywhere import search_everywhere
from exafscn_flows.store.queries import Search, count_found, search_for, tally
from exafscn_flows.store.spread import sample
from exafscn_flows.store.store import Store
from exafscn_flows.web.addresses import address, parsed, split
from exafscn_flows.web.database import Database
from exafscn_flows.web.parameters import PredictionParameters
from exafscn_flows.web.parts import alert, graph, remark, said, sentence_of, table
from exafscn_flows.web.screening_figures import empty_figure, feature_map, in_order, scatter
from exafscn_flows.web.screening_form import ALL

DRAWN = 1000
"""Predictions in figures."""

COUNTED = 100_000
"""Predictions that are counted; the server looks at each, some million a second."""


def register(app: Dash, database: Database) -> None:
    """Have the page draw and count what it has found, and lead to sites."""

    @app.callback(
        Output("plots-said", "children"),
        Output("plot-scatter-box", "children"),
        Output("plot-map", "figure"),
        Input("screened", "data"),
    )
    def draw(search: str | None) -> Any:
        if not search:
            raise PreventUpdate
        empty: Any = {"data": [], "layout": {}}
        try:
            return _drawn(database, search)
        except ExafscnError as error:
            return alert(sentence_of(error)), graph("plot-scatter", ""), empty

    @app.callback(
        Output("count", "children"), Output("confusion", "children"), Input("screened", "data")
    )
    def count(search: str | None) -> Any:
        if not search:
            raise PreventUpdate
        try:
            return _counted(database, search)
        except ExafscnError as error:
            return "", alert(sentence_of(error))

    @app.callback(
        Output("address", "href"),
        Input("plot-scatter", "clickData"),
        Input("plot-map", "clickData"),
        prevent_initial_call=True,
    )
    def open_site(one: Any, other: Any) -> str:
        clicked = one if ctx.triggered_id == "plot-scatter" else other
        if not clicked:
            raise PreventUpdate
        campaign, site = clicked["points"][0]["customdata"]
        return f"/site?{urlencode({'campaign': campaign, 'site': site})}"


def _searches(store: Store, campaign: str, given: PredictionParameters) -> dict[str, Search]:
    """Return what is searched, by campaign, from the beginning."""
    if campaign == ALL:
        return search_everywhere(store, given.conditions()).searches
    return {campaign: search_for(store, given.query(campaign))}


def _drawn(database: Database, search: str) -> tuple[Any, ...]:
    campaign, given = split(parsed(search))
    assert campaign is not None
    with database.reading() as store:
        searches = _searches(store, campaign, given)
        found = sample(store, list(searches.values()), DRAWN)
        configs = {name: store.config(name) for name in searches}
        title, figure = scatter(store, configs, found.rows)
        mapped = (
            empty_figure("features of different campaigns cannot be compared: choose one of them")
            if campaign == ALL
            else feature_map(store, campaign, found.rows)
        )
    shown = "" if found.is_whole else f"Figures show {len(found.rows):,}, spread evenly."
    box = graph("plot-scatter", f"{title}: a point leads to its site", figure)
    return remark(shown), box, mapped


def _counted(database: Database, search: str) -> tuple[Any, Any]:
    campaign, given = split(parsed(search))
    assert campaign is not None
    with database.reading() as store:
        searches = list(_searches(store, campaign, given).values())
        counted = count_found(store, searches, COUNTED + 1)
        target = searches[0].target
        is_classes = target.task == "classes"
        cells = tally(store, searches) if is_classes and counted <= COUNTED else {}
    if counted > COUNTED:
        query = address(campaign, given).lstrip("?").partition("&")[2]
        place = "" if campaign == ALL else f"/campaigns/{quote(campaign)}"
        every = html.A("count them", href=f"/api{place}/count?{query}")
        return remark([f"more than {COUNTED:,} predictions (", every, ")"]), remark(
            f"Labels are counted against predictions where there are at most {COUNTED:,}, such as "
            "those of one absorber."
            if is_classes
            else ""
        )
    what = "prediction" if counted == 1 else "predictions"
    matrix = said(confusion)(campaign, given, target.name, cells)
    return remark(f"{counted:,} {what}"), matrix


def confusion(
    campaign: str,
    given: PredictionParameters,
    target: str,
    cells: Mapping[tuple[Any, Any], int],
) -> Component:
    """Return labels against predictions; each number leads to the predictions that it counts."""
    counts = {pair: count for pair, count in cells.items() if pair[0] is not None}
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
            # Without the condition cn, another target might be meant.
            change = {"value": str(value), "label": str(label), "cn": None, "target": target}
            href = f"/screening{address(campaign, given, **change)}"
            says = f"{count} of label {label} predicted as {value}"
            share = count / total
            look = {"background": f"rgba(0, 114, 178, {0.08 + 0.3 * share:.2f})"}
            link = dcc.Link(f"{count:,}", href=href, title=says)
            row.append(html.Div(link, style=look, className="cell"))
        rows.append(row)
    caption = "labels (rows) and predictions (columns); a number finds what it counts"
    return html.Div([html.H2("Confusion"), table(["label", *map(str, classes)], rows, caption)])
