"""The page of one campaign: how far it is, what failed, which models it has."""

import time
from typing import Any
from urllib.parse import quote

from dash import Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate
from werkzeug.datastructures import MultiDict

from exafscn_flows.jobs.status import Status, campaign_status
from exafscn_flows.jobs.versions import Version, list_versions
from exafscn_flows.store.documents import STAGES
from exafscn_flows.web.database import Database
from exafscn_flows.web.parts import alert, aria, remark, sentence_of, table

_EVERY = 20.0
"""Seconds between two looks at a campaign."""


def campaign_layout(database: Database, query: "MultiDict[str, str]") -> Component:
    """Return the page of the campaign that an address names, or of all of them."""
    with database.reading() as store:
        names = store.campaign_names()
        if "campaign" not in query:
            return _all(names)
        name = query["campaign"]
        config = store.config(name)
        status = campaign_status(store, name)
        versions = list_versions(store, config)
    rows = [
        [
            one.target.replace("_", " "),
            one.absorber,
            one.feature_set,
            one.model,
            [html.Code(one.version), " *" if one.current else ""],
            one.created_at.strftime("%Y-%m-%d %H:%M"),
            str(one.n_sites),
            _score(one),
        ]
        for one in versions
    ]
    heads = ["target", "absorber", "features", "model", "version", "made", "sites", "grouped"]
    return html.Div(
        [
            html.H1(f"Campaign {name}"),
            html.Div(
                [
                    dcc.Link("Screen it", href=f"/screening?campaign={quote(name)}"),
                    html.A("Report", href=f"/api/campaigns/{quote(name)}/report", target="_blank"),
                ],
                className="buttons",
            ),
            dcc.Store(id="campaign-name", data=name),
            dcc.Store(id="campaign-before", data=_seen(status)),
            dcc.Interval(id="campaign-look", interval=1000 * _EVERY),
            html.Div(_progress(status, None), id="campaign-progress", **aria(live="polite")),
            html.H2("Models"),
            html.Div(
                [
                    table(heads, rows, "versions of models"),
                    remark("* what queries mean; grouped: one formula on one side of every split"),
                ]
            )
            if rows
            else remark("There is none yet."),
        ]
    )


def _score(one: Version) -> str:
    is_share = one.score_name == "accuracy"
    text = f"{100 * one.score:.1f} %" if is_share else f"{one.score:.3f} {one.unit}".strip()
    return f"{one.score_name} {text}"


def _all(names: list[str]) -> Component:
    if not names:
        return html.Div(
            [
                html.H1("Campaigns"),
                remark("There is none in this database yet: `exafscn run FILE.yaml` makes one."),
            ]
        )
    rows = [
        [
            dcc.Link(name, href=f"/campaign?campaign={quote(name)}"),
            dcc.Link("screening", href=f"/screening?campaign={quote(name)}"),
        ]
        for name in names
    ]
    return html.Div([html.H1("Campaigns"), table(["campaign", "predictions"], rows, "campaigns")])


def register(app: Dash, database: Database) -> None:
    """Have the page look again and again how far its campaign is."""

    @app.callback(
        Output("campaign-progress", "children"),
        Output("campaign-before", "data"),
        Input("campaign-look", "n_intervals"),
        State("campaign-name", "data"),
        State("campaign-before", "data"),
        prevent_initial_call=True,
    )
    def look(_: int | None, name: str | None, before: dict[str, float] | None) -> Any:
        if not name:
            raise PreventUpdate
        try:
            with database.reading() as store:
                status = campaign_status(store, name)
        except Exception as error:
            return alert(sentence_of(error)), before
        now = _seen(status)
        # The first look stays: the longer the time, the steadier the rate.
        return _progress(status, rate_since(before, now)), before or now


def _seen(status: Status) -> dict[str, float]:
    done = sum(one.done + one.failed for one in status.counts if one.stage == "features")
    left = sum(one.pending for one in status.counts if one.stage == "features")
    return {"time": time.time(), "done": done, "left": left}


def rate_since(before: dict[str, float] | None, now: dict[str, float]) -> str:
    """Say how many sites a minute come through, and how long the rest will take at this rate.

    Parameters
    ----------
    before, now
        Time, s, and feature vectors that were done and left then.
    """
    if before is None or not now["left"]:
        return ""
    seconds, done = now["time"] - before["time"], now["done"] - before["done"]
    if seconds <= 0 or done <= 0:
        return "nothing has been finished since this page was opened"
    minutes = now["left"] * seconds / done / 60
    left = f"{minutes:.0f} min" if minutes >= 1 else "less than a minute"
    return f"{60 * done / seconds:.0f} sets of features a minute; about {left} left for the rest"


def _progress(status: Status, rate: str | None) -> list[Component]:
    absorbers = list(dict.fromkeys(one.absorber or "" for one in status.counts))
    stages = sorted({one.stage for one in status.counts}, key=STAGES.index)
    counts = {(one.absorber or "", one.stage): one for one in status.counts}
    rows: list[list[Any]] = []
    for absorber in absorbers:
        row: list[Any] = [absorber or "all"]
        for stage in stages:
            count = counts.get((absorber, stage))
            row.append("" if count is None else _cell(count))
        rows.append(row)
    parts: list[Component] = [
        table(["absorber", *stages], rows, "done, failed, pending and blocked")
    ]
    if rate:
        parts.append(remark(rate))
    if not status.planned:
        parts.append(remark("The choice of sites is not complete: run the campaign to go on."))
    if status.failures:
        causes = [
            [one.stage, str(one.count), one.kind, one.message, one.item, one.hint]
            for one in status.failures
        ]
        heads = ["stage", "number", "cause", "for example", "of", "what to do"]
        parts += [html.H2("Failures"), table(heads, causes, "failures by cause")]
    return parts


def _cell(count: Any) -> list[Any]:
    parts: list[Any] = [f"{count.done:,} done"]
    if count.failed:
        parts += [html.Br(), html.Span(f"{count.failed:,} failed", className="bad")]
    for name in ("pending", "blocked"):
        if number := getattr(count, name):
            parts += [html.Br(), f"{number:,} {name}"]
    return parts
