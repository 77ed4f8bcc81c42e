"""Training of networks on curves."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import nn

from exafscn_flows.errors import ItemFailure
from exafscn_flows.models.checkpoint import next_slot
from exafscn_flows.models.class_weights import class_weights
from exafscn_flows.models.network_checkpoint import Progress, Training
from exafscn_flows.models.network_settings import NetworkSettings
from exafscn_flows.models.networks import (
    CurveNetwork,
    NetworkClassifier,
    NetworkComponents,
    NetworkRegressor,
)
from exafscn_flows.models.soft_labels import class_shares
from exafscn_flows.models.torch_device import Place, place
from exafscn_flows.models.torch_thread import one_thread
from exafscn_flows.models.training_set import TrainingSet

FEWEST_BATCHES = 8
"""Of a set with fewer rows than that many batches, batches are smaller, but not below 8 rows."""
RISE = 0.2
"""Share of the training in which the learning rate rises."""


@dataclass(frozen=True)
class Course:
    """How networks are trained.

    Attributes
    ----------
    epochs
        Passes over the rows.
    batch_size
        Rows of a batch.
    learning_rate
        Highest of AdamW. It goes up and down once (Smith and Topin, Proc. SPIE 11006, 1100612
        (2019)).
    weight_decay
        Of AdamW.
    smoothing
        Share of each label that is spread evenly over all classes.
    class_weight
        Power to which the rarity of a class at its absorber counts; None: not at all.
    softness
        Share of each label that is what it says of every class; the rest is its class alone.
    n_networks
        How many are trained, one after the other.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    smoothing: float
    class_weight: float | None
    softness: float
    n_networks: int

    @classmethod
    def of(
        cls,
        settings: NetworkSettings,
        batch_size: int,
        *,
        smoothing: float = 0.0,
        softness: float = 0.0,
    ) -> Self:
        """Return what the settings of a model say, and what is fixed for its kind."""
        return cls(
            epochs=settings.epochs,
            batch_size=batch_size,
            learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
            smoothing=smoothing,
            class_weight=settings.class_weight,
            softness=softness,
            n_networks=settings.n_networks,
        )


Make = Callable[[int, int], CurveNetwork]
"""Makes a network, its inputs not yet standardised, for as many other features and outputs."""
Augment = Callable[[torch.Tensor], torch.Tensor]
"""Changes the curves of a batch at random."""


def train_networks(
    data: TrainingSet, seed: int, course: Course, make: Make, least_scale: float, augment: Augment
) -> NetworkClassifier | NetworkRegressor | NetworkComponents:
    """Train networks one after the other, on a GPU if there is one, else on one thread.

    Parameters
    ----------
    data
        What they learn from; the columns of the axis are the curve.
    seed
        Seed of the first weights, of the batches, of dropout and of what is changed at random.
    course
        How they are trained.
    make
        Makes one of them.
    least_scale
        Least scale of an input, by the root mean square of those of all: where curves hardly
        differ, small differences would else count for as much as large ones elsewhere.
    augment
        Changes the curves of each batch.

    Raises
    ------
    ItemFailure
        ``too_few_sites`` for one row, ``training_failed`` if the weights are not finite.
    """
    if len(data) < 2:
        message = "there is one site, and a network needs two"
        raise ItemFailure("too_few_sites", message, "take more structures")
    rows = torch.tensor(np.asarray(data.X), dtype=torch.float32)
    weights = np.ones(len(data))
    classes, center, width = np.empty(0, dtype=np.int64), 0.0, 1.0
    if data.task == "classes":
        if course.class_weight is not None:
            weights = class_weights(data, course.class_weight)
        found, places = np.unique(data.y, return_inverse=True)
        classes, target = found.astype(np.int64), torch.tensor(places)
        if course.softness > 0 and data.shares is not None:
            target = torch.tensor(class_shares(data, course.softness), dtype=torch.float32)
    elif data.task == "curves":
        width = float(np.sqrt((data.y**2).mean())) or 1.0
        target = torch.tensor(data.y / width, dtype=torch.float32)
    else:
        center, width = float(data.y.mean()), float(data.y.std())
        if width <= 1e-6 * abs(center):
            width = 1.0
        target = torch.tensor((data.y - center) / width, dtype=torch.float32)[:, None]
    n_outputs = len(classes) if data.task == "classes" else target.shape[1]
    shares = torch.tensor(weights, dtype=torch.float32)
    loss = (
        nn.CrossEntropyLoss(label_smoothing=course.smoothing, reduction="none")
        if data.task == "classes"
        else nn.MSELoss(reduction="none")
    )
    where = place()
    with one_thread(), where.forked_random_numbers():
        torch.manual_seed(seed)
        progress = Progress(next_slot(), where)
        networks: list[CurveNetwork] = []
        for _ in range(course.n_networks):
            network = make(rows.shape[1] - len(data.columns.axis), n_outputs)
            network.standardise(rows, least_scale)
            number = len(networks)
            _descend(network, rows, target, shares, loss, course, augment, number, progress, where)
            networks.append(network.cpu())
    if data.task == "classes":
        return NetworkClassifier(tuple(networks), classes)
    if data.task == "curves":
        return NetworkComponents(tuple(networks), width)
    return NetworkRegressor(tuple(networks), center, width)


