"""Which features a fitted model needs: permutation, and for networks integrated gradients."""

from itertools import pairwise

import numpy as np

from exafscn_flows.models.mlp_network import Network, standardised
from exafscn_flows.tasks import Task
from exafscn_flows.tasks.fitted import Fitted

REPEATS = 5
STEPS = 32


def permutation_drop(
    task: Task,
    fitted: Fitted,
    X: np.ndarray,
    y: np.ndarray,
    axis: np.ndarray,
    edges: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Return how much is lost when bands of features are permuted among the rows.

    All features of a band are permuted together (Breiman, Machine Learning 45, 5 (2001), of groups
    of features): permuted one by one, each of many correlated neighbours seems to matter little.

    Parameters
    ----------
    task
        What was learned.
    fitted
        Fitted model.
    X
        Rows that it did not learn from, shape (n, n_columns), features first.
    y
        What `task` encodes their labels as, shape (n,).
    axis
        Coordinate of each feature, shape (n_features,).
    edges
        Edges of the bands on the axis, ascending, shape (n_bands + 1,); the upper one is outside.
    seed
        Seed of the permutations.

    Returns
    -------
    numpy.ndarray
        Accuracy that is lost, or of numbers the growth of RMSE, over the repetitions, shape
        (n_bands,); 0 for a band without features.
    """
    random = np.random.default_rng(seed)
    right = task.right(fitted, X, y)
    drop = np.zeros(len(edges) - 1)
    for band, (low, high) in enumerate(pairwise(edges)):
        columns = np.flatnonzero((axis >= low) & (axis < high))
        if not len(columns):
            continue
        permuted = np.concatenate([_permuted(X, columns, random) for _ in range(REPEATS)])
        drop[band] = right - task.right(fitted, permuted, np.concatenate([y] * REPEATS))
    return drop


def _permuted(X: np.ndarray, columns: np.ndarray, random: np.random.Generator) -> np.ndarray:
    result = X.copy()
    result[:, columns] = X[random.permutation(len(X))][:, columns]
    return result


def integrated_gradients(network: Network, X: np.ndarray) -> np.ndarray:
    """Return the mean size of the integrated gradients of what is predicted, by feature.

    The path leads from the mean of the training features to each row (Sundararajan, Taly and Yan,
    Proceedings of Machine Learning Research 70, 3319 (2017)); the integral is the sum over the
    middles of 32 steps. What is explained is the logit of the class that the network predicts, or
    the number.

    Parameters
    ----------
    network
        Fitted network.
    X
        Features, shape (n, n_features).

    Returns
    -------
    numpy.ndarray
        Shape (n_features,), sum 1; all 0 if the network does not look at its input.
    """
    size = np.abs(attributions(network, X)).mean(axis=0)
    total = size.sum()
    result: np.ndarray = size / total if total > 0 else size
    return result


def attributions(network: Network, X: np.ndarray) -> np.ndarray:
    """Return the integrated gradient of each feature of each row, shape (n, n_features).

    Their sum over a row is the largest output of the network, less that for the mean inputs, but
    for the error of 32 steps: the logit of the predicted class, or the only output.
    """
    from threadpoolctl import threadpool_limits

    inputs = standardised(np.asarray(X), network.mean, network.scale).astype(np.float64)
    target = network.outputs(X).argmax(axis=1)
    gradient = np.zeros_like(inputs)
    # Rounding depends on how BLAS shares the work among threads.
    with threadpool_limits(1):
        for step in range(STEPS):
            gradient += _gradient(network, inputs * ((step + 0.5) / STEPS), target)
    result: np.ndarray = inputs * gradient / STEPS
    return result


def _gradient(network: Network, inputs: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the gradient of one output by the standardised features, row by row."""
    layer, active = inputs, []
    for weight, bias in zip(network.weights[:-1], network.biases[:-1], strict=True):
        layer = layer @ weight + bias
        active.append(layer > 0)
        layer = np.maximum(layer, 0)
    gradient = network.weights[-1][:, target].T.astype(np.float64)
    for weight, open_ in zip(network.weights[-2::-1], active[::-1], strict=True):
        gradient = (gradient * open_) @ weight.T
    result: np.ndarray = gradient
    return result
