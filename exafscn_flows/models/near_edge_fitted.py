"""Networks for near edges, as models. No torch is needed."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from exafscn_flows.models.softmax_classifier import SoftmaxClassifier, are_classes
from exafscn_flows.pretrained.near_edge import with_slopes
from exafscn_flows.pretrained.network import NetworkSet
from exafscn_flows.pretrained.network_file import dump_networks, load_network_set


@dataclass(frozen=True)
class NearEdgeClassifier(SoftmaxClassifier):
    """Networks with softmax at their end.

    Attributes
    ----------
    networks
        The networks.
    n_axis, step
        Points of the near edge, and the step between them, eV.
    classes_
        Numbers of the classes, ascending, shape (n_classes,), int64.

    Raises
    ------
    ValueError
        If they do not fit together.
    """

    networks: NetworkSet
    n_axis: int
    step: float
    classes_: np.ndarray

    def __post_init__(self) -> None:
        if (
            type(self.n_axis) is not int
            or type(self.step) is not float
            or not (2 * self.n_axis <= self.networks.n_inputs and self.n_axis > 1)
            or not 0 < self.step < 1e3
        ):
            raise ValueError("networks and energies do not fit together")
        if not are_classes(self.classes_, self.networks.n_outputs):
            raise ValueError("classes and outputs do not fit together")

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        return self.networks.n_inputs - self.n_axis

    def outputs(self, X: np.ndarray) -> np.ndarray:
        """Return what each network says of near edges, shape (n_networks, n, n_classes).

        Raises
        ------
        ValueError
            If ``X`` has not the features that the networks were trained on, or holds values that
            are not finite.
        """
        X = np.asarray(X, dtype=np.float32)
        if X.ndim != 2 or X.shape[1] != self.n_features_in_:
            raise ValueError(f"features have shape {X.shape}, not (n, {self.n_features_in_})")
        if not np.isfinite(X).all():
            raise ValueError("features hold values that are not finite")
        seen = with_slopes(X[:, : self.n_axis], self.step)
        return self.networks(np.hstack([seen, X[:, self.n_axis :]]))


def dump_near_edge(fitted: Any) -> bytes:
    """Return networks as the bytes of a safetensors file.

    Raises
    ------
    TypeError
        If they are no networks of this kind.
    """
    if not isinstance(fitted, NearEdgeClassifier):
        raise TypeError(f"{type(fitted).__name__} is no network for near edges")
    header = {"n_axis": fitted.n_axis, "step": fitted.step}
    return dump_networks(fitted.networks, header, {"classes": fitted.classes_})


def load_near_edge(data: bytes) -> NearEdgeClassifier:
    """Return the networks of a safetensors file.

    Raises
    ------
    KeyError, TypeError, ValueError, safetensors.SafetensorError
        If the file does not hold networks that can be used.
    """
    networks, header, arrays = load_network_set(data)
    return NearEdgeClassifier(networks, header["n_axis"], header["step"], arrays["classes"])
