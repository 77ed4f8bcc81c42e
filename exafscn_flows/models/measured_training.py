"""Training of networks that see what a measurement shows."""

from dataclasses import dataclass

import numpy as np
import torch

from exafscn_flows.errors import ItemFailure
from exafscn_flows.models.augmentation import Augmentation, augmented, evenly, residual
from exafscn_flows.models.fourier import check_k
from exafscn_flows.models.layers_training import Target, train_layers
from exafscn_flows.models.measured_fitted import (
    MeasuredClassifier,
    MeasuredRegressor,
    to_grid,
)
from exafscn_flows.models.measured_network import MeasuredNetwork
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.pretrained.network import Networks
from exafscn_flows.processing import remove_background
from exafscn_flows.processing.real_space import grid, shown
from exafscn_flows.processing.settings import KSTEP

LEAST_END = 1.5
"""k up to which spectra must reach, 1/Å: the shortest range that is shown is 1 1/Å long."""
SHORTEST = 8.0
"""1/Å: data of measurements end there or beyond, by whole numbers."""


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
    least_scale = 0.0

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
    target = Target.of(data, settings.softness)
    views = Views(settings.augmentation, stretched=data.task == "classes")
    networks = Networks(train_layers(settings, views, chi, others, target.numbers, seed))
    common = (networks, axis, settings.kweight, settings.kmin, settings.kmax)
    if data.task == "classes":
        return MeasuredClassifier(*common, target.classes)
    return MeasuredRegressor(*common, target.center, target.width)
