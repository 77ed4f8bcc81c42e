"""The layers of a network that adds up scattering paths."""

import numpy as np
import torch
from torch import nn

from exafscn_flows.features.site_graph import PER_ATOM
from exafscn_flows.models.networks import CurveNetwork
from exafscn_flows.models.scattering_paths import K_END

K_STEP = 0.1
"""The network makes chi(k) in such steps, 1/Å, in which waves of paths up to 15 Å are seen."""
N_WAVES = 18
"""Gaussians along k of which amplitudes are made."""
N_ELEMENTS, EMBEDDING = 119, 20
N_GAUSSIANS, FARTHEST, GAUSSIAN = 24, 7.0, 0.3
"""Gaussians of distances: their number, the middle of the last, and their width, Å."""
NEAREST = 0.5
"""Å; nothing is nearer than that."""
HIDDEN, WIDE = 64, 96
AROUND, TYPICAL = 2.5, 3.0
"""How far atoms count for what is around the site, Å; and by what the sum is divided."""
IN_FRONT = 0.3
"""How much nearer an atom has to be to stand in front of another one, Å."""
FORWARD = (0.02, 0.12)
"""1 - cosine of the angle at the site within which an atom in front changes a wave: the nearest
to a straight line by most."""
DELAY = 0.35
"""Å by which paths seem shorter, by the mean slope of phases of 3d metals."""
LOUDNESS, DOUBLE = 4.0, 0.3
"""Amplitude at 1 Å in the units of the curves, and that of double scattering relative to it."""


def k_grid() -> np.ndarray:
    """Return the k at which the network makes chi(k), 1/Å, shape (n_k,)."""
    return K_STEP * np.arange(1, round(K_END / K_STEP) + 1)


