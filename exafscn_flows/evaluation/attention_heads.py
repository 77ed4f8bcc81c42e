"""What tells the heads of a graph attention network apart."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from exafscn_flows.evaluation.attention import ASKED, STEP, Neighbours, curve, explained
from exafscn_flows.models.graph_traces import GraphNetworks


def head_numbers(
    networks: GraphNetworks,
    X: np.ndarray,
    untrained: Sequence[GraphNetworks],
    half: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Say where each head of the first network looks, as numbers for a document.

    Heads of several networks have nothing to do with each other.

    Parameters
    ----------
    networks, X, untrained, half
        As of `exafscn_flows.evaluation.attention.attention_numbers`.
    rng
        Chooses sites.

    Returns
    -------
    dict
        ``n_sites``. ``distance``: lower ends of the bins, Å. ``even``: mean distance of all
        neighbours, Å. ``layers``: of each layer its heads, as `head` says. ``untrained``: least and
        largest ``r`` of all heads of networks with their first weights.
    """
    some = np.sort(rng.permutation(len(X))[:ASKED])
    rows = X[some]
    graphs = networks.graphs(rows)
    layers = [
        [head(Neighbours(graphs, one), half[some]) for one in layer]
        for layer in networks.heads(rows)
    ]
    of = Neighbours(graphs, np.ones(graphs.shape[:2]))
    nulls = [
        looked_at(Neighbours(graphs, one))
        for network in untrained
        for layer in network.heads(rows)
        for one in layer
    ]
    return {
        "n_sites": len(some),
        "distance": [STEP * one for one in range(int(of.bin.max()) + 1)],
        "even": float(of.r.mean()),
        "layers": layers,
        "untrained": [min(nulls), max(nulls)],
    }


def head(of: Neighbours, half: np.ndarray) -> dict[str, Any]:
    """Return what one head does.

    Parameters
    ----------
    of
        The neighbours, as it looks at them.
    half
        Whether each site is in the first half of the groups, shape (n_sites,).

    Returns
    -------
    dict
        ``r``: as of `looked_at`. ``element``, ``distance``: shares of the variance of its attention
        that these explain. ``curve``: mean attention by bin of distance.
    """
    return {
        "r": looked_at(of),
        "element": explained(of.looked, [of.element], half[of.site]),
        "distance": explained(of.looked, [of.bin], half[of.site]),
        "curve": curve(of, int(of.bin.max()) + 1),
    }


def looked_at(of: Neighbours) -> float:
    """Return the mean distance of neighbours, weighted by how much they are looked at, Å."""
    return float(np.average(of.r, weights=of.looked))
