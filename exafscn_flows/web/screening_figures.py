"""Figures of what a query finds."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from exafscn_flows.config.campaign import CampaignConfig
from exafscn_flows.keys import item_key
from exafscn_flows.store.documents import FeatureDoc, LabelDoc
from exafscn_flows.store.spread import Row
from exafscn_flows.store.store import Store
from exafscn_flows.web.style import COLORS, Figure, figure

_SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up")
"""With six colours, thirty classes can be told apart."""

_FEWEST = 3
"""Vectors that a plane can be laid through."""


def scatter(
    store: Store, configs: Mapping[str, CampaignConfig], rows: Sequence[Row]
) -> tuple[str, Figure]:
    """Draw probability over bond length, coloured by what is predicted; returns a title, too.

    Of numbers, the expected error is drawn over what is predicted.

    Parameters
    ----------
    configs
        By campaign, of all that rows are of.
    """
    if not rows or rows[0]["probability"] is None:
        x = [row["value"] for row in rows if row["value"] is not None]
        kept = [row for row in rows if row["value"] is not None]
        traces = [_points(kept, x, [row["expected_error"] for row in kept], "predicted", 0)]
        return "Expected error", figure(traces, "Predicted", "Expected error")
    lengths = _bond_lengths(store, configs, rows)
    if lengths:
        kept = [row for row in rows if _place(row) in lengths]
        x, title, name = [lengths[_place(row)] for row in kept], "Bond length (Å)", "bond length"
        if len(kept) < len(rows):
            name += f", which {len(kept):,} of {len(rows):,} sites have"
    else:
        kept = list(rows)
        x, title, name = [row["expected_error"] for row in kept], "Expected error", "expected error"
    y = [row["probability"] for row in kept]
    return f"Probability over {name}", figure(_by_class(kept, x, y), title, "Probability")


def feature_map(store: Store, campaign: str, rows: Sequence[Row]) -> Figure:
    """Draw feature vectors in the plane of their first two principal components."""
    keys = {item_key(row["site"], row["feature_set"]): row for row in rows}
    found = store.read(FeatureDoc, campaign, keys)
    kept = [key for key in keys if key in found]
    sizes = {len(found[key].vector) for key in kept}
    if len(kept) < _FEWEST or len(sizes) > 1:
        return empty_figure("there are no feature vectors of these sites to compare")
    vectors = np.stack([found[key].vector for key in kept]).astype(float)
    plane, shares = principal_plane(vectors)
    of_kept = [keys[key] for key in kept]
    traces = _by_class(of_kept, plane[:, 0].tolist(), plane[:, 1].tolist())
    titles = [
        f"component {n}, {100 * share:.0f} % of the variance" for n, share in enumerate(shares, 1)
    ]
    return figure(traces, *titles)


def empty_figure(says: str) -> Figure:
    """Return a figure that says why there is nothing in it."""
    return figure([], "", "", says=says)


def principal_plane(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first two principal components, and the shares of the variance that they have.

    Parameters
    ----------
    vectors
        Shape (n, n_features).

    Returns
    -------
    numpy.ndarray, numpy.ndarray
        Shapes (n, 2) and (2,). The sign of each component is such that its largest is positive.
    """
    centred = vectors - vectors.mean(axis=0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    scores = u[:, :2] * s[:2]
    largest = scores[np.abs(scores).argmax(axis=0), [0, 1]]
    total = float((s**2).sum()) or 1.0
    return scores * np.where(largest < 0, -1, 1), s[:2] ** 2 / total


def _place(row: Row) -> tuple[str, str]:
    return row["campaign"], row["site"]


def _bond_lengths(
    store: Store, configs: Mapping[str, CampaignConfig], rows: Sequence[Row]
) -> dict[tuple[str, str], float]:
    """Return the labels of sites in campaigns that have such a target, by campaign and site."""
    found: dict[tuple[str, str], float] = {}
    for campaign, config in configs.items():
        target = next((one.name for one in config.targets if one.kind == "bond_length"), None)
        if target is None:
            continue
        keys = [item_key(row["site"], target) for row in rows if row["campaign"] == campaign]
        docs = store.read(LabelDoc, campaign, keys).values()
        found |= {(campaign, doc.site): float(doc.value) for doc in docs}
    return found


def _by_class(rows: Sequence[Row], x: Sequence[float], y: Sequence[float]) -> list[dict[str, Any]]:
    values = [row["value"] for row in rows]
    if any(isinstance(one, float) for one in values):
        trace = _points(rows, x, y, "predicted", 0)
        trace["marker"] |= {"color": values, "colorscale": "Viridis", "showscale": True}
        return [trace]
    classes = in_order(values)
    traces = []
    for number, one in enumerate(classes):
        at = [place for place, value in enumerate(values) if value == one]
        traces.append(
            _points([rows[i] for i in at], [x[i] for i in at], [y[i] for i in at], str(one), number)
        )
    return traces


def in_order(values: Iterable[Any]) -> list[Any]:
    """Return the classes among some values, ascending; numbers before names."""
    found = {one for one in values if one is not None}
    return sorted(found, key=lambda one: (isinstance(one, str), one))


def _points(
    rows: Sequence[Row], x: Sequence[float], y: Sequence[float], name: str, number: int
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": list(x),
        "y": list(y),
        "name": name,
        "customdata": [_place(row) for row in rows],
        "text": [f"{row['site']} {row['formula'] or ''}" for row in rows],
        "hovertemplate": "%{text}<br>%{x:.3f}, %{y:.3f}<extra>" + name + "</extra>",
        "marker": {
            "color": COLORS[number % len(COLORS)],
            "symbol": _SYMBOLS[number // len(COLORS) % len(_SYMBOLS)],
            "size": 7,
            "opacity": 0.75,
        },
    }
