"""What can be said of how a fitted model comes to its answers."""

from typing import Any

import numpy as np

from exafscn_flows.models.training_set import TrainingSet

UNTRAINED = 3
"""Networks with their first weights that stand beside those that have learned."""


def explanation(fitted: Any, data: TrainingSet, seed: int) -> dict[str, Any] | None:
    """Explain a graph attention network by its attention and its neurons.

    Parameters
    ----------
    fitted
        Fitted model.
    data
        The sites that it is asked about.
    seed
        Seed of the first weights of networks that have learned nothing, of chosen sites, of the
        halves of the groups, and of permutations.

    Returns
    -------
    dict or None
        ``n_networks``; ``attention`` as of `attention_numbers`, with ``heads`` as of
        `head_numbers`; ``neurons`` as of `neuron_numbers`, None of one absorber. None for a model
        without such networks.
    """
    found = _graph_networks(fitted, data.X)
    if found is None:
        return None
    # torch takes a second to import.
    from exafscn_flows.evaluation.attention import attention_numbers
    from exafscn_flows.evaluation.attention_heads import head_numbers
    from exafscn_flows.evaluation.neurons import neuron_numbers
    from exafscn_flows.models.graph_traces import GraphNetworks

    networks, X = GraphNetworks(found[0]), found[1]
    rng = np.random.default_rng(seed)
    traces = networks.traces(X)
    names, group = np.unique(data.groups, return_inverse=True)
    half = (rng.permutation(len(names)) % 2 == 0)[group]
    untrained = [networks.untrained(seed + number) for number in range(UNTRAINED)]
    attention = attention_numbers(networks, X, traces.attention, untrained, half, rng)
    neurons = neuron_numbers(networks, X, traces.responses, untrained, data.n_absorbers, rng)
    heads = head_numbers(networks, X, untrained, half, rng)
    return {
        "n_networks": len(networks.networks),
        "attention": attention | {"heads": heads},
        "neurons": neurons,
    }


def _graph_networks(fitted: Any, X: np.ndarray) -> tuple[tuple[Any, ...], np.ndarray] | None:
    """Find graph attention networks in a model, and what of the features they are given."""
    networks = getattr(fitted, "networks", ())
    # Sets of networks in numpy are called so, too.
    if isinstance(networks, list | tuple) and networks and hasattr(networks[0], "attending"):
        return tuple(networks), X
    if hasattr(fitted, "regressor"):  # of curves
        return _graph_networks(fitted.regressor, X)
    if hasattr(fitted, "span"):  # of a part of a concatenation
        return _graph_networks(fitted.fitted, fitted.span.take(X))
    found = (_graph_networks(member, X) for member in getattr(fitted, "members", ()))
    return next((one for one in found if one is not None), None)
