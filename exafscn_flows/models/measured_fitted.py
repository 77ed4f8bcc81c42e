"""Networks that see what a measurement shows, as models of computed spectra. No torch is needed."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from exafscn_flows.models.softmax_classifier import SoftmaxClassifier, are_classes
from exafscn_flows.pretrained.network import Networks
from exafscn_flows.pretrained.network_file import dump_networks, load_networks
from exafscn_flows.processing import remove_background
from exafscn_flows.processing.real_space import grid
from exafscn_flows.processing.settings import KSTEP

_LONGEST = 40.0
"""Largest k of the features, 1/Å."""


def to_grid(rows: np.ndarray, axis: np.ndarray, kweight: int) -> np.ndarray:
    """Return chi(k) from k = 0 in steps of 0.05 1/Å, of weighted chi(k) at other points.

    Parameters
    ----------
    rows
        k^kweight chi(k), shape (n, n_axis).
    axis
        k, 1/Å, above 0 and ascending, shape (n_axis,).

    Returns
    -------
    numpy.ndarray
        Float32, shape (n, n_k), to the last point on the grid; on lines between the points, before
        the first of them its value.
    """
    wanted = KSTEP * np.arange(int(axis[-1] / KSTEP + 1e-6) + 1)
    above = np.clip(np.searchsorted(axis, wanted), 1, len(axis) - 1)
    weight = np.clip((wanted - axis[above - 1]) / (axis[above] - axis[above - 1]), 0, 1)
    chi = rows.astype(np.float32) / (axis**kweight).astype(np.float32)
    weight = weight.astype(np.float32)
    found: np.ndarray = chi[:, above - 1] * (1 - weight) + chi[:, above] * weight
    return found


@dataclass(frozen=True)
class _Measured:
    """Networks with what they need to know of features.

    Attributes
    ----------
    networks
        The networks.
    axis, kweight
        k of the features, 1/Å, shape (n_axis,), and the power of k that weights them.
    kmin, kmax
        Range of k that the networks are shown, 1/Å.
    """

    networks: Networks
    axis: np.ndarray
    kweight: int
    kmin: float
    kmax: float

    def __post_init__(self) -> None:
        rising = self.axis.ndim == 1 and len(self.axis) > 1 and bool((np.diff(self.axis) > 0).all())
        if not rising or not 0 < self.axis[0] < self.axis[-1] <= _LONGEST:
            raise ValueError("k of the features makes no sense")
        if type(self.kweight) is not int or not 0 <= self.kweight <= 4:
            raise ValueError("the weight of the features makes no sense")
        if not (type(self.kmin) is type(self.kmax) is float and 0 < self.kmin < self.kmax < 1e3):
            raise ValueError("the range of k makes no sense")

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        return len(self.axis) + self.networks.n_others

    def outputs(self, X: np.ndarray) -> np.ndarray:
        """Return what each network says of computed spectra, shape (n_networks, n, n_outputs).

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
        n_axis = len(self.axis)
        chi = to_grid(X[:, :n_axis], self.axis, self.kweight)
        chi = remove_background(KSTEP * np.arange(chi.shape[1]), chi).astype(np.float32)
        kmax = min(self.kmax, float(grid(chi.shape[1])[-1]))
        ends = np.full(len(X), min(self.kmin, kmax - 1)), np.full(len(X), kmax)
        return self.networks.outputs(chi, *ends, X[:, n_axis:])


@dataclass(frozen=True)
class MeasuredClassifier(_Measured, SoftmaxClassifier):
    """Networks with softmax at their end.

    Attributes
    ----------
    classes_
        Numbers of the classes, ascending, shape (n_classes,), int64.
    """

    classes_: np.ndarray

    def __post_init__(self) -> None:
        super().__post_init__()
        if not are_classes(self.classes_, self.networks.n_outputs):
            raise ValueError("classes and outputs do not fit together")


@dataclass(frozen=True)
class MeasuredRegressor(_Measured):
    """Networks with one output, a number in standard deviations from the mean of all.

    Attributes
    ----------
    center, width
        That mean and that standard deviation, in the unit of the target.
    """

    center: float
    width: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if (
            self.networks.n_outputs != 1
            or not (type(self.center) is type(self.width) is float)
            or not (math.isfinite(self.center) and 0 < self.width < math.inf)
        ):
            raise ValueError("numbers and outputs do not fit together")

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


def dump_measured(fitted: Any) -> bytes:
    """Return networks as the bytes of a safetensors file.

    Raises
    ------
    TypeError
        If they are no networks of this kind.
    """
    if not isinstance(fitted, MeasuredClassifier | MeasuredRegressor):
        raise TypeError(f"{type(fitted).__name__} is no network for measured spectra")
    header = {"kweight": fitted.kweight, "kmin": fitted.kmin, "kmax": fitted.kmax}
    arrays = {"axis": fitted.axis}
    if isinstance(fitted, MeasuredClassifier):
        arrays["classes"] = fitted.classes_
        return dump_networks(fitted.networks, header, arrays)
    numbers = {"numbers": [fitted.center, fitted.width]}
    return dump_networks(fitted.networks, header | numbers, arrays)


def load_measured(data: bytes) -> MeasuredClassifier | MeasuredRegressor:
    """Return the networks of a safetensors file.

    Raises
    ------
    KeyError, TypeError, ValueError, safetensors.SafetensorError
        If the file does not hold networks that can be used.
    """
    networks, header, arrays = load_networks(data)
    axis = arrays["axis"].astype(np.float64)
    common = (networks, axis, header["kweight"], header["kmin"], header["kmax"])
    if "numbers" not in header:
        return MeasuredClassifier(*common, arrays["classes"])
    center, width = header["numbers"]
    return MeasuredRegressor(*common, center, width)
