"""The layers of a convolutional network."""

import math

import torch
from torch import nn

from exafscn_flows.models.networks import CurveNetwork

CHANNELS = (32, 64, 128)
KERNEL = 5
STRIDE = 2
"""Every convolution halves the number of points. Taking the larger of two points instead costs
twice the time, and forgets which of the two it was."""
HIDDEN = 128


class ConvolutionalLayers(CurveNetwork):
    """Convolutions over a curve and its slope, and a hidden layer.

    Parameters
    ----------
    n_axis, n_others, n_outputs
        As of `CurveNetwork`.
    dropout
        Share of the hidden layer that is left out in training.
    """

    def __init__(self, n_axis: int, n_others: int, n_outputs: int, dropout: float = 0.0) -> None:
        super().__init__(n_axis, n_others, n_outputs)
        # Of the curve and of its slope.
        self.register_buffer("mean", torch.zeros(2, n_axis))
        self.register_buffer("scale", torch.ones(2, n_axis))
        layers: list[nn.Module] = []
        width, length = 2, n_axis
        for n_channels in CHANNELS:
            layers += [
                nn.Conv1d(width, n_channels, KERNEL, STRIDE, padding=KERNEL // 2),
                nn.BatchNorm1d(n_channels),
                nn.ReLU(),
            ]
            width = n_channels
            length = math.ceil(length / STRIDE)
        self.curve = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Linear(width * length + n_others, HIDDEN),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(HIDDEN, n_outputs),
        )

    def inputs(self, curves: torch.Tensor) -> torch.Tensor:
        """Return curves, and their central differences, shape (n, 2, n_axis)."""
        return torch.stack([curves, torch.gradient(curves, dim=1)[0]], dim=1)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the outputs, shape (n, n_outputs)."""
        curves, others = self.split(rows)
        outputs: torch.Tensor = self.head(torch.cat([self.curve(curves).flatten(1), others], dim=1))
        return outputs
