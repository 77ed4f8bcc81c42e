"""Probabilities of a model, corrected by some sites whose labels are known.

log p becomes a log p + b, and then probabilities again, with one b for each class: classes may be
more or less frequent than where the model learned, and the model surer or less sure than it should
be. a and b make the labels most likely, less a penalty on the squares of a - 1 and b, so that few
sites leave probabilities about as they are (vector scaling with one scale: Guo et al., Proceedings
of Machine Learning Research 70, 1321 (2017)).
"""

import numpy as np

from exafscn_flows.tasks.softmax import softmax

_LEAST = 1e-4
"""Least probability that is told from 0."""
_SCALE_PENALTY = 10.0
_SHIFT_PENALTY = 2.0
"""On half the squares, where the loss is the sum over the sites of -log p of the label."""


def correction(proba: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Find the correction that some sites call for.

    Parameters
    ----------
    proba
        Probabilities that a model gives sites that it did not learn, shape (n, n_classes).
    y
        Place of the label of each among the classes, shape (n,).

    Returns
    -------
    numpy.ndarray
        a, and b of each class, shape (n_classes + 1,).
    """
    from scipy.optimize import minimize

    n_classes = proba.shape[1]
    nothing = np.append(1.0, np.zeros(n_classes))
    penalties = np.append(_SCALE_PENALTY, np.full(n_classes, _SHIFT_PENALTY))
    inputs, labels = _logarithm(proba), np.eye(n_classes)[y]

    def loss(parts: np.ndarray) -> tuple[float, np.ndarray]:
        found, change = softmax(parts[0] * inputs + parts[1:]), parts - nothing
        of_label = found[np.arange(len(y)), y]
        value = (penalties * change**2).sum() / 2 - np.log(np.maximum(of_label, 1e-300)).sum()
        wrong = found - labels
        slope = np.append((wrong * inputs).sum(), wrong.sum(axis=0)) + penalties * change
        return float(value), slope

    found = minimize(loss, nothing, jac=True, method="L-BFGS-B", options={"maxiter": 500})
    parts: np.ndarray = found.x
    return parts


def corrected(proba: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Return corrected probabilities, shape (n, n_classes).

    Parameters
    ----------
    proba
        Probabilities, shape (n, n_classes).
    parts
        As of `correction`.
    """
    return softmax(parts[0] * _logarithm(proba) + parts[1:])


def _logarithm(proba: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.log(np.maximum(proba, _LEAST))
    return found
