"""Networks on curves, trained in torch, and how they predict."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from exafscn_flows.models.softmax_classifier import SoftmaxClassifier, are_classes
from exafscn_flows.models.torch_thread import one_thread

ROWS = 1024
"""Rows that are predicted at once, so that any number of them takes little memory."""


class CurveNetwork(nn.Module):
    """Base of networks on rows of a curve and, after it, of other features.

    A subclass can be made from these three numbers alone, and registers `mean` and `scale`, by
    which its inputs are standardised.

    Parameters
    ----------
    n_axis
        Points of the curve, at least 2.
    n_others
        Features beyond it.
    n_outputs
        Number of classes, or 1.
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, n_axis: int, n_others: int, n_outputs: int) -> None:
        super().__init__()
        self.n_axis, self.n_others, self.n_outputs = n_axis, n_others, n_outputs

    def inputs(self, curves: torch.Tensor) -> torch.Tensor:
        """Return what is made of curves, shape (n, n_axis), before it is standardised."""
        raise NotImplementedError

    def standardise(self, rows: torch.Tensor, least: float) -> None:
        """Set what is taken off each input made of curves, and what it is divided by.

        Parameters
        ----------
        rows
            What is learned from, shape (n, n_axis + n_others).
        least
            Least scale of an input, by the root mean square of those of all.
        """
        found = self.inputs(rows[:, : self.n_axis]).double()
        scale = found.std(dim=0, correction=0)
        scale = scale + least * scale.square().mean(dim=-1, keepdim=True).sqrt()
        mean = found.mean(dim=0)
        # Inputs that are the same everywhere, but for rounding, tell nothing.
        scale[scale <= 1e-6 * mean.abs()] = 1
        self.mean.copy_(mean)
        self.scale.copy_(scale)

    def views(self, rows: torch.Tensor) -> list[torch.Tensor]:
        """Return rows as the network looks at them to predict: once, or changed a little, too."""
        return [rows]

    def split(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what is made of the curves of rows, standardised, and the other features."""
        curves, others = rows[:, : self.n_axis], rows[:, self.n_axis :]
        return (self.inputs(curves) - self.mean) / self.scale, others


@dataclass(frozen=True)
class Networks:
    """Trained networks of one shape, whose outputs are averaged.

    Attributes
    ----------
    networks
        At least one.

    Raises
    ------
    ValueError
        If they cannot be used together.
    """

    networks: tuple[CurveNetwork, ...]

    def __post_init__(self) -> None:
        if len({self._shape(one) for one in self.networks}) != 1 or not self._ends_well():
            raise ValueError("the networks do not fit together")
        for one in self.networks:
            values = one.state_dict()
            variances = [value for name, value in values.items() if name.endswith("running_var")]
            if (
                not all(bool(value.isfinite().all()) for value in values.values())
                or bool((one.scale <= 0).any())
                or any(bool((variance < 0).any()) for variance in variances)
            ):
                raise ValueError("the networks hold values that cannot be used")
            one.eval()

    @staticmethod
    def _shape(one: CurveNetwork) -> tuple[type[CurveNetwork], int, int, int]:
        return type(one), one.n_axis, one.n_others, one.n_outputs

    def _ends_well(self) -> bool:
        """Tell whether what is made of the outputs fits to their number."""
        raise NotImplementedError

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        return self.networks[0].n_axis + self.networks[0].n_others

    def outputs(self, X: np.ndarray) -> np.ndarray:
        """Return what comes out of each network for each of its views.

        Returns
        -------
        numpy.ndarray
            Float64, shape (n_networks * n_views, n, n_outputs).

        Raises
        ------
        ValueError
            If ``X`` has not the features that the networks were trained on, or holds values that
            are not finite.
        """
        X = np.asarray(X)
        if X.ndim != 2 or X.shape[1] != self.n_features_in_:
            raise ValueError(f"features have shape {X.shape}, not (n, {self.n_features_in_})")
        rows = torch.tensor(X, dtype=torch.float32)
        if not bool(rows.isfinite().all()):
            raise ValueError("features hold values that are not finite")
        with one_thread(), torch.no_grad():
            found = [
                torch.cat([_of_views(one, part) for part in torch.split(rows, ROWS)], dim=1)
                for one in self.networks
            ]
        return torch.cat(found).numpy().astype(np.float64)


def _of_views(network: CurveNetwork, rows: torch.Tensor) -> torch.Tensor:
    views = network.views(rows)
    # All at once: of a single row, every call costs more than its arithmetic.
    outputs: torch.Tensor = network(torch.cat(views))
    return outputs.reshape(len(views), len(rows), network.n_outputs)


@dataclass(frozen=True)
class NetworkClassifier(Networks, SoftmaxClassifier):
    """Networks with softmax at their end.

    Attributes
    ----------
    classes_
        Numbers of the classes, ascending, shape (n_classes,), int64.
    """

    classes_: np.ndarray

    def _ends_well(self) -> bool:
        return are_classes(self.classes_, self.networks[0].n_outputs)


@dataclass(frozen=True)
class NetworkRegressor(Networks):
    """Networks with one output, a number in standard deviations from the mean of all.

    Attributes
    ----------
    center, width
        That mean and that standard deviation, in the unit of the target.
    """

    center: float
    width: float

    def _ends_well(self) -> bool:
        return (
            self.networks[0].n_outputs == 1
            and type(self.center) is type(self.width) is float
            and math.isfinite(self.center)
            and 0 < self.width < math.inf
        )

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the number of each row, shape (n,).

        Raises
        ------
        ValueError
            As `outputs`.
        """
        predicted: np.ndarray = self._numbers(X).mean(axis=0)
        return predicted

    def spread(self, X: np.ndarray) -> np.ndarray:
        """Return the standard deviation of the numbers of the networks, shape (n,)."""
        found: np.ndarray = self._numbers(X).std(axis=0)
        return found

    def _numbers(self, X: np.ndarray) -> np.ndarray:
        numbers: np.ndarray = self.center + self.width * self.outputs(X)[:, :, 0]
        return numbers


@dataclass(frozen=True)
class NetworkComponents(Networks):
    """Networks with several outputs, numbers that share one unit and are 0 on the mean.

    Attributes
    ----------
    width
        What an output of 1 stands for.
    """

    width: float

    def _ends_well(self) -> bool:
        return type(self.width) is float and 0 < self.width < math.inf

    @property
    def n_outputs_(self) -> int:
        """Numbers that are predicted."""
        return self.networks[0].n_outputs

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the numbers of each row, shape (n, n_outputs).

        Raises
        ------
        ValueError
            As `outputs`.
        """
        predicted: np.ndarray = self.width * self.outputs(X).mean(axis=0)
        return predicted

    def spread(self, X: np.ndarray) -> np.ndarray:
        """Return the standard deviation of the numbers of the networks, shape (n, n_outputs)."""
        found: np.ndarray = self.width * self.outputs(X).std(axis=0)
        return found
