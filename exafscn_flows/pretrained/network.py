"""Networks in numpy alone: no torch is imported."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from exafscn_flows.processing.real_space import N_SHOWN, shown, with_e0_moved

Layer = tuple[np.ndarray, np.ndarray]
"""Weights, shape (n_out, n_in), and what is added, shape (n_out,)."""

_ROWS = 1024
"""Rows that are worked on at once, so that any number of them takes little memory."""


@dataclass(frozen=True)
class Network:
    """Layers with ReLU between them.

    Attributes
    ----------
    mean, scale
        What is taken off the inputs, and what they are divided by then; float32, shape (n_in,).
    layers
        From the inputs on; float32.

    Raises
    ------
    ValueError
        If they do not fit together, or hold values that cannot be used.
    """

    mean: np.ndarray
    scale: np.ndarray
    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        arrays = [self.mean, self.scale, *(one for layer in self.layers for one in layer)]
        if not all(one.dtype == np.float32 and np.isfinite(one).all() for one in arrays):
            raise ValueError("the network holds values that cannot be used")
        width = len(self.mean)
        fit = self.mean.shape == self.scale.shape == (width,) and bool((self.scale > 0).all())
        for weight, bias in self.layers:
            fit = fit and weight.shape == (len(bias), width) and bias.ndim == 1
            width = len(bias)
        if not fit or not self.layers:
            raise ValueError("the layers of the network do not fit together")

    @property
    def n_inputs(self) -> int:
        """Number of inputs."""
        return len(self.mean)

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""
        return len(self.layers[-1][1])

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """Return the outputs of inputs, shape (n, n_in); float32, shape (n, n_out)."""
        found: np.ndarray = (inputs - self.mean) / self.scale
        for number, (weight, bias) in enumerate(self.layers):
            if number:
                found = np.maximum(found, 0)
            found = found @ weight.T + bias
        return found


@dataclass(frozen=True)
class NetworkSet:
    """Networks that were trained for the same, whose answers are averaged.

    Attributes
    ----------
    networks
        At least one.

    Raises
    ------
    ValueError
        If they do not fit together.
    """

    networks: tuple[Network, ...]

    def __post_init__(self) -> None:
        if len({(one.n_inputs, one.n_outputs) for one in self.networks}) != 1:
            raise ValueError("the networks do not fit together")

    @property
    def n_inputs(self) -> int:
        """Number of inputs."""
        return self.networks[0].n_inputs

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""
        return self.networks[0].n_outputs

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """Return what each says of inputs, shape (n, n_in); float64, (n_networks, n, n_out)."""
        return np.stack([one(inputs) for one in self.networks]).astype(np.float64)


@dataclass(frozen=True)
class Networks(NetworkSet):
    """Networks that see what a measurement shows of chi(k)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_others < 0:
            raise ValueError("the networks do not fit together")

    @property
    def n_others(self) -> int:
        """Number of inputs beyond what is seen of a spectrum, such as which absorber it has."""
        return self.n_inputs - N_SHOWN

    def outputs(
        self,
        chi: np.ndarray,
        kmin: np.ndarray,
        kmax: np.ndarray,
        others: np.ndarray,
        e0_shifts: Sequence[float] = (0.0,),
    ) -> np.ndarray:
        """Return what each network says of spectra, at several choices of E0.

        Parameters
        ----------
        chi
            chi(k) without background from k = 0 in steps of 0.05 1/Å, shape (n, n_k).
        kmin, kmax
            Usable ranges, 1/Å, shape (n,).
        others
            Other inputs, shape (n, n_others).
        e0_shifts
            By how much E0 is raised, eV.

        Returns
        -------
        numpy.ndarray
            Float64, shape (n_shifts * n_networks, n, n_outputs).
        """
        parts = []
        for first in range(0, len(chi), _ROWS):
            rows = slice(first, first + _ROWS)
            views = _views(chi[rows], kmin[rows], kmax[rows], others[rows], tuple(e0_shifts))
            said = np.stack([network(views) for network in self.networks], axis=1)
            n = len(views) // len(e0_shifts)
            by_shift = said.reshape(len(e0_shifts), n, len(self.networks), self.n_outputs)
            parts.append(by_shift.swapaxes(1, 2).reshape(-1, n, self.n_outputs))
        found: np.ndarray = np.concatenate(parts, axis=1)
        return found.astype(np.float64)


def _views(
    chi: np.ndarray,
    kmin: np.ndarray,
    kmax: np.ndarray,
    others: np.ndarray,
    e0_shifts: tuple[float, ...],
) -> np.ndarray:
    """Return the inputs at each choice of E0, one after the other, shape (n_shifts * n, n_in)."""
    n = len(e0_shifts)
    if len(chi) == 1:
        seen = _seen_of_one(chi.tobytes(), chi.dtype, float(kmin[0]), float(kmax[0]), e0_shifts)
    else:
        seen = _seen(chi, kmin, kmax, e0_shifts)
    return np.hstack([seen, np.tile(others.astype(np.float32), (n, 1))])


def _seen(
    chi: np.ndarray, kmin: np.ndarray, kmax: np.ndarray, e0_shifts: tuple[float, ...]
) -> np.ndarray:
    n = len(e0_shifts)
    moved = [with_e0_moved(chi, by) if by else chi for by in e0_shifts]
    return shown(np.concatenate(moved), np.tile(kmin, n), np.tile(kmax, n))


@lru_cache(maxsize=1)
def _seen_of_one(
    chi: bytes, dtype: np.dtype, kmin: float, kmax: float, e0_shifts: tuple[float, ...]
) -> np.ndarray:
    """Return `_seen` of one spectrum: one set of networks after the other is asked about it."""
    row = np.frombuffer(chi, dtype)[None]
    return _seen(row, np.array([kmin]), np.array([kmax]), e0_shifts)
