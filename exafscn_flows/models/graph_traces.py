"""What graph attention networks do on their way to an answer: attention, responses of neurons."""

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import torch

from exafscn_flows.features.site_graph import PER_ATOM
from exafscn_flows.models.graph_layers import GraphLayers
from exafscn_flows.models.torch_thread import one_thread

ROWS = 256
"""Rows at once: attention among all atoms takes memory."""


class Traces(NamedTuple):
    """What comes of rows.

    Attributes
    ----------
    outputs
        Mean over the networks, shape (n, n_outputs).
    attention
        How much the site looks at each atom, itself first, mean over layers, heads and networks,
        shape (n, n_atoms); sums are 1.
    responses
        Of the neurons of the last hidden layers, those of all networks side by side, shape
        (n, n_neurons).
    """

    outputs: np.ndarray
    attention: np.ndarray
    responses: np.ndarray


@dataclass(frozen=True)
class GraphNetworks:
    """Trained networks of one shape, at least one."""

    networks: tuple[GraphLayers, ...]

    def graphs(self, X: np.ndarray) -> np.ndarray:
        """Return atomic number and place of each atom, shape (n, n_atoms, 4); 0 for none."""
        return np.asarray(X)[:, : self.networks[0].n_axis].reshape(len(X), -1, PER_ATOM)

    def traces(self, X: np.ndarray) -> Traces:
        """Return what the networks do with rows, shape (n, n_features)."""
        n_atoms = self.networks[0].n_axis // PER_ATOM
        found: list[Traces] = []
        with one_thread(), torch.no_grad():
            for rows in torch.split(torch.tensor(np.asarray(X), dtype=torch.float32), ROWS):
                each = [network.attending(rows) for network in self.networks]
                outputs = torch.stack([one[0] for one in each]).mean(dim=0)
                looked = torch.stack([one[1] for one in each]).mean(dim=(0, 2, 3))
                attention = np.zeros((len(rows), n_atoms), dtype=np.float32)
                attention[:, : looked.shape[1]] = looked.numpy()
                responses = torch.cat([one[2] for one in each], dim=1)
                found.append(Traces(outputs.numpy(), attention, responses.numpy()))
        return Traces(*(np.concatenate(parts) for parts in zip(*found, strict=True)))

    def heads(self, X: np.ndarray) -> np.ndarray:
        """Return how much the site looks at each atom by each head of the first network.

        Returns
        -------
        numpy.ndarray
            Shape (n_layers, n_heads, n, n_atoms); sums over the last axis are 1.
        """
        n_atoms = self.networks[0].n_axis // PER_ATOM
        found: list[np.ndarray] = []
        with one_thread(), torch.no_grad():
            for rows in torch.split(torch.tensor(np.asarray(X), dtype=torch.float32), ROWS):
                looked = self.networks[0].attending(rows)[1].permute(1, 2, 0, 3).numpy()
                lacking = n_atoms - looked.shape[3]
                found.append(np.pad(looked, [(0, 0), (0, 0), (0, 0), (0, lacking)]))
        return np.concatenate(found, axis=2)

    def untrained(self, seed: int) -> Self:
        """Return as many networks with their first weights, their inputs standardised as here."""
        made = []
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for one in self.networks:
                new = GraphLayers(one.n_axis, one.n_others, one.n_outputs)
                for name, value in one.named_buffers():
                    new.get_buffer(name).copy_(value)
                made.append(new.eval())
        return type(self)(tuple(made))
