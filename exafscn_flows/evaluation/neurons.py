"""Which absorbers share the neurons of a graph attention network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from exafscn_flows.elements import element_symbol
from exafscn_flows.evaluation.rank_correlation import mantel
from exafscn_flows.models.graph_traces import GraphNetworks

EACH = 40
"""Sites of each absorber whose surroundings all absorbers are set into."""
KEPT = 256
"""Neurons whose mean responses are kept: those of the first network."""


@dataclass(frozen=True)
class Groups:
    """Responses gathered by absorber, each absorber with the same weight.

    Attributes
    ----------
    means
        Mean response of each neuron to each absorber, in standard deviations from the mean over
        the absorbers, shape (n_absorbers, n_neurons), without neurons that never change.
    explained
        Share of the variance of the responses that the absorbers explain, mean over the neurons.
    similarity
        Correlation over the neurons of what two absorbers have, shape (n_absorbers, n_absorbers).
    """

    means: np.ndarray
    explained: float
    similarity: np.ndarray


def grouped(responses: np.ndarray, absorber: np.ndarray) -> Groups:
    """Gather responses by absorber.

    Parameters
    ----------
    responses
        Shape (n, n_neurons).
    absorber
        Atomic number of each row, shape (n,), of two absorbers or more.
    """
    own = [responses[absorber == one].astype(np.float64) for one in np.unique(absorber)]
    means = np.stack([one.mean(axis=0) for one in own])
    within = np.stack([one.var(axis=0) for one in own]).mean(axis=0)
    between = means.var(axis=0)
    total = within + between
    changes = total > 1e-12 * np.maximum((means**2).mean(axis=0), 1e-12)
    means = (means - means.mean(axis=0))[:, changes] / np.sqrt(total[changes])
    if means.shape[1] < 2:
        return Groups(means, float((means**2).sum() / len(means)), np.zeros((len(own), len(own))))
    share = float((means**2).mean())
    # Means of an absorber that are all the same correlate with nothing.
    with np.errstate(invalid="ignore"):
        similarity = np.nan_to_num(np.corrcoef(means))
    return Groups(means, share, similarity)


def table_distances(numbers: Sequence[int]) -> np.ndarray:
    """Return how many groups and periods lie between elements, shape (n, n)."""
    from pymatgen.core import Element

    found = [Element.from_Z(int(one)) for one in numbers]
    places = np.array([(one.group, one.row) for one in found])
    distances: np.ndarray = np.abs(places[:, None] - places[None]).sum(axis=2)
    return distances


def exchanged(
    networks: GraphNetworks, X: np.ndarray, absorber: np.ndarray, rows: np.ndarray, n_absorbers: int
) -> tuple[np.ndarray, np.ndarray]:
    """Set every absorber into the surroundings of the same sites.

    Parameters
    ----------
    networks
        The networks.
    X
        What they are given; the last columns say which absorber it is, shape (n, n_features).
    absorber
        Atomic number of each, shape (n,).
    rows
        Whose surroundings are taken.
    n_absorbers
        How many of the last columns do.

    Returns
    -------
    tuple
        Rows, shape (n_absorbers * n_rows, n_features), and the absorber of each.
    """
    found, of = [], []
    for one in np.unique(absorber):
        changed = X[rows].copy()
        changed[:, 0] = one
        if n_absorbers:
            changed[:, -n_absorbers:] = X[np.argmax(absorber == one), -n_absorbers:]
        found.append(changed)
        of.append(np.full(len(rows), one))
    return np.concatenate(found), np.concatenate(of)


def neuron_numbers(
    networks: GraphNetworks,
    X: np.ndarray,
    responses: np.ndarray,
    untrained: Sequence[GraphNetworks],
    n_absorbers: int,
    rng: np.random.Generator,
) -> dict[str, Any] | None:
    """Say which absorbers share neurons, as numbers for a document.

    Parameters
    ----------
    networks
        The networks.
    X
        What they are given, shape (n, n_features).
    responses
        As of `Traces.responses`.
    untrained
        Networks that have learned nothing.
    n_absorbers
        How many of the last columns say which absorber a row is of.
    rng
        Chooses sites and permutations.

    Returns
    -------
    dict or None
        ``absorbers`` by atomic number, with ``n_sites`` of each. ``n_neurons`` that change.
        ``means``: as of `Groups`, of the first network, shape (n_absorbers, n_neurons).
        ``distance``: as of `table_distances`. ``own``: with each absorber in its own sites,
        ``explained`` and ``similarity`` as of `Groups`, and ``rho`` and ``p`` as of `mantel`;
        ``shuffled``: ``explained`` of absorbers dealt out at random. ``exchanged``: as ``own``,
        with all absorbers in the same sites; ``untrained``: the same, but for the similarity, of
        each network with its first weights. None of one absorber.
    """
    absorber = networks.graphs(X)[:, 0, 0].round().astype(np.int64)
    known, n = np.unique(absorber, return_counts=True)
    if len(known) < 2:
        return None
    distance = table_distances(known.tolist())
    own = grouped(responses, absorber)
    chosen = [rng.permutation(np.flatnonzero(absorber == one))[:EACH] for one in known]
    rows, of = exchanged(networks, X, absorber, np.sort(np.concatenate(chosen)), n_absorbers)
    same = grouped(networks.traces(rows).responses, of)
    nulls = [grouped(one.traces(rows).responses, of) for one in untrained]
    first = grouped(responses[:, :KEPT], absorber)
    return {
        "absorbers": [element_symbol(int(one)) for one in known],
        "n_sites": n.tolist(),
        "n_neurons": own.means.shape[1],
        "means": first.means.round(3).tolist(),
        "distance": distance.tolist(),
        "own": _pairs(own, distance, rng),
        "shuffled": grouped(responses, rng.permutation(absorber)).explained,
        "exchanged": _pairs(same, distance, rng),
        "untrained": [_tested(one, distance, rng) for one in nulls],
    }


def _pairs(groups: Groups, distance: np.ndarray, rng: np.random.Generator) -> dict[str, Any]:
    similarity = groups.similarity.round(4).tolist()
    return {"similarity": similarity, **_tested(groups, distance, rng)}


def _tested(groups: Groups, distance: np.ndarray, rng: np.random.Generator) -> dict[str, Any]:
    rho, p = mantel(groups.similarity, distance, rng) or (None, None)
    return {"explained": groups.explained, "rho": rho, "p": p}
