"""Held-out spectra, changed in one way as measurements are: how far a model stands it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from exafscn_flows.evaluation.changes import CHANGES, ChangeName
from exafscn_flows.models.augmentation import disordered
from exafscn_flows.models.measured_fitted import to_grid
from exafscn_flows.processing import ProcessingSettings, remove_background
from exafscn_flows.processing.real_space import grid, with_e0_moved
from exafscn_flows.processing.settings import KSTEP
from exafscn_flows.targets.base import Value
from exafscn_flows.tasks.base import Task

_ROWS = 512
"""Rows that are changed at once, so that any number of them takes little memory."""


def changed_outputs(
    task: Task,
    fitted: Any,
    X: np.ndarray,
    names: Sequence[ChangeName],
    seed: int,
    classes: Sequence[Value],
) -> dict[str, np.ndarray]:
    """Return the outputs for rows that are changed in one way at a time.

    Parameters
    ----------
    task
        Of the target.
    fitted
        A model of kind ``measured_network``.
    X
        Its features, shape (n, n_features), the first of them weighted chi(k).
    names
        Keys of `CHANGES`.
    seed
        Seed of the noise.
    classes
        All classes.

    Returns
    -------
    dict
        By name, shape (n_values, n, width).
    """
    found: dict[str, np.ndarray] = {}
    for name in names:
        outputs = []
        for value in CHANGES[name].values:
            model, rows = _changed(fitted, X, name, value, seed)
            outputs.append(task.output(model, rows, classes))
        found[name] = np.stack(outputs)
    return found


def _changed(
    fitted: Any, X: np.ndarray, name: str, value: float, seed: int
) -> tuple[Any, np.ndarray]:
    """Return a model, and the rows that it is asked about."""
    if name == "kmax":
        return replace(fitted, kmax=value), X
    n_axis, weight = len(fitted.axis), fitted.axis**fitted.kweight
    noise = np.random.default_rng(seed)
    found = np.array(X, dtype=np.float32)
    for first in range(0, len(X), _ROWS):
        rows = slice(first, first + _ROWS)
        chi = _chi(to_grid(X[rows, :n_axis], fitted.axis, fitted.kweight), name, value, noise)
        k = grid(chi.shape[1])
        found[rows, :n_axis] = [np.interp(fitted.axis, k, one) * weight for one in chi]
    return fitted, found


def _chi(chi: np.ndarray, name: str, value: float, noise: np.random.Generator) -> np.ndarray:
    if name == "sigma2":
        return disordered(chi, np.full(len(chi), value), np.zeros(len(chi)))
    if name == "noise":
        added = noise.standard_normal(chi.shape, dtype=np.float32)
        noisy: np.ndarray = chi + np.float32(value) * added
        return noisy
    if name == "e0":
        return with_e0_moved(chi, value)
    if name == "rbkg":
        k = KSTEP * np.arange(chi.shape[1])
        return remove_background(k, chi, ProcessingSettings(rbkg=value))
    found: np.ndarray = chi / np.float32(1 + value / 100)
    return found
