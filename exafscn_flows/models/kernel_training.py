"""Training of kernel ridge regressions on curves, alone and with trees behind them."""

from dataclasses import replace

import numpy as np

from exafscn_flows.errors import ItemFailure
from exafscn_flows.features.columns import Columns
from exafscn_flows.models.curve_kernel import CurveKernel, fit_curves
from exafscn_flows.models.kernel_fitted import (
    KernelClassifier,
    KernelComponents,
    KernelRegressor,
    KernelTreesClassifier,
    KernelTreesRegressor,
    joined,
    kernel_trees,
)
from exafscn_flows.models.kernel_ridge import KernelRidge, KernelSettings
from exafscn_flows.models.kernel_trees import KernelTrees
from exafscn_flows.models.metric import with_learned_metric
from exafscn_flows.models.soft_labels import target_numbers
from exafscn_flows.models.training_set import TrainingSet


def train_kernel(
    settings: KernelRidge, data: TrainingSet, seed: int
) -> KernelClassifier | KernelRegressor | KernelComponents:
    """Fit kernel ridge regression of the target.

    Parameters
    ----------
    settings
        The model in the campaign file.
    data
        What it learns from.
    seed
        Seed of draws of sites.

    Raises
    ------
    ItemFailure
        ``too_few_sites`` for one row.
    """
    data = _drawn(settings, data, seed)
    wanted = target_numbers(data)
    lengths, fit = fit_curves(data, settings.kernel, settings.slopes)
    fit = with_learned_metric(fit, wanted, data.groups, settings.metric_rounds, seed)
    kernel = CurveKernel(lengths, fit.solve(wanted))
    if data.task == "curves":
        return KernelComponents(kernel)
    if data.task == "numbers":
        return KernelRegressor(kernel)
    return KernelClassifier(kernel, np.unique(data.y).astype(np.int64))


def train_trees(
    settings: KernelTrees, data: TrainingSet, seed: int
) -> KernelTreesClassifier | KernelTreesRegressor:
    """Fit kernel ridge regression of the atoms around and of the target, and trees on them.

    Parameters
    ----------
    settings
        The model in the campaign file.
    data
        What it learns from, with what the regression is to predict.
    seed
        Seed of the draw of sites, and of the trees.

    Raises
    ------
    ValueError
        If the data do not say what the regression is to predict.
    ItemFailure
        ``too_few_sites`` for one row, and what the trees raise.
    """
    if data.auxiliary is None:
        raise ValueError("kernel trees learn what their kernel predicts, too")
    data = _drawn(settings, data, seed)
    wanted = np.hstack([np.asarray(data.auxiliary), target_numbers(data)])
    lengths, fit = fit_curves(data, settings.kernel)
    without = fit.solve_without(wanted, data.groups)
    X = joined(without.of_sites(), data.X)
    # What says which absorber a row is of stays last.
    columns = Columns(np.arange(float(X.shape[1] - data.n_absorbers)))
    kernel = CurveKernel(lengths, without.kernel)
    return kernel_trees(kernel, settings.trees.fit(replace(data, X=X, columns=columns), seed))


def _drawn(settings: KernelSettings, data: TrainingSet, seed: int) -> TrainingSet:
    if len(data) < 2:
        message = "there is one site, and comparing takes two"
        raise ItemFailure("too_few_sites", message, "take more structures")
    if len(data) <= settings.max_sites:
        return data
    drawn = np.random.default_rng(seed).permutation(len(data))[: settings.max_sites]
    return data.part(np.sort(drawn))