class ScatteringLayers(CurveNetwork):
    """Waves of all paths around a site, added up, as components of curves.

    Nothing depends on how a crystal is turned: only distances and angles are used.

    Parameters
    ----------
    n_axis, n_others, n_outputs
        As of `CurveNetwork`; the axis holds four values of each atom, the site itself first.
        Other features play no part.
    dropout
        Share of the hidden values of amplitudes that is left out in training.
    """

    projection: torch.Tensor
    offsets: torch.Tensor
    pairs: torch.Tensor
    waves: torch.Tensor
    k: torch.Tensor
    middles: torch.Tensor

    def __init__(self, n_axis: int, n_others: int, n_outputs: int, dropout: float = 0.0) -> None:
        super().__init__(n_axis, n_others, n_outputs)
        k = torch.tensor(k_grid(), dtype=torch.float32)
        middles = torch.linspace(0.0, K_END, N_WAVES)
        width = 0.9 * K_END / (N_WAVES - 1)
        self.register_buffer("mean", torch.zeros(1))
        self.register_buffer("scale", torch.ones(1))
        self.register_buffer("projection", torch.zeros(len(k), n_outputs))
        self.register_buffer("offsets", torch.zeros(N_ELEMENTS, n_outputs))
        self.register_buffer("pairs", torch.zeros(1, dtype=torch.int64))
        self.register_buffer("k", k)
        self.register_buffer("waves", torch.exp(-(((k - middles[:, None]) / width) ** 2)))
        self.register_buffer("middles", torch.linspace(1.2, FARTHEST, N_GAUSSIANS))
        self.elements = nn.Embedding(N_ELEMENTS, EMBEDDING)
        self.atoms = _lines(2 * EMBEDDING + N_GAUSSIANS, HIDDEN, HIDDEN)
        width = 2 * HIDDEN + (len(FORWARD) + 1) * EMBEDDING
        self.to_atom = _lines(width, WIDE, 2 * N_WAVES, dropout)
        width = 3 * EMBEDDING + HIDDEN + 1 + 2 * N_GAUSSIANS
        self.to_pair = _lines(width, WIDE, 4 * N_WAVES, dropout)

    def set_curves(self, projection: np.ndarray, offsets: np.ndarray, pairs: int) -> None:
        """Set how chi(k) becomes what is learned.

        Parameters
        ----------
        projection
            What a value at each k adds to each output, shape (n_k, n_outputs).
        offsets
            What is taken off the outputs of each absorber, by its atomic number, shape
            (119, n_outputs).
        pairs
            Nearest atoms of which each two make paths.
        """
        self.projection.copy_(torch.tensor(projection))
        self.offsets.copy_(torch.tensor(offsets))
        self.pairs.fill_(pairs)

    def standardise(self, rows: torch.Tensor, least: float) -> None:
        """Do nothing: elements and distances are taken as they are."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the outputs, shape (n, n_outputs)."""
        graph = rows[:, : self.n_axis].reshape(len(rows), -1, PER_ATOM)
        # Atoms that no row of a batch has cost nothing.
        graph = graph[:, : int((graph[:, :, 0] > 0).sum(dim=1).max())]
        numbers, places = graph[:, :, 0].round().long(), graph[:, 1:, 1:]
        found = self.chi(numbers[:, 0], numbers[:, 1:], places) @ self.projection
        return found - self.offsets[numbers[:, 0]]

    def chi(
        self, absorber: torch.Tensor, numbers: torch.Tensor, places: torch.Tensor
    ) -> torch.Tensor:
        """Return k-weighted chi(k) in units of its absorber, shape (n, n_k).

        Parameters
        ----------
        absorber
            Atomic number of each site, shape (n,).
        numbers, places
            Atomic numbers of the atoms around it, 0 where there is none, shape (n, n_atoms); and
            where they are, the nearest first, Å, shape (n, n_atoms, 3).
        """
        there = numbers > 0
        r = places.norm(dim=2).clamp(min=NEAREST)
        centre, around = self.elements(absorber), self.elements(numbers)
        own = centre[:, None].expand(-1, numbers.shape[1], -1)
        atoms = self.atoms(torch.cat([around, own, self._gaussians(r)], dim=2))
        near = torch.exp(-((r / AROUND) ** 2)) * there
        seen = (atoms * near[:, :, None]).sum(dim=1) / TYPICAL
        cosines = (places / r[:, :, None]) @ (places / r[:, :, None]).transpose(1, 2)
        front = (r[:, None, :] < r[:, :, None] - IN_FRONT) & there[:, None, :]
        before = [(torch.exp((cosines - 1) / width) * front) @ around for width in FORWARD]
        site = seen[:, None].expand(-1, numbers.shape[1], -1)
        single = self.to_atom(torch.cat([atoms, site, *before, own], dim=2)) * there[:, :, None]
        lengths, amplitudes = [r], [single]
        n = min(int(self.pairs), numbers.shape[1])
        if n > 1:
            i, j = torch.triu_indices(n, n, 1, device=r.device)
            apart = (places[:, i] - places[:, j]).norm(dim=2)
            inputs = [
                around[:, i] + around[:, j],
                around[:, i] * around[:, j],
                centre[:, None].expand(-1, len(i), -1),
                seen[:, None].expand(-1, len(i), -1),
                cosines[:, i, j][:, :, None],
                self._gaussians(r[:, i]) + self._gaussians(r[:, j]),
                self._gaussians(apart),
            ]
            both = (there[:, i] & there[:, j])[:, :, None]
            double = DOUBLE * self.to_pair(torch.cat(inputs, dim=2)) * both
            lengths += [(r[:, i] + r[:, j] + apart) / 2, r[:, i] + r[:, j]]
            amplitudes += [double[:, :, : 2 * N_WAVES], double[:, :, 2 * N_WAVES :]]
        return self._added(torch.cat(lengths, dim=1), torch.cat(amplitudes, dim=1))

    def _added(self, lengths: torch.Tensor, amplitudes: torch.Tensor) -> torch.Tensor:
        """Add up waves by the half length of their paths, Å, shape (n, n_paths)."""
        even, odd = (amplitudes[:, :, :N_WAVES], amplitudes[:, :, N_WAVES:])
        phase = 2 * self.k * (lengths[:, :, None] - DELAY)
        found = (even @ self.waves) * torch.cos(phase) + (odd @ self.waves) * torch.sin(phase)
        added: torch.Tensor = (found * (LOUDNESS / lengths**2)[:, :, None]).sum(dim=1)
        return added

    def _gaussians(self, r: torch.Tensor) -> torch.Tensor:
        return torch.exp(-(((r[..., None] - self.middles) / GAUSSIAN) ** 2))


def _lines(n_inputs: int, hidden: int, n_outputs: int, dropout: float = 0.0) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(n_inputs, hidden),
        nn.SiLU(),
        nn.Linear(hidden, hidden),
        nn.SiLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, n_outputs),
    )
