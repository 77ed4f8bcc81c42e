"""The layers of a network that sees what a measurement shows, in torch, and what it is in numpy."""

import numpy as np
import torch
from torch import nn

from exafscn_flows.pretrained.network import Layer, Network

HIDDEN = (512, 256)


class MeasuredLayers(nn.Module):
    """Two hidden layers with ReLU on standardised inputs.

    Parameters
    ----------
    n_inputs, n_outputs
        Number of inputs, and of classes, or 1.
    dropout
        Share of each hidden layer that is left out in training.
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, n_inputs: int, n_outputs: int, dropout: float) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_inputs))
        self.register_buffer("scale", torch.ones(n_inputs))
        self.lines, self.norms = nn.ModuleList(), nn.ModuleList()
        width = n_inputs
        for hidden in HIDDEN:
            self.lines.append(nn.Linear(width, hidden))
            self.norms.append(nn.BatchNorm1d(hidden))
            width = hidden
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Linear(width, n_outputs)

    def standardise(self, inputs: torch.Tensor, least: float = 0.0) -> None:
        """Set what is taken off inputs, shape (n, n_in), and what they are divided by.

        To the standard deviation of each, ``least`` of the root mean square of all is added.
        """
        scale, mean = torch.std_mean(inputs, dim=0, correction=0)
        scale = scale + least * scale.square().mean().sqrt()
        # Inputs that are the same everywhere, but for rounding, tell nothing.
        scale[scale <= 1e-6 * mean.abs()] = 1
        self.mean.copy_(mean)
        self.scale.copy_(scale)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs, shape (n, n_outputs)."""
        found = (inputs - self.mean) / self.scale
        for line, norm in zip(self.lines, self.norms, strict=True):
            found = self.dropout(torch.relu(norm(line(found))))
        outputs: torch.Tensor = self.last(found)
        return outputs

    def in_numpy(self) -> Network:
        """Return the network as it is after training, batch normalisation part of its lines."""
        layers: list[Layer] = []
        for line, norm in zip(self.lines, self.norms, strict=True):
            assert isinstance(line, nn.Linear) and isinstance(norm, nn.BatchNorm1d)  # noqa: PT018
            assert norm.running_mean is not None and norm.running_var is not None  # noqa: PT018
            share = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            bias = share * (line.bias - norm.running_mean) + norm.bias
            layers.append((_array(share[:, None] * line.weight), _array(bias)))
        layers.append((_array(self.last.weight), _array(self.last.bias)))
        return Network(_array(self.mean), _array(self.scale), tuple(layers))


def _array(tensor: torch.Tensor) -> np.ndarray:
    found: np.ndarray = tensor.detach().numpy().astype(np.float32)
    return found.copy()
