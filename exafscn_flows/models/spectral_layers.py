"""The layers of a network on k-weighted χ(k), which makes χ(R) of it itself."""

import torch
from torch import nn

from exafscn_flows.models.fourier import radii, transform
from exafscn_flows.models.moved_curves import moved
from exafscn_flows.models.networks import CurveNetwork

POWERS = (-1, 0, 1)
"""Of k, by which what is given is weighted once more: near and far neighbours, light and heavy ones
stand out with different weights."""
HIDDEN = (512, 256)


class SpectralLayers(CurveNetwork):
    """Weighted χ(k) and complex χ(R), and two hidden layers.

    Parameters
    ----------
    n_axis, n_others, n_outputs
        As of `CurveNetwork`.
    dropout
        Share of each hidden layer that is left out in training.
    """

    weights: torch.Tensor
    transform: torch.Tensor
    shares: torch.Tensor

    def __init__(self, n_axis: int, n_others: int, n_outputs: int, dropout: float = 0.0) -> None:
        super().__init__(n_axis, n_others, n_outputs)
        n_r = len(radii())
        n_inputs = len(POWERS) * n_axis + 2 * n_r
        self.register_buffer("mean", torch.zeros(n_inputs))
        self.register_buffer("scale", torch.ones(n_inputs))
        self.register_buffer("weights", torch.ones(len(POWERS), n_axis))
        self.register_buffer("transform", torch.zeros(n_axis, 2 * n_r))
        self.register_buffer("shares", torch.zeros(3))
        layers: list[nn.Module] = []
        width = n_inputs + n_others
        for hidden in HIDDEN:
            layers += [
                nn.Linear(width, hidden),
                nn.BatchNorm1d(hidden),
                nn.ReLU(),
                nn.Dropout(dropout),
            ]
            width = hidden
        self.head = nn.Sequential(*layers, nn.Linear(width, n_outputs))

    def set_axis(self, k: torch.Tensor) -> None:
        """Set weights and transform for the points of the curve.

        Parameters
        ----------
        k
            Wave number, 1/Å, positive and ascending in equal steps, shape (n_axis,), float64.
        """
        self.weights.copy_(torch.stack([(k / k.mean()) ** power for power in POWERS]))
        self.transform.copy_(torch.tensor(transform(k.numpy())))

    def set_stretch(self, stretch: float) -> None:
        """Have curves looked at as they are, and with k stretched and pressed by a share."""
        self.shares.copy_(torch.tensor([-stretch, 0.0, stretch]))

    def views(self, rows: torch.Tensor) -> list[torch.Tensor]:
        """Return rows with k stretched by each share, once of shares that are the same."""
        curves, others = rows[:, : self.n_axis], rows[:, self.n_axis :]
        # k itself, but for a factor.
        points = self.weights[POWERS.index(1)]
        return [
            torch.cat([moved(curves, points, points * (1 + share)), others], dim=1)
            if share
            else rows
            for share in torch.unique(self.shares)
        ]

    def inputs(self, curves: torch.Tensor) -> torch.Tensor:
        """Return weighted χ(k), and real and imaginary χ(R), shape (n, n_inputs)."""
        weighted = (curves[:, None, :] * self.weights).flatten(1)
        return torch.cat([weighted, curves @ self.transform], dim=1)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the outputs, shape (n, n_outputs)."""
        outputs: torch.Tensor = self.head(torch.cat(self.split(rows), dim=1))
        return outputs
