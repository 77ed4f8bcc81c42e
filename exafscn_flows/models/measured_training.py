"""Training of networks that see what a measurement shows."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from exafscn_flows.errors import ItemFailure
from exafscn_flows.models.augmentation import Augmentation, augmented, evenly, residual
from exafscn_flows.models.checkpoint import next_slot
from exafscn_flows.models.fourier import check_k
from exafscn_flows.models.measured_fitted import (
    MeasuredClassifier,
    MeasuredRegressor,
    to_grid,
)
from exafscn_flows.models.measured_layers import MeasuredLayers
from exafscn_flows.models.measured_network import MeasuredNetwork
from exafscn_flows.models.network_checkpoint import Progress
from exafscn_flows.models.network_training import (
    begun,
    check_weights,
    number_of_batches,
)
from exafscn_flows.models.soft_labels import class_shares
from exafscn_flows.models.torch_thread import one_thread
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.pretrained.network import Networks
from exafscn_flows.processing import remove_background
from exafscn_flows.processing.real_space import grid, shown
from exafscn_flows.processing.settings import KSTEP

BATCH_SIZE = 256
LEAST_END = 1.5
"""k up to which spectra must reach, 1/Å: the shortest range that is shown is 1 1/Å long."""
SHORTEST = 8.0
"""1/Å: data of measurements end there or beyond, by whole numbers."""
STANDARD = 4096
"""Spectra by which inputs are standardised."""


@dataclass(frozen=True)
class Views:
    """What measurements show of computed spectra.

    Attributes
    ----------
    settings
        How spectra are changed.
    stretched
        Whether k is scaled.
    """

    settings: Augmentation
    stretched: bool

    def measured(
        self, chi: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return chi(k) as measured and processed, all to one end, and its ranges of k.

        Parameters
        ----------
        chi
            Computed chi(k) from k = 0 in steps of 0.05 1/Å, shape (n, n_k).
        rng
            Where chance comes from.

        Returns
        -------
        tuple of numpy.ndarray
            chi(k), float32, shape (n, n_end), and kmin and kmax, 1/Å, shape (n,).
        """
        end = float(grid(chi.shape[1])[-1])
        ends = np.arange(min(SHORTEST, end), end + KSTEP / 2)
        n_end = round(float(rng.choice(ends)) / KSTEP) + 1
        found = chi.astype(np.float32)
        changed = rng.random(len(chi)) >= self.settings.clean
        found[changed] = augmented(found[changed], self.settings, rng, stretched=self.stretched)
        # As in processing, the background is that of all the data.
        k = KSTEP * np.arange(n_end)
        found = remove_background(k, found[:, :n_end]).astype(np.float32)
        found[changed] += residual(int(changed.sum()), n_end, self.settings, rng)
        low, high = np.minimum(self.settings.kmax, k[-1])
        kmax = rng.uniform(low, high, len(chi))
        kmin = np.minimum(evenly(self.settings.kmin, len(chi), rng), kmax - 1)
        return found, kmin, kmax

    def inputs(self, chi: np.ndarray, others: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
        """Return what a network is given of spectra, shape (n, n_in)."""
        return torch.tensor(np.hstack([shown(*self.measured(chi, rng)), others]))


def train(
    settings: MeasuredNetwork, data: TrainingSet, seed: int
) -> MeasuredClassifier | MeasuredRegressor:
    """Train networks on one thread, one after the other.

    Parameters
    ----------
    settings
        The model in the campaign file.
    data
        What it learns from; the columns of the axis are k-weighted chi(k).
    seed
        Seed of the first weights, of the batches, of dropout and of what is changed at random.

    Raises
    ------
    ItemFailure
        ``no_curve`` if the axis cannot be k, ``too_few_sites`` for one row, ``training_failed`` if
        the weights are not finite.
    """
    axis = np.asarray(data.columns.axis, dtype=np.float64)
    try:
        check_k(axis)
        if axis[-1] < LEAST_END:
            raise ValueError(f"k ends at {axis[-1]:g} 1/Å")
    except ValueError as error:
        raise ItemFailure(
            "no_curve",
            f"a network for measured spectra takes chi(k) in equal steps of k: {error}",
            "take features of kind k_space, with kmin 0.05 and kmax 16",
        ) from None
    if len(data) < 2:
        message = "there is one site, and a network needs two"
        raise ItemFailure("too_few_sites", message, "take more structures")
    X = np.asarray(data.X, dtype=np.float32)
    chi = to_grid(X[:, : len(axis)], axis, settings.kweight)
    others = X[:, len(axis) :]
    classes, center, width = np.empty(0, dtype=np.int64), 0.0, 1.0
    if data.task == "classes":
        classes = np.unique(data.y).astype(np.int64)
        target = torch.tensor(class_shares(data, settings.softness), dtype=torch.float32)
    else:
        center, width = float(data.y.mean()), float(data.y.std())
        if width <= 1e-6 * abs(center):
            width = 1.0
        target = torch.tensor((data.y - center) / width, dtype=torch.float32)[:, None]
    views = Views(settings.augmentation, stretched=data.task == "classes")
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        progress = Progress(next_slot())
        networks = Networks(
            tuple(
                _trained(settings, views, chi, others, target, [seed, number], progress).in_numpy()
                for number in range(settings.n_networks)
            )
        )
    common = (networks, axis, settings.kweight, settings.kmin, settings.kmax)
    if data.task == "classes":
        return MeasuredClassifier(*common, classes)
    return MeasuredRegressor(*common, center, width)


def _trained(
    settings: MeasuredNetwork,
    views: Views,
    chi: np.ndarray,
    others: np.ndarray,
    target: torch.Tensor,
    seed: list[int],
    progress: Progress,
) -> MeasuredLayers:
    """Train the network of a number, the last of the seed."""
    rng = np.random.default_rng(seed)
    some = rng.permutation(len(chi))[:STANDARD]
    parts = np.array_split(some, math.ceil(len(some) / BATCH_SIZE))
    first = torch.cat([views.inputs(chi[part], others[part], rng) for part in parts])
    network = MeasuredLayers(first.shape[1], target.shape[1], settings.dropout)
    network.standardise(first)
    loss: nn.Module = nn.CrossEntropyLoss() if target.shape[1] > 1 else nn.MSELoss()
    n_batches = number_of_batches(len(chi), BATCH_SIZE)
    n_steps = settings.epochs * n_batches
    training = begun(network, n_steps, settings.learning_rate, settings.weight_decay)
    for epoch in range(progress.resume(seed[-1], training), settings.epochs):
        # Of each pass by itself, so that a training that goes on is as one that never stopped.
        rng = np.random.default_rng([*seed, epoch])
        # Parts of nearly equal size: normalisation over a last batch of one row would fail.
        for batch in np.array_split(rng.permutation(len(chi)), n_batches):
            inputs = views.inputs(chi[batch], others[batch], rng)
            training.optimizer.zero_grad()
            loss(network(inputs), target[torch.from_numpy(batch)]).backward()
            training.optimizer.step()
            training.cycle.step()
        progress.keep(seed[-1], epoch + 1, settings.epochs, training)
    check_weights(network)
    return network.eval()
