"""Labels as numbers that a regression can learn."""

import numpy as np

from exafscn_flows.models.training_set import TrainingSet


def class_shares(data: TrainingSet, softness: float) -> np.ndarray:
    """Return the share of every class in the label of each row.

    Parameters
    ----------
    data
        Rows whose labels are classes.
    softness
        Share of a label that is what its weights say of every class; the rest is the class itself.

    Returns
    -------
    numpy.ndarray
        Of the classes that occur, ascending; 1 in sum, float64, shape (n, n_classes).
    """
    classes, places = np.unique(data.y, return_inverse=True)
    hard: np.ndarray = np.eye(len(classes))[places]
    if data.shares is None:
        return hard
    # What goes to classes that no row has is left out.
    shares = np.asarray(data.shares)[:, classes]
    soft: np.ndarray = shares / shares.sum(axis=1, keepdims=True)
    return softness * soft + (1 - softness) * hard


def target_numbers(data: TrainingSet, softness: float = 0) -> np.ndarray:
    """Return the target as numbers, float64, shape (n, n_outputs).

    It is the number itself, or the components of a curve, or the share of every class, as of
    `class_shares`.
    """
    if data.task == "curves":
        return np.asarray(data.y, dtype=np.float64)
    if data.task == "numbers":
        return np.asarray(data.y, dtype=np.float64)[:, None]
    return class_shares(data, softness)
