"""How much the rows of each class count in training."""

import numpy as np

from exafscn_flows.models.training_set import TrainingSet, absorbers_of

_MOST = 20.0
"""Largest weight: a class of one row is not learned by heart."""


def class_weights(data: TrainingSet, power: float) -> np.ndarray:
    """Weigh rows by how rare their class is at their absorber.

    The weight is (m / n) to the given power, at most 20, with n the rows of the class at the
    absorber and m their mean over the classes that the absorber has. The weights of an absorber are
    then divided by their mean, so that no absorber gains.

    Parameters
    ----------
    data
        Sites with classes; the last columns may say which absorber a row is of.
    power
        0 for equal weights, 1 for classes that weigh the same.

    Returns
    -------
    numpy.ndarray
        Shape (n,), float64, 1 on average.
    """
    absorber = absorbers_of(data.X, data.n_absorbers)
    weights = np.ones(len(data))
    for one in np.unique(absorber):
        rows = absorber == one
        _, index, counts = np.unique(data.y[rows], return_inverse=True, return_counts=True)
        found = np.minimum((counts.mean() / counts) ** power, _MOST)[index]
        weights[rows] = found / found.mean()
    return weights
