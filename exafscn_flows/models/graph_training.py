"""Training of graph attention networks."""

import torch

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features.site_graph import PER_ATOM
from exafscn_flows.models.graph_attention import GraphAttention
from exafscn_flows.models.graph_layers import GraphLayers
from exafscn_flows.models.network_training import Course, train_networks
from exafscn_flows.models.networks import NetworkClassifier, NetworkComponents, NetworkRegressor
from exafscn_flows.models.training_set import TrainingSet

BATCH_SIZE = 64


def graph_size(data: TrainingSet) -> int:
    """Return how many values the graph of each row has.

    Raises
    ------
    ItemFailure
        ``no_graph`` if the axis cannot be atoms.
    """
    n_axis = len(data.columns.axis)
    if n_axis % PER_ATOM:
        raise ItemFailure(
            "no_graph",
            f"a graph has {PER_ATOM} values of each atom, and there are {n_axis} in all",
            "take features of kind site_graph",
        )
    return n_axis


def train(
    settings: GraphAttention, data: TrainingSet, seed: int
) -> NetworkClassifier | NetworkRegressor | NetworkComponents:
    """Train the networks, one after the other.

    Parameters
    ----------
    settings
        The model in the campaign file.
    data
        What it learns from; the columns of the axis are four values of each atom.
    seed
        Seed of the first weights, of the batches, of dropout and of moved atoms.

    Raises
    ------
    ItemFailure
        ``no_graph`` if the axis cannot be atoms, and as `train_networks`.
    """
    n_axis = graph_size(data)
    course = Course.of(settings, BATCH_SIZE)

    def make(n_others: int, n_outputs: int) -> GraphLayers:
        return GraphLayers(n_axis, n_others, n_outputs, settings.dropout)

    def shaken(graphs: torch.Tensor) -> torch.Tensor:
        if settings.shake == 0:
            return graphs
        graphs = graphs.reshape(len(graphs), -1, PER_ATOM)
        moves = settings.shake * torch.randn(*graphs.shape[:2], PER_ATOM - 1)
        places = graphs[:, :, 1:] + moves.to(graphs.device)
        return torch.cat([graphs[:, :, :1], places], dim=2).flatten(1)

    return train_networks(data, seed, course, make, 0.0, shaken)
