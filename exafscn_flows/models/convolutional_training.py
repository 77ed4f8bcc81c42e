"""Training of convolutional networks."""

import math

import numpy as np
import torch
from torch import nn

from exafscn_flows.errors import ItemFailure
from exafscn_flows.models.class_weights import class_weights
from exafscn_flows.models.convolutional_layers import (
    ConvolutionalClassifier,
    ConvolutionalRegressor,
    Layers,
    channels,
)
from exafscn_flows.models.convolutional_network import ConvolutionalNetwork
from exafscn_flows.models.torch_thread import one_thread
from exafscn_flows.models.training_set import TrainingSet

BATCH_SIZE = 128
FEWEST_BATCHES = 8
"""Of a set with fewer rows than that many batches, batches are smaller, but not below 8 rows."""
LABEL_SMOOTHING = 0.05
RISE = 0.2
"""Share of the training in which the learning rate rises."""
LEAST_SCALE = 0.1
"""Least scale of a point, by the root mean square of those of all: where curves hardly differ, as
before an edge, small differences would else count for as much as large ones elsewhere."""


def train(
    settings: ConvolutionalNetwork, data: TrainingSet, seed: int
) -> ConvolutionalClassifier | ConvolutionalRegressor:
    """Train the networks on one thread, one after the other.

    The learning rate goes up and down once (Smith and Topin, Proc. SPIE 11006, 1100612 (2019)).

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
        ascend, ``too_few_sites`` for one row, ``training_failed`` if the weights are not finite.
    """
    y, axis = data.y, data.columns.axis
    _check(settings, axis, len(data))
    weights = np.ones(len(data))
    if data.task == "classes" and settings.class_weight is not None:
        weights = class_weights(data, settings.class_weight)
    rows = torch.tensor(np.asarray(data.X), dtype=torch.float32)
    classes = np.empty(0, dtype=np.int64)
    center, width = 0.0, 1.0
    if data.task == "classes":
        found, places = np.unique(y, return_inverse=True)
        classes, target = found.astype(np.int64), torch.tensor(places)
    else:
        center, width = float(y.mean()), float(y.std())
        if width <= 1e-6 * abs(center):
            width = 1.0
        target = torch.tensor((y - center) / width, dtype=torch.float32)[:, None]
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        networks = tuple(
            _trained(settings, rows, target, weights, axis, len(classes) or 1)
            for _ in range(settings.n_networks)
        )
    if data.task == "classes":
        return ConvolutionalClassifier(networks, classes)
    return ConvolutionalRegressor(networks, center, width)


def _check(settings: ConvolutionalNetwork, axis: np.ndarray, n: int) -> None:
    if len(axis) < 2:
        message = f"features of {len(axis)} point are no curve to convolve"
        raise ItemFailure("no_curve", message, "take other features, or another model")
    if settings.shift > 0 and (np.diff(axis) <= 0).any():
        message = "features whose axis does not ascend are no curve that can be shifted along it"
        raise ItemFailure("no_curve", message, "leave out shift, or take other features")
    if n < 2:
        message = "there is one site, and a convolutional network needs two"
        raise ItemFailure("too_few_sites", message, "take more structures")


def _trained(
    settings: ConvolutionalNetwork,
    rows: torch.Tensor,
    target: torch.Tensor,
    weights: np.ndarray,
    axis: np.ndarray,
    n_outputs: int,
) -> Layers:
    n_axis = len(axis)
    network = Layers(n_axis, rows.shape[1] - n_axis, n_outputs, settings.dropout)
    _standardise(network, rows[:, :n_axis])
    loss = (
        nn.CrossEntropyLoss(label_smoothing=LABEL_SMOOTHING, reduction="none")
        if target.ndim == 1
        else nn.MSELoss(reduction="none")
    )
    shares = torch.tensor(weights, dtype=torch.float32)
    size = min(BATCH_SIZE, max(8, len(rows) // FEWEST_BATCHES))
    n_batches = math.ceil(len(rows) / size)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    steps = settings.epochs * n_batches
    # Of 5 steps, the first would be all of the rise, and torch divide by 0.
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, total_steps=max(steps, 6), pct_start=RISE
    )
    points = torch.tensor(axis - axis[0], dtype=torch.float32)
    network.train()
    for _ in range(settings.epochs):
        # Parts of nearly equal size: normalisation over a last batch of one row would fail.
        for batch in torch.randperm(len(rows)).tensor_split(n_batches):
            part = rows[batch]
            if settings.shift > 0:
                shifts = settings.shift * torch.randn(len(batch), 1)
                part[:, :n_axis] = shifted(part[:, :n_axis], points, shifts)
            optimizer.zero_grad()
            losses = loss(network(part), target[batch])
            (shares[batch] * losses.reshape(len(batch))).mean().backward()
            optimizer.step()
            cycle.step()
    if not all(bool(value.isfinite().all()) for value in network.state_dict().values()):
        raise ItemFailure(
            "training_failed",
            "the weights of the convolutional network are not finite",
            "lower learning_rate",
        )
    return network


def _standardise(network: Layers, curves: torch.Tensor) -> None:
    """Set what is taken off each point of curve and slope, and what it is divided by."""
    found = channels(curves).double()
    scale = found.std(dim=0, correction=0)
    scale = scale + LEAST_SCALE * scale.square().mean(dim=1, keepdim=True).sqrt()
    mean = found.mean(dim=0)
    # Points that are the same everywhere, but for rounding, tell nothing.
    scale[scale <= 1e-6 * mean.abs()] = 1
    network.mean.copy_(mean)
    network.scale.copy_(scale)


def shifted(curves: torch.Tensor, points: torch.Tensor, shifts: torch.Tensor) -> torch.Tensor:
    """Return curves moved along their axis, linear between points; beyond an end, its value.

    Parameters
    ----------
    curves
        Shape (n, n_axis).
    points
        Axis, ascending, shape (n_axis,).
    shifts
        How far each goes to higher coordinates, in the unit of the axis, shape (n, 1).
    """
    wanted = (points - shifts).clamp(points[0], points[-1])
    above = torch.searchsorted(points, wanted).clamp(1, len(points) - 1)
    low, high = points[above - 1], points[above]
    weight = (wanted - low) / (high - low)
    return curves.gather(1, above - 1) * (1 - weight) + curves.gather(1, above) * weight
