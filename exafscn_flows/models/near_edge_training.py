"""Training of networks for near edges."""

from dataclasses import dataclass

import numpy as np
import torch

from exafscn_flows.errors import ItemFailure
from exafscn_flows.models.layers_training import Target, train_layers
from exafscn_flows.models.near_edge_augmentation import NearEdgeAugmentation, near_edges
from exafscn_flows.models.near_edge_fitted import NearEdgeClassifier
from exafscn_flows.models.near_edge_network import NearEdgeNetwork
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.pretrained.near_edge import with_slopes
from exafscn_flows.pretrained.network import NetworkSet


@dataclass(frozen=True)
class NearEdgeViews:
    """What measurements show of computed near edges.

    Attributes
    ----------
    settings
        How they are changed.
    energy
        Energy relative to the edge, eV, in equal steps, shape (n_e,).
    """

    settings: NearEdgeAugmentation
    energy: np.ndarray
    least_scale = 0.1
    """Before an edge, curves hardly differ."""

    def measured(self, curves: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return near edges, most of them changed, float32, shape (n, n_e)."""
        found = curves.astype(np.float32)
        changed = rng.random(len(curves)) >= self.settings.clean
        found[changed] = near_edges(found[changed], self.energy, self.settings, rng)
        return found

    def inputs(
        self, curves: np.ndarray, others: np.ndarray, rng: np.random.Generator
    ) -> torch.Tensor:
        """Return what a network is given of near edges, shape (n, n_in)."""
        step = float(self.energy[1] - self.energy[0])
        seen = with_slopes(self.measured(curves, rng), step)
        return torch.tensor(np.hstack([seen, others.astype(np.float32)]))


def train(settings: NearEdgeNetwork, data: TrainingSet, seed: int) -> NearEdgeClassifier:
    """Train networks on one thread, one after the other.

    Parameters
    ----------
    settings
        The model in the campaign file.
    data
        What it learns from; the columns of the axis are normalised mu(E).
    seed
        Seed of the first weights, of the batches, of dropout and of what is changed at random.

    Raises
    ------
    ItemFailure
        ``no_curve`` if energies are not in equal steps, ``too_few_sites`` for one row,
        ``training_failed`` if the weights are not finite.
    """
    energy = np.asarray(data.columns.axis, dtype=np.float64)
    steps = np.diff(energy)
    if len(steps) == 0 or not steps[0] > 0 or not np.allclose(steps, steps[0]):
        raise ItemFailure(
            "no_curve",
            "a network for near edges takes mu(E) at energies in equal steps",
            "take features of kind xanes",
        )
    if len(data) < 2:
        message = "there is one site, and a network needs two"
        raise ItemFailure("too_few_sites", message, "take more structures")
    X = np.asarray(data.X, dtype=np.float32)
    target = Target.of(data, settings.softness)
    views = NearEdgeViews(settings.changes, energy)
    curves, others = X[:, : len(energy)], X[:, len(energy) :]
    networks = train_layers(settings, views, curves, others, target.numbers, seed)
    return NearEdgeClassifier(NetworkSet(networks), len(energy), float(steps[0]), target.classes)
