"""Pieces of which all pages are made."""

import base64
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from dash import dcc, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from exafscn_flows.errors import ExafscnError
from exafscn_flows.web.style import CONFIG, Figure

P = ParamSpec("P")
R = TypeVar("R")


def alert(sentence: str) -> Component:
    """Return a sentence that says what is wrong, which screen readers read out at once."""
    return html.P(sentence, className="alert", role="alert")


def aria(**names: str) -> Any:
    """Return attributes for screen readers, such as ``aria(live="polite")``."""
    return {f"aria-{name}": value for name, value in names.items()}


def file_of(content: str | bytes, name: str) -> dict[str, Any]:
    """Return a file as `dcc.Download` takes it."""
    if isinstance(content, str):
        return {"content": content, "filename": name, "type": "text/plain", "base64": False}
    encoded = base64.b64encode(content).decode()
    return {
        "content": encoded,
        "filename": name,
        "type": "application/octet-stream",
        "base64": True,
    }


def remark(text: str | Sequence[Any]) -> Component:
    """Return a line in small type."""
    return html.P(text, className="remark")


def sentence_of(error: Exception) -> str:
    """Return what a page says of an error: one sentence, as the command line does."""
    if isinstance(error, ExafscnError):
        return str(error)
    line = " ".join(str(error).split())[:200]
    return f"unexpected {type(error).__name__}: {line}: report it"


def said(work: Callable[P, R]) -> Callable[P, R | Component]:
    """Have a function that makes a part of a page return a sentence instead of raising."""

    @wraps(work)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R | Component:
        try:
            return work(*args, **kwargs)
        except PreventUpdate:
            raise
        except Exception as error:
            return alert(sentence_of(error))

    return guarded


def kept(error: Exception, n_others: int) -> tuple[Any, ...]:
    """Return the outputs of a callback that failed: a sentence first, and the rest as it is."""
    return (alert(sentence_of(error)), *[no_update] * n_others)


def graph(
    id: str | dict[str, Any], title: str, figure: Figure | None = None, look: str = "graph"
) -> Component:
    """Return a graph with a title that says what it shows."""
    empty: Figure = {"data": [], "layout": {}}
    return html.Figure(
        [
            html.Figcaption(title),
            # As high as what is around it.
            html.Div(dcc.Graph(id=id, figure=figure or empty, config=CONFIG), className=look),
        ]
    )


def field(label: str, control: Component, help: str = "") -> Component:
    """Return a control with its label, and what can be given."""
    id: Any = getattr(control, "id", None)
    parts = [html.Label(label, htmlFor=id), control]
    if help:
        parts.append(html.Span(help, className="remark"))
    return html.Div(parts, className="field")


def table(heads: Sequence[Any], rows: Sequence[Sequence[Any]], caption: str = "") -> Component:
    """Return a table that scrolls by itself where it is wider than the window."""
    head = html.Thead(html.Tr([html.Th(one, scope="col") for one in heads]))
    body = html.Tbody([html.Tr([html.Td(cell) for cell in row]) for row in rows])
    parts = [html.Caption(caption)] if caption else []
    inside = html.Table([*parts, head, body])
    # What scrolls has to be reached by the keyboard.
    return html.Div(
        inside, className="scrolls", tabIndex=0, role="region", **aria(label=caption or "table")
    )


def code(id: str, label: str, text: str = "") -> Component:
    """Return a text to copy, with a button that does so."""
    return html.Div(
        [
            html.Div(
                [html.Span(label), dcc.Clipboard(target_id=id, title=f"copy {label}")],
                className="copyhead",
            ),
            html.Pre(text, id=id, tabIndex=0),
        ],
        className="copy",
    )
