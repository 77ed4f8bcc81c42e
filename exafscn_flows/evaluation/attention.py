"""At which of its neighbours a graph attention network looks, and what that says."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from exafscn_flows.elements import element_symbol
from exafscn_flows.evaluation.rank_correlation import spearman
from exafscn_flows.models.graph_traces import GraphNetworks

STEP = 0.25
"""Width of the bins of distances, Å."""
FEWEST = 10
"""Neighbours of which a mean says something."""
SHOWN = 6
"""Elements, the most frequent ones, of which there is a curve."""
LEFT_OUT = 60
"""Sites of which each neighbour is left out."""
ASKED = 2000
"""Sites, at most, at which networks with their first weights are compared."""


class Neighbours:
    """All neighbours of all sites, one after the other.

    Parameters
    ----------
    graphs
        As of `GraphNetworks.graphs`.
    attention
        As of `Traces.attention`.

    Attributes
    ----------
    site, absorber, element
        Row of the site, its atomic number, and that of the neighbour, each shape (n_neighbours,).
    r
        Distance from the site, Å.
    looked
        Attention by that of an even look at all atoms there are, the site among them: 1 for one
        that is looked at as much as any other.
    """

    def __init__(self, graphs: np.ndarray, attention: np.ndarray) -> None:
        numbers = graphs[:, :, 0].round().astype(np.int64)
        there = numbers > 0
        is_neighbour = there.copy()
        is_neighbour[:, 0] = False
        self.site, _ = np.nonzero(is_neighbour)
        self.absorber = numbers[self.site, 0]
        self.element = numbers[is_neighbour]
        self.r = np.linalg.norm(graphs[:, :, 1:], axis=2)[is_neighbour].astype(np.float64)
        n_atoms = there.sum(axis=1)[self.site]
        self.looked = attention[is_neighbour].astype(np.float64) * n_atoms

    @property
    def bin(self) -> np.ndarray:
        """Number of the bin of the distance."""
        bins: np.ndarray = np.floor(self.r / STEP).astype(np.int64)
        return bins


def explained(values: np.ndarray, labels: Sequence[np.ndarray], half: np.ndarray) -> float | None:
    """Return how much of a variance the means of groups explain, those of the other half.

    So that many small groups, which explain anything by chance, explain nothing.

    Parameters
    ----------
    values
        Shape (n,).
    labels
        Groups, integers, each shape (n,), from coarse to fine: where the other half has fewer than
        ten of a group, the coarser one counts.
    half
        Whether each value is in the first half, shape (n,).

    Returns
    -------
    float or None
        1 less the squared error by that of the mean of the other half; below 0 if it is larger.
        None of values that do not differ.
    """
    error = total = 0.0
    for known in (half, ~half):
        if not known.any() or known.all():
            return None
        predicted = np.full((~known).sum(), values[known].mean())
        total += float(((values[~known] - predicted) ** 2).sum())
        for one in labels:
            names, place = np.unique(one, return_inverse=True)
            n = np.bincount(place[known], minlength=len(names))
            means = np.bincount(place[known], values[known], len(names)) / np.maximum(n, 1)
            asked = place[~known]
            predicted = np.where(n[asked] >= FEWEST, means[asked], predicted)
        error += float(((values[~known] - predicted) ** 2).sum())
    return 1 - error / total if total > 0 else None


def variances(of: Neighbours, half: np.ndarray) -> dict[str, float | None]:
    """Return what explains how much a site looks at a neighbour.

    Parameters
    ----------
    of
        The neighbours.
    half
        Whether each site is in the first half, shape (n_sites,).
    """
    both = of.element * 1000 + of.bin
    labels = {
        "absorber": [of.absorber],
        "element": [of.element],
        "distance": [of.bin],
        "element_distance": [of.element, both],
        "element_distance_absorber": [of.element, both, both * 1000 + of.absorber],
    }
    return {name: explained(of.looked, one, half[of.site]) for name, one in labels.items()}


def curve(of: Neighbours, n_bins: int, chosen: np.ndarray | None = None) -> list[float | None]:
    """Return the mean of `looked` by bin, None for few neighbours; of those that are chosen."""
    if chosen is None:
        chosen = np.full(len(of.looked), True)
    n = np.bincount(of.bin[chosen], minlength=n_bins)
    sums = np.bincount(of.bin[chosen], of.looked[chosen], n_bins)
    return [float(s / k) if k >= FEWEST else None for s, k in zip(sums, n, strict=True)]


def attention_numbers(
    networks: GraphNetworks,
    X: np.ndarray,
    attention: np.ndarray,
    untrained: Sequence[GraphNetworks],
    half: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Say where networks look, as numbers for a document.

    Parameters
    ----------
    networks
        The networks.
    X
        What they are given, shape (n, n_features).
    attention
        As of `Traces.attention`.
    untrained
        Networks that have learned nothing.
    half
        Whether each site is in the first half of the groups, shape (n,).
    rng
        Chooses sites.

    Returns
    -------
    dict
        ``n_sites``, ``n_neighbours``. ``distance``: lower ends of the bins, Å. ``curve``: mean
        attention by bin, where 1 is an even look at all atoms, and None is few neighbours.
        ``elements``: of neighbours, the most frequent first, with ``element``, ``n``, ``mean`` and
        for the first of them ``curve``. ``itself``: attention to the site itself, in the same
        unit. ``spread``: standard deviation over all neighbours. ``explained``: shares of the
        variance, as `variances` says, at some of the sites. ``untrained``: of networks with their
        first weights at the same sites, the mean ``curve``, and ``spread`` and ``explained`` of
        each. ``left_out``: as `left_out`.
    """
    graphs = networks.graphs(X)
    of = Neighbours(graphs, attention)
    n_bins = int(of.bin.max()) + 1
    numbers, n = np.unique(of.element, return_counts=True)
    elements: list[dict[str, Any]] = []
    for place in np.argsort(-n, kind="stable"):
        own = of.element == numbers[place]
        symbol, mean = element_symbol(int(numbers[place])), float(of.looked[own].mean())
        one = {"element": symbol, "n": int(n[place]), "mean": mean}
        elements.append(one | ({"curve": curve(of, n_bins, own)} if len(elements) < SHOWN else {}))
    some = np.sort(rng.permutation(len(X))[:ASKED])
    nulls = [Neighbours(graphs[some], one.traces(X[some]).attention) for one in untrained]
    n_atoms = (graphs[:, :, 0] > 0).sum(axis=1)
    return {
        "n_sites": len(X),
        "n_neighbours": len(of.looked),
        "distance": [STEP * one for one in range(n_bins)],
        "curve": curve(of, n_bins),
        "elements": elements,
        "itself": float((attention[:, 0] * n_atoms).mean()),
        "spread": float(of.looked.std()),
        "explained": variances(Neighbours(graphs[some], attention[some]), half[some]),
        "untrained": {
            "curve": curve_mean([curve(null, n_bins) for null in nulls]),
            "spread": [float(null.looked.std()) for null in nulls],
            "explained": [variances(null, half[some]) for null in nulls],
        },
        "left_out": left_out(networks, X, attention, rng),
    }


