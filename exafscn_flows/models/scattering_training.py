"""Training of networks that add up scattering paths."""

import numpy as np
import torch
from scipy.interpolate import CubicSpline

from exafscn_flows.models.graph_training import graph_size
from exafscn_flows.models.network_training import Course, train_networks
from exafscn_flows.models.networks import NetworkClassifier, NetworkComponents, NetworkRegressor
from exafscn_flows.models.scattering_layers import N_ELEMENTS, ScatteringLayers, k_grid
from exafscn_flows.models.scattering_paths import ScatteringPaths
from exafscn_flows.models.training_set import TrainingSet, absorbers_of

BATCH_SIZE = 64


def train(
    settings: ScatteringPaths, data: TrainingSet, seed: int
) -> NetworkClassifier | NetworkRegressor | NetworkComponents:
    """Train the networks, one after the other.

    Parameters
    ----------
    settings
        The model in the campaign file.
    data
        What it learns from; the columns of the axis are four values of each atom.
    seed
        Seed of the first weights, of the batches and of dropout.

    Raises
    ------
    ItemFailure
        ``no_graph`` if the axis cannot be atoms, and as `train_networks`.
    ValueError
        If the data are no curves along an axis that is known.
    """
    n_axis = graph_size(data)
    components, k = data.components, data.curve_axis
    if components is None or k is None:
        raise ValueError("scattering paths learn curves, and where their points are")
    width = float(np.sqrt((data.y**2).mean())) or 1.0
    projection = between(k) @ components.directions.T / width
    offsets = np.zeros((N_ELEMENTS, components.directions.shape[0]))
    numbers = np.asarray(data.X)[:, 0].round().astype(int)
    rows = absorbers_of(data.X, data.n_absorbers)
    for one in np.unique(rows):
        number = numbers[rows == one][0]
        mean = components.means[one] / components.scales[one]
        offsets[number] = mean @ components.directions.T / width

    def make(n_others: int, n_outputs: int) -> ScatteringLayers:
        network = ScatteringLayers(n_axis, n_others, n_outputs, settings.dropout)
        network.set_curves(projection, offsets, settings.pairs)
        return network

    def unchanged(graphs: torch.Tensor) -> torch.Tensor:
        return graphs

    return train_networks(data, seed, Course.of(settings, BATCH_SIZE), make, 0.0, unchanged)


def between(k: np.ndarray) -> np.ndarray:
    """Return what each value on the grid of the network counts at some k, shape (n_grid, n_k).

    A cubic spline goes through the grid; below its first point it goes on.
    """
    grid = k_grid()
    found: np.ndarray = CubicSpline(grid, np.eye(len(grid)), axis=0)(k).T
    return found
