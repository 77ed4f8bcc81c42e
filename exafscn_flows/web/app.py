"""The page as a WSGI application: Dash in Flask, behind what guards it."""

from collections.abc import Callable
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode

from dash import Dash, Input, Output, dcc, html
from dash.development.base_component import Component
from flask import Flask, Response, jsonify, redirect, request
from werkzeug.datastructures import MultiDict

from exafscn_flows.web import api, campaign_page, screening_plots, spectrum_page, watch_page
from exafscn_flows.web.access import Access, guard
from exafscn_flows.web.campaign_page import campaign_layout
from exafscn_flows.web.database import Database
from exafscn_flows.web.library import Library
from exafscn_flows.web.parts import alert, aria, said
from exafscn_flows.web.screening_page import screening_layout
from exafscn_flows.web.site_page import site_layout
from exafscn_flows.web.spectrum_layout import spectrum_layout
from exafscn_flows.web.uploads import MOST_REQUEST, TOO_MUCH
from exafscn_flows.web.watch_page import watch_layout

_UPDATE = "/_dash-update-component"

_INDEX = """<!DOCTYPE html>
<html lang="en">
  <head>
    {%metas%}
    <title>{%title%}</title>
    {%favicon%}
    {%css%}
  </head>
  <body>
    {%app_entry%}
    <footer>{%config%}{%scripts%}{%renderer%}</footer>
  </body>
</html>
"""

Query = MultiDict[str, str]

Layout = Callable[[Query], Component]
"""Makes a page from the query of its address."""


def pages(database: Database) -> dict[str, tuple[str, Layout]]:
    """Return pages by path, with their titles; those without one are led to by others."""
    return {
        "/": ("Spectrum", lambda query: spectrum_layout()),
        "/watch": ("Watch", watch_layout),
        "/screening": ("Screening", lambda query: screening_layout(database, query)),
        "/campaign": ("Campaigns", lambda query: campaign_layout(database, query)),
        "/site": ("", lambda query: site_layout(database, query)),
    }


def make_server(access: Access, library: Library) -> Flask:
    """Return the application.

    Parameters
    ----------
    access
        Its address and token.
    library
        Files that are dropped.
    """
    server = Flask("exafscn_flows.web", static_folder=None)
    # As the server of the loopback interface would say it; nothing of Flask's is kept in cookies.
    server.config.update(MAX_CONTENT_LENGTH=MOST_REQUEST, DEBUG=False, TESTING=False)
    scripts: list[str] = []
    guard(server, access, scripts)
    server.before_request(_refuse_large)
    server.before_request(_leave_out_empty)
    app = Dash(
        "exafscn_flows.web",
        server=cast(Any, server),  # which is more than it says
        title="exafscn",
        update_title="",
        index_string=_INDEX,
        serve_locally=True,
        compress=False,
        enable_mcp=False,
        use_pages=False,
        suppress_callback_exceptions=True,
        add_log_handler=False,
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )
    app.layout = _frame()
    database = Database()
    _register_pages(app, pages(database))
    spectrum_page.register(app, library, database)
    watch_page.register(app, library)
    screening_plots.register(app, database)
    campaign_page.register(app, database)
    api.register(server, database)
    scripts += app.csp_hashes()
    return server


def _refuse_large() -> Response | None:
    """Say of files that are too many or too large what the page then shows, without reading them.

    Dash shows nothing of a request that failed.
    """
    if (request.content_length or 0) <= MOST_REQUEST or request.path != _UPDATE:
        return None
    shown = {"drop-said": {"children": cast(Any, alert(TOO_MUCH)).to_plotly_json()}}
    return jsonify({"multi": True, "response": shown})


def _leave_out_empty() -> Response | None:
    """Show forms that were sent under an address without the fields that nobody has filled."""
    given = list(request.args.items(multi=True))
    filled = [(name, value) for name, value in given if value.strip()]
    if request.method != "GET" or request.path.startswith("/api/") or len(filled) == len(given):
        return None
    path = "/" + request.path.lstrip("/")
    return cast(Response, redirect(f"{path}?{urlencode(filled)}", 303))


def _frame() -> Component:
    """Return what all pages have around them."""
    return html.Div(
        [
            dcc.Location(id="address", refresh="callback-nav"),
            html.Header(
                [
                    html.Strong("exafscn", className="brand"),
                    html.Nav(id="nav", **aria(label="pages")),
                ]
            ),
            html.Main(id="page"),
        ]
    )


def _register_pages(app: Dash, pages: dict[str, tuple[str, Layout]]) -> None:
    @app.callback(
        Output("page", "children"),
        Output("nav", "children"),
        Input("address", "pathname"),
        Input("address", "search"),
    )
    def show(path: str | None, search: str | None) -> tuple[Component, list[Component]]:
        query = MultiDict(parse_qsl((search or "").lstrip("?")))
        links = [_link(place, title, path or "/") for place, (title, _) in pages.items() if title]
        page = pages.get(path or "/")
        if page is None:
            return alert(f"There is no page {path}: choose one above."), links
        return said(page[1])(query), links


def _link(place: str, title: str, here: str) -> Component:
    current: Any = aria(current="page") if place == here else {}
    # dcc.Link takes no such attribute.
    return html.Span(dcc.Link(title, href=place), className="here" if current else "", **current)
