"""Training of networks on chi(k)."""

from dataclasses import replace
from typing import Any

import torch

from exafscn_flows.errors import ItemFailure
from exafscn_flows.models.fourier import check_k
from exafscn_flows.models.guarded import GuardedClassifier, GuardedRegressor, guarded
from exafscn_flows.models.moved_curves import moved
from exafscn_flows.models.network_training import Course, train_networks
from exafscn_flows.models.spectral_layers import SpectralLayers
from exafscn_flows.models.spectral_network import SpectralNetwork
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.models.wrong_spectra import with_wrong_ones

BATCH_SIZE = 256
VIEWS = 2 / 3
"""How far a spectrum is stretched and pressed when it is asked about, by the most in training."""
GUARD_EPOCHS = 25
"""Of the guard, over real and wrong spectra."""


def train(
    settings: SpectralNetwork, data: TrainingSet, seed: int
) -> GuardedClassifier | GuardedRegressor:
    """Train the networks, and their guard, on one thread, one after the other.

    Parameters
    ----------
    settings
        The model in the campaign file.
    data
        What it learns from; the columns of the axis are k-weighted chi(k).
    seed
        Seed of the first weights, of the batches, of dropout and of stretching.

    Raises
    ------
    ItemFailure
        ``no_curve`` if the axis cannot be k, and as `train_networks`.
    """
    axis = data.columns.axis
    try:
        check_k(axis)
    except ValueError as error:
        raise ItemFailure(
            "no_curve",
            f"a spectral network takes chi(k) in equal steps of k above 0: {error}",
            "take features of kind k_space, with kmin above 0",
        ) from None
    points = torch.tensor(axis, dtype=torch.float32)
    course = Course.of(settings, BATCH_SIZE, softness=settings.softness)

    def trained(rows: TrainingSet, course: Course, stretch: float) -> Any:
        def make(n_others: int, n_outputs: int) -> SpectralLayers:
            network = SpectralLayers(len(axis), n_others, n_outputs, settings.dropout)
            network.set_axis(torch.tensor(axis, dtype=torch.float64))
            network.set_stretch(VIEWS * stretch)
            return network

        return train_networks(rows, seed, course, make, 0.0, lambda one: stretched(one, stretch))

    def stretched(curves: torch.Tensor, stretch: float) -> torch.Tensor:
        if stretch == 0:
            return curves
        shares = 1 + stretch * (2 * torch.rand(len(curves), 1) - 1)
        axis, places = (one.to(curves.device) for one in (points, points * shares))
        return moved(curves, axis, places)

    # Of numbers nobody knows how they change with all distances, as a bond length does.
    fitted = trained(data, course, settings.stretch if data.task == "classes" else 0.0)
    course = replace(course, epochs=GUARD_EPOCHS, n_networks=1, softness=0.0, class_weight=None)
    return guarded(fitted, trained(with_wrong_ones(data, seed), course, settings.stretch))
