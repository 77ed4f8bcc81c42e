"""What networks say, as probabilities."""

import numpy as np


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities, whose logarithms differ as the logits do.

    Parameters
    ----------
    logits
        Of each class along the last axis, any shape.

    Returns
    -------
    numpy.ndarray
        The same shape, 1 in sum along the last axis.
    """
    odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
    proba: np.ndarray = odds / odds.sum(axis=-1, keepdims=True)
    return proba
