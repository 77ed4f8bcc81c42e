"""The screening page: a table of predictions, figures of them, and ways to take them along."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from dash import Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate
from werkzeug.datastructures import MultiDict

from exafscn_flows.errors import ExafscnError, UsageError
from exafscn_flows.store.asked import AskedTarget
from exafscn_flows.store.pages import Order
from exafscn_flows.store.queries import Page, count_predictions, find_page, search_for, tally
from exafscn_flows.web.copies import query_command, query_pymongo, query_python
from exafscn_flows.web.database import Database
from exafscn_flows.web.parameters import PredictionParameters
from exafscn_flows.web.parts import alert, aria, code, graph, remark, said, sentence_of, table
from exafscn_flows.web.sample import spread_rows
from exafscn_flows.web.screening_figures import feature_map, in_order, scatter
from exafscn_flows.web.screening_form import form

DRAWN = 1000
"""Predictions in figures."""

COUNTED = 200_000
"""Predictions that are counted by label and value."""

Query = MultiDict[str, str]


def split(query: Query) -> tuple[str | None, PredictionParameters]:
    """Return the campaign and the conditions of an address.

    Raises
    ------
    UsageError
        If something in it makes no sense.
    """
    rest = query.copy()
    (campaign,) = rest.poplist("campaign")[-1:] or [""]
    return campaign.strip() or None, PredictionParameters.of(rest)


def address(campaign: str, given: PredictionParameters, **changes: Any) -> str:
    """Return the address of the page with some things changed; it begins anew."""
    kept = given.model_dump(mode="json", exclude_defaults=True, exclude={"after"})
    changed = {name: one for name, one in (kept | changes).items() if one is not None}
    query = [("campaign", campaign)]
    for name, value in changed.items():
        text = ",".join(value) if isinstance(value, list) else value
        query.append((name, str(text).lower() if isinstance(text, bool) else str(text)))
    return f"?{urlencode(query)}"


def screening_layout(database: Database, query: Query) -> Component:
    """Return the page that an address asks for."""
    campaign, given = split(query)
    with database.reading() as store:
        campaigns = store.campaign_names()
        name = campaign or store.latest_campaign()
        config = store.config(name)
        wrong, page, search = "", None, None
        try:
            asked = given.query(name)
            page = find_page(store, asked, given.sort, after=given.after, limit=given.limit)
            search = search_for(store, asked, given.sort)
        except UsageError as error:
            # The form stays, so that it can be mended.
            wrong = str(error)
    chosen = next((one for one in config.targets if one.name == given.target), config.targets[0])
    task = page.target.task if page else chosen.task
    parts: list[Component] = [html.H1("Screening")]
    parts.append(form(campaigns, config, task, given, address(name, given, after=given.after)))
    if wrong or page is None or search is None:
        return html.Div([*parts, alert(wrong)])
    parts += [
        html.Div(
            [
                html.H2([f"{name}: {page.target.name.replace('_', ' ')}"]),
                html.Div(id="count", **aria(live="polite")),
            ]
        ),
        _results(name, given, page, search.order),
        dcc.Store(id="screened", data=address(name, given)),
        html.Div(id="plots-said"),
        html.Div(
            [
                html.Div(graph("plot-scatter", "Predictions"), id="plot-scatter-box"),
                html.Div(graph("plot-map", "Feature space: nearby spectra are alike")),
            ],
            className="grid",
        ),
        html.Div(id="confusion"),
        html.H2("Take it along"),
        _downloads(name, given),
        html.Div(
            [
                code("as-command", "command line", query_command(name, *_asked(given))),
                code("as-python", "Python", query_python(name, *_asked(given))),
                code("as-pymongo", "pymongo", query_pymongo(search, given.limit)),
            ],
            className="grid",
        ),
    ]
    return html.Div(parts)


def _asked(given: PredictionParameters) -> tuple[Mapping[str, Any], str | None]:
    return given.conditions(), given.sort


def _results(campaign: str, given: PredictionParameters, page: Page, order: Order) -> Component:
    if not page.rows:
        return remark("No prediction meets these conditions.")
    target = page.target
    rows = [_row(campaign, target, row) for row in page.rows]
    turn = [dcc.Link("first page", href=f"/screening{address(campaign, given)}")]
    if page.after:
        turn.append(
            dcc.Link(
                "next page",
                href=f"/screening{address(campaign, given, after=page.after)}",
                className="next",
            )
        )
    shown = turn if given.after else turn[1:]
    return html.Div(
        [
            table(_heads(campaign, given, target, order), rows, "predictions"),
            html.Nav(shown, className="buttons", **aria(label="pages of the table")),
        ]
    )


def _heads(
    campaign: str, given: PredictionParameters, target: AskedTarget, order: Order
) -> list[Any]:
    unit = f", {target.unit}" if target.unit and target.task == "numbers" else ""

    def sorted_by(title: str, one: Order, other: Order | None = None) -> Any:
        follows = other if other is not None and order == one else one
        mark = {one: " ▾", other: " ▴"}.get(order, "") if order else ""
        href = f"/screening{address(campaign, given, sort=follows.value)}"
        return dcc.Link(f"{title}{mark}", href=href, title=f"sort by {title}")

    value: Any = f"{target.short}{unit}"
    if target.task == "numbers":
        value = sorted_by(value, Order.VALUE, Order.LARGEST)
    probability = [sorted_by("probability", Order.PROBABILITY)] * (target.task == "classes")
    expected = sorted_by("expected error", Order.EXPECTED_ERROR, Order.DOUBTFUL)
    return ["site", "formula", "absorber", value, "label", *probability, "set", expected, "noticed"]


def _row(campaign: str, target: AskedTarget, row: dict[str, Any]) -> list[Any]:
    place = urlencode({"campaign": campaign, "site": row["site"]})
    name = f"{row['file']}: {row['group']}" if row["file"] else row["site"]
    noticed = [
        text
        for text, holds in (
            ("disagrees", row["disagrees"]),
            ("out of distribution", row["in_distribution"] is False),
            ("seen", row["seen"]),
            ("measured", row["measured"]),
        )
        if holds
    ]
    label = value_text(row["label"] if row["error"] is None else row["error"])
    return [
        dcc.Link(name, href=f"/site?{place}"),
        row["formula"] or "",
        row["absorber"],
        value_text(row["value"]),
        html.Span(label, className="bad") if row["disagrees"] else label,
        *([f"{row['probability']:.2f}"] if target.task == "classes" else []),
        ", ".join(map(str, row["prediction_set"] or ())),
        f"{row['expected_error']:.3f}",
        ", ".join(noticed),
    ]


def value_text(value: float | str | None) -> str:
    """Return a value as tables show it."""
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _downloads(campaign: str, given: PredictionParameters) -> Component:
    query = address(campaign, given).lstrip("?").partition("&")[2]
    links = [
        html.A(
            f"all of it, {kind}",
            href=f"/api/campaigns/{campaign}/export?format={kind}{'&' if query else ''}{query}",
        )
        for kind in ("csv", "parquet", "jsonl")
    ]
    return html.Div(links, className="buttons")


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
        from dash import ctx

        clicked = one if ctx.triggered_id == "plot-scatter" else other
        if not clicked:
            raise PreventUpdate
        campaign, _ = split(_parsed(search))
        place = {"campaign": campaign, "site": clicked["points"][0]["customdata"]}
        return f"/site?{urlencode(place)}"


def _parsed(search: str) -> Query:
    from urllib.parse import parse_qsl

    return MultiDict(parse_qsl(search.lstrip("?")))


def _drawn(database: Database, search: str) -> tuple[Any, ...]:
    campaign, given = split(_parsed(search))
    assert campaign is not None
    with database.reading() as store:
        query, config = given.query(campaign), store.config(campaign)
        rows, are_all = spread_rows(store, query, DRAWN)
        title, figure = scatter(store, config, rows)
        mapped = feature_map(store, campaign, rows)
        counted = len(rows) if are_all else count_predictions(store, query)
        is_classes = bool(rows) and rows[0]["probability"] is not None
        cells = tally(store, query, COUNTED) if is_classes else None
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
