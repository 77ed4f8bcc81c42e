"""Training of models of two stages."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features.columns import Columns
from exafscn_flows.models.fourier import check_k
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.models.two_stage import TwoStage
from exafscn_flows.models.two_stage_fitted import (
    FirstStage,
    TwoStageClassifier,
    TwoStageRegressor,
    gaussian,
    in_two_stages,
    spectral_inputs,
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
        Seed of the stretching, of the choice of landmarks, and of the trees.

    Raises
    ------
    ValueError
        If the data do not say what the first stage is to predict.
    ItemFailure
        ``no_curve`` if the axis cannot be k; or if there is too little to fit the trees on.
    """
    if data.auxiliary is None or data.auxiliary_columns is None:
        raise ValueError("a model of two stages learns what its first stage predicts, too")
    k = np.asarray(data.columns.axis, dtype=np.float64)
    try:
        check_k(k)
    except ValueError as error:
        message = f"two stages take chi(k) in equal steps of k above 0: {error}"
        hint = "take features of kind k_space, with kmin above 0"
        raise ItemFailure("no_curve", message, hint) from None
    rng = np.random.default_rng(seed)
    # Of numbers nobody knows how they change with all distances, as a bond length does.
    n_copies = 0 if data.task == "numbers" else settings.n_copies
    rows = with_copies(data, n_copies, settings.stretch, rng)
    assert rows.auxiliary is not None
    inputs = spectral_inputs(rows.X, k)
    first, said = fit_first(settings, inputs, rows.auxiliary, rows.groups, rng)
    # What says which absorber a row is of stays last.
    X = np.hstack([said, inputs])
    n_features = X.shape[1] - rows.n_absorbers
    joined = replace(rows, X=X, columns=Columns(np.arange(float(n_features))))
    return in_two_stages(k, first, settings.second.fit(joined, seed))


def with_copies(
    data: TrainingSet, n_copies: int, stretch: float, rng: np.random.Generator
) -> TrainingSet:
    """Add copies of all rows, whose k and distances are stretched.

    A curve chi(k) becomes chi(k (1 + s)), as if all distances were longer by s; beyond its end, it
    stays at its last value. Atoms up to r become those up to r / (1 + s).

    Parameters
    ----------
    data
        The rows; the parts of their auxiliary features are functions of r.
    n_copies
        Copies of each row.
    stretch
        Largest s.
    rng
        Where s comes from, evenly between both limits.
    """
    assert data.auxiliary is not None
    assert data.auxiliary_columns is not None
    k, n_k = data.columns.axis, len(data.columns.axis)
    X, atoms = [np.asarray(data.X)], [np.asarray(data.auxiliary)]
    ends = np.cumsum([0, *map(len, data.auxiliary_columns.parts)])
    for _ in range(n_copies):
        factors = 1 + stretch * (2 * rng.random(len(data)) - 1)
        copy, around = X[0].copy(), atoms[0].copy()
        for row, factor in enumerate(factors):
            copy[row, :n_k] = np.interp(k * factor, k, X[0][row, :n_k])
            for part, r in enumerate(data.auxiliary_columns.parts):
                columns = slice(ends[part], ends[part + 1])
                around[row, columns] = np.interp(r / factor, r, atoms[0][row, columns])
        X.append(copy)
        atoms.append(around)
    shares = data.shares
    n = n_copies + 1
    return replace(
        data,
        X=np.concatenate(X),
        y=np.tile(data.y, n),
        groups=np.tile(data.groups, n),
        shares=None if shares is None else np.tile(shares, (n, 1)),
        auxiliary=np.concatenate(atoms),
    )


def fit_first(
    settings: TwoStage,
    inputs: np.ndarray,
    wanted: np.ndarray,
    groups: np.ndarray,
    rng: np.random.Generator,
) -> tuple[FirstStage, np.ndarray]:
    """Fit the first stage.

    Parameters
    ----------
    inputs
        What it sees, shape (n, n_inputs).
    wanted
        What it is to predict, shape (n, n_outputs).
    groups
        Group of each row, e.g. its formula, shape (n,).
    rng
        Where the choice of landmarks comes from.

    Returns
    -------
    tuple
        The stage; and what a stage with the same landmarks that did not learn the group of a row
        says of the row, float32, shape (n, n_outputs).
    """
    inputs, wanted = inputs.astype(np.float64), wanted.astype(np.float64)
    mean, scale = inputs.mean(axis=0), inputs.std(axis=0)
    # What is the same everywhere, but for rounding, tells nothing.
    varies = scale > 1e-6 * np.abs(inputs).max(axis=0)
    scale[~varies] = 1
    # Two sites are at a mean square distance of twice the number of inputs that vary.
    scale *= settings.width * np.sqrt(2 * max(1, varies.sum()))
    mean, scale = mean.astype(np.float32), scale.astype(np.float32)
    units = (inputs - mean) / scale
    chosen = np.sort(rng.permutation(len(inputs))[: settings.n_landmarks])
    landmarks = units[chosen].astype(np.float32)
    places = landmarks.astype(np.float64)
    among = gaussian(places, places)
    among[np.diag_indices_from(among)] += JITTER
    root = cholesky(among, lower=True)
    basis = solve_triangular(root, gaussian(places, units), lower=True).T
    offset = wanted.mean(axis=0)
    penalty = settings.ridge * len(inputs)
    weights, said = ridge_regression(basis, wanted - offset, groups, penalty)
    of_landmarks = solve_triangular(root, weights, lower=True, trans="T")
    arrays = (mean, scale, landmarks, of_landmarks, offset)
    first = FirstStage(*(one.astype(np.float32) for one in arrays))
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
