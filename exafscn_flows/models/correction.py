"""Probabilities of a model, corrected by some sites whose labels are known.

log p becomes W log p + b, and then probabilities again. W and b make the labels most likely, less a
penalty on the squares of W - 1 and b, so that few sites leave probabilities about as they are
(matrix scaling: Guo et al., Proceedings of Machine Learning Research 70, 1321 (2017); the penalty:
Kull et al., Advances in Neural Information Processing Systems 32, 12316 (2019)).
"""

import numpy as np

from exafscn_flows.tasks.softmax import softmax

_LEAST = 1e-4
"""Least probability that is told from 0."""
_PENALTY = 10.0
"""On half the sum of squares, where the loss is the sum over the sites of -log p of the label."""


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
        W, and b as its last row, shape (n_classes + 1, n_classes).
    """
    from scipy.optimize import minimize

    n_classes = proba.shape[1]
    nothing = np.vstack([np.eye(n_classes), np.zeros(n_classes)])
    inputs = np.column_stack([_logarithm(proba), np.ones(len(proba))])
    labels = np.eye(n_classes)[y]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        matrix = flat.reshape(nothing.shape)
        found, change = softmax(inputs @ matrix), matrix - nothing
        of_label = found[np.arange(len(y)), y]
        value = _PENALTY / 2 * (change**2).sum() - np.log(np.maximum(of_label, 1e-300)).sum()
        slope = inputs.T @ (found - labels) + _PENALTY * change
        return float(value), slope.ravel()

    found = minimize(loss, nothing.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 500})
    matrix: np.ndarray = found.x.reshape(nothing.shape)
    return matrix


def corrected(proba: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return corrected probabilities, shape (n, n_classes).

    Parameters
    ----------
    proba
        Probabilities, shape (n, n_classes).
    matrix
        As of `correction`.
    """
    return softmax(_logarithm(proba) @ matrix[:-1] + matrix[-1])


def _logarithm(proba: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.log(np.maximum(proba, _LEAST))
    return found
