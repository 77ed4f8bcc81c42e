"""Figures of what a query finds."""

from collections.abc import Iterable, Sequence
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


def scatter(store: Store, config: CampaignConfig, rows: Sequence[Row]) -> tuple[str, Figure]:
    """Draw probability over bond length, coloured by what is predicted; returns a title, too.

    Of numbers, the expected error is drawn over what is predicted.
    """
    if not rows or rows[0]["probability"] is None:
        x = [row["value"] for row in rows if row["value"] is not None]
        kept = [row for row in rows if row["value"] is not None]
        traces = [_points(kept, x, [row["expected_error"] for row in kept], "predicted", 0)]
        return "Expected error", figure(traces, "Predicted", "Expected error")
    bond = next((one.name for one in config.targets if one.kind == "bond_length"), None)
    lengths = _labels(store, config.campaign, rows, bond) if bond else {}
    if lengths:
        kept = [row for row in rows if row["site"] in lengths]
        x, title, name = [lengths[row["site"]] for row in kept], "Bond length (Å)", "bond length"
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
        return figure([], "", "", says="there are no feature vectors of these sites to compare")
    vectors = np.stack([found[key].vector for key in kept]).astype(float)
    plane, shares = principal_plane(vectors)
    of_kept = [keys[key] for key in kept]
    traces = _by_class(of_kept, plane[:, 0].tolist(), plane[:, 1].tolist())
    titles = [
        f"component {n}, {100 * share:.0f} % of the variance" for n, share in enumerate(shares, 1)
    ]
    return figure(traces, *titles)


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


def _labels(store: Store, campaign: str, rows: Sequence[Row], target: str) -> dict[str, float]:
    keys = [item_key(row["site"], target) for row in rows]
    found = store.read(LabelDoc, campaign, keys)
    return {doc.site: float(doc.value) for doc in found.values()}


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
        "customdata": [row["site"] for row in rows],
        "text": [f"{row['site']} {row['formula'] or ''}" for row in rows],
        "hovertemplate": "%{text}<br>%{x:.3f}, %{y:.3f}<extra>" + name + "</extra>",
        "marker": {
            "color": COLORS[number % len(COLORS)],
            "symbol": _SYMBOLS[number // len(COLORS) % len(_SYMBOLS)],
            "size": 7,
            "opacity": 0.75,
        },
    }
