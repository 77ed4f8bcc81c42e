"""The screening page: a table of predictions, figures of them, and ways to take them along."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from dash import dcc, html
from dash.development.base_component import Component

from exafscn_flows.errors import UsageError
from exafscn_flows.store.asked import AskedTarget
from exafscn_flows.store.everywhere import search_everywhere
from exafscn_flows.store.pages import Order
from exafscn_flows.store.queries import (
    Page,
    Search,
    find_page,
    search_for,
)
from exafscn_flows.targets.base import TaskName
from exafscn_flows.web.addresses import Query, address, split
from exafscn_flows.web.copies import Shown, query_command, query_pymongo, query_python
from exafscn_flows.web.database import Database
from exafscn_flows.web.parameters import PredictionParameters
from exafscn_flows.web.parts import alert, aria, code, graph, remark, table
from exafscn_flows.web.screening_form import ALL, Choices, form


def screening_layout(database: Database, query: Query) -> Component:
    """Return the page that an address asks for."""
    campaign, given = split(query)
    with database.reading() as store:
        campaigns = store.campaign_names()
        name = campaign or store.latest_campaign()
        configs = [store.config(one) for one in (campaigns if name == ALL else [name])]
        wrong, page = "", None
        searches: list[Search] = []
        passed_over: Mapping[str, str] = {}
        try:
            if name == ALL:
                found = search_everywhere(store, given.conditions(), given.sort, given.after)
                page, passed_over = found.page(store, given.limit), found.passed_over
                searches = [*found.searches.values()]
            else:
                asked = given.query(name)
                page = find_page(store, asked, given.sort, after=given.after, limit=given.limit)
                searches = [search_for(store, asked, given.sort, given.after)]
        except UsageError as error:
            # The form stays, so that it can be mended.
            wrong = str(error)
    known = [one for config in configs for one in config.targets]
    chosen = next((one for one in known if one.name == given.target), known[0] if known else None)
    task: TaskName = page.target.task if page else chosen.task if chosen else "classes"
    mark = address(name, given, after=given.after)
    parts: list[Component] = [html.H1("Screening")]
    parts.append(form(campaigns, Choices.of(name, configs), task, given, mark))
    if page is None:
        return html.Div([*parts, alert(wrong)])
    title = "All campaigns" if name == ALL else name
    parts.append(
        html.Div(
            [
                html.H2(f"{title}: {page.target.name.replace('_', ' ')}"),
                html.Div(id="count", **aria(live="polite")),
            ]
        )
    )
    parts.append(_results(name, given, page, page.target.order(given.sort)))
    if passed_over:
        why = "; ".join(f"{one} ({reason})" for one, reason in passed_over.items())
        parts.append(remark(f"Passed over, where this cannot be asked: {why}"))
    return html.Div([*parts, *_beside(name, given, searches)])


def _beside(name: str, given: PredictionParameters, searches: Sequence[Search]) -> list[Component]:
    """Return what there is besides the table.

    Parameters
    ----------
    searches
        How it was found, in each campaign.
    """
    one = None if name == ALL else name
    asked = Shown(one, given.conditions(), given.sort, given.after, given.limit)
    copies = [
        code("as-command", "command line", query_command(asked)),
        code("as-python", "Python", query_python(asked)),
        code("as-pymongo", "pymongo", query_pymongo(searches, given.limit)),
    ]
    return [
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
        _downloads(name, given) if one else remark("--export FILE writes a file of all of it."),
        html.Div(copies, className="grid"),
    ]


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
    own = ["campaign"] * (campaign == ALL)
    return [
        *own,
        "site",
        "formula",
        "absorber",
        value,
        "label",
        *probability,
        "set",
        expected,
        "noticed",
    ]


def _row(campaign: str, target: AskedTarget, row: dict[str, Any]) -> list[Any]:
    own = row.get("campaign", campaign)
    place = urlencode({"campaign": own, "site": row["site"]})
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
        *([own] if campaign == ALL else []),
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
