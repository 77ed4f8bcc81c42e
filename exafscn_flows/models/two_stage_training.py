"""Training of models of two stages."""

from dataclasses import replace

import numpy as np

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features.columns import Columns
from exafscn_flows.models.fourier import check_k, radii
from exafscn_flows.models.site_kernel import Fit, SiteKernel
from exafscn_flows.models.soft_labels import target_numbers
from exafscn_flows.models.training_set import TrainingSet
from exafscn_flows.models.two_stage import TwoStage
from exafscn_flows.models.two_stage_fitted import (
    TwoStageClassifier,
    TwoStageRegressor,
    in_two_stages,
    spectral_inputs,
)


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
        Seed of the stretching, of the choice of sites, and of the trees.

    Raises
    ------
    ValueError
        If the data do not say what the first stage is to predict.
    ItemFailure
        ``no_curve`` if the axis cannot be k; or if there is too little to fit both stages on.
    """
    if data.auxiliary is None or data.auxiliary_columns is None:
        raise ValueError("a model of two stages learns what its first stage predicts, too")
    if len(data) < 2:
        message = "there is one site, and comparing takes two"
        raise ItemFailure("too_few_sites", message, "take more structures")
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
    n_others = rows.X.shape[1] - rows.n_absorbers
    inputs = spectral_inputs(rows.X[:, :n_others], k)
    absorbers = np.asarray(rows.X[:, n_others:], dtype=np.float32)
    learned = np.sort(rng.permutation(len(data))[: settings.max_sites])
    kernel, said = fit_first(settings, data, inputs, absorbers, rows.groups, learned)
    joined = replace(
        rows,
        # What says which absorber a row is of stays last.
        X=np.hstack([said, inputs, absorbers]),
        columns=Columns(np.arange(float(said.shape[1] + inputs.shape[1]))),
    )
    return in_two_stages(k, kernel, settings.second.fit(joined, seed))


def with_copies(
    data: TrainingSet, n_copies: int, stretch: float, rng: np.random.Generator
) -> TrainingSet:
    """Add copies of all rows, whose k is stretched.

    A curve chi(k) becomes chi(k (1 + s)), as if all distances were longer by s; beyond its end, it
    stays at its last value.

    Parameters
    ----------
    data
        The rows.
    n_copies
        Copies of each row.
    stretch
        Largest s.
    rng
        Where s comes from, evenly between both limits.

    Returns
    -------
    TrainingSet
        The rows, and then their copies; without auxiliary features.
    """
    k, n_k = data.columns.axis, len(data.columns.axis)
    X = [np.asarray(data.X)]
    for _ in range(n_copies):
        factors = 1 + stretch * (2 * rng.random(len(data)) - 1)
        copy = X[0].copy()
        for row, factor in enumerate(factors):
            copy[row, :n_k] = np.interp(k * factor, k, X[0][row, :n_k])
        X.append(copy)
    shares = data.shares
    n = n_copies + 1
    return replace(
        data,
        X=np.concatenate(X),
        y=np.tile(data.y, n),
        groups=np.tile(data.groups, n),
        shares=None if shares is None else np.tile(shares, (n, 1)),
        auxiliary=None,
        auxiliary_columns=None,
    )


def fit_first(
    settings: TwoStage,
    data: TrainingSet,
    inputs: np.ndarray,
    absorbers: np.ndarray,
    groups: np.ndarray,
    learned: np.ndarray,
) -> tuple[SiteKernel, np.ndarray]:
    """Fit the first stage.

    Parameters
    ----------
    settings
        The model in the campaign file.
    data
        The sites, with what the first stage is to predict.
    inputs
        What it sees of them, and then of changed copies, shape (n_rows, n_inputs).
    absorbers
        The absorber of each row as 0 and 1, shape (n_rows, n_absorbers).
    groups
        Group of each row, e.g. its formula, shape (n_rows,).
    learned
        Numbers of the sites that it learns.

    Returns
    -------
    tuple
        The stage; and what a stage that did not learn the group of a row says of the row, float32,
        shape (n_rows, n_outputs): the atoms around, then the target.
    """
    # Real part, imaginary part and size are curves; other features are not.
    lengths = 3 * [len(radii())]
    wanted = np.hstack([np.asarray(data.auxiliary), target_numbers(data, settings.softness)])
    fit = Fit.of(inputs[learned], absorbers[learned], lengths, settings.kernel)
    without = fit.solve_without(wanted[learned], groups[learned])
    said = np.empty((len(inputs), wanted.shape[1]), dtype=np.float32)
    said[learned] = without.of_sites()
    others = np.setdiff1d(np.arange(len(inputs)), learned)
    said[others] = without.of_others(inputs[others], absorbers[others], groups[others])
    return without.kernel, said
