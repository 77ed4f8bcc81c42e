"""Figures of what is known of a site: spectra, features, labels beside probabilities."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from exafscn_flows.store.documents import FeatureDoc, LabelDoc, SpectrumDoc
from exafscn_flows.store.results import PredictionDoc
from exafscn_flows.web.style import COLORS, MUTED, Figure, figure, line


def spectrum_figures(doc: SpectrumDoc) -> list[tuple[str, Figure]]:
    """Return titles and figures of all that a spectrum holds."""
    made: list[tuple[str, Figure]] = []
    name = doc.spectrum
    if len(doc.mu):
        energy = doc.e0 + doc.energy_rel.astype(float)
        traces = [line(energy, doc.mu, "μ(E)", COLORS[0])]
        if len(doc.mu0):
            traces.append(line(energy, doc.mu0, "background", COLORS[5], "dash"))
        lines = [(float(doc.e0), f"E0 {doc.e0:.1f} eV")]
        made.append((f"{name}: μ(E)", figure(traces, "Energy (eV)", "μ", lines=lines)))
    if len(doc.k):
        weighted = doc.chi.astype(float) * doc.k.astype(float) ** 2
        traces = [line(doc.k, weighted, "k²χ(k)", COLORS[0])]
        made.append((f"{name}: k²χ(k)", figure(traces, "k (1/Å)", "k²χ(k) (1/Å²)")))
    if len(doc.r):
        traces = [
            line(doc.r, doc.pdf, "all pairs", COLORS[0]),
            line(doc.r, doc.dpdf, f"pairs with {doc.absorber}", COLORS[5]),
        ]
        made.append((f"{name}: G(r)", figure(traces, "r (Å)", "G(r) (1/Å²)")))
    return made


def feature_figure(doc: FeatureDoc, axis: np.ndarray | None, axis_label: str) -> Figure:
    """Draw a feature vector over the axis of a model that takes it, or over its numbers."""
    if axis is None or len(axis) != len(doc.vector):
        axis, axis_label = np.arange(len(doc.vector)), "number of the feature"
    return figure([line(axis, doc.vector, doc.feature_set, COLORS[0])], axis_label, "value")


def label_figure(label: LabelDoc | None, predictions: Sequence[PredictionDoc]) -> Figure | None:
    """Draw the weights of the label beside the probabilities of predictions; None of numbers."""
    bars: list[tuple[str, dict[str, float], str]] = []
    if label is not None and (label.weights or not isinstance(label.value, float)):
        weights = label.weights or {str(label.value): 1.0}
        bars.append(("label", weights, MUTED))
    for number, one in enumerate(predictions):
        if one.probabilities is not None:
            name = f"{one.model} on {one.feature_set}, {one.hash[:8]}"
            bars.append((name, one.probabilities, COLORS[number % len(COLORS)]))
    if not any(name != "label" for name, *_ in bars):
        return None
    names = {name for _, values, _ in bars for name, value in values.items() if value >= 0.001}
    classes = sorted(
        names, key=lambda one: (not _is_number(one), float(one) if _is_number(one) else 0.0, one)
    )
    traces: list[dict[str, Any]] = [
        {
            "type": "bar",
            "name": name,
            "x": classes,
            "y": [values.get(one, 0.0) for one in classes],
            "marker": {"color": color},
        }
        for name, values, color in bars
    ]
    made = figure(traces, "", "Weight, probability")
    made["layout"]["xaxis"] |= {"type": "category"}
    made["layout"]["yaxis"]["range"] = [0, 1.05]
    made["layout"]["barmode"] = "group"
    return made


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
