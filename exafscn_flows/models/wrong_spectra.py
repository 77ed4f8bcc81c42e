"""Spectra that are wrong on purpose, beside which a network learns what right ones are like."""

from collections.abc import Callable

import numpy as np

from exafscn_flows.features.columns import Columns
from exafscn_flows.models.training_set import TrainingSet

_ENERGY = 0.2624682
"""2 m_e / hbar^2, in 1/(eV Å²)."""
E0_OFF = (8.0, 25.0)
"""By how much E0 is off, eV, up or down: chemical shifts and habits differ by less."""
NOISE = (0.3, 2.0)
"""Noise, in standard deviations of the training spectra at each k."""

REAL, WRONG = 0, 1
"""Classes that the network tells apart."""


def with_wrong_ones(data: TrainingSet, seed: int) -> TrainingSet:
    """Add wrong spectra to real ones.

    Of each real spectrum there are two more: one of another absorber than is said, if there are
    several, and one with E0 off, noise added, or of noise alone. What E0 leaves behind at both
    ends, half of all have, so that it tells nothing.

    Parameters
    ----------
    data
        Real spectra; the columns of the axis are k-weighted chi(k).
    seed
        Seed of what is wrong.

    Returns
    -------
    TrainingSet
        With `REAL` and `WRONG` as classes; of the columns beyond the axis, those of the absorbers.
    """
    rng = np.random.default_rng(seed)
    k, n_absorbers = data.columns.axis, data.n_absorbers
    X = guarded_columns(np.asarray(data.X), len(k), n_absorbers)
    kinds: list[Callable[[np.ndarray], np.ndarray]] = [
        lambda rows: _moved(rows, k, rng),
        lambda rows: _noisy(rows, X[:, : len(k)].std(axis=0), rng),
        lambda rows: _noise(rows, X[:, : len(k)].std(axis=0), rng),
    ]
    parts = [X]
    if n_absorbers > 1:
        parts.append(_of_another(X, n_absorbers, rng))
    wrong, chosen = X.copy(), rng.integers(len(kinds), size=len(X))
    for number, kind in enumerate(kinds):
        wrong[chosen == number] = kind(X[chosen == number])
    parts.append(wrong)
    y = np.repeat([REAL, *[WRONG] * (len(parts) - 1)], len(X))
    groups = np.tile(data.groups, len(parts))
    whole = np.concatenate(parts)
    _cut(whole, k, rng)
    return TrainingSet(whole, y, groups, Columns(k), "classes")


def guarded_columns(X: np.ndarray, n_k: int, n_absorbers: int) -> np.ndarray:
    """Return the columns that a guard sees: the curve, and which absorber it is said to be of.

    Of what is given beside, such as a composition, it would tell another absorber without a look
    at the spectrum.
    """
    return np.hstack([X[:, :n_k], X[:, X.shape[1] - n_absorbers :]])


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
    found = rows.copy()
    found[:, : len(k)] = e0_off(rows[:, : len(k)], k, size)
    return found


def _cut(rows: np.ndarray, k: np.ndarray, rng: np.random.Generator) -> None:
    """Let half of the rows begin with zeros, and end with one value, somewhere near their ends."""
    widest = np.sqrt(_ENERGY * E0_OFF[1])
    for row in np.flatnonzero(rng.random(len(rows)) < 0.5):
        begin = rng.uniform(k[0], max(k[0], widest))
        end = k[-1] - rng.uniform(0, 0.1) * widest
        curve = rows[row, : len(k)]
        curve[k < begin] = 0
        if (k <= end).any():
            last = np.flatnonzero(k <= end)[-1]
            curve[last:] = curve[last] * (k[last:] / k[last]) ** 2


def _noisy(rows: np.ndarray, width: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    found = rows.copy()
    size = rng.uniform(*NOISE, (len(rows), 1))
    found[:, : len(width)] += size * width * rng.normal(size=(len(rows), len(width)))
    return found


def _noise(rows: np.ndarray, width: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    found = rows.copy()
    size = rng.uniform(*NOISE, (len(rows), 1))
    found[:, : len(width)] = size * width * rng.normal(size=(len(rows), len(width)))
    return found


def _of_another(X: np.ndarray, n_absorbers: int, rng: np.random.Generator) -> np.ndarray:
    """Say of each row that it is of an absorber that it is not of."""
    found = X.copy()
    place = X[:, -n_absorbers:].argmax(axis=1)
    other = (place + rng.integers(1, n_absorbers, len(X))) % n_absorbers
    found[:, -n_absorbers:] = np.eye(n_absorbers, dtype=X.dtype)[other]
    return found
