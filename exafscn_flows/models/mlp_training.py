"""Training of the multilayer perceptron, in torch."""

import math

import numpy as np
import torch
from torch import nn

from exafscn_flows.errors import ItemFailure
from exafscn_flows.models.mlp import Mlp
from exafscn_flows.models.mlp_network import (
    MlpClassifier,
    MlpComponents,
    MlpRegressor,
    bounded,
    standardised,
)
from exafscn_flows.models.torch_thread import one_thread
from exafscn_flows.models.training_set import TrainingSet

HIDDEN = (512, 512)
BATCH_SIZE = 64
WATCHED_SHARE = 0.1
"""Share of the rows that training does not see, and that tell it when to end."""


def train(
    settings: Mlp, data: TrainingSet, seed: int
) -> MlpClassifier | MlpRegressor | MlpComponents:
    """Train the network on one thread.

    Parameters
    ----------
    settings
        The model in the campaign file.
    data
        What it learns from.
    seed
        Seed of the rows that are watched, of the first weights, of the batches and of dropout.

    Raises
    ------
    ItemFailure
        ``too_few_sites`` for fewer than two groups, ``training_failed`` if the loss is not finite
        from the start.
    """
    X, y = data.X, data.y
    watched = watched_rows(data.groups, seed)
    mean = X[~watched].mean(axis=0, dtype=np.float64).astype(np.float32)
    scale = X[~watched].std(axis=0, dtype=np.float64).astype(np.float32)
    # A feature that is the same everywhere, but for rounding, tells nothing.
    scale[scale <= 1e-6 * np.abs(mean)] = 1
    inputs = standardised(X, mean, scale)
    if data.task == "classes":
        classes, target = np.unique(y, return_inverse=True)
        layers = _trained(settings, len(classes), inputs, target, watched, seed)
        return MlpClassifier(mean, scale, *layers, classes_=classes.astype(np.int64))
    if data.task == "curves":
        width = float(np.sqrt((y[~watched] ** 2).mean())) or 1.0
        components = (y / width).astype(np.float32)
        inputs = bounded(X, mean, scale)
        layers = _trained(settings, y.shape[1], inputs, components, watched, seed)
        return MlpComponents(mean, scale, *layers, width=width)
    center, width = float(y[~watched].mean()), float(y[~watched].std())
    if width <= 1e-6 * abs(center):
        width = 1.0
    numbers = ((y - center) / width).astype(np.float32)[:, None]
    layers = _trained(settings, 1, inputs, numbers, watched, seed)
    return MlpRegressor(mean, scale, *layers, center=center, width=width)


def _trained(
    settings: Mlp,
    n_outputs: int,
    inputs: np.ndarray,
    target: np.ndarray,
    watched: np.ndarray,
    seed: int,
) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Return the weights and the biases of the layers of a trained network."""
    # Numbers of classes are whole.
    loss = nn.CrossEntropyLoss() if target.dtype.kind == "i" else nn.MSELoss()
    tensors = (torch.from_numpy(array) for array in (inputs, target, watched))
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _network(inputs.shape[1], n_outputs, settings.dropout)
        _descend(network, loss, settings, *tensors)
    layers = [layer for layer in network if isinstance(layer, nn.Linear)]
    weights = tuple(layer.weight.detach().numpy().T.copy() for layer in layers)
    return weights, tuple(layer.bias.detach().numpy().copy() for layer in layers)


def watched_rows(groups: np.ndarray, seed: int) -> np.ndarray:
    """Choose whole groups, in random order, until a tenth of the rows is reached.

    Returns
    -------
    numpy.ndarray
        Whether a row is watched, and not trained on, shape (n,).

    Raises
    ------
    ItemFailure
        ``too_few_sites`` for fewer than two groups.
    """
    names, index, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise ItemFailure(
            "too_few_sites",
            "all training sites have one formula, and early stopping needs another one to watch",
            "take more structures, or another model than mlp",
        )
    order = np.random.default_rng(seed).permutation(len(names))
    before = np.cumsum(sizes[order]) - sizes[order]
    chosen = order[before < WATCHED_SHARE * len(groups)]
    # A group can be larger than all others together: one is left to train on in any case.
    watched: np.ndarray = np.isin(index, chosen[: len(names) - 1])
    return watched


def _network(n_features: int, n_outputs: int, dropout: float) -> nn.Sequential:
    layers: list[nn.Module] = []
    width = n_features
    for hidden in HIDDEN:
        layers += [nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout)]
        width = hidden
    return nn.Sequential(*layers, nn.Linear(width, n_outputs))


def _descend(
    network: nn.Sequential,
    loss: nn.Module,
    settings: Mlp,
    inputs: torch.Tensor,
    target: torch.Tensor,
    watched: torch.Tensor,
) -> None:
    """Train until the loss of the watched rows stops falling, and leave the best weights."""
    optimizer = torch.optim.AdamW(
        network.parameters(),
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        fused=True,
    )
    rows = torch.nonzero(~watched)[:, 0]
    best_loss, best_epoch, best = math.inf, 0, {}
    for epoch in range(settings.max_epochs):
        network.train()
        order = rows[torch.randperm(len(rows))]
        for start in range(0, len(order), BATCH_SIZE):
            batch = order[start : start + BATCH_SIZE]
            optimizer.zero_grad()
            loss(network(inputs[batch]), target[batch]).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            watched_loss = float(loss(network(inputs[watched]), target[watched]))
        if watched_loss < best_loss:
            best_loss, best_epoch = watched_loss, epoch
            best = {name: value.clone() for name, value in network.state_dict().items()}
        elif epoch - best_epoch >= settings.patience:
            break
    if not best:
        raise ItemFailure(
            "training_failed",
            "the loss of the mlp is not finite after one epoch",
            "lower learning_rate",
        )
    network.load_state_dict(best)