def left_out(
    networks: GraphNetworks, X: np.ndarray, attention: np.ndarray, rng: np.random.Generator
) -> dict[str, Any] | None:
    """Compare attention with how much an answer changes when an atom is left out of the graph.

    What stands beside the graph stays as it is. Attention need not say what an answer rests on
    (Jain and Wallace, arXiv:1902.10186).

    Returns
    -------
    dict or None
        ``n_sites`` with at least four neighbours; mean over them of the rank correlation of the
        change with ``attention``, and with nearness, ``near``. None without such sites.
    """
    found: dict[str, list[float]] = {"attention": [], "near": []}
    enough = np.flatnonzero((networks.graphs(X)[:, 4:, 0] > 0).any(axis=1))
    for row in np.sort(rng.permutation(enough)[:LEFT_OUT]):
        graph = networks.graphs(X[row : row + 1])[0]
        n = int((graph[:, 0] > 0).sum())
        rows = np.repeat(X[row : row + 1], n, axis=0)
        for atom in range(1, n):
            # Whatever is there stands before what is not.
            without = np.vstack([np.delete(graph, atom, axis=0), np.zeros_like(graph[:1])])
            rows[atom, : without.size] = without.ravel()
        outputs = networks.traces(rows).outputs
        change = np.sqrt(((outputs[1:] - outputs[0]) ** 2).mean(axis=1))
        # Atoms of one shell are equally near.
        near = -np.linalg.norm(graph[1:n, 1:], axis=1).round(2)
        for name, other in (("attention", attention[row, 1:n]), ("near", near)):
            if (rho := spearman(change, other)) is not None:
                found[name].append(rho)
    if not all(found.values()):
        return None
    return {"n_sites": len(found["attention"])} | {
        name: float(np.mean(values)) for name, values in found.items()
    }


def curve_mean(curves: Sequence[Sequence[float | None]]) -> list[float | None]:
    """Return the mean of curves, bin by bin."""
    return [mean_of(values) for values in zip(*curves, strict=True)]


def mean_of(values: Sequence[float | None]) -> float | None:
    """Return the mean of what there is, None if there is nothing."""
    known = [one for one in values if one is not None]
    return float(np.mean(known)) if known else None
