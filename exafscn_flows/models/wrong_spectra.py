"""Spectra that are wrong on purpose, and what a network learns to tell them from right ones."""

from collections.abc import Callable

import numpy as np

from exafscn_flows.features.columns import Columns
from exafscn_flows.models.training_set import TrainingSet, absorbers_of

_ENERGY = 0.2624682
"""2 m_e / hbar^2, in 1/(eV Å²)."""
E0_OFF = (8.0, 25.0)
"""By how much E0 is off, eV, up or down: chemical shifts and habits differ by less."""
NOISE = (0.3, 2.0)
"""Noise, in standard deviations of the training spectra at each k."""


def with_wrong_ones(data: TrainingSet, seed: int) -> TrainingSet:
    """Add wrong spectra to real ones, and say of each real one which absorber it is of.

    Of each real spectrum there is one with E0 off, noise added, or of noise alone. What E0 leaves
    behind at both ends, half of all have, so that it tells nothing.

    Parameters
    ----------
    data
        Real spectra; the columns of the axis are k-weighted chi(k).
    seed
        Seed of what is wrong.

    Returns
    -------
    TrainingSet
        Curves alone. Classes are the places of the absorbers, 0 if all rows are of one, and one
        more than the last of them for what is wrong.
    """
    rng = np.random.default_rng(seed)
    k, X = data.columns.axis, np.asarray(data.X)
    curves = X[:, : len(k)]
    kinds: list[Callable[[np.ndarray], np.ndarray]] = [
        lambda rows: _moved(rows, k, rng),
        lambda rows: _noisy(rows, curves.std(axis=0), rng),
        lambda rows: _noise(rows, curves.std(axis=0), rng),
    ]
    wrong, chosen = curves.copy(), rng.integers(len(kinds), size=len(X))
    for number, kind in enumerate(kinds):
        wrong[chosen == number] = kind(curves[chosen == number])
    whole = np.concatenate([curves, wrong])
    _cut(whole, k, rng)
    y = np.append(absorbers_of(X, data.n_absorbers), [max(data.n_absorbers, 1)] * len(X))
    return TrainingSet(whole, y, np.tile(data.groups, 2), Columns(k), "classes")


def e0_off(curves: np.ndarray, k: np.ndarray, energy: np.ndarray) -> np.ndarray:
    """Return curves as they are with a wrong E0, taken to be weighted by k².

    Parameters
    ----------
    curves
        Shape (n, n_k).
    k
        Wave number, 1/Å, shape (n_k,).
    energy
        By how much E0 is too high, eV, shape (n,). What k is taken for is less than it is then;
        where E0 is too low, nothing comes before the edge.
    """
    found = np.empty_like(curves)
    for row, shift in enumerate(energy):
        true = np.sqrt(np.maximum(k**2 + _ENERGY * shift, 0))
        moved = np.interp(true, k, curves[row] / k**2, left=0.0)
        found[row] = k**2 * moved
    return found


def _moved(rows: np.ndarray, k: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    size = rng.uniform(*E0_OFF, len(rows)) * rng.choice([-1, 1], len(rows))
    return e0_off(rows, k, size)


def _cut(rows: np.ndarray, k: np.ndarray, rng: np.random.Generator) -> None:
    """Let half of the rows begin with zeros, and end with one value, somewhere near their ends."""
    widest = np.sqrt(_ENERGY * E0_OFF[1])
    for row in np.flatnonzero(rng.random(len(rows)) < 0.5):
        begin = rng.uniform(k[0], max(k[0], widest))
        end = k[-1] - rng.uniform(0, 0.1) * widest
        curve = rows[row]
        curve[k < begin] = 0
        if (k <= end).any():
            last = np.flatnonzero(k <= end)[-1]
            curve[last:] = curve[last] * (k[last:] / k[last]) ** 2


def _noisy(rows: np.ndarray, width: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    noisy: np.ndarray = rows + _noise(rows, width, rng)
    return noisy


def _noise(rows: np.ndarray, width: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    size = rng.uniform(*NOISE, (len(rows), 1))
    noise: np.ndarray = size * width * rng.normal(size=rows.shape)
    return noise.astype(rows.dtype)
