"""The page as a WSGI application: Dash in Flask, behind what guards it."""

from collections.abc import Callable
from typing import Any, cast
from urllib.parse import parse_qs

from dash import Dash, Input, Output, dcc, html
from dash.development.base_component import Component
from flask import Flask, Response, jsonify, request

from exafscn_flows.web import spectrum_page
from exafscn_flows.web.access import Access, guard
from exafscn_flows.web.library import Library
from exafscn_flows.web.parts import alert, aria, said
from exafscn_flows.web.spectrum_layout import spectrum_layout
from exafscn_flows.web.uploads import MOST_REQUEST, TOO_MUCH

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

Layout = Callable[[dict[str, str]], Component]
"""Makes a page from the query of its address."""

PAGES: dict[str, tuple[str, Layout]] = {
    "/": ("Spectrum", lambda query: spectrum_layout()),
}
"""Pages by path, with their titles."""


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
    _register_pages(app)
    spectrum_page.register(app, library)
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


def _register_pages(app: Dash) -> None:
    @app.callback(
        Output("page", "children"),
        Output("nav", "children"),
        Input("address", "pathname"),
        Input("address", "search"),
    )
    def show(path: str | None, search: str | None) -> tuple[Component, list[Component]]:
        query = {name: one[-1] for name, one in parse_qs((search or "").lstrip("?")).items()}
        links = [_link(place, title, path or "/") for place, (title, _) in PAGES.items() if title]
        page = PAGES.get(path or "/")
        if page is None:
            return alert(f"There is no page {path}: choose one above."), links
        return said(page[1])(query), links


def _link(place: str, title: str, here: str) -> Component:
    current: Any = aria(current="page") if place == here else {}
    # dcc.Link takes no such attribute.
    return html.Span(dcc.Link(title, href=place), className="here" if current else "", **current)
