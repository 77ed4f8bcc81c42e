"""What all figures of the page have in common."""

from collections.abc import Sequence
from typing import Any

import numpy as np

COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
"""The palette of Okabe and Ito, which colour-blind readers can tell apart."""

INK, MUTED, LINE = "#1f2933", "#52606d", "#cbd2d9"

Figure = dict[str, Any]
"""As plotly.js takes it."""

CONFIG: Any = {
    "displaylogo": False,
    "responsive": True,
    "toImageButtonOptions": {"format": "svg", "filename": "exafscn"},
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
}
"""Of every graph: its camera saves what is seen as SVG, without asking a server."""


def line(
    x: np.ndarray, y: np.ndarray, name: str, color: str, dash: str = "solid", width: float = 1.8
) -> dict[str, Any]:
    """Return a line; six digits are more than can be seen."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [float(f"{one:.7g}") for one in x],
        "y": [float(f"{one:.6g}") for one in y],
        "name": name,
        "line": {"color": color, "dash": dash, "width": width},
    }


def figure(
    traces: Sequence[dict[str, Any]],
    x: str,
    y: str,
    *,
    lines: Sequence[tuple[float, str]] = (),
    bands: Sequence[tuple[float, float, str]] = (),
    says: str = "",
    revision: str = "kept",
) -> Figure:
    """Return a figure of some traces.

    Parameters
    ----------
    x, y
        Titles of the axes.
    lines, bands
        Vertical lines, and ranges of x, with what they mean.
    says
        What stands in its middle, where there is nothing to be drawn.
    revision
        As long as it is the same, what a user has zoomed into stays.
    """
    axis = {"gridcolor": "#edf0f3", "linecolor": LINE, "zerolinecolor": LINE, "color": MUTED}
    shapes: list[dict[str, Any]] = []
    keys: list[dict[str, Any]] = []
    for begin, end, text in bands:
        shapes.append(
            {
                "type": "rect",
                "xref": "x",
                "yref": "paper",
                "x0": begin,
                "x1": end,
                "y0": 0,
                "y1": 1,
                "fillcolor": COLORS[1],
                "opacity": 0.14,
                "line": {"width": 0},
                "layer": "below",
            }
        )
        keys.append(
            _key(
                text,
                {"mode": "markers", "marker": {"color": "#fbefd9", "size": 12, "symbol": "square"}},
            )
        )
    for place, text in lines:
        shapes.append(
            {
                "type": "line",
                "xref": "x",
                "yref": "paper",
                "x0": place,
                "x1": place,
                "y0": 0,
                "y1": 1,
                "line": {"color": INK, "width": 1, "dash": "dot"},
            }
        )
        keys.append(
            _key(text, {"mode": "lines", "line": {"color": INK, "dash": "dot", "width": 1}})
        )
    layout: dict[str, Any] = {
        "xaxis": {**axis, "title": {"text": x}},
        "yaxis": {**axis, "title": {"text": y}},
        "shapes": shapes,
        "margin": {"l": 60, "r": 12, "t": 10, "b": 44},
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": -0.32, "yanchor": "top", "font": {"size": 11}},
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": INK},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "uirevision": revision,
        "hovermode": "closest",
    }
    if says:
        layout["annotations"] = [
            {"text": says, "showarrow": False, "xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5}
        ]
    return {"data": [*traces, *keys], "layout": layout}


def _key(text: str, look: dict[str, Any]) -> dict[str, Any]:
    """Return an entry of the legend alone."""
    return {"type": "scatter", "x": [None], "y": [None], "name": text, "hoverinfo": "skip", **look}
