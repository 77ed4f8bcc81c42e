"""Training of convolutional networks."""

import numpy as np
import torch

from exafscn_flows.errors import ItemFailure
from exafscn_flows.models.convolutional_layers import ConvolutionalLayers
from exafscn_flows.models.convolutional_network import ConvolutionalNetwork
from exafscn_flows.models.moved_curves import moved
from exafscn_flows.models.network_training import Course, train_networks
from exafscn_flows.models.networks import NetworkClassifier, NetworkComponents, NetworkRegressor
from exafscn_flows.models.training_set import TrainingSet

BATCH_SIZE = 128
LABEL_SMOOTHING = 0.05
LEAST_SCALE = 0.1
"""Before an edge, curves hardly differ."""


def train(
    settings: ConvolutionalNetwork, data: TrainingSet, seed: int
) -> NetworkClassifier | NetworkRegressor | NetworkComponents:
    """Train the networks on one thread, one after the other.

    Parameters
    ----------
    settings
        The model in the campaign file.
    data
        What it learns from; the columns of the axis are the curve.
    seed
        Seed of the first weights, of the batches, of dropout and of shifts.

    Raises
    ------
    ItemFailure
        ``no_curve`` if the curve has one point, or is to be shifted along an axis that does not
        ascend, and as `train_networks`.
    """
    axis = data.columns.axis
    _check(settings, axis)
    points = torch.tensor(axis - axis[0], dtype=torch.float32)
    course = Course.of(settings, BATCH_SIZE, smoothing=LABEL_SMOOTHING)

    def make(n_others: int, n_outputs: int) -> ConvolutionalLayers:
        return ConvolutionalLayers(len(axis), n_others, n_outputs, settings.dropout)

    def shifted(curves: torch.Tensor) -> torch.Tensor:
        if settings.shift == 0:
            return curves
        places = points - settings.shift * torch.randn(len(curves), 1)
        return moved(curves, points.to(curves.device), places.to(curves.device))

    return train_networks(data, seed, course, make, LEAST_SCALE, shifted)


def _check(settings: ConvolutionalNetwork, axis: np.ndarray) -> None:
    if len(axis) < 2:
        message = f"features of {len(axis)} point are no curve to convolve"
        raise ItemFailure("no_curve", message, "take other features, or another model")
    if settings.shift > 0 and (np.diff(axis) <= 0).any():
        message = "features whose axis does not ascend are no curve that can be shifted along it"
        raise ItemFailure("no_curve", message, "leave out shift, or take other features")