def _descend(
    network: CurveNetwork,
    rows: torch.Tensor,
    target: torch.Tensor,
    shares: torch.Tensor,
    loss: nn.Module,
    course: Course,
    augment: Augment,
    number: int,
    progress: Progress,
    where: Place,
) -> None:
    rows, target, shares = (one.to(where.device) for one in (rows, target, shares))
    network.to(where.device)
    n_batches = number_of_batches(len(rows), course.batch_size)
    n_steps = course.epochs * n_batches
    training = begun(network, n_steps, course.learning_rate, course.weight_decay)
    for epoch in range(progress.resume(number, training), course.epochs):
        # Parts of nearly equal size: normalisation over a last batch of one row would fail.
        for batch in torch.randperm(len(rows)).to(where.device).tensor_split(n_batches):
            part = rows[batch]
            part[:, : network.n_axis] = augment(part[:, : network.n_axis])
            training.optimizer.zero_grad()
            with where.precision():
                outputs = network(part)
            losses = loss(outputs.float(), target[batch])
            (shares[batch] * losses.reshape(len(batch), -1).mean(dim=1)).mean().backward()
            training.optimizer.step()
            training.cycle.step()
        progress.keep(number, epoch + 1, course.epochs, training)
    check_weights(network)


def number_of_batches(n_rows: int, batch_size: int) -> int:
    """Return how many batches a pass over rows has: of few rows, smaller ones."""
    return math.ceil(n_rows / min(batch_size, max(8, n_rows // FEWEST_BATCHES)))


def begun(network: nn.Module, n_steps: int, learning_rate: float, weight_decay: float) -> Training:
    """Return the training of a network at its beginning, and set the network to train.

    Parameters
    ----------
    network
        The network.
    n_steps
        Batches of all passes.
    learning_rate, weight_decay
        As of `Course`.
    """
    optimizer = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=weight_decay)
    # Of 5 steps, the first would be all of the rise, and torch divide by 0.
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, learning_rate, total_steps=max(n_steps, 6), pct_start=RISE
    )
    network.train()
    return Training(network, optimizer, cycle)


def check_weights(network: nn.Module) -> None:
    """Refuse a network whose training went astray.

    Raises
    ------
    ItemFailure
        ``training_failed`` if its weights are not finite.
    """
    if not all(bool(value.isfinite().all()) for value in network.state_dict().values()):
        raise ItemFailure(
            "training_failed", "the weights of the network are not finite", "lower learning_rate"
        )
