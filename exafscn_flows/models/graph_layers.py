"""The layers of a graph attention network on the atoms around a site."""

import math

import torch
from torch import nn

from exafscn_flows.features.site_graph import PER_ATOM
from exafscn_flows.models.networks import CurveNetwork

N_LAYERS, N_HEADS, WIDTH = 3, 4, 96
N_GAUSSIANS = 24
FARTHEST = 6.5
"""Middle of the last Gaussian of distances, Å."""
GAUSSIAN = 0.3
"""Width of the Gaussians, Å."""
N_ELEMENTS, EMBEDDING = 119, 32
DECAY = 2.5
"""How far atoms count for the sum over them, Å."""
TYPICAL = 6.0
"""Atoms by whose number the sum is divided."""
N_OTHERS = 160
"""Principal components of the features beside the graph."""
HIDDEN = (384, 256)
HEAD_DROPOUT = (0.2, 0.1)
FLOOR = 1.0
"""Least scale of those features, by the root mean square of those of all: some hardly vary."""
SAMPLE = 3000
"""Rows, at most, of which the principal components are found."""


class AttentionLayer(nn.Module):
    """Attention among the atoms, and two lines on each of them.

    An atom looks at all others: by how much, depends on both and, through Gaussians, on their
    distance (multi-head attention as in Vaswani et al., arXiv:1706.03762, with a term for each
    edge and head, as in graph attention networks, Veličković et al., arXiv:1710.10903).

    Parameters
    ----------
    dropout
        Share of the hidden values that is left out in training.
    """

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.asked, self.keys, self.values = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.edges = nn.Sequential(nn.Linear(N_GAUSSIANS, 24), nn.SiLU(), nn.Linear(24, N_HEADS))
        self.joined = nn.Linear(WIDTH, WIDTH)
        self.lines = nn.Sequential(
            nn.Linear(WIDTH, 2 * WIDTH), nn.SiLU(), nn.Dropout(dropout), nn.Linear(2 * WIDTH, WIDTH)
        )

    def forward(
        self, atoms: torch.Tensor, edges: torch.Tensor, there: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the atoms after the layer, and the attention.

        Parameters
        ----------
        atoms
            Shape (n, n_atoms, width).
        edges
            Gaussians of the distances, shape (n, n_atoms, n_atoms, n_gaussians).
        there
            Whether there is such an atom, shape (n, n_atoms).

        Returns
        -------
        tuple
            The atoms, and how much each atom looks at each, shape (n, n_heads, n_atoms, n_atoms);
            sums over the last axis are 1.
        """
        seen = self.before(atoms)
        asked, keys, values = (
            one(seen).unflatten(2, (N_HEADS, WIDTH // N_HEADS)).transpose(1, 2)
            for one in (self.asked, self.keys, self.values)
        )
        scores = asked @ keys.transpose(2, 3) / math.sqrt(WIDTH // N_HEADS)
        scores = scores + self.edges(edges).permute(0, 3, 1, 2)
        attention = scores.masked_fill(~there[:, None, None, :], -torch.inf).softmax(dim=-1)
        atoms = atoms + self.joined((attention @ values).transpose(1, 2).flatten(2))
        return atoms + self.lines(self.between(atoms)), attention


class GraphLayers(CurveNetwork):
    """Attention among the atoms around a site, and what it comes to.

    Only distances between atoms are used, so that nothing depends on how a crystal is turned. What
    the site itself has gathered, the sum over the atoms, and principal components of the features
    beside the graph go into two hidden layers.

    Parameters
    ----------
    n_axis, n_others, n_outputs
        As of `CurveNetwork`; the axis holds four values of each atom, the site itself first.
    dropout
        Share of the hidden values of each attention layer that is left out in training.
    """

    components: torch.Tensor
    middles: torch.Tensor

    def __init__(self, n_axis: int, n_others: int, n_outputs: int, dropout: float = 0.0) -> None:
        super().__init__(n_axis, n_others, n_outputs)
        n_components = min(N_OTHERS, n_others)
        self.register_buffer("mean", torch.zeros(n_others))
        self.register_buffer("scale", torch.ones(n_others))
        self.register_buffer("components", torch.zeros(n_others, n_components))
        self.register_buffer("middles", torch.linspace(0.8, FARTHEST, N_GAUSSIANS))
        self.elements = nn.Embedding(N_ELEMENTS, EMBEDDING)
        self.first = nn.Linear(EMBEDDING + N_GAUSSIANS, WIDTH)
        self.layers = nn.ModuleList([AttentionLayer(dropout) for _ in range(N_LAYERS)])
        width = 2 * WIDTH + EMBEDDING + n_components
        head: list[nn.Module] = [nn.LayerNorm(width)]
        for hidden, share in zip(HIDDEN, HEAD_DROPOUT, strict=True):
            head += [nn.Linear(width, hidden), nn.SiLU(), nn.Dropout(share)]
            width = hidden
        self.head = nn.Sequential(*head, nn.Linear(width, n_outputs))

    def standardise(self, rows: torch.Tensor, least: float) -> None:
        """Find the principal components of the features beside the graph."""
        if not self.n_others:
            return
        others = rows[:, self.n_axis :].double()
        scale = others.std(dim=0, correction=0)
        scale = scale + FLOOR * scale.square().mean().sqrt()
        scale[scale == 0] = 1
        self.mean.copy_(others.mean(dim=0))
        self.scale.copy_(scale)
        some = torch.randperm(len(rows))[:SAMPLE]
        found = ((others[some] - self.mean) / self.scale).float()
        n = min(self.components.shape[1], len(some))
        _, sizes, directions = torch.pca_lowrank(found, n, center=False, niter=2)
        # Small ones are not blown up to the size of the large ones.
        sizes = sizes.clamp(min=max(float(sizes[n // 4]), 1e-12)) / math.sqrt(len(some))
        self.components[:, :n].copy_(directions / sizes)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the outputs, shape (n, n_outputs)."""
        return self.attending(rows)[0]

    def attending(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the outputs, and what the network does to come to them.

        Returns
        -------
        tuple
            Outputs, shape (n, n_outputs); how much the site looks at each atom, shape (n, n_layers,
            n_heads, n_atoms) with the site itself first; and responses of the neurons of the last
            hidden layer, shape (n, n_neurons).
        """
        graph = rows[:, : self.n_axis].reshape(len(rows), -1, PER_ATOM)
        # Atoms that no row of a batch has cost nothing.
        graph = graph[:, : int((graph[:, :, 0] > 0).sum(dim=1).max())]
        numbers, places = graph[:, :, 0].round().long(), graph[:, :, 1:]
        there = numbers > 0
        embedded = self.elements(numbers)
        r = places.norm(dim=2)
        atoms = self.first(torch.cat([embedded, self._gaussians(r)], dim=2))
        edges = self._gaussians(torch.cdist(places, places))
        looked = []
        for layer in self.layers:
            atoms, attention = layer(atoms, edges, there)
            looked.append(attention[:, :, 0])
        weights = torch.exp(-((r / DECAY) ** 2)) * there
        # A sum, since attention and means do not tell how many atoms of one kind there are.
        around = (atoms * weights[:, :, None]).sum(dim=1) / TYPICAL
        others = ((rows[:, self.n_axis :] - self.mean) / self.scale) @ self.components
        found = torch.cat([atoms[:, 0], around, embedded[:, 0], others], dim=1)
        responses = self.head[:-1](found)
        return self.head[-1](responses), torch.stack(looked, dim=1), responses

    def _gaussians(self, r: torch.Tensor) -> torch.Tensor:
        return torch.exp(-(((r[..., None] - self.middles) / GAUSSIAN) ** 2))
