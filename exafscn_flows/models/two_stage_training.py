"""Training of models of two stages."""

from collections.abc import Iterator

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular

from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.models.two_stage import TwoStage
from exafscn_flows.models.two_stage_fitted import (
    FirstStage,
    TwoStageClassifier,
    TwoStageRegressor,
    gaussian,
    in_two_stages,
)

JITTER = 1e-6
"""Added to the kernel of the landmarks among themselves: two may be alike."""


def train(
    settings: TwoStage, data: TrainingSet, seed: int
) -> TwoStageClassifier | TwoStageRegressor:
    """Fit both stages.

    Parameters
    ----------
    settings
        The model in the campaign file.
    data
        What it learns from, with what the first stage is to predict.
    seed
        Seed of the choice of landmarks, and of the trees.

    Raises
    ------
    ValueError
        If the data do not say what the first stage is to predict.
    ItemFailure
        If there is too little to fit the trees on.
    """
    if data.auxiliary is None:
        raise ValueError("a model of two stages learns what its first stage predicts, too")
    first, said = fit_first(settings, data, seed)
    joined = np.hstack([np.asarray(data.X, dtype=np.float32), said])
    rows = TrainingSet(joined, data.y, data.groups, data.columns, data.task, data.shares)
    return in_two_stages(first, settings.second.fit(rows, seed))


def fit_first(settings: TwoStage, data: TrainingSet, seed: int) -> tuple[FirstStage, np.ndarray]:
    """Fit the first stage.

    Returns
    -------
    tuple
        The stage; and what a stage with the same landmarks that did not learn the group of a row,
        e.g. its formula, says of the row, float32, shape (n, n_outputs).
    """
    X = np.asarray(data.X, dtype=np.float64)
    wanted = np.asarray(data.auxiliary, dtype=np.float64)
    mean, scale = X.mean(axis=0), X.std(axis=0)
    # What is the same everywhere, but for rounding, tells nothing.
    scale[scale <= 1e-6 * np.abs(mean).max(initial=1e-30)] = 1
    # Two sites are at a mean square distance of twice the number of features that vary.
    scale *= settings.width * np.sqrt(2 * X.shape[1])
    mean, scale = mean.astype(np.float32), scale.astype(np.float32)
    units = (X - mean) / scale
    order = np.random.default_rng(seed).permutation(len(X))
    landmarks = units[np.sort(order[: settings.n_landmarks])].astype(np.float32)
    places = landmarks.astype(np.float64)
    among = gaussian(places, places)
    among[np.diag_indices_from(among)] += JITTER
    root = cholesky(among, lower=True)
    basis = solve_triangular(root, gaussian(places, units), lower=True).T
    offset = wanted.mean(axis=0)
    target = wanted - offset
    weights, said = ridge_regression(basis, target, data.groups, settings.ridge * len(X))
    of_landmarks = solve_triangular(root, weights, lower=True, trans="T")
    first = FirstStage(
        mean,
        scale,
        landmarks,
        of_landmarks.astype(np.float32),
        offset.astype(np.float32),
    )
    return first, (said + offset).astype(np.float32)


def ridge_regression(
    basis: np.ndarray, target: np.ndarray, groups: np.ndarray, penalty: float
) -> tuple[np.ndarray, np.ndarray]:
    """Fit a ridge regression, and leave out each group in turn.

    Parameters
    ----------
    basis
        Shape (n, n_basis).
    target
        Shape (n, n_outputs).
    groups
        Group of each row, shape (n,).
    penalty
        Of the squares of the weights.

    Returns
    -------
    tuple of numpy.ndarray
        Weights, shape (n_basis, n_outputs); and what the weights of a fit without the group of each
        row say of it, shape (n, n_outputs). With H = basis (basis^T basis + penalty)^-1 basis^T,
        their errors are (1 - H_gg)^-1 (target - H target)_g for the rows g of a group (Cook and
        Weisberg, Residuals and Influence in Regression, section 3.5).
    """
    normal = basis.T @ basis
    normal[np.diag_indices_from(normal)] += penalty
    factor = cholesky(normal, lower=True)
    weights: np.ndarray = cho_solve((factor, True), basis.T @ target)
    halves = solve_triangular(factor, basis.T, lower=True).T
    error = target - basis @ weights
    said = target.copy()
    for rows in _by_group(groups):
        own = halves[rows]
        said[rows] -= np.linalg.solve(np.eye(len(own)) - own @ own.T, error[rows])
    return weights, said


def _by_group(groups: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the numbers of the rows of each group."""
    order = np.argsort(groups, kind="stable")
    ends = np.flatnonzero(groups[order][1:] != groups[order][:-1]) + 1
    yield from np.split(order, ends)
