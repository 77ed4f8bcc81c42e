"""Training of the layers of networks that are used in numpy, on changing views of spectra."""

import math
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import torch
from torch import nn

from exafscn_flows.models.checkpoint import next_slot
from exafscn_flows.models.measured_layers import MeasuredLayers
from exafscn_flows.models.network_checkpoint import Progress
from exafscn_flows.models.network_training import begun, check_weights, number_of_batches
from exafscn_flows.models.soft_labels import class_shares
from exafscn_flows.models.torch_device import Place, place
from exafscn_flows.models.torch_thread import one_thread
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.pretrained.network import Network

BATCH_SIZE = 256
STANDARD = 4096
"""Spectra by which inputs are standardised."""


class Views(Protocol):
    """What networks are shown of spectra."""

    least_scale: float
    """Least scale of an input, by the root mean square of those of all."""

    def inputs(
        self, curves: np.ndarray, others: np.ndarray, rng: np.random.Generator
    ) -> torch.Tensor:
        """Return what a network is given, another time something else; shape (n, n_in).

        Parameters
        ----------
        curves, others
            Of the same rows, shape (n, n_curve) and (n, n_others).
        rng
            Where chance comes from.
        """


class Course(Protocol):
    """What of the settings of a model says how it is trained."""

    @property
    def epochs(self) -> int: ...

    @property
    def learning_rate(self) -> float: ...

    @property
    def weight_decay(self) -> float: ...

    @property
    def dropout(self) -> float: ...

    @property
    def n_networks(self) -> int: ...


@dataclass(frozen=True)
class Target:
    """Labels as networks learn them.

    Attributes
    ----------
    numbers
        Share of every class, shape (n, n_classes); or one number, in standard deviations from the
        mean of all, shape (n, 1).
    classes
        Numbers of the classes, ascending, int64, shape (n_classes,); none of numbers.
    center, width
        That mean and that standard deviation.
    """

    numbers: torch.Tensor
    classes: np.ndarray
    center: float = 0.0
    width: float = 1.0

    @classmethod
    def of(cls, data: TrainingSet, softness: float) -> Self:
        """Return the labels of rows; softness as of `class_shares`."""
        if data.task == "classes":
            shares = torch.tensor(class_shares(data, softness), dtype=torch.float32)
            return cls(shares, np.unique(data.y).astype(np.int64))
        center, width = float(data.y.mean()), float(data.y.std())
        if width <= 1e-6 * abs(center):
            width = 1.0
        numbers = torch.tensor((data.y - center) / width, dtype=torch.float32)[:, None]
        return cls(numbers, np.empty(0, dtype=np.int64), center, width)


def train_layers(
    course: Course,
    views: Views,
    curves: np.ndarray,
    others: np.ndarray,
    target: torch.Tensor,
    seed: int,
) -> tuple[Network, ...]:
    """Train networks one after the other, on a GPU if there is one, else on one thread.

    Parameters
    ----------
    course
        How they are trained.
    views
        What they are shown.
    curves, others
        Spectra and other features, two rows or more, shape (n, n_curve) and (n, n_others).
    target
        As of `Target.numbers`.
    seed
        Seed of the first weights, of the batches, of dropout and of the views.

    Raises
    ------
    ItemFailure
        ``training_failed`` if the weights are not finite.
    """
    where = place()
    with one_thread(), where.forked_random_numbers():
        torch.manual_seed(seed)
        progress = Progress(next_slot(), where)
        return tuple(
            _trained(course, views, curves, others, target, [seed, number], progress, where)
            for number in range(course.n_networks)
        )


def _trained(
    course: Course,
    views: Views,
    curves: np.ndarray,
    others: np.ndarray,
    target: torch.Tensor,
    seed: list[int],
    progress: Progress,
    where: Place,
) -> Network:
    """Train the network of a number, the last of the seed."""
    rng = np.random.default_rng(seed)
    some = rng.permutation(len(curves))[:STANDARD]
    parts = np.array_split(some, math.ceil(len(some) / BATCH_SIZE))
    first = torch.cat([views.inputs(curves[part], others[part], rng) for part in parts])
    network = MeasuredLayers(first.shape[1], target.shape[1], course.dropout)
    network.standardise(first, views.least_scale)
    network.to(where.device)
    target = target.to(where.device)
    loss: nn.Module = nn.CrossEntropyLoss() if target.shape[1] > 1 else nn.MSELoss()
    n_batches = number_of_batches(len(curves), BATCH_SIZE)
    training = begun(network, course.epochs * n_batches, course.learning_rate, course.weight_decay)
    for epoch in range(progress.resume(seed[-1], training), course.epochs):
        # Of each pass by itself, so that a training that goes on is as one that never stopped.
        rng = np.random.default_rng([*seed, epoch])
        # Parts of nearly equal size: normalisation over a last batch of one row would fail.
        for batch in np.array_split(rng.permutation(len(curves)), n_batches):
            inputs = views.inputs(curves[batch], others[batch], rng).to(where.device)
            training.optimizer.zero_grad()
            with where.precision():
                outputs = network(inputs)
            wanted = target[torch.from_numpy(batch).to(where.device)]
            loss(outputs.float(), wanted).backward()
            training.optimizer.step()
            training.cycle.step()
        progress.keep(seed[-1], epoch + 1, course.epochs, training)
    check_weights(network)
    return network.cpu().eval().in_numpy()
